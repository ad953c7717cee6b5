"""The statistics page: a table by place, its chart, and the proof beneath."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from node.core.edge import Reading, page
from node.statistics import figures, service
from node.statistics.rules import MEASURES
from tiers import RegionCode

FEN_PER_YUAN = 100

router = APIRouter(prefix="/statistics", include_in_schema=False)


@router.get("")
def index(
    request: Request,
    uow: Reading,
    region: str = "",
    year: Annotated[int, Query(ge=0, le=2200)] = 0,
    measure: str = "balance_fen",
) -> Response:
    """A region's figures for a year; each place opens into the places that report to it."""
    places = request.app.state.node.places
    known = figures.years(uow)
    chosen = year or (known[0] if known else uow.today.year)
    place = RegionCode(region) if region else uow.actor.scope
    shown = next((m for m in MEASURES if m.name == measure), MEASURES[-1])
    overview = service.overview(uow, places, place, chosen)
    per = FEN_PER_YUAN if shown.is_money else 1
    return page(
        request,
        "statistics/index.html",
        overview=overview,
        names=[places.name(line.place) for line in overview.lines],
        values=[(line.measures or {}).get(shown.name, 0) / per for line in overview.lines],
        chart_options=[(m.name, m.title) for m in MEASURES],
        titles={m.name: m.title for m in MEASURES},
        checks=service.checks(uow, chosen),
        measures=MEASURES,
        shown=shown,
        years=known or [chosen],
        above=_above(places.parent(place), uow.actor.scope),
    )


def _above(parent: RegionCode | None, scope: RegionCode) -> RegionCode | None:
    return parent if parent is not None and scope.contains(parent) else None
