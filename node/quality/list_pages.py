"""Pages: comparison lists taken in, and the workbench where likeness is judged."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, UploadFile
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel

from node.core.edge import Reading, Writing, page, redisplay
from node.core.errors import Invalid
from node.core.work import UnitOfWork
from node.policy.controls import parse_day
from node.quality import comparing
from node.quality.comparing import ListKind, Match
from node.quality.models import ComparisonList

router = APIRouter(prefix="/quality/lists", include_in_schema=False)
Text = Annotated[str, Form()]

LARGEST = 20_000_000
"""Bytes of a file: fifty thousand lines are three million."""


class Typed(BaseModel):
    """What is said of a file that comes along."""

    kind: str = ""
    region: str = ""
    as_of: str = ""
    file: UploadFile


@router.get("")
def index(request: Request, uow: Reading) -> Response:
    """The lists taken in here."""
    return page(request, "quality/lists.html", **_index(request, uow, {}))


def _index(request: Request, uow: UnitOfWork, typed: dict[str, str]) -> dict[str, Any]:
    places = request.app.state.node.places
    below = [uow.node, *places.children(uow.node)]
    return {
        "lists": [(one, comparing.counts(uow, one.id)) for one in comparing.lists(uow)],
        "kinds": [(kind.value, kind.title) for kind in ListKind],
        "kind_titles": {kind.value: kind.title for kind in ListKind},
        "regions": [(str(code), places.name(code)) for code in below],
        "matches": Match,
        "typed": {"kind": "", "region": str(uow.node), "as_of": "", **typed},
    }


@router.post("")
def take_in(request: Request, uow: Writing, given: Annotated[Typed, Form()]) -> Response:
    """Take a list in and match it."""
    typed = {"kind": given.kind, "region": given.region, "as_of": given.as_of}
    with redisplay("quality/lists.html", **_index(request, uow, typed)):
        content = given.file.file.read(LARGEST + 1)
        if not content:
            raise Invalid("请选择文件", field="file")
        if len(content) > LARGEST:
            raise Invalid("文件超过 20 MB，请分成几个", field="file")
        as_of: date = parse_day(given.as_of, "as_of")
        made = comparing.take_in(
            uow,
            kind=given.kind,
            region=given.region,
            as_of=as_of,
            filename=given.file.filename or "",
            content=content,
        )
    return RedirectResponse(f"/quality/lists/{made.id}", status_code=303)


@router.get("/{list_id}")
def workbench(request: Request, uow: Writing, list_id: str, match: str = "proposed") -> Response:
    """The lines of a list beside our people. Looking is recorded."""
    comparing.require_working(uow)
    chosen = match if match in list(Match) else Match.PROPOSED.value
    return page(
        request,
        "quality/list.html",
        one=uow.get(ComparisonList, list_id),
        counts=comparing.counts(uow, list_id),
        chosen=chosen,
        lines=comparing.proposals(uow, list_id, chosen),
        kind_titles={kind.value: kind.title for kind in ListKind},
    )


@router.post("/{list_id}/{row_no}")
def decide(uow: Writing, list_id: str, row_no: int, same: Text) -> Response:
    """Say whether two are one."""
    comparing.decide(uow, list_id, row_no, is_same=same == "1")
    return RedirectResponse(f"/quality/lists/{list_id}", status_code=303)
