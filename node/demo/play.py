"""The demo: build the network, play the year, prove it, stay up."""

import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from node.core.divisions import Places
from node.core.errors import Refusal
from node.demo import acts, changes, collecting, corrections, moving, pensions
from node.demo.plan import Plan, make_plan
from node.demo.proofs import Proof, all_proofs, settle
from node.demo.stage import Progress as Report
from node.demo.stage import Stage
from node.demo.world import World, free_ports, living
from tiers import Level, Role

PLAYED: tuple[tuple[str, Callable[[Stage, Report], None]], ...] = (
    ("省级发布政策，逐级下达", acts.publish_policy),
    ("村级录入花名册（一村断网）", acts.enter_rolls),
    ("乡级初审，退回补正", acts.first_reviews),
    ("县级复核、审批", acts.decide),
    ("应缴、代收、银行扣款、月结、补贴", collecting.collect),
    ("变更、注销、特殊群体、档次（一村断网）", changes.change),
    ("公布记账利率，年度结息", acts.close_year),
    ("漏记的补助，跨年更正", corrections.correct),
    ("到龄申领，核定待遇", acts.claims),
    ("按月发放养老金（银行、补发、死亡）", pensions.pay_a_year),
    ("关系转移：中牟县到济源市", moving.move),
    ("统计上报，省级核对", acts.report),
)


def play(*, folder: str, people: int, seed: int, once: bool, port: int) -> int:
    """Run the demo; returns the exit code: 0 only if every proof holds."""
    console = Console()
    world = World(make_plan(Path(folder), first_port=free_ports(port, 10)))
    stage = Stage(world, seed=seed, people=people)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # whoever ends us ends the ten nodes
    with living(world):
        started = time.monotonic()
        try:
            proofs = _perform(console, stage)
        except Refusal as refusal:
            console.print(f"[red]演示中断：{refusal.message}")
            return 1
        _print_proofs(console, proofs, seconds=time.monotonic() - started)
        failed = [proof for proof in proofs if not proof.ok]
        if not once and not failed:
            _print_logins(console, world.plan, stage.facts["places"])
            _stay_up(console)
    return 1 if failed else 0


def _perform(console: Console, stage: Stage) -> list[Proof]:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[note]}"))
    with Progress(*columns, TimeElapsedColumn(), console=console) as bars:
        _run(bars, "建立十个节点", lambda report: _build(stage, report))
        for title, act in PLAYED:
            _run(bars, title, lambda report, act=act: act(stage, report))  # type: ignore[misc]
        settle(stage)
        proofs: list[Proof] = []
        _run(bars, "核验", lambda report: proofs.extend(all_proofs(stage, report)))
    return proofs


def _run(bars: Progress, title: str, act: Callable[[Report], None]) -> None:
    bar = bars.add_task(title, total=1.0, note="")

    def report(note: str, share: float) -> None:
        bars.update(bar, completed=share, note=note)

    act(report)
    bars.update(bar, completed=1.0, note="")


def _build(stage: Stage, report: Report) -> None:
    """Set every node up, then let them join from the top down, each at its running parent."""
    world = stage.world
    world.write_configs()
    world.set_day(acts.YEAR, 1, 5)
    posts = world.plan.posts
    for number, post in enumerate(posts, start=1):
        world.prepare(post)  # while the parent starts
        if post.parent is not None:
            world.wait_ready(world.plan.post(post.parent))
        world.join(post)
        world.start(post)
        report(f"建库并加入 {post.code}", number / len(posts))
    for post in posts:
        world.wait_ready(post)
        if post.code.level is Level.COUNTY:
            world.start_bank(post, seed=stage.seed)
    node = world.open(posts[0])
    stage.facts["places"] = node.places
    node.engine.dispose()


def _print_proofs(console: Console, proofs: list[Proof], *, seconds: float) -> None:
    table = Table(title="核验结果", title_justify="left")
    for heading in ("节点", "项目", "结果", "依据"):
        table.add_column(heading, overflow="fold")
    for proof in proofs:
        mark = "[green]✓ 成立" if proof.ok else "[red]✗ 不成立"
        table.add_row(proof.node, proof.title, mark, proof.detail)
    console.print(table)
    held = sum(proof.ok for proof in proofs)
    console.print(f"{len(proofs)} 项核验，{held} 项成立，用时 {seconds:.0f} 秒")


def _print_logins(console: Console, plan: Plan, names: Places) -> None:
    table = Table(title=f"各节点地址和登录名（口令均为 {plan.password}）", title_justify="left")
    for heading in ("节点", "地址", "登录名（岗位）"):
        table.add_column(heading, no_wrap=heading == "地址", overflow="fold")
    for post in plan.posts:
        people = "\n".join(f"{p.login}（{Role(p.roles[0]).title}）" for p in post.people)
        table.add_row(f"{names.name(post.code)}（{post.code.level.title}）", post.url, people)
        table.add_section()
    console.print(table)


def _stay_up(console: Console) -> None:
    console.print("网络在运行。按 Ctrl-C 停止。")
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    try:
        while not stopped.wait(1):
            pass
    except KeyboardInterrupt:
        console.print("正在停止…")
