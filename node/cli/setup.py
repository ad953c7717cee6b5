"""Commands that set a node up: init, join, snapshot, join-code, host, migrate."""

from datetime import timedelta
from typing import Annotated

import typer

from node.cli.fingerprint import LEAST, agrees, grouped
from node.cli.membership import refuse_second_machine
from node.cli.options import Config, node_from, settings_from
from node.core.errors import Conflict, Invalid
from node.core.migrate import migrate as migrate_database
from node.runtime import Node, open_node
from node.settings import Settings
from node.setup import prepare
from tiers import Level, RegionCode


def add_to(app: typer.Typer) -> None:
    """Put these commands under `wuji`."""
    app.command()(init)
    app.command()(join)
    app.command()(snapshot)
    app.command(name="join-code")(join_code)
    app.command()(host)
    app.command()(migrate)


def _prepare(settings: Settings) -> Node:
    places = prepare(settings)
    typer.echo(f"已建立 {settings.region} 的数据库和密钥文件，载入 {places} 个行政区划")
    typer.echo(f"请单独备份密钥文件 {settings.secret_file}：没有它，数据库无法读取")
    return open_node(settings)


def init(config: Config) -> None:
    """建立省级节点：新建数据库、密钥和全网的根证书。只在省级运行一次。"""
    settings = settings_from(config)
    if settings.level is not Level.PROVINCE:
        raise Invalid("只有省级节点用 init；其他各级请用 wuji join 加入上级")
    node = _prepare(settings)
    node.replica.found(node=settings.code, level=str(settings.level))
    typer.echo(f"根证书指纹：{grouped(node.fingerprint)}")
    typer.echo("请记录在案：下级加入时须电话核对。下一步：wuji user add 建立管理员，wuji run 启动")


def join(
    config: Config,
    url: Annotated[str, typer.Argument(help="上级节点地址，例如 https://city.example")],
    code: Annotated[str, typer.Argument(help="上级给的一次性加入码")],
    fingerprint: Annotated[
        str, typer.Option(help="上级电话告知的根证书指纹，至少末 16 位；不给则询问")
    ] = "",
    snapshot: Annotated[
        bool | None,
        typer.Option(
            "--snapshot/--no-snapshot",
            help="先取上级所存本辖区现状的快照，再逐条接收新记录；不取则从第一条记录起逐条接收。"
            "村级默认取，其他各级默认不取",
            show_default=False,
        ),
    ] = None,
) -> None:
    """加入网络：新建数据库和密钥，凭加入码向上级领取证书。"""
    from sync.client import join as join_parent  # noqa: PLC0415  # needs httpx

    node = _prepare(settings_from(config))
    if node.fingerprint:
        raise Conflict("本节点已经加入网络")

    def confirm(found: str) -> bool:
        # Typed and not merely nodded at: what stands on this screen may come from anybody.
        told = fingerprint or typer.prompt(
            f"请打电话问上级，输入上级念出的根证书指纹（至少末 {LEAST} 位）"
        )
        if not agrees(found, told):
            typer.echo(f"对方的根证书指纹是 {grouped(found)}", err=True)
            return False
        return True

    join_parent(node.replica, url, code, region=str(node.code), confirm=confirm)
    typer.echo("已加入")
    # A township that begins so lacks the history its villages may still need (docs/protocol.md).
    if snapshot or (snapshot is None and node.settings.level is Level.VILLAGE):
        _take_snapshot(node, url)
    typer.echo("下一步：wuji user add 建立管理员，wuji run 启动")


def snapshot(config: Config) -> None:
    """取上级所存本辖区现状的快照；加入时没有取完的，接着取。只能在第一次 wuji run 之前。"""
    node = node_from(config)
    url = node.settings.sync.parent_url
    if not url:
        raise Invalid("配置里没有上级地址 sync.parent_url")
    _take_snapshot(node, url)


def _take_snapshot(node: Node, url: str) -> None:
    from rich.progress import Progress  # noqa: PLC0415  # 0.1 s, and only a person needs it

    from node.snapshots import Snapshots  # noqa: PLC0415
    from sync.line import LinkError  # noqa: PLC0415
    from sync.snapshot import SnapshotUnfit  # noqa: PLC0415
    from sync.snapshot_client import take_snapshot  # noqa: PLC0415  # needs httpx

    try:
        with Progress(transient=True) as bars:
            bar = bars.add_task("接收快照", total=None)
            done = take_snapshot(
                node.replica,
                url,
                Snapshots(node),
                progress=lambda here, all_: bars.update(bar, completed=here, total=all_),
            )
    except LinkError as error:
        typer.echo(f"快照没有取完：{error}", err=True)
        typer.echo("已收到的部分已保存，请运行 wuji snapshot 接着取", err=True)
        raise typer.Exit(1) from error
    except SnapshotUnfit as unfit:
        typer.echo(f"{unfit.message}：启动后自动进行", err=True)
        return
    if done is None:
        typer.echo("上级没有提供快照，启动后逐条接收")
        return
    typer.echo(f"已取得 {done.at} 的现状：{done.rows} 行，接续 {done.streams} 个流")
    typer.echo("如系替换原有机器：原机器上没有上送的业务和草稿无法找回，请按纸质材料重新录入")


def join_code(
    config: Config,
    region: Annotated[str, typer.Argument(help="下级的行政区划代码，12 位")],
    hours: Annotated[int, typer.Option(min=1, max=720, help="多少小时内有效")] = 72,
) -> None:
    """给一个下级节点签发一次性加入码。"""
    node = node_from(config)
    child = RegionCode(region)
    parent = node.places.parent(child)
    if parent != node.code:
        raise Invalid(f"{region} 不是本节点的直接下级", field="region")
    refuse_second_machine(node, child)
    code = node.replica.issue_join_code(
        region=str(child), level=str(child.level), valid=timedelta(hours=hours)
    )
    typer.echo(code)
    typer.echo(f"根证书指纹（电话告知下级）：{grouped(node.fingerprint)}", err=True)


def host(
    config: Config,
    region: Annotated[str, typer.Argument(help="没有机器的村，12 位代码")],
) -> None:
    """托管一个没有机器的村：本乡镇节点替它保管密钥和数据，村协管员用浏览器登录本节点。"""
    node = node_from(config)
    village = RegionCode(region)
    if node.settings.level is not Level.TOWNSHIP or node.places.parent(village) != node.code:
        raise Invalid("只有乡级节点可以托管本乡镇的村", field="region")
    node.replica.host(region=str(village), level=str(village.level))
    typer.echo(f"已托管 {node.places.name(village)}（{village}）")


def migrate(config: Config) -> None:
    """把数据库升级到本程序的版本。升级前请备份。"""
    from node.core.db import make_engine  # noqa: PLC0415
    from node.core.divisions import store_divisions  # noqa: PLC0415
    from node.core.personal import read_keyring  # noqa: PLC0415

    settings = settings_from(config)
    engine = make_engine(settings.database_url, read_keyring(settings.secret_file))
    migrate_database(engine)
    store_divisions(engine, settings.code, settings.divisions_file)
    node = open_node(settings)
    released = node.replica.retry_parked()
    typer.echo(f"数据库已是最新版本；补办了 {released} 条此前不认识的记录")
