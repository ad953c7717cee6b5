"""`wuji db`: a province's database split by county, on one machine or over several."""

from typing import Annotated

import typer

from node.cli.options import Config, node_from
from node.core.partitions import PARTS

app = typer.Typer(help="省级数据库：按县分区，或用 Citus 分布到多台机器", no_args_is_help=True)


@app.command("partition")
def partition_command(
    config: Config,
    parts: Annotated[int, typer.Option(min=2, max=99, help="分成几个分区")] = PARTS,
    yes: Annotated[bool, typer.Option("--yes", help="不再询问")] = False,
) -> None:
    """把随人数增长的数据表按县分区。先停节点、先备份；中断后再运行会接着做。"""
    from node.scaling import partition_by_county  # noqa: PLC0415  # the tables of every capability

    node = node_from(config)
    if not yes and not typer.confirm("节点已经停止、数据库已经备份了吗？"):
        raise typer.Exit(1)
    count = 0
    for table, moved in partition_by_county(node, parts):
        count += 1
        typer.echo(f"{table:24} {moved} 行")
    typer.echo(f"已分区 {count} 张表" if count else "所有表都已分区")


@app.command("distribute")
def distribute_command(
    config: Config,
    only_print: Annotated[bool, typer.Option("--print", help="只打印语句，不执行")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="不再询问")] = False,
) -> None:
    """用 Citus 把数据表按县分布到多台机器。先停节点、先备份；全部成功或全部不变。"""
    from node.scaling import distribute, distribution  # noqa: PLC0415  # as above

    node = node_from(config)
    if only_print:
        with node.engine.connect() as connection:
            for statement in distribution(connection):
                typer.echo(f"{statement};")
        return
    if not yes and not typer.confirm("节点已经停止、数据库已经备份了吗？"):
        raise typer.Exit(1)
    typer.echo(f"已分布 {distribute(node)} 张表")
