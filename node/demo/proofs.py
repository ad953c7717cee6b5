"""What the demo proves at its end, each from the stores themselves."""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlmodel import col

from node.accounts.balances import accounts, balances
from node.accounts.models import InterestCorrection
from node.cases.models import Case
from node.cases.models import CaseStep as Step
from node.core.errors import Unavailable
from node.core.money import yuan
from node.core.personal import keyring_of
from node.core.work import UnitOfWork
from node.demo.acts import COUNTIES
from node.demo.pensions import PAID_YEAR
from node.demo.plan import PROVINCE
from node.demo.stage import Progress, Stage
from node.payroll.whole import whole
from node.proof import prove
from node.registry.models import PersonChange
from node.registry.records import enrolments, people
from node.runtime import Node
from node.statistics import figures, recount
from node.statistics.rules import MEASURES
from node.transfers import service as transfers
from node.transfers.rules import Custody
from sync.store import outbox, stream
from tiers import Level, RegionCode


@dataclass(frozen=True, slots=True)
class Proof:
    """One thing that has to hold at the end."""

    node: str
    title: str
    ok: bool
    detail: str


def all_proofs(stage: Stage, progress: Progress) -> list[Proof]:
    """Everything: each node by itself, then the network as a whole."""
    posts = stage.world.plan.posts
    nodes = {post.code: stage.world.open(post) for post in posts}
    try:
        found: list[Proof] = []
        for number, (code, node) in enumerate(nodes.items(), start=1):
            name = f"{node.places.name(code)}（{code.level.title}）"
            findings = prove(node)
            failed = [f for f in findings if not f.ok]
            found.extend(Proof(name, f.title, ok=False, detail=f.detail) for f in failed)
            detail = f"{len(findings)} 项成立；{findings[0].detail}"
            if not failed:
                found.append(Proof(name, "签名、账务、统计", ok=True, detail=detail))
            progress(name, 0.8 * number / len(nodes))
        found += _villages_decided(stage, nodes)
        found += _changes_are_everywhere(nodes)
        found += _corrections_are_everywhere(nodes)
        found += _province_equals_counties(nodes)
        found += _pensions_whole(stage, nodes)
        found += _moved_once(stage, nodes)
        found += _replicas_equal(stage, nodes)
        return found
    finally:
        for node in nodes.values():
            node.engine.dispose()


def settle(stage: Stage) -> None:
    """Let what is on its way arrive: every stream is held above as far as its author has it."""
    nodes = {post.code: stage.world.open(post) for post in stage.world.plan.posts}
    try:
        stage.wait_until("数据还没有全部到位", lambda: not list(behind(nodes)))
    finally:
        for node in nodes.values():
            node.engine.dispose()


def _heads(node: Node) -> dict[tuple[str, str, str], int]:
    columns = (stream.c.origin, stream.c.epoch, stream.c.route, stream.c.head)
    with node.engine.connect() as connection:
        rows = connection.execute(select(*columns)).all()
    return {(r.origin, r.epoch, r.route): r.head for r in rows}


def _unsealed(node: Node) -> bool:
    with node.engine.connect() as connection:
        return connection.execute(select(outbox.c.id).limit(1)).first() is not None


def behind(nodes: dict[RegionCode, Node]) -> Iterator[str]:
    """What is not yet sealed, and streams of which a taker holds less than their author."""
    yield from (f"{code} 有未封存的记录" for code, node in nodes.items() if _unsealed(node))
    heads = {code: _heads(node) for code, node in nodes.items()}
    for code, own in heads.items():
        for (origin, epoch, route), head in own.items():
            author = RegionCode(origin)
            if not (author == code or author in nodes[code].hosted):
                continue
            for taker, held in heads.items():
                if (
                    _takes(taker, author, route, nodes)
                    and held.get((origin, epoch, route), 0) < head
                ):
                    yield f"{origin} {route} 在 {taker}"


def _takes(
    taker: RegionCode, author: RegionCode, route: str, nodes: dict[RegionCode, Node]
) -> bool:
    if taker == author or author in nodes[taker].hosted:
        return False
    way, _, place = route.partition("/")
    if way == "up":
        reaches = taker.contains(author) and taker.level.rank < author.level.rank
        return reaches and (place == "province" or taker.level.rank >= Level.COUNTY.rank)
    if way == "to":
        return _lies_between(taker, author, RegionCode(place), nodes)
    if not author.contains(taker):
        return False
    return place == "all" or taker.touches(RegionCode(place))


