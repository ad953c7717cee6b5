"""Figures at every tier, reports of counties, and the proof that they add up."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import col, func, select

from node.core.divisions import Places
from node.core.errors import Forbidden, Invalid
from node.core.work import UnitOfWork
from node.statistics import figures
from node.statistics.cells import refresh
from node.statistics.models import StatisticsReport
from node.statistics.records import publish_report
from node.statistics.rules import Difference, Period, differences, nothing, total
from node.statistics.since import has_moved_on
from tiers import Level, RegionCode


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table: a place and its figures. `measures` is None when nothing is known."""

    place: RegionCode
    measures: dict[str, int] | None


@dataclass(frozen=True, slots=True)
class Overview:
    """A region's figures: the whole, and the part of each place that reports to it."""

    region: RegionCode
    period: Period
    whole: dict[str, int]
    lines: Sequence[Line]
    adds_up: bool


@dataclass(frozen=True, slots=True)
class Check:
    """A county's own figures against those recomputed here. `report` None: it has not reported."""

    county: RegionCode
    report: StatisticsReport | None
    differences: Sequence[Difference]
    has_moved_on: bool = False

    @property
    def ok(self) -> bool:
        """Reported, and every figure agrees."""
        return self.report is not None and not self.differences

    @property
    def is_contradiction(self) -> bool:
        """The figures differ, and nothing the county wrote since can be the reason."""
        return bool(self.differences) and not self.has_moved_on


def overview(uow: UnitOfWork, places: Places, region: RegionCode, period: Period) -> Overview:
    """The figures of a region inside the reader's scope, as last counted (`refresh`).

    Raises:
        Forbidden: it lies outside.
    """
    if not uow.actor.scope.contains(region):
        raise Forbidden("这个地区不在您的职责范围内", field="region")
    children = places.children(region)
    level = finest(children) if children else Level.VILLAGE
    found = figures.by_place(uow, region, level, period)
    lines = [Line(child, _part(found, places, child)) for child in children]
    lines = [line for line in lines if line.measures is not None]
    whole = figures.whole(uow, region, period)
    parts = total(line.measures for line in lines if line.measures)
    return Overview(region, period, whole, lines, adds_up=not children or parts == whole)


def finest(children: Sequence[RegionCode]) -> Level:
    """The level to group by: a province has cities and counties, so counties."""
    return max((child.level for child in children), key=lambda level: level.rank)


def _part(found: figures.Figures, places: Places, child: RegionCode) -> dict[str, int] | None:
    """A child's own figures, or those of what reports to it, when it has any."""
    inside = [
        measures
        for place, measures in found.items()
        if place == child or (child.contains(place) and places.parent(place) == child)
    ]
    return total(inside) if inside else None


def report(uow: UnitOfWork, period: Period) -> StatisticsReport:
    """Count a county's figures, keep them and send them upwards. Same figures, same report.

    Raises:
        Invalid: this node is no county, or the period has not begun.
    """
    if uow.level is not Level.COUNTY:
        raise Invalid("统计由县级上报")
    if (period.year, period.month) > (uow.today.year, uow.today.month):
        raise Invalid("这个时期还没有开始", field="year")
    refresh(uow, uow.node)
    measures = figures.whole(uow, uow.node, period)
    last = latest_reports(uow, period).get(str(uow.node))
    if last is not None and last.measures == measures:
        return last
    made = StatisticsReport(
        county_code=str(uow.node),
        year=period.year,
        month=period.month,
        version=last.version + 1 if last else 1,
        measures=measures,
        heads={},
        reported_at=uow.now,
    )
    uow.session.add(made)
    publish_report(uow, made)
    return made


def report_due(uow: UnitOfWork) -> list[StatisticsReport]:
    """What a county reports by itself: this year so far, the year and the month just ended."""
    this_month = Period(uow.today.year, uow.today.month)
    return [
        report(uow, period)
        for period in (Period(this_month.year), Period(this_month.year - 1), this_month.before())
    ]


def latest_reports(uow: UnitOfWork, period: Period) -> dict[str, StatisticsReport]:
    """The newest report of each county for a period."""
    of_period = (StatisticsReport.year == period.year) & (StatisticsReport.month == period.month)
    newest = (
        select(StatisticsReport.county_code, func.max(StatisticsReport.version).label("version"))
        .where(of_period)
        .group_by(col(StatisticsReport.county_code))
        .subquery()
    )
    statement = select(StatisticsReport).join(
        newest,
        (col(StatisticsReport.county_code) == newest.c.county_code)
        & (col(StatisticsReport.version) == newest.c.version),
    )
    rows = uow.session.exec(statement.where(of_period))
    return {row.county_code: row for row in rows}


def checks(uow: UnitOfWork, period: Period) -> list[Check]:
    """Every county with figures or a report here: what it says against what we counted."""
    if uow.level.rank > Level.COUNTY.rank:
        return []
    recomputed = figures.by_place(uow, uow.node, Level.COUNTY, period)
    reports = latest_reports(uow, period)
    counties = sorted({*recomputed, *(RegionCode(code) for code in reports)})
    return [_check(uow, county, reports.get(county), recomputed.get(county)) for county in counties]


def _check(
    uow: UnitOfWork,
    county: RegionCode,
    said: StatisticsReport | None,
    recomputed: dict[str, int] | None,
) -> Check:
    if said is None:
        return Check(county, None, ())
    found = differences(str(county), reported=said.measures, recomputed=recomputed or nothing())
    return Check(county, said, found, bool(found) and has_moved_on(uow.connection, said))
