"""The figures of a year counted from scratch, to hold against those kept: the proof, not the page.

Nothing here knows of cells, months or marks; it reads the facts as they lie in this node's replica.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, case, distinct, func, literal, select

from node.accounts.models import Account, Posting
from node.accounts.sources import Source
from node.benefits.models import BenefitRate, Entitlement
from node.contributions.models import Contribution
from node.contributions.rules import Method
from node.core.work import UnitOfWork
from node.registry.models import Enrolment, Person
from node.statistics.rules import UNKNOWN, band_of, nothing
from tiers import Level, RegionCode

DIGITS = {
    Level.PROVINCE: 2,
    Level.CITY: 4,
    Level.COUNTY: 6,
    Level.TOWNSHIP: 9,
    Level.VILLAGE: 12,
}
CODE_DIGITS = 12
PAID = ("contribution", "make_up")
INTEREST = ("interest", "settlement", "correction")
SUBSIDIES = (Source.SUBSIDY_PROVINCE, Source.SUBSIDY_CITY, Source.SUBSIDY_COUNTY)

account: Table = Account.__table__  # type: ignore[attr-defined]
posting: Table = Posting.__table__  # type: ignore[attr-defined]
enrolment: Table = Enrolment.__table__  # type: ignore[attr-defined]
contribution: Table = Contribution.__table__  # type: ignore[attr-defined]
person: Table = Person.__table__  # type: ignore[attr-defined]
entitlement: Table = Entitlement.__table__  # type: ignore[attr-defined]
rate: Table = BenefitRate.__table__  # type: ignore[attr-defined]

Figures = dict[RegionCode, dict[str, int]]


def by_place(uow: UnitOfWork, region: RegionCode, level: Level, year: int) -> Figures:
    """Every measure of a year for each place of a level inside a region that has any figure."""
    found: Figures = {}
    for statement in _statements(region, level, year):
        for row in uow.connection.execute(statement).mappings():
            place = RegionCode(str(row["place"]).ljust(CODE_DIGITS, "0"))
            measures = found.setdefault(place, nothing())
            for name, value in row.items():
                if name != "place":
                    measures[str(name)] = int(value or 0)
    return found


def whole(uow: UnitOfWork, region: RegionCode, year: int) -> dict[str, int]:
    """Every measure of a region, computed as one, not as a sum of its parts."""
    measures = nothing()
    for statement in _statements(region, region.level, year):
        for row in uow.connection.execute(statement).mappings():
            measures |= {str(n): int(v or 0) for n, v in row.items() if n != "place"}
    return measures


def shares(
    uow: UnitOfWork, region: RegionCode, year: int, asked: tuple[str, str]
) -> dict[str, int]:
    """A figure of a year's end by the values of a dimension, from the facts of each person."""
    measure, dimension = asked
    facts = _facts(region, year, measure).subquery()
    known = (person.c.county_code == facts.c.county_code) & (person.c.id == facts.c.person_id)
    column = {"born": person.c.born_on, "grade": facts.c.grade_fen}.get(dimension)
    value = person.c[dimension] if column is None else column
    statement = select(value, facts.c.amount).select_from(facts.outerjoin(person, known))
    found: dict[str, int] = {}
    for told, amount in uow.connection.execute(statement):
        name = UNKNOWN if told is None else str(told)
        if dimension == "born" and told is not None:
            name = str(band_of(told.year, year))
        found[name] = found.get(name, 0) + int(amount)
    return {name: amount for name, amount in found.items() if amount}


