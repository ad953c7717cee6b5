"""Who or what stands behind a figure of a village: its people, payments, pensions or postings.

What is listed is what was counted: the lines of a figure add up to it, and the page says whether
they do. Looking is recorded.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Row, Select, func, select
from sqlmodel import col

from node.accounts.models import Account
from node.cases.queries import require_seeing
from node.core.access import record_access
from node.core.errors import Forbidden, Invalid
from node.core.paging import PAGE_SIZE, Page
from node.core.work import UnitOfWork
from node.registry.models import Person
from node.statistics import behind_sql as sql
from node.statistics import figures
from node.statistics.rules import MEASURES, Measure, Period
from tiers import Level, RegionCode

PEOPLE = ("enrolled", "joined", "left")
PENSIONS = ("drawing", "monthly_fen")


@dataclass(frozen=True, slots=True)
class Line:
    """One person, payment, pension, account or posting behind a figure.

    `amount` is what it adds to the figure: one person, or fen. `proof` is the path, below
    `/statistics/proof`, of what proves it; empty for an account, which opens into its postings.
    """

    person: Person | None
    account_no: int | None
    day: date | None
    amount: int
    kind: str
    source: str
    proof: str


@dataclass(frozen=True, slots=True)
class Behind:
    """A figure of a village and its lines; `amount` is what all lines add up to.

    With `account_no` the figure is what one account held.
    """

    village: RegionCode
    period: Period
    measure: Measure
    account_no: int | None
    figure: int
    amount: int
    lines: Page[Line]

    @property
    def adds_up(self) -> bool:
        return self.amount == self.figure


def measure_of(name: str) -> Measure:
    """A figure by its name.

    Raises:
        Invalid: there is none.
    """
    for measure in MEASURES:
        if measure.name == name:
            return measure
    raise Invalid("没有这一项数字", field="measure")


def behind(
    uow: UnitOfWork,
    village: RegionCode,
    period: Period,
    measure: Measure,
    *,
    account_no: int | None = None,
    number: int = 1,
) -> Behind:
    """The lines of a figure, a page at a time; of one account's balance when it is named.

    Raises:
        Forbidden: the village is not the reader's, or they have no business post.
        Invalid: it is no village.
    """
    require_seeing(uow)
    if not uow.actor.scope.contains(village):
        raise Forbidden("这个地区不在您的职责范围内", field="region")
    if village.level is not Level.VILLAGE:
        raise Invalid("请先选择一个村（社区）", field="region")
    figure = figures.whole(uow, village, period)[measure.name]
    if account_no is not None:
        years = _years(uow, village, period)
        statement = sql.postings_of_account(village, period, years, account_no)
    else:
        statement = _statement(uow, village, period, measure.name, figure)
    found = statement.subquery()
    counted = select(func.count(), func.coalesce(func.sum(found.c.amount), 0))
    total, amount = uow.connection.execute(counted.select_from(found)).one()
    number = min(max(1, number), max(1, -(-total // PAGE_SIZE)))
    order = (found.c.day, found.c.account_no, found.c.entry_no, found.c.line_no, found.c.id)
    listed = select(found).order_by(*order).limit(PAGE_SIZE).offset((number - 1) * PAGE_SIZE)
    rows = uow.connection.execute(listed).all()
    what = f"“{measure.title}”背后的名单第 {number} 页，{len(rows)} 条"
    record_access(
        uow, str(village), what=f"{_when(period)}{what}", reason="统计数字下钻", about="list"
    )
    page = Page(_lines(uow, village, rows), number, PAGE_SIZE, int(total))
    figure = figure if account_no is None else int(amount)
    return Behind(village, period, measure, account_no, figure, int(amount), page)


def _when(period: Period) -> str:
    return f"{period.year} 年" + (f" {period.month} 月" if period.month else "")


def _statement(
    uow: UnitOfWork, village: RegionCode, period: Period, measure: str, figure: int
) -> Select[Any]:
    if measure in PEOPLE:
        return sql.people(measure, village, period)
    if measure == "balance_fen":
        return sql.balances(village, period, _years(uow, village, period))
    # Who has moved away leaves rows here: then, and only then, the whole county is read.
    if measure in PENSIONS:
        narrow, wide = (
            sql.pensions(measure, village, period, some)
            for some in (sql.pensions_of(village), sql.ANYWHERE)
        )
    elif measure == "payers":
        narrow, wide = (
            sql.payers(village, period, some)
            for some in (sql.payments_of(village, period), sql.ANYWHERE)
        )
    else:
        narrow, wide = (
            sql.postings(measure, village, period, some)
            for some in (sql.accounts_of(village), sql.ANYWHERE)
        )
    found = narrow.subquery()
    amount = uow.connection.execute(select(func.sum(found.c.amount))).scalar() or 0
    return narrow if int(amount) == figure else wide


def _years(uow: UnitOfWork, village: RegionCode, period: Period) -> range:
    first = uow.connection.execute(sql.first_year(village)).scalar()
    return range(period.year if first is None else first, period.year + 1)


def _lines(uow: UnitOfWork, village: RegionCode, rows: Sequence[Row[Any]]) -> list[Line]:
    county = str(village.county)
    owners = _owners(uow, county, {row.account_no for row in rows if row.person_id is None})
    wanted = {row.person_id or owners.get(row.account_no) for row in rows} - {None}
    listed = select(Person).where(col(Person.county_code) == county, col(Person.id).in_(wanted))
    people = {one.id: one for one in uow.session.scalars(listed)}
    return [
        Line(
            person=people.get(row.person_id or owners.get(row.account_no, "")),
            account_no=row.account_no,
            day=row.day,
            amount=int(row.amount),
            kind=row.what or "",
            source=row.source or "",
            proof=_proof(county, row),
        )
        for row in rows
    ]


def _owners(uow: UnitOfWork, county: str, numbers: set[int]) -> dict[int, str]:
    listed = select(col(Account.account_no), col(Account.person_id)).where(
        col(Account.county_code) == county, col(Account.account_no).in_(numbers)
    )
    return {row.account_no: row.person_id for row in uow.session.execute(listed)}


def _proof(county: str, row: Row[Any]) -> str:
    if row.kind == "posting":
        return f"posting/{county}/{row.entry_no}-{row.line_no}"
    return "" if row.kind == "account" else f"{row.kind}/{county}/{row.id}"
