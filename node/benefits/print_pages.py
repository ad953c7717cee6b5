"""Printing of pensions: sheet and letter of one, or of those ticked in a list."""

from collections.abc import Callable, Mapping
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from node.benefits.printed import notices_pdf, sheets_pdf
from node.core.divisions import Places
from node.core.edge import Writing
from node.core.errors import Invalid, NotFound
from node.core.work import UnitOfWork

router = APIRouter(prefix="/benefits", include_in_schema=False)

PDF = "application/pdf"
AT_ONCE = 200
"""Pensions of one document; a township's month in one go."""
PAPERS: Mapping[str, Callable[[UnitOfWork, list[str], Places], bytes]] = {
    "sheet": sheets_pdf,
    "notice": notices_pdf,
}


@router.get("/{entitlement_id}/print/{paper}")
def one(request: Request, entitlement_id: str, paper: str, uow: Writing) -> Response:
    """The paper of one pension."""
    return _printed(request, uow, paper, [entitlement_id])


@router.post("/print/{paper}")
def several(
    request: Request, paper: str, uow: Writing, pension: Annotated[list[str] | None, Form()] = None
) -> Response:
    """The papers of the pensions ticked in the list."""
    return _printed(request, uow, paper, pension or [])


def _printed(request: Request, uow: UnitOfWork, paper: str, ids: list[str]) -> Response:
    make = PAPERS.get(paper)
    if make is None:
        raise NotFound("没有这种表格")
    if not ids:
        raise Invalid("请先勾选要打印的人")
    if len(ids) > AT_ONCE:
        raise Invalid("一次最多打印 {most} 份，请分批打印", most=AT_ONCE)
    places: Places = request.app.state.node.places
    headers = {"Content-Disposition": f'inline; filename="{paper}.pdf"'}
    return Response(make(uow, ids, places), media_type=PDF, headers=headers)
