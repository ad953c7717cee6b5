"""`wuji bundle`: what a link would carry, carried on a stick."""

from pathlib import Path
from typing import Annotated

import typer

from node.cli.options import Config, node_from
from node.core.clock import shanghai
from node.network.sticks import in_words, opened, take_from, write_bundle
from node.runtime import Node
from sync.bundle import check, look_at
from sync.bundle_manifest import Label
from sync.moment import parse_stamp

app = typer.Typer(
    help="数据包：线路不通时用 U 盘传递，内容和联网时相同，先后、重复都不要紧",
    no_args_is_help=True,
)


@app.command("export")
def export_bundle(
    config: Config,
    to: Annotated[Path, typer.Option("--to", help="写到哪个文件夹，例如 U 盘")],
    region: Annotated[
        str, typer.Option("--for", help="给哪个直接下级（12 位代码）；不给则为上级")
    ] = "",
    encrypt: Annotated[bool, typer.Option(help="加密，只有对方节点能打开")] = True,
) -> None:
    """把对方还没有的记录写成一个数据包。显示“可以拔出”后才能拔 U 盘。"""
    node = node_from(config)
    written = write_bundle(node, to, to=region, lock=encrypt)
    manifest = written.manifest
    typer.echo(f"{written.path}")
    receiver = _named(node, manifest.receiver)
    typer.echo(f"给{receiver}：{manifest.records} 条记录，{_size(written.bytes)}")
    if not manifest.records:
        typer.echo("对方什么都不缺；数据包里只有本节点收到哪一条的说明")
    if written.beyond:
        typer.echo(
            f"另有 {written.beyond} 个流，对方所缺的记录早于本节点开始时的快照，数据包带不了："
            "请对方联网同步一次",
            err=True,
        )
    typer.echo("已写完并落盘，可以拔出")


@app.command("import")
def import_bundle(
    config: Config,
    place: Annotated[Path, typer.Argument(help="数据包文件，或装有数据包的文件夹（U 盘）")],
) -> None:
    """导入给本节点的数据包，并在旁边写下回执，请带回对方导入。坏的数据包不会改动任何数据。"""
    node = node_from(config)
    taken = take_from(node, place)
    for path, done in taken.imported:
        typer.echo(f"{path.name}")
        for line in in_words(node, done):
            typer.echo(f"  {line}")
    for path, label in taken.others:
        typer.echo(f"{path.name}\n  给{_named(node, label.receiver)}的，没有动")
    for path in taken.receipts:
        typer.echo(f"回执：{path}，请带回对方导入")
    if taken.unwritten:
        typer.echo(f"数据已经导入，但回执没有写成：{taken.unwritten}", err=True)
    for path, reason in taken.refused:
        typer.echo(f"{path.name}：{reason}", err=True)
    if taken.refused or any(done.refused for _, done in taken.imported):
        raise typer.Exit(1)


@app.command()
def show(
    config: Config,
    file: Annotated[Path, typer.Argument(help="数据包文件")],
) -> None:
    """看一个数据包从哪里来、给谁、里面有什么，并核对是否完好；不导入。"""
    node = node_from(config)
    with opened(file) as source:
        label = look_at(source)
        for line in _label_in_words(node, label):
            typer.echo(line)
        if label.lock and label.receiver != node.code:
            typer.echo("已加密，只有对方节点能打开；内容没有核对")
            return
        manifest = check(node.replica, source).manifest
    typer.echo(f"完好：{manifest.segments} 段，{manifest.records} 条记录")
    for run in manifest.runs:
        origin = _named(node, run.stream.origin)
        typer.echo(
            f"  {origin} {run.stream.route} 第 {run.first}–{run.last} 条，{_size(run.bytes)}"
        )
    if manifest.receipts:
        typer.echo(f"附回执 {len(manifest.receipts)} 张")


def _label_in_words(node: Node, label: Label) -> list[str]:
    ours = label.root == node.fingerprint
    return [
        f"从 {_named(node, label.sender)}",
        f"给 {_named(node, label.receiver)}",
        f"写于 {shanghai(parse_stamp(label.at)):%Y-%m-%d %H:%M}",
        *([] if ours else [f"属于另一个网络，根证书指纹 {label.root}"]),
    ]


def _named(node: Node, region: str) -> str:
    return f"{node.places.name(region)}（{region}）"


def _size(count: int) -> str:
    return f"{count / (1 << 20):.1f} MB" if count >= 1 << 20 else f"{-(-count // 1024)} KB"