def _lies_between(
    taker: RegionCode, author: RegionCode, end: RegionCode, nodes: dict[RegionCode, Node]
) -> bool:
    """On the way up to the first node around both ends, and down from there."""
    around = max(code for code in nodes if code.contains(author) and code.contains(end))
    return around.contains(taker) and (taker.contains(author) or taker.contains(end))


def _villages_decided(stage: Stage, nodes: dict[RegionCode, Node]) -> Iterator[Proof]:
    """Every case entered at a village is decided there, or rejected with a reason."""
    for village in stage.world.plan.villages:
        node = nodes[village.node]
        with node.work(writing=False) as uow:
            states = uow.session.execute(
                select(Case.state, Case.matter).where(Case.village == str(village.code))  # type: ignore[call-overload]
            ).all()
            reasons = uow.session.execute(
                select(Step.opinion).where(  # type: ignore[call-overload]
                    Step.state == "rejected", Step.opinion != ""
                )
            ).all()
        counts = Counter(state for state, _ in states)
        expected = stage.people + stage.facts["claims"][village.code]["accepted"]
        expected += len(stage.facts["changes"][village.code])
        expected += stage.facts.get("more_cases", {}).get(village.code, 0)
        finished = counts["approved"] + counts["rejected"]
        ok = finished == len(states) == expected and len(reasons) >= counts["rejected"]
        detail = f"办结 {counts['approved']}，不予办理 {counts['rejected']}，共 {len(states)} 件"
        yield Proof(node.places.name(village.code), "每件业务都有结果", ok=ok, detail=detail)


def _changes_are_everywhere(nodes: dict[RegionCode, Node]) -> Iterator[Proof]:
    """The province holds every change its counties decided, and nothing else."""
    with nodes[PROVINCE].work(writing=False) as uow:
        above = set(uow.session.scalars(select(col(PersonChange.id))))
    decided: set[str] = set()
    for code, node in nodes.items():
        if code.level is Level.COUNTY:
            with node.work(writing=False) as uow:
                decided |= set(uow.session.scalars(select(col(PersonChange.id))))
    detail = f"变更、暂停、注销、特殊群体、档次共 {len(decided)} 件"
    yield Proof("河南省", "参保变更与各县一致", ok=above == decided != set(), detail=detail)


def _corrections_are_everywhere(nodes: dict[RegionCode, Node]) -> Iterator[Proof]:
    """What a county corrected of a settled year is known at the province, to the fen."""
    columns = InterestCorrection.__table__.c  # type: ignore[attr-defined]
    held: dict[RegionCode, set[tuple[object, ...]]] = {}
    for code, node in nodes.items():
        if code.level in {Level.COUNTY, Level.PROVINCE}:
            with node.engine.connect() as connection:
                held[code] = {tuple(row) for row in connection.execute(select(*columns))}
    counties = [held[code] for code in held if code.level is Level.COUNTY]
    whole = set[tuple[object, ...]]().union(*counties)
    ok = all(counties) and whole == held[PROVINCE]
    detail = f"{len(whole)} 笔利息更正，省级与各县一致"
    yield Proof("全网", "跨年更正省级与县级一致", ok=ok, detail=detail)


def _province_equals_counties(nodes: dict[RegionCode, Node]) -> Iterator[Proof]:
    """The province's figures, computed from its own replica, are the sum of the counties' own."""
    province = nodes[PROVINCE]
    with province.work(writing=False) as uow:
        years = figures.years(uow)
        whole = {year: recount.whole(uow, PROVINCE, year) for year in years}
    before, wrong = [], []
    for year in years:
        parts: Counter[str] = Counter()
        for code, node in nodes.items():
            if code.level is Level.COUNTY:
                with node.work(writing=False) as uow:
                    parts.update(recount.whole(uow, code, year))
        found = whole[year]
        ok = all(found[m.name] == parts[m.name] for m in MEASURES)
        if not found["enrolled"]:  # years that were made up before anybody was enrolled here
            before.append(year)
            wrong += [] if ok else [str(year)]
            continue
        detail = f"参保 {found['enrolled']:,} 人，余额 {found['balance_fen'] / 100:,.2f} 元"
        yield Proof("河南省", f"{year} 年：省级等于各县之和", ok=ok, detail=detail)
    if before:
        title = f"{min(before)}—{max(before)} 年：省级等于各县之和"
        detail = f"参保以前补缴的 {len(before)} 个年度，不一致的：{'、'.join(wrong) or '无'}"
        yield Proof("河南省", title, ok=not wrong, detail=detail)


