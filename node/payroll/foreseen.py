"""Forecasts as pages show them: the newest of each county added up, and how far earlier ones were
off. The same questions at county, city and province.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import ColumnElement, func, select

from node.cases.queries import require_seeing
from node.core.work import UnitOfWork
from node.payroll.forecast_rules import error_ppm
from node.payroll.rules import RunKind, RunState
from node.payroll.tables import forecasts, reports

COMPARED = 12
"""So many months back a forecast is compared with what happened."""
TOLD = (RunState.SENT.value, RunState.RETURNED.value, RunState.SETTLED.value)


@dataclass(slots=True)
class Ahead:
    """A month of the region, over all counties that have told one."""

    month: date
    counties: int = 0
    people: int = 0
    beginning: int = 0
    deaths: int = 0
    fen: int = 0
    payers: dict[str, int] = field(default_factory=dict)
    parts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CountyAhead:
    """A county's twelve months together, and for which month they were made last."""

    county: str
    made_for: date
    people: int
    fen: int


@dataclass(frozen=True, slots=True)
class Compared:
    """A month that was paid: what was foreseen just before it and as long before as is known, and
    what was due, for the counties that had foreseen it.
    """

    month: date
    counties: int
    last_fen: int
    first_fen: int
    first_made: date
    actual_fen: int

    @property
    def last_error(self) -> int | None:
        return error_ppm(self.last_fen, self.actual_fen)

    @property
    def first_error(self) -> int | None:
        return error_ppm(self.first_fen, self.actual_fen)


def _mine(uow: UnitOfWork) -> ColumnElement[bool]:
    require_seeing(uow)
    return forecasts.c.county_code.startswith(uow.actor.scope.prefix[:6])


def ahead(uow: UnitOfWork) -> tuple[list[Ahead], list[CountyAhead]]:
    """The months foreseen, by month and by county."""
    newest = (
        select(forecasts.c.county_code, func.max(forecasts.c.made_for).label("made_for"))
        .where(_mine(uow))
        .group_by(forecasts.c.county_code)
        .subquery()
    )
    same = (forecasts.c.county_code == newest.c.county_code) & (
        forecasts.c.made_for == newest.c.made_for
    )
    found = select(forecasts).join(newest, same)
    rows = uow.connection.execute(
        found.order_by(forecasts.c.month, forecasts.c.county_code)
    ).mappings()
    months: dict[date, Ahead] = {}
    counties: dict[str, CountyAhead] = {}
    for row in rows:
        month = months.setdefault(row["month"], Ahead(row["month"]))
        month.counties += 1
        for name in ("people", "beginning", "deaths", "fen"):
            setattr(month, name, getattr(month, name) + row[name])
        for sums, told in ((month.payers, row["payers"]), (month.parts, row["parts"])):
            for name, fen in told.items():
                sums[name] = sums.get(name, 0) + fen
        before = counties.get(row["county_code"])
        fen = (before.fen if before else 0) + row["fen"]
        code = row["county_code"]
        counties[code] = CountyAhead(code, row["made_for"], row["people"], fen)
    return list(months.values()), list(counties.values())


def compared(uow: UnitOfWork) -> Sequence[Compared]:
    """Months paid beside what had been foreseen of them, the newest first."""
    actual = {
        (row.county_code, row.month): row.fen
        for row in uow.connection.execute(
            select(reports.c.county_code, reports.c.month, reports.c.fen).where(
                reports.c.county_code.startswith(uow.actor.scope.prefix[:6]),
                reports.c.kind == RunKind.REGULAR.value,
                reports.c.state.in_(TOLD),
            )
        )
    }
    told = select(
        forecasts.c.county_code, forecasts.c.month, forecasts.c.made_for, forecasts.c.fen
    ).where(_mine(uow))
    foreseen: dict[date, dict[str, list[tuple[date, int]]]] = {}
    for row in uow.connection.execute(told):
        if (row.county_code, row.month) in actual:
            of_month = foreseen.setdefault(row.month, {})
            of_month.setdefault(row.county_code, []).append((row.made_for, row.fen))
    found = [
        Compared(
            month=month,
            counties=len(counties),
            last_fen=sum(max(made)[1] for made in counties.values()),
            first_fen=sum(min(made)[1] for made in counties.values()),
            first_made=min(min(made)[0] for made in counties.values()),
            actual_fen=sum(actual[county, month] for county in counties),
        )
        for month, counties in foreseen.items()
    ]
    return sorted(found, key=lambda each: each.month, reverse=True)[:COMPARED]
