"""`wuji held` and `wuji revoke`: what a person decides about records and nodes."""

from typing import Annotated

import typer
from sqlalchemy import select

from node.cli.options import Config, node_from
from node.core.errors import NotFound
from node.runtime import Node
from sync.store import certificate

app = typer.Typer(help="搁置的记录：查看、放行、驳回", no_args_is_help=True)

Number = Annotated[int, typer.Argument(help="编号，见 wuji held list")]
By = Annotated[str, typer.Option(help="谁作的决定，姓名和岗位")]
Note = Annotated[str, typer.Option(help="理由")]

KINDS = {
    "refused": "被拒",
    "waiting": "等前因",
    "behind": "排在被拒的后面",
    "unknown": "本程序不认识",
    "newer": "须升级程序",
}


@app.command("list")
def listed(config: Config) -> None:
    """列出还没有决定的记录。"""
    node = node_from(config)
    after = 0
    while records := node.replica.held_records(after=after):
        for one in records:
            kind = KINDS.get(one.kind, one.kind)
            where = f"{node.places.name(one.origin)} {one.route} 第 {one.seq} 条"
            typer.echo(f"{one.id:6}  {kind}  {one.type}  {where}  {one.reason}")
            after = one.id


@app.command()
def release(config: Config, number: Number, by: By, note: Note = "") -> None:
    """原因已经排除，让一条被拒的记录再办一次；排在它后面的随后办理。"""
    node_from(config).replica.release(number, by=by, note=note)
    typer.echo(f"已放行 {number}")


@app.command()
def reject(config: Config, number: Number, by: By, note: Note) -> None:
    """决定不办一条被拒的记录；签发节点会收到通知。"""
    node_from(config).replica.reject(number, by=by, note=note)
    typer.echo(f"已驳回 {number}")


def revoke(
    config: Config,
    region: Annotated[str, typer.Argument(help="下级节点的行政区划代码，12 位")],
    by: By,
    reason: Annotated[str, typer.Option(help="原因，例如 机器失窃")],
) -> None:
    """吊销一个下级节点现在的证书：此前收到的仍然有效，此后它写的不再接受。"""
    node = node_from(config)
    epoch = _newest_epoch(node, region)
    node.replica.revoke(node=region, epoch=epoch, reason=reason, by=by)
    node.replica.seal()
    typer.echo(f"已吊销 {node.places.name(region)}（{region}），逐级下达")


def _newest_epoch(node: Node, region: str) -> str:
    statement = (
        select(certificate.c.epoch)
        .where(certificate.c.node == region)
        .order_by(certificate.c.not_before.desc())
        .limit(1)
    )
    with node.engine.connect() as connection:
        epoch = connection.execute(statement).scalar()
    if epoch is None:
        raise NotFound("本节点没有这个节点的证书", field="region")
    return str(epoch)
