"""Statistics for programs."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel

from node.core.edge import Reading, Writing
from node.core.errors import Forbidden
from node.statistics import service
from node.statistics.freshness import UP_TO_DATE
from node.statistics.rules import Period
from tiers import RegionCode, Role

router = APIRouter(prefix="/api/statistics", tags=["statistics"])

Year = Annotated[int, Path(ge=2009, le=2200)]
Month = Annotated[int, Query(ge=0, le=12, description="0: the whole year")]


class LineOut(BaseModel):
    """A place and its figures."""

    place: str
    name: str
    measures: dict[str, int]


class CheckOut(BaseModel):
    """A county's own figures against those computed here."""

    county: str
    ok: bool
    version: int | None
    differences: list[str]


class OverviewOut(BaseModel):
    """A region's figures, those of its parts, and whether they agree."""

    region: str
    year: int
    month: int
    whole: dict[str, int]
    lines: list[LineOut]
    adds_up: bool
    checks: list[CheckOut]


class ReportOut(BaseModel):
    """A county's report."""

    county: str
    year: int
    month: int
    version: int
    measures: dict[str, int]


@router.get("/{year}", dependencies=[UP_TO_DATE])
def overview(
    request: Request, year: Year, uow: Reading, region: str = "", month: Month = 0
) -> OverviewOut:
    """Figures of a region (this node's when none is named), counted as far as facts have come."""
    places = request.app.state.node.places
    place = RegionCode(region) if region else uow.actor.scope
    period = Period(year, month)
    found = service.overview(uow, places, place, period)
    return OverviewOut(
        region=str(place),
        year=year,
        month=month,
        whole=found.whole,
        lines=[
            LineOut(place=line.place, name=places.name(line.place), measures=line.measures or {})
            for line in found.lines
        ],
        adds_up=found.adds_up,
        checks=[
            CheckOut(
                county=check.county,
                ok=check.ok,
                version=check.report.version if check.report else None,
                differences=[d.measure for d in check.differences],
            )
            for check in service.checks(uow, period)
        ],
    )


@router.post("/{year}/report", status_code=201)
def report(year: Year, uow: Writing, month: Month = 0) -> ReportOut:
    """Count and send this county's figures."""
    if not uow.actor.holds(Role.ACCOUNTANT):
        raise Forbidden("统计由财务岗上报")
    made = service.report(uow, Period(year, month))
    return ReportOut(
        county=made.county_code,
        year=made.year,
        month=made.month,
        version=made.version,
        measures=made.measures,
    )