def _facts(region: RegionCode, year: int, measure: str) -> Select[Any]:
    """Everybody a figure counts at the end of a year."""
    prefix = str(region)[: DIGITS[region.level]]
    if measure == "enrolled":
        return select(
            enrolment.c.county_code,
            enrolment.c.person_id,
            enrolment.c.grade_fen,
            literal(1).label("amount"),
        ).where(enrolment.c.village.startswith(prefix), _open_at_end(year))
    if measure == "payers":
        return (
            select(
                contribution.c.county_code,
                contribution.c.person_id,
                func.min(contribution.c.grade_fen).label("grade_fen"),
                literal(1).label("amount"),
            )
            .where(contribution.c.village.startswith(prefix), _paid_for(year))
            .group_by(contribution.c.county_code, contribution.c.person_id)
        )
    same = (entitlement.c.county_code == rate.c.county_code) & (
        entitlement.c.id == rate.c.entitlement_id
    )
    return (
        select(
            rate.c.county_code,
            entitlement.c.person_id,
            literal(None).label("grade_fen"),
            (rate.c.fen if measure == "monthly_fen" else literal(1)).label("amount"),
        )
        .select_from(rate.outerjoin(entitlement, same))
        .where(rate.c.village.startswith(prefix), _due_in_december(year))
    )


def _open_at_end(year: int) -> ColumnElement[bool]:
    end = date(year, 12, 31)
    closed = enrolment.c.closed_on
    return (enrolment.c.opened_on <= end) & (closed.is_(None) | (closed > end))


def _paid_for(year: int) -> ColumnElement[bool]:
    return (
        (contribution.c.for_year == year)
        & contribution.c.reversed_entry.is_(None)
        & (contribution.c.method != Method.TRANSFERRED)  # it counts where it was paid
    )


def _due_in_december(year: int) -> ColumnElement[bool]:
    december = date(year, 12, 1)
    return (
        rate.c.superseded_by.is_(None)
        & (rate.c.from_month <= december)
        & (rate.c.to_month.is_(None) | (rate.c.to_month >= december))
    )


def _statements(region: RegionCode, level: Level, year: int) -> Iterator[Select[Any]]:
    year_end = date(year, 12, 31)
    yield _grouped(
        enrolment,
        region,
        level,
        _open_at_end(year),
        enrolled=func.count(),
    )
    begins = date(year, 1, 1)
    yield _grouped(
        enrolment,
        region,
        level,
        enrolment.c.opened_on.between(begins, year_end),
        joined=func.count(),
    )
    yield _grouped(
        enrolment, region, level, enrolment.c.closed_on.between(begins, year_end), left=func.count()
    )
    yield _grouped(
        rate,
        region,
        level,
        _due_in_december(year),
        drawing=func.count(),
        monthly_fen=func.sum(rate.c.fen),
    )
    yield _grouped(
        contribution,
        region,
        level,
        _paid_for(year),
        payers=func.count(distinct(contribution.c.person_id)),
    )
    this_year = posting.c.year == year
    yield _grouped(
        posting,
        region,
        level,
        this_year,
        contributions_fen=_sum_where(posting.c.kind.in_(PAID) & (posting.c.source == "individual")),
        subsidies_fen=_sum_where((posting.c.kind == "subsidy") & posting.c.source.in_(SUBSIDIES)),
        interest_fen=_sum_where(posting.c.kind.in_(INTEREST)),
    )
    yield _grouped(
        account, region, level, posting.c.year <= year, balance_fen=func.sum(posting.c.fen)
    ).join(
        posting,
        (account.c.county_code == posting.c.county_code)
        & (account.c.account_no == posting.c.account_no),
    )


def _sum_where(condition: ColumnElement[bool]) -> ColumnElement[Any]:
    return func.sum(case((condition, posting.c.fen), else_=literal(0)))


def _grouped(
    table: Table,
    region: RegionCode,
    level: Level,
    condition: ColumnElement[bool],
    **measures: ColumnElement[Any],
) -> Select[Any]:
    place = func.substr(table.c.village, 1, DIGITS[level]).label("place")
    inside = table.c.village.startswith(str(region)[: DIGITS[region.level]])
    columns = [value.label(name) for name, value in measures.items()]
    return select(place, *columns).where(inside, condition).group_by(place)
