"""Pages: the inbox, one case and what may be done with it, many cases at once."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel

from node.cases import assignments, form_pages, print_pages, service, views
from node.cases.matter import areas
from node.cases.rows import rows
from node.cases.rules import STAGE_OF, State
from node.cases.service import Filter, Tab
from node.cases.typed import Typed
from node.core.edge import Reading, Writing, page, redisplay
from node.core.errors import Invalid
from node.core.work import UnitOfWork

router = APIRouter(include_in_schema=False)
Text = Annotated[str, Form()]

DONE = {
    "submitted": "已提交",
    "passed": "已办理，以下是下一件",
    "returned": "已退回补正",
    "rejected": "已作出不予办理的决定",
    "withdrawn": "已撤回",
    "kept": "已存为草稿",
}


class Listing(BaseModel):
    """Which part of which list."""

    tab: Tab = Tab.RECENT
    matter: str = ""
    region: str = ""
    text: str = ""
    due: str = ""
    page: int = 1
    done: str = ""

    def by(self) -> Filter:
        """What the list is narrowed to."""
        return Filter(self.matter, self.region, self.text, self.due)


Asked = Annotated[Listing, Query()]


def _list_context(uow: UnitOfWork, asked: Listing) -> dict[str, Any]:
    listed = service.inbox(uow, asked.tab, by=asked.by(), number=asked.page)
    return {
        "asked": asked,
        "listed": listed,
        "rows": rows(uow, listed.items, checked=asked.tab is Tab.MINE),
        "regions": views.regions(uow),
        "matter_choices": views.matter_choices(),
        "done": DONE.get(asked.done, ""),
        "may_enter": views.may_enter(uow),
        "may_pass": views.may_pass(uow),
        "colleagues": [(one.id, one.name) for one in assignments.colleagues(uow)],
    }


def _scanned(uow: UnitOfWork, text: str) -> Response | None:
    """Straight to the case whose number was typed, or scanned from its receipt."""
    found = service.by_number(uow, text) if text.strip() else None
    return RedirectResponse(f"/cases/{found.id}", status_code=303) if found else None


@router.get("/inbox")
def inbox(request: Request, uow: Reading, asked: Asked) -> Response:
    """What waits for the reader, what moved lately, what came back, what is closed."""
    straight = _scanned(uow, asked.text)
    if straight is not None:
        return straight
    counts = service.counts(uow)
    if "tab" not in request.query_params:  # who passes nothing begins with what moved lately
        waits = counts.get(Tab.MINE) or views.may_pass(uow)
        asked = asked.model_copy(update={"tab": Tab.MINE if waits else Tab.RECENT})
    return page(
        request,
        "cases/inbox.html",
        tabs=service.tabs(uow),
        areas=areas(),
        counts=counts,
        drafts=[(one, service.values_of(one).get("name", "")) for one in service.list_drafts(uow)],
        **_list_context(uow, asked),
    )


@router.get("/cases")
def cases(request: Request, uow: Reading, asked: Asked) -> Response:
    """Every case of the reader's region, and the matters that can be begun here."""
    straight = _scanned(uow, asked.text)
    if straight is not None:
        return straight
    return page(request, "cases/index.html", areas=areas(), **_list_context(uow, asked))


class Bulk(BaseModel):
    """Cases ticked in a list, and what to do with them."""

    case: list[str] = []
    do: str = "pass"
    opinion: str = ""
    to: str = ""


@router.post("/cases/bulk")
def bulk(request: Request, uow: Writing, ticked: Annotated[Bulk, Form()]) -> Response:
    """Pass, return or give away many cases; those refused stay and are listed with the reason."""
    if not ticked.case:
        raise Invalid("请先勾选要办理的业务")
    if ticked.do == "assign":
        outcomes = assignments.assign_many(uow, ticked.case, to=ticked.to)
    elif ticked.do == "return":
        outcomes = service.return_many(uow, ticked.case, reason=ticked.opinion)
    else:
        outcomes = service.pass_many(uow, ticked.case, opinion=ticked.opinion)
    refused = [outcome for outcome in outcomes if outcome.refusal]
    return page(
        request,
        "cases/outcomes.html",
        outcomes=outcomes,
        refused=refused,
        accepted=len(outcomes) - len(refused),
        do=ticked.do,
    )


@router.get("/cases/handover")
def handover(request: Request, uow: Reading) -> Response:
    """What lies with the reader, or with colleagues who left, and to whom it may go."""
    return page(request, "cases/handover.html", **_handover_context(uow))


