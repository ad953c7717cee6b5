"""Figures of a period by place, read from the cells. One computation for all five tiers."""

from collections.abc import Iterable

from sqlalchemy import ColumnElement, Table, and_, func, or_, select

from node.core.work import UnitOfWork
from node.statistics.cells import cell, total
from node.statistics.rules import NAMES, STOCKS, Period, band_of, nothing
from node.statistics.shares import share, share_total
from tiers import Level, RegionCode

CODE_DIGITS = 12
DIGITS = {
    Level.PROVINCE: 2,
    Level.CITY: 4,
    Level.COUNTY: 6,
    Level.TOWNSHIP: 9,
    Level.VILLAGE: 12,
}

Figures = dict[RegionCode, dict[str, int]]


def by_place(uow: UnitOfWork, region: RegionCode, level: Level, period: Period) -> Figures:
    """Every measure of a period for each place of a level inside a region that has any figure."""
    down_to_county = level.rank <= Level.COUNTY.rank
    table, code = (total, total.c.county_code) if down_to_county else (cell, cell.c.place)
    place = func.substr(code, 1, DIGITS[level]).label("place")
    statement = (
        select(place, table.c.measure, func.sum(table.c.amount))
        .where(_inside(table, region), _of_period(table, period))
        .group_by(place, table.c.measure)
    )
    found: Figures = {}
    for prefix, measure, amount in uow.connection.execute(statement):
        here = RegionCode(str(prefix).ljust(CODE_DIGITS, "0"))
        found.setdefault(here, nothing())[measure] = int(amount)
    return found


def whole(uow: UnitOfWork, region: RegionCode, period: Period) -> dict[str, int]:
    """Every measure of a region as one figure."""
    return next(iter(by_place(uow, region, region.level, period).values()), nothing())


def trend(
    uow: UnitOfWork, region: RegionCode, measure: str, periods: Iterable[Period]
) -> list[int | None]:
    """One measure over periods; None before anything was known."""
    table = total if region.level.rank <= Level.COUNTY.rank else cell
    statement = (
        select(table.c.year, table.c.month, func.sum(table.c.amount))
        .where(_inside(table, region), table.c.measure == measure)
        .group_by(table.c.year, table.c.month)
    )
    changes = {(y, m): int(amount) for y, m, amount in uow.connection.execute(statement)}
    first = min(changes, default=(9999, 12))
    return [
        _over(measure, period, changes) if (period.year, period.last_month) >= first else None
        for period in periods
    ]


def _over(measure: str, period: Period, changes: dict[tuple[int, int], int]) -> int:
    if measure in STOCKS:
        until = (period.year, period.last_month)
        return sum(amount for when, amount in changes.items() if when <= until)
    return sum(
        amount
        for (year, month), amount in changes.items()
        if year == period.year and period.month in (0, month)
    )


Shares = dict[RegionCode, dict[str, int]]


def shares(
    uow: UnitOfWork, region: RegionCode, level: Level, period: Period, asked: tuple[str, str]
) -> Shares:
    """A figure by the values of a dimension, for each place of a level inside a region.

    `asked` is the measure and the dimension. Ages are numbers of bands, grades fen, others codes.
    """
    measure, dimension = asked
    down_to_county = level.rank <= Level.COUNTY.rank
    table = share_total if down_to_county else share
    code = table.c.county_code if down_to_county else table.c.place
    place = func.substr(code, 1, DIGITS[level]).label("place")
    mine = (table.c.measure == measure) & (table.c.dimension == dimension)
    statement = (
        select(place, table.c.value, func.sum(table.c.amount))
        .where(_inside(table, region), _of_period(table, period), mine)
        .group_by(place, table.c.value)
    )
    found: Shares = {}
    for prefix, value, amount in uow.connection.execute(statement):
        here = found.setdefault(RegionCode(str(prefix).ljust(CODE_DIGITS, "0")), {})
        name = str(band_of(int(value), period.year)) if dimension == "born" and value else value
        here[name] = here.get(name, 0) + int(amount)
    return {
        place: {name: amount for name, amount in values.items() if amount}
        for place, values in found.items()
    }


def years(uow: UnitOfWork) -> list[int]:
    """Years with figures, newest first."""
    statement = select(total.c.year).distinct().order_by(total.c.year.desc())
    return [int(year) for year in uow.connection.execute(statement).scalars()]


def _inside(table: Table, region: RegionCode) -> ColumnElement[bool]:
    """The rows of a region, by the leading column of the key where it can be."""
    county = region.county
    if county is None:
        return table.c.county_code.startswith(region.prefix)
    mine = table.c.county_code == str(county)
    if region.level.rank <= Level.COUNTY.rank:
        return mine
    return mine & table.c.place.startswith(str(region)[: DIGITS[region.level]])


def _of_period(table: Table, period: Period) -> ColumnElement[bool]:
    """Changes that belong to a period: all until its end for stocks, its own for flows."""
    year, month = table.c.year, table.c.month
    until = or_(year < period.year, and_(year == period.year, month <= period.last_month))
    own = year == period.year
    if period.month:
        own &= month == period.month
    flows = [name for name in NAMES if name not in STOCKS]
    return or_(
        table.c.measure.in_(sorted(STOCKS)) & until,
        table.c.measure.in_(flows) & own,
    )
