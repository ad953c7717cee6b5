"""Pages below a figure: who stands behind it, and the signed record that proves each of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from pydantic import Field
from sqlmodel import select

import sync
from node.accounts.chart import Kind
from node.accounts.models import Posting
from node.accounts.service import account, printed
from node.accounts.sources import Source
from node.benefits.models import Entitlement
from node.cases.queries import require_seeing
from node.core.access import record_access
from node.core.divisions import Places
from node.core.edge import Writing, page
from node.core.errors import NotFound
from node.core.i18n import _
from node.core.work import UnitOfWork
from node.registry.models import Enrolment, Person
from node.statistics import provenance
from node.statistics.asked import Asked, period_of
from node.statistics.behind import behind, measure_of
from node.statistics.freshness import UP_TO_DATE
from node.statistics.models import StatisticsReport
from node.statistics.provenance import Proof
from node.statistics.rules import MEASURES, Measure, Period
from tiers import RegionCode

router = APIRouter(prefix="/statistics", include_in_schema=False, dependencies=[UP_TO_DATE])

KINDS = {kind.value: kind.title for kind in Kind}
SOURCES = {source.value: source.title for source in Source}
COLUMNS = {
    "entry_no": _("凭证号"),
    "line_no": _("行号"),
    "account_no": _("个人账户"),
    "village": _("所在村（社区）"),
    "source": _("资金来源"),
    "kind": _("种类"),
    "fen": _("金额（分）"),
    "year": _("年度"),
    "month": _("月份"),
    "for_year": _("缴费年度"),
    "business_date": _("业务日期"),
    "reverses_entry": _("冲销的凭证"),
    "reverses_line": _("冲销的行"),
    "person_id": _("人员编号"),
    "opened_on": _("参保日期"),
    "closed_on": _("终止日期"),
    "due_from": _("待遇起始月"),
    "base_fen": _("基础养老金（分）"),
    "account_fen": _("个人账户养老金（分）"),
    "monthly_fen": _("每月合计（分）"),
    "divisor_months": _("计发月数"),
} | {measure.name: measure.title for measure in MEASURES}

Crumbs = list[tuple[str, str]]
PostingKey = Annotated[str, Path(pattern=r"^[0-9]{1,18}-[0-9]{1,9}$")]


@dataclass(frozen=True, slots=True)
class Fact:
    """What a proof is about: the place and person, what the books say, where to read more."""

    place: str
    person: Person | None
    facts: Sequence[tuple[str, Any, str]]
    links: Sequence[tuple[str, str]] = ()


class Below(Asked):
    """A figure, a page of what is behind it; `account` opens the balance of one account."""

    page: Annotated[int, Field(ge=1)] = 1
    account: Annotated[int, Field(ge=0)] = 0


@router.get("/behind")
def people_behind(request: Request, uow: Writing, asked: Annotated[Below, Query()]) -> Response:
    """Who or what a figure of a village counts. Looking is recorded."""
    place, period = RegionCode(asked.region), period_of(uow, asked)
    measure = measure_of(asked.measure)
    found = behind(uow, place, period, measure, account_no=asked.account or None, number=asked.page)
    places = request.app.state.node.places
    crumbs = crumbs_to(places, uow.actor.scope, place, period, measure)
    if asked.account:
        crumbs.append((_address("behind", place, period, measure), measure.title))
    return page(
        request,
        "statistics/behind.html",
        found=found,
        crumbs=crumbs,
        query=query_of(place, period, measure),
        kinds=KINDS,
        sources=SOURCES,
        printed=printed,
    )


@router.get("/proof/posting/{county}/{key}")
def proof_of_posting(
    request: Request, uow: Writing, county: str, key: PostingKey, asked: Annotated[Asked, Query()]
) -> Response:
    """One posting (voucher and line) and the signed record that carried it here."""
    entry_no, line_no = map(int, key.split("-"))
    posting = uow.get(Posting, county, entry_no, line_no)
    _may_see(uow, posting.village, f"凭证 {entry_no} 第 {line_no} 行及其证明")
    owner = account(uow, RegionCode(county), posting.account_no)
    person = uow.session.get(Person, (county, owner.person_id))
    facts = [
        (_("金额（元）"), posting.fen, "money"),
        (_("种类"), KINDS.get(posting.kind, posting.kind), ""),
        (_("资金来源"), SOURCES.get(posting.source, posting.source), ""),
        (_("业务日期"), posting.business_date.isoformat(), ""),
        (_("缴费年度"), str(posting.for_year), ""),
    ]
    number = printed(county, posting.account_no)
    links = [
        (f"/accounts/entries/{entry_no}?county={county}", _("记账凭证")),
        (f"/accounts/{number}?year={posting.year}", _("个人账户")),
    ]
    proof = provenance.of_posting(uow, _replica(request), posting)
    return _shown(request, uow, asked, proof, Fact(posting.village, person, facts, links))


@router.get("/proof/enrolment/{county}/{enrolment_id}")
def proof_of_enrolment(
    request: Request,
    uow: Writing,
    county: str,
    enrolment_id: str,
    asked: Annotated[Asked, Query()],
) -> Response:
    """One enrolment and the signed record that carried it here."""
    enrolment = uow.get(Enrolment, county, enrolment_id)
    _may_see(uow, enrolment.village, "参保关系及其证明")
    person = uow.session.get(Person, (county, enrolment.person_id))
    facts = [(_("参保日期"), enrolment.opened_on.isoformat(), "")]
    if enrolment.closed_on:
        facts.append((_("终止日期"), enrolment.closed_on.isoformat(), ""))
    links = [(f"/registry/{enrolment.person_id}", _("参保人"))]
    proof = provenance.of_enrolment(uow, _replica(request), enrolment)
    return _shown(request, uow, asked, proof, Fact(enrolment.village, person, facts, links))


@router.get("/proof/entitlement/{county}/{entitlement_id}")
def proof_of_entitlement(
    request: Request,
    uow: Writing,
    county: str,
    entitlement_id: str,
    asked: Annotated[Asked, Query()],
) -> Response:
    """One pension as it was determined, and the signed record that carried it here."""
    entitlement = uow.get(Entitlement, county, entitlement_id)
    _may_see(uow, entitlement.village, "待遇核定及其证明")
    person = uow.session.get(Person, (county, entitlement.person_id))
    facts = [
        (_("每月合计（元）"), entitlement.monthly_fen, "money"),
        (_("基础养老金（元）"), entitlement.base_fen, "money"),
        (_("个人账户养老金（元）"), entitlement.account_fen, "money"),
        (_("待遇起始月"), f"{entitlement.due_from:%Y-%m}", ""),
    ]
    links = [(f"/benefits/{entitlement.id}", _("计算书"))]
    proof = provenance.of_entitlement(_replica(request), entitlement)
    return _shown(request, uow, asked, proof, Fact(entitlement.village, person, facts, links))


@router.get("/proof/report/{county}/{version}")
def proof_of_report(
    request: Request, uow: Writing, county: str, version: int, asked: Annotated[Asked, Query()]
) -> Response:
    """A county's report of a period and the signed record it is."""
    period = period_of(uow, asked)
    wanted = select(StatisticsReport).where(
        StatisticsReport.county_code == county,
        StatisticsReport.year == period.year,
        StatisticsReport.month == period.month,
        StatisticsReport.version == version,
    )
    report = uow.session.exec(wanted).first()
    if report is None or not uow.actor.scope.contains(RegionCode(county)):
        raise NotFound("没有找到这份上报，或不在您负责的区域内")
    facts = [(_("版次"), str(version), ""), (_("上报的数字"), f"{len(report.measures)} 项", "")]
    proof = provenance.of_report(_replica(request), report)
    return _shown(request, uow, asked, proof, Fact(county, None, facts))


