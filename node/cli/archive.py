"""`wuji archive`: what everybody has leaves the live store for files; `wuji verify --archive`."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from node.cli.options import Config, node_from
from node.core.errors import Invalid
from node.runtime import Node
from sync.archive_proof import prove_archive
from sync.archiving import plan_archive, write_archives

_MIB = 1 << 20


def write(
    config: Config,
    to: Annotated[
        Path | None,
        typer.Option(
            "--to",
            help="写到哪个文件夹，不给则为配置的 archive_folder",
            exists=True,
            file_okay=False,
        ),
    ] = None,
    days: Annotated[int, typer.Option(min=0, help="只归档本节点已存满几天的")] = 90,
    file_mib: Annotated[int, typer.Option(min=1, help="每个文件最多多少 MiB")] = 1024,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只看能归档多少，不写")] = False,
) -> None:
    """把各方都已收到的旧记录移进签名的归档文件；段头留在库里，链和签名照样可核验。"""
    node = node_from(config)
    folder = to or node.settings.archive_folder
    plan = plan_archive(node.replica.site, older_than=timedelta(days=days))
    for peer, records in plan.waits_for.items():
        name = node.places.name(peer)
        typer.echo(f"{name}（{peer}）还有 {records:,} 条没有确认收到，这些不归档")
    typer.echo(f"可归档 {plan.segments:,} 段，{_size(plan.bytes)}")
    if dry_run or not plan.segments:
        return
    if folder is None:
        raise Invalid("请用 --to 指明文件夹，或在配置里写 archive_folder")
    made = write_archives(node.replica.site, plan, folder, most=file_mib * _MIB)
    for kept in made:
        typer.echo(f"{folder / kept.name}：{kept.segments:,} 段，{_size(kept.bytes)}，已核验")
    typer.echo("归档文件用本节点的密钥加密，与 node.secret 一并长期保存，另存一份到别的盘")


def verify_archive(node: Node, file: Path) -> None:
    """Check one archive; exit code 1 when something does not hold."""
    from rich.progress import Progress  # noqa: PLC0415  # 0.1 s, and only a person needs it

    try:
        source = file.open("rb")
    except OSError as error:
        raise Invalid(f"归档文件打不开：{error.strerror}") from error
    with source, Progress(transient=True) as bars:
        bar = bars.add_task("核验归档", total=None)
        proof = prove_archive(
            node.replica.site,
            source,
            lambda done, all_: bars.update(bar, completed=done, total=all_),
        )
    manifest = proof.manifest
    typer.echo(f"{node.places.name(manifest.node)}（{manifest.node}）写于 {manifest.at}")
    for run in manifest.runs:
        origin = node.places.name(run.stream.origin)
        typer.echo(f"  {origin} {run.stream.route} 第 {run.first}–{run.last} 条，{run.segments} 段")
    for found in proof.findings:
        where = f"{found.stream.origin} {found.stream.route} 第 {found.seq} 条"
        typer.echo(f"✗ {where}：{found.reason}")
    if not proof.holds:
        raise typer.Exit(1)
    typer.echo(f"✓ {proof.segments:,} 段、{proof.records:,} 条记录：签名、链、内容逐项成立")


def _size(count: int) -> str:
    return f"{count / _MIB:.1f} MB" if count >= _MIB else f"{-(-count // 1024)} KB"
