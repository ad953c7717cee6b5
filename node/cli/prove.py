"""Commands that prove: verify, trace, calc."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from node.cli.options import Config, node_from


def add_to(app: typer.Typer) -> None:
    """Put these commands under `wuji`."""
    app.command()(verify)
    app.command()(trace)
    app.command()(calc)


def verify(
    config: Config,
    as_json: Annotated[bool, typer.Option("--json", help="以 JSON 输出，供程序读取")] = False,
) -> None:
    """离线核验本节点：签名、链、回执、账务恒等式、已发布的统计。全部成立时退出码为 0。"""
    from node.proof import prove  # noqa: PLC0415  # pulls in every capability

    findings = prove(node_from(config), show_progress=not as_json)
    if as_json:
        typer.echo(json.dumps([finding.as_json() for finding in findings], ensure_ascii=False))
    else:
        for finding in findings:
            typer.echo(f"{'✓' if finding.ok else '✗'} {finding.title}：{finding.detail}")
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


def trace(
    config: Config,
    record_type: Annotated[str, typer.Argument(help="记录种类，例如 case.submitted")],
    key: Annotated[str, typer.Argument(help="记录编号")],
) -> None:
    """显示一条记录从签发节点到本节点的来历，逐个核验签名。"""
    node = node_from(config)
    for line in node.replica.trace(record_type, key):
        typer.echo(str(line))


def calc(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="算例文件（JSON），格式见 docs")
    ],
) -> None:
    """按规则计算算例：计息、待遇、死亡结算、补发、账户支完。发布政策前用它核对算法。"""
    from node.calc import calculate  # noqa: PLC0415
    from node.core.errors import Invalid  # noqa: PLC0415

    try:
        cases = json.loads(file.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise Invalid(f"{file} 不是 JSON 文件：{error}") from error
    json.dump(calculate(cases), sys.stdout, ensure_ascii=False, indent=1)
    sys.stdout.write("\n")
