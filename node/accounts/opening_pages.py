"""Pages of opening balances: look at a file, put it up, accept it, print the acceptance sheet."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, UploadFile
from fastapi.responses import RedirectResponse, Response

from node.accounts import opening
from node.accounts.books_paper import acceptance_sheet
from node.accounts.models import LedgerRequest
from node.accounts.opening_file import NAME, NUMBER, TITLES, TOTAL
from node.accounts.requests import Kinds
from node.accounts.serials import own_county
from node.accounts.sources import Source
from node.accounts.typed_days import day_typed
from node.cases.queries import require_seeing
from node.core.edge import Reading, Writing, page, redisplay
from node.core.errors import Invalid, NotFound
from node.core.money import parse_yuan
from node.core.work import UnitOfWork
from node.identity import require
from tiers import Role

router = APIRouter(prefix="/accounts/openings", include_in_schema=False)
Text = Annotated[str, Form()]
PROBLEMS_SHOWN = 100


def _context(uow: UnitOfWork, **typed: Any) -> dict[str, Any]:
    require_seeing(uow)
    own_county(uow)
    return {
        "openings": opening.openings(uow),
        "may_ask": uow.actor.holds(Role.ACCOUNTANT),
        "may_accept": uow.actor.holds(Role.APPROVER),
        "sources": {source.value: source.title for source in Source},
        "titles": [NAME, NUMBER, *TITLES, TOTAL],
        "checked": None,
        "shown": PROBLEMS_SHOWN,
        "filename": "",
        "people": "",
        "total": "",
        "as_of": f"{uow.today.year - 1}-12-31",
        **typed,
    }


@router.get("")
def index(request: Request, uow: Reading) -> Response:
    """What was put up, and the form for another file."""
    return page(request, "accounts/openings.html", **_context(uow))


@router.post("")
def ask(
    request: Request,
    uow: Writing,
    file: UploadFile,
    *,
    people: Text = "",
    total: Text = "",
    as_of: Text = "",
    intent: Text = "look",
) -> Response:
    """Look at a file, or put it up for acceptance; what was typed stays either way."""
    typed = {"people": people, "total": total, "as_of": as_of, "filename": file.filename or ""}
    context = _context(uow, **typed)
    with redisplay("accounts/openings.html", **context):
        require(uow, Role.ACCOUNTANT)
        content = file.file.read(opening.FILE_LARGEST + 1)
        if not content:
            raise Invalid("请选择数据文件", field="file")
        name = file.filename or "期初数据"
        checked = opening.check_opening(uow, content, filename=name)
    if intent != "ask" or checked.problems:
        context["checked"] = checked
        return page(request, "accounts/openings.html", **context)
    with redisplay("accounts/openings.html", **{**context, "checked": checked}):
        opening.request_opening(
            uow,
            content,
            filename=name,
            people=_whole(people),
            fen=parse_yuan(total, field="total"),
            as_of=day_typed(as_of, field="as_of"),
        )
    return RedirectResponse("/accounts/openings", status_code=303)


def _whole(text: str) -> int:
    if not text.strip().isdecimal():
        raise Invalid("请填写原系统的人数", field="people")
    return int(text)


@router.post("/{request_id}/acceptance")
def accept(uow: Writing, request_id: str) -> Response:
    """Post a file that somebody else has put up."""
    with redisplay("accounts/openings.html", **_context(uow)):
        opening.accept_opening(uow, request_id)
    return RedirectResponse("/accounts/openings", status_code=303)


@router.post("/{request_id}/refusal")
def refuse(uow: Writing, request_id: str) -> Response:
    """Send a file back."""
    with redisplay("accounts/openings.html", **_context(uow)):
        opening.refuse_opening(uow, request_id)
    return RedirectResponse("/accounts/openings", status_code=303)


@router.get("/{request_id}.pdf")
def sheet(request: Request, uow: Reading, request_id: str) -> Response:
    """The acceptance sheet, to be signed by both."""
    require_seeing(uow)
    found = uow.session.get(LedgerRequest, request_id)
    if found is None or found.kind != Kinds.OPENING:
        raise NotFound("没有这份期初数据")
    content = acceptance_sheet(uow, found, office=request.app.state.node.title)
    headers = {"Content-Disposition": f'inline; filename="opening-{request_id}.pdf"'}
    return Response(content, media_type="application/pdf", headers=headers)
