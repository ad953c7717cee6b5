"""Pages: notices of the reader's region, one with its list and objections, and its paper."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel

from node.cases.matter import matter_title
from node.core.divisions import Places
from node.core.edge import Reading, Writing, page, redisplay
from node.core.errors import Invalid
from node.core.work import UnitOfWork
from node.notices import service
from node.notices.models import PublicNotice
from node.notices.printed import notice_pdf
from node.notices.rules import Phase, last_day, phase
from node.notices.yearly import YEARLY, columns_of, issue_year, offered, title_of

router = APIRouter(prefix="/notices", include_in_schema=False)
Text = Annotated[str, Form()]

KINDS = {Phase.ISSUED: "mine", Phase.HANGING: "wait", Phase.DISPUTED: "bad", Phase.OVER: "done"}
BLANK = dict.fromkeys(("posted_on", "case_id", "words", "objector", "received_on"), "")
DONE = {
    "issued": "公示名单已生成并下发到村",
    "yearly": "年度名单已生成并下发到村",
    "posted": "张贴已登记",
    "objected": "异议已登记，等待县级答复",
    "answered": "异议已答复",
}


@router.get("")
def index(request: Request, uow: Reading, done: str = "") -> Response:
    """What waits for a list, and the lists there are."""
    context = _index(uow) | {"done": DONE.get(done, "")}
    return page(request, "notices/index.html", **context)


def _index(uow: UnitOfWork) -> dict[str, Any]:
    found = service.listed(uow)
    against = service.objections_to(uow, [notice.id for notice in found])
    return {
        "waiting": [(one, matter_title(one.matter)) for one in service.waiting(uow)],
        "may_decide": service.may_decide(uow),
        "rows": [_row(uow, notice, against.get(notice.id, [])) for notice in found],
        "lists": [(one.code, one.title) for one, _ in offered(uow)],
        "typed": {"list": "", "year": str(uow.today.year)},
        "done": "",
    }


def _row(uow: UnitOfWork, notice: PublicNotice, against: list[Any]) -> dict[str, Any]:
    where = phase(service.standing_of(notice, against), uow.today)
    posted = notice.posted_on
    return {
        "notice": notice,
        "title": title_of(notice),
        "number": len(service.rows_of(notice)),
        "until": last_day(posted, notice.days) if posted else None,
        "kind": KINDS[where],
        "state": where.title,
        "objections": len(against),
    }


@router.post("")
def issue(uow: Writing, village: Text = "", matter: Text = "") -> Response:
    """Make a list."""
    notice = service.issue(uow, village=village, matter=matter)
    return RedirectResponse(f"/notices/{notice.id}?done=issued", status_code=303)


@router.post("/yearly")
def issue_yearly(
    uow: Writing, code: Annotated[str, Form(alias="list")] = "", year: Text = ""
) -> Response:
    """Make the lists of a year for every village."""
    typed = {"list": code, "year": year}
    with redisplay("notices/index.html", **_index(uow) | {"typed": typed}):
        if not year.strip().isdecimal():
            raise Invalid("请填写年度，例如 2026", field="year")
        issue_year(uow, code, int(year))
    return RedirectResponse("/notices?done=yearly", status_code=303)


def _context(uow: UnitOfWork, notice_id: str) -> dict[str, Any]:
    notice = service.notice_of(uow, notice_id)
    against = service.objections_to(uow, [notice_id]).get(notice_id, [])
    rows = service.rows_of(notice)
    return {
        **_row(uow, notice, against),
        "lines": rows,
        "against": against,
        "names": {service.line_of(row): row["name"] for row in rows},
        "options": [(service.line_of(row), row["name"]) for row in rows],
        "columns": columns_of(notice),
        "may_decide": service.may_decide(uow),
        "may_post": service.may_post(uow),
        "today": uow.today.isoformat(),
        "done": "",
        "typed": BLANK,
    }


@router.get("/{notice_id}")
def show(request: Request, notice_id: str, uow: Reading, done: str = "") -> Response:
    """One list, since when it hangs, what was said against it."""
    context = _context(uow, notice_id) | {"done": DONE.get(done, "")}
    return page(request, "notices/notice.html", **context)


@router.get("/{notice_id}/print")
def printed(request: Request, notice_id: str, uow: Reading) -> Response:
    """The list as it is posted, as PDF."""
    notice = service.notice_of(uow, notice_id)
    places: Places = request.app.state.node.places
    content = notice_pdf(
        service.rows_of(notice),
        matter=notice.matter,
        title=title_of(notice),
        place=places.path(notice.village),
        days=notice.days,
        printed_on=uow.today,
        yearly=YEARLY.get(notice.matter),
        year=notice.year,
    )
    headers = {"Content-Disposition": 'inline; filename="notice.pdf"'}
    return Response(content, media_type="application/pdf", headers=headers)


@router.post("/{notice_id}/posting")
def post(notice_id: str, uow: Writing, posted_on: Text = "") -> Response:
    """Record that it hangs."""
    typed = {"posted_on": posted_on}
    with redisplay("notices/notice.html", **_context(uow, notice_id) | {"typed": BLANK | typed}):
        service.post(uow, notice_id, on=_day(posted_on, field="posted_on"))
    return RedirectResponse(f"/notices/{notice_id}?done=posted", status_code=303)


class Objecting(BaseModel):
    """An objection as typed."""

    case_id: str = ""
    words: str = ""
    objector: str = ""
    received_on: str = ""


@router.post("/{notice_id}/objections")
def object_to(notice_id: str, uow: Writing, typed: Annotated[Objecting, Form()]) -> Response:
    """Record an objection."""
    context = _context(uow, notice_id) | {"typed": typed.model_dump()}
    with redisplay("notices/notice.html", **context):
        service.object_to(
            uow,
            notice_id,
            case_id=typed.case_id,
            words=typed.words,
            objector=typed.objector,
            on=_day(typed.received_on, field="received_on"),
        )
    return RedirectResponse(f"/notices/{notice_id}?done=objected", status_code=303)


@router.post("/{notice_id}/objections/{objection_id}")
def answer(
    notice_id: str, objection_id: str, uow: Writing, upheld: Text = "", words: Text = ""
) -> Response:
    """Answer an objection."""
    name = f"answer-{objection_id}"
    typed = {name: words, f"upheld-{objection_id}": upheld}
    with redisplay("notices/notice.html", **_context(uow, notice_id) | {"typed": BLANK | typed}):
        if upheld not in {"yes", "no"}:
            raise Invalid("请选择异议是否成立", field=f"upheld-{objection_id}")
        service.answer(uow, objection_id, upheld=upheld == "yes", words=words)
    return RedirectResponse(f"/notices/{notice_id}?done=answered", status_code=303)


def _day(text: str, *, field: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError as error:
        raise Invalid("日期应写成 2026-03-01 的样子", field=field) from error
