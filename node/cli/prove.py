"""Commands that prove: verify, trace, report, verify-report, calc."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from node.cli.archive import verify_archive
from node.cli.options import Config, node_from
from node.core.errors import NotFound
from node.runtime import Node
from sync.tracing import Trace
from tiers import RegionCode


def add_to(app: typer.Typer) -> None:
    """Put these commands under `wuji`."""
    app.command()(verify)
    app.command()(trace)
    app.command()(calc)
    app.command()(report)
    app.command(name="verify-report")(verify_report)


def verify(
    config: Config,
    as_json: Annotated[bool, typer.Option("--json", help="以 JSON 输出，供程序读取")] = False,
    archive: Annotated[
        Path | None, typer.Option("--archive", help="只核验这一个归档文件", dir_okay=False)
    ] = None,
) -> None:
    """离线核验本节点：签名、链、回执、账务恒等式、已发布的统计。全部成立时退出码为 0。"""
    if archive is not None:
        verify_archive(node_from(config), archive)
        return
    from node.proof import prove  # noqa: PLC0415  # pulls in every capability

    findings = prove(node_from(config), show_progress=not as_json)
    if as_json:
        typer.echo(json.dumps([finding.as_json() for finding in findings], ensure_ascii=False))
    else:
        for finding in findings:
            detail = f"：{finding.detail}" if finding.detail else ""
            typer.echo(f"{'✓' if finding.ok else '✗'} {finding.title}{detail}")
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


def trace(
    config: Config,
    record_type: Annotated[str, typer.Argument(help="记录种类，例如 case.submitted")],
    key: Annotated[str, typer.Argument(help="记录编号")],
) -> None:
    """显示一条记录从签发节点到本节点的来历，逐个核验签名。"""
    node = node_from(config)
    proofs = list(node.replica.trace(record_type, key))
    for name in node.replica.archives_away():
        typer.echo(f"没有查归档 {name}：文件不在归档文件夹里", err=True)
    if not proofs:
        raise NotFound(f"本节点没有收到过 {record_type} {key}")
    holds = True
    for proof in proofs:
        problems = proof.problems()
        holds = holds and not problems
        for line in _proof_in_words(node, proof):
            typer.echo(line)
        for problem in problems:
            typer.echo(f"  ✗ {problem}")
        if not problems:
            typer.echo("  ✓ 记录、默克尔路径、段签名、证书链逐项成立")
    if not holds:
        raise typer.Exit(1)


def _proof_in_words(node: Node, proof: Trace) -> Iterator[str]:
    header, stream = proof.header, proof.stream
    yield f"{node.places.path(stream.origin)}（{stream.origin}）{stream.route} 第 {proof.seq} 条"
    yield f"  记录 {proof.record.type} {proof.record.key}，写于 {proof.record.at}"
    yield f"  段 {header.first}–{header.last}，封于 {header.sealed_at}，根 {header.root[:16]}…"
    yield f"  默克尔路径 {len(proof.proof)} 个散列；收自 {proof.received_from or '本节点'}"
    for certificate in proof.chain:
        issuer = node.places.name(certificate.issuer)
        yield f"  证书 {node.places.name(certificate.node)}，由{issuer}签发"
    yield f"  根证书指纹 {proof.fingerprint}"


def report(
    config: Config,
    to: Annotated[Path, typer.Option("--to", help="写到这个文件", dir_okay=False)],
    year: Annotated[int, typer.Option(min=2009, max=2200, help="年度")],
    month: Annotated[int, typer.Option(min=0, max=12, help="月份；0 为全年")] = 0,
    region: Annotated[str, typer.Option(help="地区代码；不写为本节点所辖")] = "",
) -> None:
    """导出统计报告：各县签名的上报和它们的合计，在任何节点离线都能核验。"""
    from node.statistics.report_file import report_file  # noqa: PLC0415  # only this command
    from node.statistics.rules import Period  # noqa: PLC0415

    node = node_from(config)
    place = RegionCode(region) if region else node.code
    with node.work(writing=False) as uow:
        content = report_file(uow, node.replica, place, Period(year, month))
    to.write_bytes(content)
    typer.echo(f"已写入 {to}（{len(content):,} 字节）")


def verify_report(
    config: Config,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="统计报告文件")],
) -> None:
    """离线核验一份统计报告：每个县的签名、证书链到根、各县之和。全部成立时退出码为 0。"""
    from node.statistics.report_file import verify_file  # noqa: PLC0415  # only this command

    node = node_from(config)
    found = verify_file(file.read_bytes(), fingerprint=node.fingerprint)
    period = f"{found.period.year} 年" + (f" {found.period.month} 月" if found.period.month else "")
    typer.echo(f"{node.places.name(found.region)} {period}，{len(found.counties)} 个县上报")
    for name, value in found.measures.items():
        typer.echo(f"  {name} {value:,}")
    for problem in found.problems:
        typer.echo(f"✗ {problem}")
    if found.problems:
        raise typer.Exit(1)
    typer.echo("✓ 每个县的签名、默克尔路径、证书链和合计逐项成立")


def calc(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="算例文件（JSON），格式见 docs")
    ],
) -> None:
    """按规则计算算例：计息、待遇、死亡结算、补发、账户支完。发布政策前用它核对算法。"""
    from node.calc import calculate, read_cases  # noqa: PLC0415  # only this command needs it

    results = calculate(read_cases(file.read_bytes()))
    json.dump(results, sys.stdout, ensure_ascii=False, indent=1)
    sys.stdout.write("\n")
