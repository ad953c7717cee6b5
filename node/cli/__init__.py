"""`wuji`: everything an administrator does to a node, and what a policy officer checks with it."""

import sys
from typing import NoReturn

import typer
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, ProgrammingError

from node.cli import (
    archive,
    bundle,
    database,
    erasing,
    held,
    membership,
    operate,
    prove,
    setup,
    simulate,
    users,
)
from node.core.errors import Problems, Refusal
from sync.errors import SyncRefusal
from sync.line import LinkError
from tiers import RegionError

app = typer.Typer(
    name="wuji",
    help="五级：城乡居民社会养老保险五级经办服务网络。每一级运行同一个程序，配置不同。",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

setup.add_to(app)
membership.add_to(app)
operate.add_to(app)
prove.add_to(app)
app.add_typer(users.app, name="user")
app.add_typer(held.app, name="held")
app.add_typer(bundle.app, name="bundle")
app.add_typer(database.app, name="db")
app.command()(held.revoke)
app.command()(erasing.erase)
app.command("archive")(archive.write)
app.command()(simulate.simulate)


@app.command()
def demo(
    once: bool = typer.Option(False, "--once", help="演完并核验后退出；全部核验通过时退出码为 0"),
    folder: str = typer.Option(".demo", help="演示数据放在哪个文件夹（每次从头开始）"),
    people: int = typer.Option(300, min=20, max=3000, help="每村申请人数"),
    seed: int = typer.Option(2026, help="随机种子，同一种子结果相同"),
    port: int = typer.Option(8410, min=1024, max=65000, help="从这个端口起，找十个连续的空闲端口"),
) -> None:
    """在本机用真实进程演示五级网络的一年：政策下达、参保、缴费、计息、待遇、统计、核验。"""
    from node.demo.play import play  # noqa: PLC0415  # the demo is large

    raise typer.Exit(play(folder=folder, people=people, seed=seed, once=once, port=port))


def main() -> None:
    """Run a command; a refusal is a sentence and exit code 1, never a traceback."""
    try:
        app()
    except Problems as refusal:
        _refuse(*(problem.message for problem in refusal.problems))
    except (Refusal, SyncRefusal) as refusal:
        _refuse(refusal.message)
    except (LinkError, RegionError) as refusal:
        _refuse(str(refusal))
    except ArgumentError as error:
        _refuse(f"配置里的 database_url 不对：{error}")
    except (OperationalError, ProgrammingError) as error:
        _refuse(_of_the_store(error))


def _of_the_store(error: DBAPIError) -> str:
    said = str(error.orig)
    if "no such table" in said or "does not exist" in said:  # SQLite's words, and Postgres'
        return f"数据库还没有建表，请先运行 wuji init、wuji join 或 wuji migrate：{said}"
    return f"数据库打不开，或没有应答：{said}"


def _refuse(*sentences: str) -> NoReturn:
    for sentence in sentences:
        sys.stderr.write(f"{sentence}\n")
    sys.exit(1)