class Handing(BaseModel):
    """Whose work goes to whom."""

    leaving: str = ""
    to: str = ""


@router.post("/cases/handover")
def hand_over(request: Request, uow: Writing, handing: Annotated[Handing, Form()]) -> Response:
    """Hand work over."""
    context = _handover_context(uow) | handing.model_dump()
    with redisplay("cases/handover.html", **context):
        moved = assignments.hand_over(uow, leaving=handing.leaving or uow.actor.id, to=handing.to)
    return page(request, "cases/handover.html", **_handover_context(uow) | {"moved": moved})


def _handover_context(uow: UnitOfWork) -> dict[str, Any]:
    own = (uow.actor.id, f"{uow.actor.name}")
    others = assignments.colleagues(uow)
    return {
        "from_whom": [own, *((one.id, one.name) for one in assignments.left(uow))],
        "to_whom": [("", "请选择"), *((o.id, o.name) for o in others if o.id != uow.actor.id), own],
        "leaving": uow.actor.id,
        "to": "",
        "moved": None,
    }


router.include_router(print_pages.router)
router.include_router(form_pages.router)  # /cases/new/… and /cases/drafts/… before /cases/{id}


def _context(uow: UnitOfWork, case_id: str, *, full: bool = False) -> dict[str, Any]:
    case = service.case_of(uow, case_id)
    before, after = views.neighbours(uow, case_id)
    return {
        "before": before,
        "after": after,
        "done": "",
        "opinion": "",
        "reason": "",
        "remarks": {},
        "returning": False,
        **views.case_context(uow, case, full=full),
    }


@router.get("/cases/{case_id}")
def show(request: Request, case_id: str, uow: Reading, done: str = "") -> Response:
    """One case: its form, what the checks say, its path, and what the reader may do."""
    context = _context(uow, case_id) | {"done": DONE.get(done, "")}
    return page(request, "cases/case.html", **context)


@router.post("/cases/{case_id}/reveal")
def reveal(request: Request, case_id: str, uow: Writing, reason: Text = "") -> Response:
    """The form with its numbers in full; the reading is recorded."""
    with redisplay("cases/case.html", **_context(uow, case_id)):
        service.reveal(uow, case_id, reason=reason)
    return page(request, "cases/case.html", **_context(uow, case_id, full=True))


def _onward(after: str | None, done: str) -> RedirectResponse:
    """To the next case that waits for the reader, else to the inbox."""
    place = f"/cases/{after}" if after else "/inbox"
    return RedirectResponse(f"{place}?done={done}", status_code=303)


@router.post("/cases/{case_id}/pass")
def pass_on(case_id: str, uow: Writing, opinion: Text = "") -> Response:
    """Pass a case at the desk it lies on."""
    context = _context(uow, case_id) | {"opinion": opinion}
    stage = STAGE_OF.get(State(context["case"].state))
    with redisplay("cases/case.html", **context):
        if stage is None:
            raise Invalid("这件业务现在不能办理，请刷新后再看")
        service.pass_on(uow, case_id, stage.action, opinion=opinion)
    return _onward(context["after"], "passed")


REMARK = "remark-"


@router.post("/cases/{case_id}/return")
def return_back(case_id: str, typed: Typed, uow: Writing) -> Response:
    """Send a case back to the step before, with a reason or with remarks beside the fields."""
    remarks = {
        name.removeprefix(REMARK): text for name, text in typed.items() if name.startswith(REMARK)
    }
    reason = typed.get("reason", "")
    context = _context(uow, case_id) | {"reason": reason, "remarks": remarks, "returning": True}
    with redisplay("cases/case.html", **context):
        service.return_for_correction(uow, case_id, reason=reason, remarks=remarks)
    return _onward(context["after"], "returned")


@router.post("/cases/{case_id}/reject")
def reject(case_id: str, uow: Writing, reason: Text = "") -> Response:
    """Decide against a case."""
    context = _context(uow, case_id) | {"reason": reason}
    with redisplay("cases/case.html", **context):
        service.reject(uow, case_id, reason=reason)
    return _onward(context["after"], "rejected")


@router.post("/cases/{case_id}/withdraw")
def withdraw(case_id: str, uow: Writing, reason: Text = "") -> Response:
    """Take a case back."""
    with redisplay("cases/case.html", **_context(uow, case_id) | {"reason": reason}):
        service.withdraw(uow, case_id, reason=reason)
    return RedirectResponse(f"/cases/{case_id}?done=withdrawn", status_code=303)


router.include_router(form_pages.corrections)
