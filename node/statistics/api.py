"""Statistics for programs."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel

from node.core.edge import Reading, Writing
from node.core.errors import Forbidden
from node.statistics import service
from tiers import RegionCode, Role

router = APIRouter(prefix="/api/statistics", tags=["statistics"])

Year = Annotated[int, Path(ge=2009, le=2200)]


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
    whole: dict[str, int]
    lines: list[LineOut]
    adds_up: bool
    checks: list[CheckOut]


class ReportOut(BaseModel):
    """A county's report."""

    county: str
    year: int
    version: int
    measures: dict[str, int]


@router.get("/{year}")
def overview(request: Request, year: Year, uow: Reading, region: str = "") -> OverviewOut:
    """Figures of a region (this node's when none is named)."""
    places = request.app.state.node.places
    place = RegionCode(region) if region else uow.actor.scope
    found = service.overview(uow, places, place, year)
    return OverviewOut(
        region=str(place),
        year=year,
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
            for check in service.checks(uow, year)
        ],
    )


@router.post("/{year}/report", status_code=201)
def report(year: Year, uow: Writing) -> ReportOut:
    """Compute and send this county's figures."""
    if not uow.actor.holds(Role.ACCOUNTANT):
        raise Forbidden("统计由财务岗上报")
    made = service.report(uow, year)
    return ReportOut(
        county=made.county_code, year=made.year, version=made.version, measures=made.measures
    )
