"""The figures of a year counted from scratch, to hold against those kept: the proof, not the page.

Nothing here knows of cells, months or marks; it reads the facts as they lie in this node's replica.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, case, distinct, func, literal, select

from node.accounts.models import Posting
from node.accounts.sources import Source
from node.benefits.models import BenefitRate
from node.contributions.models import Contribution
from node.core.work import UnitOfWork
from node.registry.models import Enrolment
from node.statistics.rules import nothing
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

posting: Table = Posting.__table__  # type: ignore[attr-defined]
enrolment: Table = Enrolment.__table__  # type: ignore[attr-defined]
contribution: Table = Contribution.__table__  # type: ignore[attr-defined]
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


def _statements(region: RegionCode, level: Level, year: int) -> Iterator[Select[Any]]:
    year_end = date(year, 12, 31)
    yield _grouped(
        enrolment,
        region,
        level,
        (enrolment.c.opened_on <= year_end)
        & (enrolment.c.closed_on.is_(None) | (enrolment.c.closed_on > year_end)),
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
    december = date(year, 12, 1)
    yield _grouped(
        rate,
        region,
        level,
        rate.c.superseded_by.is_(None)
        & (rate.c.from_month <= december)
        & (rate.c.to_month.is_(None) | (rate.c.to_month >= december)),
        drawing=func.count(),
        monthly_fen=func.sum(rate.c.fen),
    )
    yield _grouped(
        contribution,
        region,
        level,
        (contribution.c.for_year == year) & contribution.c.reversed_entry.is_(None),
        payers=func.count(distinct(contribution.c.person_id)),
    )
    this_year = posting.c.year == year
    yield _grouped(
        posting,
        region,
        level,
        posting.c.year <= year,
        contributions_fen=_sum_where(
            this_year & (posting.c.kind.in_(PAID)) & (posting.c.source == "individual")
        ),
        subsidies_fen=_sum_where(
            this_year & (posting.c.kind == "subsidy") & posting.c.source.in_(SUBSIDIES)
        ),
        interest_fen=_sum_where(this_year & posting.c.kind.in_(INTEREST)),
        balance_fen=func.sum(posting.c.fen),
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
