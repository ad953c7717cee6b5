"""Printing of pensions: sheet and letter of one, or of those ticked in a list."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from node.benefits.printed import notices_pdf, sheets_pdf
from node.cases.print_pages import Papers, printed
from node.core.edge import Writing
from node.core.work import UnitOfWork

router = APIRouter(prefix="/benefits", include_in_schema=False)

PAPERS: Papers = {
    "sheet": sheets_pdf,
    "notice": notices_pdf,
}


@router.get("/{entitlement_id}/print/{paper}")
def one(request: Request, entitlement_id: str, paper: str, uow: Writing) -> Response:
    """The paper of one pension."""
    return _pensions(request, uow, paper, [entitlement_id])


@router.post("/print/{paper}")
def several(
    request: Request, paper: str, uow: Writing, pension: Annotated[list[str] | None, Form()] = None
) -> Response:
    """The papers of the pensions ticked in the list."""
    return _pensions(request, uow, paper, pension or [])


def _pensions(request: Request, uow: UnitOfWork, paper: str, ids: list[str]) -> Response:
    return printed(request, PAPERS, paper, ids, uow, none="请先勾选要打印的人")
