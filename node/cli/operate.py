"""Commands that run a node: run, sync, job."""

from typing import Annotated

import typer

from node.cli.options import Config, node_from
from node.core.errors import Invalid


def add_to(app: typer.Typer) -> None:
    """Put these commands under `wuji`."""
    app.command()(run)
    app.command()(sync)
    app.command()(job)


def run(config: Config) -> None:
    """启动本节点：网页、接口、与上级的同步、定时任务。Ctrl-C 停止。"""
    from node.serving import serve  # noqa: PLC0415  # the web takes 0.7 s to import

    serve(node_from(config))


def sync(
    config: Config,
    once: Annotated[bool, typer.Option("--once", help="同步一次就结束")] = False,
) -> None:
    """与上级同步：把待上送的送完，把该下来的取完。"""
    import threading  # noqa: PLC0415

    from sync.client import Link, LinkLimits  # noqa: PLC0415  # needs httpx

    node = node_from(config)
    url = node.settings.sync.parent_url
    if not url:
        raise Invalid("配置里没有上级地址 sync.parent_url")
    link = Link(node.replica, url, limits=LinkLimits(wait=node.settings.sync.wait_seconds))
    if once:
        typer.echo(str(link.sync_once()))
    else:
        link.run(threading.Event())


def job(
    config: Config,
    name: Annotated[str, typer.Argument(help="任务名；不给则列出全部")] = "",
) -> None:
    """列出定时任务，或马上运行一个。"""
    from node.core.jobs import run_by_name  # noqa: PLC0415

    node = node_from(config)
    if not name:
        for each in node.jobs:
            typer.echo(f"{each.name:28} {each.title}（每 {each.every_minutes:g} 分钟）")
        return
    outcome = run_by_name(node.work, node.jobs, name)
    typer.echo(f"{outcome.outcome} {outcome.detail}")
    if outcome.outcome != "done":
        raise typer.Exit(1)
