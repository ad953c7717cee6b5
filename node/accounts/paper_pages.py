"""Statements as PDF: one person's, or a village's, sent page by page while they are made."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse

from node.accounts import service
from node.accounts.statement_paper import Letterhead, Work, statement_pdf, village_statements
from node.cases.queries import require_seeing
from node.core.edge import Reading, house
from node.core.errors import Invalid, NotFound
from node.core.work import Actor, UnitOfWork, unit_of_work
from tiers import Level, RegionCode, RegionError

router = APIRouter(prefix="/accounts", include_in_schema=False)

PDF = "application/pdf"


def _letterhead(request: Request, today: date) -> Letterhead:
    node = request.app.state.node
    return Letterhead(node.title, today.isoformat(), node.places)


@router.get("/statements")
def village_pdf(
    request: Request,
    uow: Reading,
    village: str = "",
    year: Annotated[int | None, Query(ge=2009, le=2199)] = None,
) -> StreamingResponse:
    """The statements of everybody of a village in one PDF."""
    place = _village(uow, village)
    asked = year or uow.today.year - 1
    pages = village_statements(
        _reading_again(request, uow.actor), _letterhead(request, uow.today), place, asked
    )
    name = f'inline; filename="statements-{place}-{asked}.pdf"'
    return StreamingResponse(pages, media_type=PDF, headers={"Content-Disposition": name})


@router.get("/{number}/statements/{year}.pdf")
def one_pdf(request: Request, uow: Reading, number: str, year: int) -> Response:
    """One person's statement."""
    require_seeing(uow)
    county, serial = service.read_number(number, here=uow.node)
    account = service.account(uow, county, serial)
    content = statement_pdf(uow, _letterhead(request, uow.today), account, year)
    name = f'inline; filename="statement-{county}-{serial}-{year}.pdf"'
    return Response(content, media_type=PDF, headers={"Content-Disposition": name})


def _village(uow: UnitOfWork, code: str) -> RegionCode:
    """The village asked for, inside the region of the person asking."""
    require_seeing(uow)
    try:
        place = RegionCode(code or str(uow.actor.scope))
    except RegionError as wrong:
        raise Invalid("请选择村（社区）", field="village") from wrong
    if place.level is not Level.VILLAGE:
        raise Invalid("请选择村（社区）", field="village")
    if not uow.actor.scope.contains(place):
        raise NotFound("不在您负责的区域内")
    return place


def _reading_again(request: Request, actor: Actor) -> Work:
    """Short reading transactions for what is computed while it is sent."""
    here = house(request)
    return lambda: unit_of_work(
        here.engine,
        actor=actor,
        node=here.settings.code,
        now=here.clock(),
        hosted=here.hosted(),
        writing=False,
    )