def _replica(request: Request) -> "sync.Replica":
    return request.app.state.node.replica  # type: ignore[no-any-return]


def _may_see(uow: UnitOfWork, village: str, what: str) -> None:
    """Refuse who works elsewhere; record that the reader looked.

    Raises:
        NotFound: it lies outside the region the reader works for.
    """
    require_seeing(uow)
    if not uow.actor.scope.contains(RegionCode(village)):
        raise NotFound("没有找到这一条，或不在您负责的区域内")
    record_access(uow, village, what=what, reason="统计数字下钻", about="list")


def _shown(
    request: Request,
    uow: UnitOfWork,
    asked: Asked,
    proof: Proof,
    about: Fact,
) -> Response:
    places, period = request.app.state.node.places, period_of(uow, asked)
    region = RegionCode(about.place)
    measure = measure_of(asked.measure)
    crumbs = crumbs_to(places, uow.actor.scope, region, period, measure)
    if about.person is not None:
        crumbs.append((_address("behind", region, period, measure), measure.title))
    return page(
        request,
        "statistics/proof.html",
        proof=proof,
        trace=proof.trace,
        about=about,
        person=about.person,
        crumbs=crumbs,
        columns=COLUMNS,
    )


def query_of(place: str, period: Period, measure: Measure) -> str:
    """A place, a period and a figure as the query of an address."""
    return f"region={place}&year={period.year}&month={period.month}&measure={measure.name}"


def _address(page_name: str, place: str, period: Period, measure: Measure) -> str:
    return f"/statistics/{page_name}?{query_of(place, period, measure)}"


def crumbs_to(
    places: Places, scope: RegionCode, place: RegionCode, period: Period, measure: Measure
) -> Crumbs:
    """The way down to a place, from the reader's own region, each with the same figure."""
    line: Crumbs = []
    here: RegionCode | None = place
    while here is not None and scope.contains(here):
        line.insert(0, (f"/statistics?{query_of(here, period, measure)}", places.name(here)))
        here = places.parent(here)
    return line
