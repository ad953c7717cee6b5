"""Printing: a case's form or receipt, or those of a whole list in one document."""

from collections.abc import Callable, Mapping
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from node.cases.printed import forms_pdf, receipts_pdf
from node.core.divisions import Places
from node.core.edge import Writing
from node.core.errors import Invalid, NotFound
from node.core.work import UnitOfWork

router = APIRouter()

PDF = "application/pdf"
AT_ONCE = 200
"""Papers of one document; a village's year of applications, a township's month in one go."""
Papers = Mapping[str, Callable[[UnitOfWork, list[str], Places], bytes]]
"""How each paper is made, by its name in the address."""
PAPERS: Papers = {
    "form": forms_pdf,
    "receipt": receipts_pdf,
}


@router.get("/cases/{case_id}/print/{paper}")
def one(request: Request, case_id: str, paper: str, uow: Writing) -> Response:
    """The paper of one case."""
    return _cases(request, uow, paper, [case_id])


@router.post("/cases/print/{paper}")
def several(
    request: Request, paper: str, uow: Writing, case: Annotated[list[str] | None, Form()] = None
) -> Response:
    """The papers of the cases ticked in a list."""
    return _cases(request, uow, paper, case or [])


def printed(
    request: Request, papers: Papers, paper: str, ids: list[str], uow: UnitOfWork, *, none: str
) -> Response:
    """One document with a paper of each; `none` is said where nothing was ticked.

    Raises:
        NotFound: there is no such paper.
        Invalid: nothing or too much was ticked.
    """
    make = papers.get(paper)
    if make is None:
        raise NotFound("没有这种表格")
    if not ids:
        raise Invalid(none)
    if len(ids) > AT_ONCE:
        raise Invalid("一次最多打印 {most} 份，请分批打印", most=AT_ONCE)
    places: Places = request.app.state.node.places
    headers = {"Content-Disposition": f'inline; filename="{paper}.pdf"'}
    return Response(make(uow, ids, places), media_type=PDF, headers=headers)


def _cases(request: Request, uow: UnitOfWork, paper: str, case_ids: list[str]) -> Response:
    return printed(request, PAPERS, paper, case_ids, uow, none="请先勾选要打印的业务")
