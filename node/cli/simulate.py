"""`wuji simulate`: play the sync engine against a hostile world, for those who work on it."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.progress import Progress

    from sync.simulation import BrokenPromiseError, Outcome


def simulate(
    *,
    seeds: Annotated[int, typer.Option(min=1, help="演几个种子")] = 200,
    start: Annotated[int, typer.Option(min=0, help="从哪个种子开始")] = 0,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="用几个进程")] = 2,
    depth: Annotated[int, typer.Option(min=1, max=10, help="大于 1 时网络更大、记录更多")] = 1,
    mutant: Annotated[str, typer.Option(help="先故意种下这个错误，看能不能发现")] = "",
    story: Annotated[bool, typer.Option("--story", help="失败时显示从头到尾发生的事")] = False,
) -> None:
    """在一个进程里模拟五级网络的断网、断电、旧备份、时钟错误等，核验同步协议的每项承诺。

    同一种子每次相同；失败的种子会给出一条重演的命令，退出码为 1。
    """
    # 5 MB and 0.1 s that a node at work has no use for
    from sync.simulation import BrokenPromiseError, known_mutants, run_many  # noqa: PLC0415

    if mutant and mutant not in known_mutants():
        names = "\n".join(f"  {name}  {says}" for name, says in known_mutants().items())
        typer.echo(f"没有名为 {mutant} 的错误；可以种下的有：\n{names}", err=True)
        raise typer.Exit(2)
    jobs = min(jobs, seeds)
    played: list[Outcome] = []
    broken: list[BrokenPromiseError] = []
    with _bar() as bar:
        task = bar.add_task("种子", total=seeds, broken=0)
        for result in run_many(start, seeds, jobs=jobs, depth=depth, mutant=mutant):
            if isinstance(result, BrokenPromiseError):
                broken.append(result)
                told = result.story() if story else str(result)
                bar.console.print(told, markup=False, highlight=False, soft_wrap=True)
            else:
                played.append(result)
            bar.update(task, advance=1, broken=len(broken))
    typer.echo(_summary(played, broken))
    if broken:
        raise typer.Exit(1)


def _bar() -> "Progress":
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("失败 {task.fields[broken]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(file=sys.stderr),
    )


def _summary(played: list["Outcome"], broken: list["BrokenPromiseError"]) -> str:
    crashes = sum(sum(outcome.crashes.values()) for outcome in played)
    said = (
        f"{len(played)} 个种子通过，{len(broken)} 个失败；"
        f"{sum(outcome.records for outcome in played)} 条记录，"
        f"{sum(outcome.calls for outcome in played)} 次通信，"
        f"{sum(outcome.misfortunes for outcome in played)} 次网络故障，{crashes} 次断电"
    )
    return "\n".join([said, *(f"失败的种子：{failed.plan.seed}" for failed in broken)])
