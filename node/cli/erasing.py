"""`wuji erase`: a line of the log is erased for good, everywhere; what proves the rest stays."""

from typing import Annotated

import typer

from node.cli.options import Config, node_from
from node.core.errors import NotFound
from sync.tracing import Found


def erase(  # noqa: PLR0917  # options, named by typer
    config: Config,
    record_type: Annotated[str, typer.Argument(help="记录种类，例如 case.submitted")],
    key: Annotated[str, typer.Argument(help="记录编号，见 wuji trace")],
    reason: Annotated[str, typer.Option(help="依据，例如 本人申请、法院文书号")],
    by: Annotated[str, typer.Option(help="谁作的决定，姓名和岗位")],
    yes: Annotated[bool, typer.Option("--yes", help="不再询问")] = False,
) -> None:
    """依法抹去本节点签发的一条记录的原文：各级所存的同步日志里都只留散列值，其余记录照样可以核验。

    只抹同步日志里的原文；业务表里的数据由相应业务（注销、更正）处理。抹去以后不能恢复。
    """
    node = node_from(config)
    found = list(node.replica.search(key=key, record_type=record_type))
    if not found:
        raise NotFound(f"本节点没有 {record_type} {key}")
    for one in found:
        typer.echo(_in_words(one))
    if not yes and not typer.confirm(f"抹去以上 {len(found)} 条，不能恢复，确定吗？"):
        raise typer.Exit(1)
    for one in found:
        node.replica.erase(one.stream, one.seq, reason=reason, by=by)
    node.replica.seal()
    typer.echo(f"已抹去 {len(found)} 条，命令随同步送到每个存有它的节点")


def _in_words(one: Found) -> str:
    record = one.record
    return f"{one.stream.origin} {one.stream.route} 第 {one.seq} 条，写于 {record.at}"