def _pensions_whole(stage: Stage, nodes: dict[RegionCode, Node]) -> Iterator[Proof]:
    """Every fen due through December was paid once: at the county, and at the province from its
    own replica; what was paid after a death is what was claimed back.
    """
    last = date(PAID_YEAR, 12, 1)
    for code in COUNTIES:
        found = []
        for place in (code, PROVINCE):
            with nodes[place].work(writing=False) as uow:
                found.append(whole(uow, code, through=last))
        here, above = found
        ok = here == above and here.is_whole and here.people > 0
        detail = (
            f"{here.people} 人，应发 {yuan(here.due_fen)} 元，已发 {yuan(here.paid_fen)} 元，"
            f"未发 {yuan(here.unpaid_fen)} 元，死亡后多发 {yuan(here.overpaid_fen)} 元已列追回"
        )
        name = nodes[PROVINCE].places.name(code)
        yield Proof(name, "应发养老金分文不少、一次不重（省级核对）", ok=ok, detail=detail)
    raised = stage.facts.get("raised", {})
    ok = all(raised.get(code, 0) > 0 for code in COUNTIES)
    yield Proof("全网", "追溯调标惠及每个县", ok=ok, detail=f"{sum(raised.values())} 人补发")


def _moved_once(stage: Stage, nodes: dict[RegionCode, Node]) -> Iterator[Proof]:
    """Who moved is in one place with every fen: as the province and as both counties see it."""
    moved = stage.facts["moved"]
    with nodes[PROVINCE].work(writing=False) as uow:
        transfer = transfers.transfer(uow, moved["transfer"])
        index = keyring_of(uow.connection).index(moved["citizen_number"])
        places = _enrolled_at(uow, index)
        fen = {county: _balance_at(uow, index, county) for county in COUNTIES}
    own = {}
    for county in COUNTIES:
        with nodes[county].work(writing=False) as uow:
            own[county] = _balance_at(
                uow, keyring_of(uow.connection).index(moved["citizen_number"]), county
            )
    old, new = COUNTIES
    ok = places == [str(new)] and fen == own and fen[old] == 0
    ok = ok and transfer.custody is Custody.NEW and fen[new] == transfer.fen and fen[new] > 0
    detail = f"只在济源市参保，转移 {yuan(transfer.fen or 0)} 元，中牟县余 {yuan(fen[old])} 元"
    yield Proof("河南省", "转移的人只在一处，一分不少", ok=ok, detail=detail)


def _enrolled_at(uow: UnitOfWork, index: bytes) -> list[str]:
    found = (
        select(enrolments.c.county_code)
        .join(
            people,
            (people.c.county_code == enrolments.c.county_code)
            & (people.c.id == enrolments.c.person_id),
        )
        .where(people.c.citizen_index == index, enrolments.c.closed_on.is_(None))
    )
    return list(uow.connection.execute(found).scalars())


def _balance_at(uow: UnitOfWork, index: bytes, county: RegionCode) -> int:
    found = (
        select(accounts.c.account_no)
        .join(
            people,
            (people.c.county_code == accounts.c.county_code)
            & (people.c.id == accounts.c.person_id),
        )
        .where(people.c.citizen_index == index, accounts.c.county_code == str(county))
    )
    numbers = list(uow.connection.execute(found).scalars())
    held = balances(uow, numbers, county=county)
    return sum(sum(parts.values()) for parts in held.values())


def _replicas_equal(stage: Stage, nodes: dict[RegionCode, Node]) -> Iterator[Proof]:
    """Every stream is held everywhere it is routed to, as far as its author has it.

    The nodes are at work while this is asked: what one has written this second is on its way.
    """
    with suppress(Unavailable):
        stage.wait_until("数据还没有全部到位", lambda: not list(behind(nodes)))
    missing = list(behind(nodes))
    total = sum(len(_heads(node)) for node in nodes.values())
    detail = missing[0] if missing else f"{total} 个副本与作者一致"
    yield Proof("全网", "各级副本与签发节点一致", ok=not missing, detail=detail)
