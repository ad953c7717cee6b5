"""`wuji`: everything an administrator does to a node, and what a policy officer checks with it."""

import sys

import typer

from node.cli import operate, prove, setup, users
from node.core.errors import Problems, Refusal

app = typer.Typer(
    name="wuji",
    help="五级：城乡居民社会养老保险五级经办服务网络。每一级运行同一个程序，配置不同。",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

setup.add_to(app)
operate.add_to(app)
prove.add_to(app)
app.add_typer(users.app, name="user")


@app.command()
def demo(
    once: bool = typer.Option(False, "--once", help="演完并核验后退出；全部核验通过时退出码为 0"),
    folder: str = typer.Option(".demo", help="演示数据放在哪个文件夹（每次从头开始）"),
    people: int = typer.Option(300, min=20, max=3000, help="每村申请人数"),
    seed: int = typer.Option(2026, help="随机种子，同一种子结果相同"),
) -> None:
    """在本机用真实进程演示五级网络的一年：政策下达、参保、缴费、计息、待遇、统计、核验。"""
    from node.demo.play import play  # noqa: PLC0415  # the demo is large

    raise typer.Exit(play(folder=folder, people=people, seed=seed, once=once))


def main() -> None:
    """Run a command; a refusal is a sentence and exit code 1, never a traceback."""
    try:
        app()
    except Problems as refusal:
        for problem in refusal.problems:
            sys.stderr.write(f"{problem.field or ''} {problem.message}\n")
        sys.exit(1)
    except Refusal as refusal:
        sys.stderr.write(f"{refusal.message}\n")
        sys.exit(1)
