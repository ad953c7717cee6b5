"""The statistics page: figures of a place and a period, map, trend, table, proof beneath."""

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from node.core.divisions import Places
from node.core.edge import Reading, page
from node.core.work import UnitOfWork
from node.statistics import figures, service
from node.statistics.asked import Asked, period_of
from node.statistics.behind_pages import crumbs_to
from node.statistics.export import as_excel, as_pdf
from node.statistics.freshness import UP_TO_DATE
from node.statistics.report_file import report_file
from node.statistics.rules import MEASURES, MONTHS, SHARED, Measure, Period, share
from tiers import Level, RegionCode

FEN_PER_YUAN = 100
MONTHS_SHOWN = 24
PDF = "application/pdf"
EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

router = APIRouter(prefix="/statistics", include_in_schema=False, dependencies=[UP_TO_DATE])


@router.get("")
def index(request: Request, uow: Reading, asked: Annotated[Asked, Query()]) -> Response:
    """A region's figures for a period; each place opens into the places that report to it."""
    places = request.app.state.node.places
    known = figures.years(uow)
    overview = _asked_for(request, uow, asked)
    place, period = overview.region, overview.period
    shown = next((m for m in MEASURES if m.name == asked.measure), MEASURES[0])
    return page(
        request,
        "statistics/index.html",
        overview=overview,
        before=figures.whole(uow, place, period.before()),
        rates=_rates(overview.whole),
        checks=service.checks(uow, period),
        measures=MEASURES,
        shared=SHARED,
        shown=shown,
        years=known or [period.year],
        months=[(str(number), f"{number} 月") for number in range(1, MONTHS + 1)],
        chart_options=[(m.name, m.title) for m in MEASURES],
        titles={m.name: m.title for m in MEASURES},
        crumbs=crumbs_to(places, uow.actor.scope, place, period, shown)[:-1],
        **_pictures(uow, places, overview, shown),
    )


@router.get("/table.xlsx")
def table_as_excel(request: Request, uow: Reading, asked: Annotated[Asked, Query()]) -> Response:
    """The table of a place and a period as a workbook."""
    overview = _asked_for(request, uow, asked)
    content = as_excel(overview, request.app.state.node.places)
    return _file(content, EXCEL, f"统计表-{overview.region}-{_stamp(overview.period)}.xlsx")


@router.get("/table.pdf")
def table_as_pdf(request: Request, uow: Reading, asked: Annotated[Asked, Query()]) -> Response:
    """The table of a place and a period as a form to sign."""
    overview = _asked_for(request, uow, asked)
    content = as_pdf(overview, request.app.state.node.places)
    return _file(
        content, "application/pdf", f"统计表-{overview.region}-{_stamp(overview.period)}.pdf"
    )


@router.get("/report.json")
def signed_report(request: Request, uow: Reading, asked: Annotated[Asked, Query()]) -> Response:
    """The signed reports of a region's counties and their sum, provable offline."""
    overview = _asked_for(request, uow, asked)
    replica = request.app.state.node.replica
    content = report_file(uow, replica, overview.region, overview.period)
    name = f"统计报告-{overview.region}-{_stamp(overview.period)}.json"
    return _file(content, "application/json", name)


def _asked_for(request: Request, uow: UnitOfWork, asked: Asked) -> service.Overview:
    period = period_of(uow, asked)
    place = RegionCode(asked.region) if asked.region else uow.actor.scope
    return service.overview(uow, request.app.state.node.places, place, period)


def _stamp(period: Period) -> str:
    return f"{period.year}-{period.month:02d}" if period.month else str(period.year)


def _file(content: bytes, kind: str, name: str) -> Response:
    said = f"attachment; filename*=UTF-8''{quote(name)}"
    return Response(content, media_type=kind, headers={"Content-Disposition": said})


def _pictures(
    uow: UnitOfWork, places: Places, overview: service.Overview, shown: Measure
) -> dict[str, Any]:
    """What map and charts show: one measure, in yuan or people."""
    per = FEN_PER_YUAN if shown.is_money else 1
    region, period = overview.region, overview.period
    query = f"year={period.year}&month={period.month}&measure={shown.name}"
    by_county = (
        {}
        if region.county is not None
        else figures.by_place(uow, region, Level.COUNTY, period).items()
    )
    return {
        "by_county": {str(code): measures[shown.name] / per for code, measures in by_county},
        "trend": _trend(uow, region, period, shown),
        "names": [places.name(line.place) for line in overview.lines],
        "values": [(line.measures or {}).get(shown.name, 0) / per for line in overview.lines],
        "name": places.name,
        "open": lambda code: f"/statistics?region={code}&{query}",
    }


def _rates(whole: dict[str, int]) -> dict[str, int | None]:
    """What a director asks first: a rate in parts per million, averages in fen."""
    drawing, enrolled = whole["drawing"], whole["enrolled"]
    return {
        "paying": share(whole["payers"], max(enrolled - drawing, 0)),
        "average_pension": whole["monthly_fen"] // drawing if drawing else None,
        "average_balance": whole["balance_fen"] // enrolled if enrolled else None,
    }


def _trend(
    uow: UnitOfWork, place: RegionCode, period: Period, shown: Measure
) -> dict[str, list[Any]]:
    """The last two years month by month, up to the end of the period or today."""
    year, month = min((period.year, period.last_month), (uow.today.year, uow.today.month))
    last = year * MONTHS + month - 1
    periods = [
        Period(n // MONTHS, n % MONTHS + 1) for n in range(last - MONTHS_SHOWN + 1, last + 1)
    ]
    per = FEN_PER_YUAN if shown.is_money else 1
    values = figures.trend(uow, place, shown.name, periods)
    return {
        "names": [f"{one.year % 100:02d}-{one.month:02d}" for one in periods],
        "figures": [None if value is None else value / per for value in values],
    }
