"""`wuji certificates`, `renew`, `replace`: who belongs to the network, and for how long."""

from datetime import timedelta
from typing import Annotated

import typer

from node.cli.fingerprint import grouped
from node.cli.options import Config, node_from
from node.core.clock import shanghai
from node.core.errors import Conflict, Invalid, NotFound
from node.runtime import Node
from sync.moment import parse_stamp
from sync.renewing import Standing
from tiers import RegionCode

ROLES = {"own": "本节点", "above": "上级", "child": "下级", "hosted": "托管"}
STATES = {"valid": "有效", "due": "即将到期", "expired": "已过期", "revoked": "已停用"}


def add_to(app: typer.Typer) -> None:
    """Put these commands under `wuji`."""
    app.command()(certificates)
    app.command()(renew)
    app.command()(replace)


def certificates(config: Config) -> None:
    """列出本节点、上级和直接下级的证书：到哪一天，是否有效；并显示根证书指纹。"""
    node = node_from(config)
    for one in node.replica.certificates():
        typer.echo(
            f"{ROLES[one.role]}  {node.places.name(one.node)}（{one.node}）"
            f"  {STATES[one.state]}，到 {_day(one.until)}"
        )
    typer.echo(f"根证书指纹：{grouped(node.fingerprint)}")


def renew(
    config: Config,
    region: Annotated[
        str, typer.Argument(help="直接下级的 12 位代码；不给则本节点现在就向上级续签")
    ] = "",
) -> None:
    """续签证书。平时到期前 90 天自动续签；下级过期超过 60 天，由上级核实后用本命令续签。"""
    node = node_from(config)
    until = _renew_child(node, region) if region else _renew_own(node)
    typer.echo(f"证书有效期到 {_day(until)}")
    if region:
        typer.echo("对方下次连接时自动收到，不用重新加入；没有网络的，给它导出一个数据包")


def replace(
    config: Config,
    region: Annotated[str, typer.Argument(help="要更换机器的直接下级，12 位代码")],
    hours: Annotated[int, typer.Option(min=1, max=720, help="多少小时内有效")] = 72,
) -> None:
    """给一个已入网的下级更换机器：签发加入码。新机器加入时，旧机器的身份随即作废。"""
    node = node_from(config)
    child = RegionCode(region)
    found = _child(node, region)
    code = node.replica.issue_join_code(
        region=region, level=str(child.level), valid=timedelta(hours=hours)
    )
    typer.echo(code)
    typer.echo(f"根证书指纹（电话告知下级）：{grouped(node.fingerprint)}", err=True)
    typer.echo(
        f"新机器用这个码 wuji join 加入后，{node.places.name(child)}的旧机器"
        f"（{_met(node, found.node)}）不能再用：旧机器再连上来会被拒绝并说明原因。"
        "旧机器上没有上送的业务，请先设法同步或用数据包带出，否则要按纸质材料重新录入",
        err=True,
    )


def refuse_second_machine(node: Node, region: RegionCode) -> None:
    """A first join code is not for a place that has a machine already.

    Raises:
        Conflict: it has; `wuji replace` says what comes of that one.
    """
    if any(one.node == region and one.role == "child" for one in node.replica.certificates()):
        raise Conflict(
            f"{node.places.name(region)}已有机器入网；更换机器请用 wuji replace {region}"
        )


def _renew_child(node: Node, region: str) -> str:
    found = _child(node, region)
    chain = node.replica.renew(node=found.node, epoch=found.epoch, by_person=True)
    return next(one.not_after for one in chain if one.node == found.node)


def _renew_own(node: Node) -> str:
    from sync.client import Link  # noqa: PLC0415  # needs httpx

    url = node.settings.sync.parent_url
    if not url:
        node.replica.tend()
        return next(one.until for one in node.replica.certificates() if one.role == "own")
    link = Link(node.replica, url)
    try:
        return link.renew()
    finally:
        link.close()


def _child(node: Node, region: str) -> Standing:
    for one in node.replica.certificates():
        if one.node == region and one.role == "child":
            return one
    if any(one.node == region for one in node.replica.certificates()):
        raise Invalid("这个节点的证书不由本节点签发，或由本节点托管", field="region")
    raise NotFound("本节点没有这个直接下级", field="region")


def _met(node: Node, region: str) -> str:
    for link in node.replica.status().links:
        if link.peer == region and link.last_contact:
            return f"最近联系 {shanghai(parse_stamp(link.last_contact)):%Y-%m-%d %H:%M}"
    return "没有联系过"


def _day(until: str) -> str:
    return f"{shanghai(parse_stamp(until)):%Y-%m-%d}"
