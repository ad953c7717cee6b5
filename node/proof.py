"""`wuji verify`: what a node can prove about itself, offline.

Chains, signatures and receipts of sync; invariants of the ledger; figures that add up, and equal
what the counties reported.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import product

from node.accounts.signed import altered as altered_postings
from node.accounts.verify import verify as verify_ledger
from node.core.work import UnitOfWork
from node.network.state import held_by_kind, open_incidents
from node.runtime import Node
from node.statistics import figures, recount
from node.statistics import service as statistics
from node.statistics.cells import refresh
from node.statistics.models import StatisticsReport
from node.statistics.rules import DIMENSIONS, SHARED, Period, differences
from node.statistics.signed import altered
from node.supervision.service import broken_days
from node.traces import traced
from node.transfers.verify import findings as transfer_findings
from tiers import Level

SHOWN = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked: what it says, whether it holds, and the evidence in words."""

    title: str
    ok: bool
    detail: str

    def as_json(self) -> dict[str, object]:
        """For programs."""
        return asdict(self)


def prove(node: Node, *, show_progress: bool = False) -> list[Finding]:
    """Check everything this node holds."""
    findings = [_signatures(node, show_progress=show_progress)]
    with node.work() as uow:
        refresh(uow)
    with node.work(writing=False) as uow:
        findings.append(_nothing_held(uow))
        findings.extend(Finding(f.name, f.ok, f.detail) for f in verify_ledger(uow))
        findings.extend(Finding(f.name, f.ok, f.detail) for f in transfer_findings(uow))
        if uow.level is Level.COUNTY:
            findings.append(_traced(uow))
        findings.append(_signed_postings(node, uow))
        findings.append(_uses(uow))
        findings.extend(_figures(node, uow))
    return findings


def _signatures(node: Node, *, show_progress: bool) -> Finding:
    from rich.progress import Progress  # noqa: PLC0415  # 0.1 s, and only a person needs it

    with Progress(transient=True, disable=not show_progress) as bars:
        bar = bars.add_task("核验签名和链", total=None)
        found = node.replica.verify(lambda done, all_: bars.update(bar, completed=done, total=all_))
    if found.findings:
        first = found.findings[0]
        where = f"{first.origin} {first.route} 第 {first.seq} 条"
        detail = f"{len(found.findings)} 处不成立，第一处：{where}，{first.reason}"
    else:
        counted = f"{found.streams} 个流，{found.segments} 段，{found.records} 条记录"
        detail = f"{counted}，{found.receipts} 份回执"
    return Finding("签名、链和回执", found.holds, detail)


def _nothing_held(uow: UnitOfWork) -> Finding:
    held = sum(held_by_kind(uow.connection).values())
    incidents = len(open_incidents(uow.connection))
    return Finding(
        "没有搁置的记录和未了的事件",
        held == 0 and incidents == 0,
        f"搁置 {held} 条，事件 {incidents} 件",
    )


def _traced(uow: UnitOfWork) -> Finding:
    found = traced(uow)
    return Finding(found.name, found.ok, found.detail)


def _signed_postings(node: Node, uow: UnitOfWork) -> Finding:
    """Every posting is the one its county signed; asked where every archive is at hand."""
    title = "个人账户记账与县级签名的记录一致"
    if node.replica.archives_away():
        return Finding(title, ok=True, detail="有归档不在手边，没有比较")
    wrong = list(altered_postings(uow, node.replica))
    more = f"；共 {len(wrong)} 处" if len(wrong) > SHOWN else ""
    return Finding(title, not wrong, "；".join(wrong[:SHOWN]) + more)


def _uses(uow: UnitOfWork) -> Finding:
    """Days of data use follow each other, and at the county still say what its logs say."""
    broken = list(broken_days(uow))
    return Finding("每日用数摘要逐日相接，与使用记录一致", not broken, "；".join(broken[:SHOWN]))


def _figures(node: Node, uow: UnitOfWork) -> Iterator[Finding]:
    if uow.level.rank > Level.COUNTY.rank:
        return
    for year in figures.years(uow):
        period = Period(year)
        found = statistics.overview(uow, node.places, uow.node, period)
        detail = f"{len(found.lines)} 个下级，参保 {found.whole['enrolled']} 人"
        yield Finding(f"{year} 年统计：合计等于各部分之和", found.adds_up, detail)
        yield _recounted(uow, year, found.whole)
        yield _told_apart(uow, period, found.whole)
        for check in statistics.checks(uow, period):
            if check.report is not None:
                yield from _reported(node, year, check, check.report)


def _recounted(uow: UnitOfWork, year: int, kept: Mapping[str, int]) -> Finding:
    """The figures kept and counted as facts came, against a count of all facts from scratch."""
    fresh = recount.whole(uow, uow.node, year)
    different = differences(str(uow.node), reported=kept, recomputed=fresh)
    detail = "、".join(f"{d.measure} {d.reported} ≠ {d.recomputed}" for d in different)
    return Finding(f"{year} 年统计：与逐笔重算一致", not different, detail)


def _reported(
    node: Node, year: int, check: statistics.Check, report: StatisticsReport
) -> Iterator[Finding]:
    county = node.places.name(check.county)
    different = "、".join(altered(node.replica, report))
    yield Finding(f"{year} 年统计：{county}上报与签名的记录", not different, different)
    title = f"{year} 年统计：{county}上报与本级重算"
    yield Finding(title, not check.is_contradiction, _comparison(check))


def _told_apart(uow: UnitOfWork, period: Period, whole: Mapping[str, int]) -> Finding:
    """People by sex, age, category and grade: every way of telling them apart gives all of them."""
    wrong = []
    for measure, dimension in product(SHARED, DIMENSIONS):
        asked = (measure, dimension.name)
        parts = figures.shares(uow, uow.node, uow.level, period, asked).get(uow.node, {})
        if sum(parts.values()) != whole[measure]:
            wrong.append(f"{measure} {dimension.title} {sum(parts.values())} ≠ {whole[measure]}")
    return Finding(f"{period.year} 年统计：各分组之和等于总数", not wrong, "、".join(wrong))


def _comparison(check: statistics.Check) -> str:
    if check.ok:
        return "逐项相等"
    names = "、".join(difference.measure for difference in check.differences)
    return names if check.is_contradiction else f"上报后又有变动（{names}），下次上报再比"
