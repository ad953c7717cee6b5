"""Pages that are filled in: a new case, a draft, the correction of a returned case.

Every form saves itself as a draft while it is typed (wuji.js posts it to `…/autosave`), and with a
button where there is no JavaScript.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from node.cases import service, views
from node.cases.confirming import CONFIRMED, confirmation, notices_of, require_confirmed
from node.cases.entries import require_entering
from node.cases.matter import matter_of
from node.cases.models import Case
from node.cases.queries import typed_values
from node.cases.records import read_remarks
from node.core.access import record_access
from node.core.edge import Reading, Writing, page, redisplay
from node.core.errors import NotFound
from node.core.ids import new_id
from node.core.work import UnitOfWork

router = APIRouter()
corrections = APIRouter()

FORM = "cases/form.html"
OURS = frozenset({"csrf_token", "draft", "do", "note", CONFIRMED})
KEEP = "keep"


async def typed_form(request: Request) -> dict[str, str]:
    """Everything typed, whatever the matter's fields are."""
    return {name: str(value) for name, value in (await request.form()).items()}


Typed = Annotated[dict[str, str], Depends(typed_form)]


def _values(typed: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in typed.items() if name not in OURS}


def _new_context(
    uow: UnitOfWork, code: str, typed: Mapping[str, Any], *, draft_id: str, place: str
) -> dict[str, Any]:
    return {
        **views.form_context(uow, matter_of(code), typed),
        "action": place,
        "draft_id": draft_id,
        "others": [one for one in service.list_drafts(uow, matter_code=code) if one.id != draft_id],
        "case": None,
        "remarks": {},
        "note": "",
        "notices": [],
    }


@router.get("/cases/new/{code}")
def new(request: Request, code: str, uow: Reading) -> Response:
    """An empty form."""
    require_entering(uow)
    context = _new_context(uow, code, {}, draft_id=new_id(), place=f"/cases/new/{code}")
    return page(request, FORM, **context)


@router.get("/cases/new/{code}/for/{person_id}")
def new_for(request: Request, code: str, person_id: str, uow: Writing) -> Response:
    """The form begun for a person known here; it shows their number in full, which is recorded."""
    require_entering(uow)
    matter = matter_of(code)
    typed = matter.beginning(uow, person_id)
    if typed is None:
        raise NotFound("这个事项不能从已参保人员开始办理", matter=code)
    record_access(uow, person_id, what="公民身份号码", reason=matter.title)
    context = _new_context(uow, code, typed, draft_id=new_id(), place=f"/cases/new/{code}")
    return page(request, FORM, **context)


@router.post("/cases/new/{code}")
def submit(code: str, typed: Typed, uow: Writing) -> Response:
    """Send it on its way, or keep it as a draft."""
    draft_id = typed.get("draft") or new_id()
    noted = notices_of(uow, matter_of(code), _values(typed))
    context = _new_context(uow, code, typed, draft_id=draft_id, place=f"/cases/new/{code}")
    context["notices"] = noted
    with redisplay(FORM, **context):
        if typed.get("do") == KEEP:
            service.save_draft(uow, code, _values(typed), draft_id=draft_id)
            return RedirectResponse("/inbox?done=kept", status_code=303)
        case = service.submit(
            uow, code, _values(typed), draft_id=draft_id, note=confirmation(noted)
        )
        require_confirmed(noted, typed)
    return RedirectResponse(f"/cases/{case.id}?done=submitted", status_code=303)


@router.post("/cases/new/{code}/autosave", status_code=204)
def autosave_new(code: str, typed: Typed, uow: Writing) -> None:
    """What was typed so far."""
    require_entering(uow)
    service.save_draft(uow, code, _values(typed), draft_id=typed.get("draft") or new_id())


@router.get("/cases/drafts/{draft_id}")
def draft(request: Request, draft_id: str, uow: Reading) -> Response:
    """A draft, to go on with."""
    found, values = service.open_draft(uow, draft_id)
    place = f"/cases/drafts/{draft_id}"
    context = _new_context(uow, found.matter, values, draft_id=draft_id, place=place)
    return page(request, FORM, **context)


@router.post("/cases/drafts/{draft_id}")
def submit_draft(draft_id: str, typed: Typed, uow: Writing) -> Response:
    """Send a draft on its way, or keep it."""
    found, _ = service.open_draft(uow, draft_id)
    place = f"/cases/drafts/{draft_id}"
    noted = notices_of(uow, matter_of(found.matter), _values(typed))
    context = _new_context(uow, found.matter, typed, draft_id=draft_id, place=place)
    context["notices"] = noted
    with redisplay(FORM, **context):
        if typed.get("do") == KEEP:
            service.save_draft(uow, found.matter, _values(typed), draft_id=draft_id)
            return RedirectResponse("/inbox?done=kept", status_code=303)
        case = service.submit(
            uow, found.matter, _values(typed), draft_id=draft_id, note=confirmation(noted)
        )
        require_confirmed(noted, typed)
    return RedirectResponse(f"/cases/{case.id}?done=submitted", status_code=303)


@router.post("/cases/drafts/{draft_id}/autosave", status_code=204)
def autosave_draft(draft_id: str, typed: Typed, uow: Writing) -> None:
    """What was typed so far."""
    found, _ = service.open_draft(uow, draft_id)
    service.save_draft(uow, found.matter, _values(typed), draft_id=draft_id)


@router.post("/cases/drafts/{draft_id}/discard")
def discard(draft_id: str, uow: Writing) -> Response:
    """Throw a draft away."""
    service.discard_draft(uow, draft_id)
    return RedirectResponse("/inbox", status_code=303)


def _correction_context(uow: UnitOfWork, case: Case, typed: Mapping[str, Any]) -> dict[str, Any]:
    kept = service.draft_of_case(uow, case.id)
    return {
        **views.form_context(uow, matter_of(case.matter), typed),
        "action": f"/cases/{case.id}/correction",
        "draft_id": kept.id if kept else "",
        "others": [],
        "case": case,
        "remarks": read_remarks(case.remarks),
        "note": typed.get("note", ""),
        "notices": [],
    }


@corrections.get("/cases/{case_id}/correction")
def correction(request: Request, case_id: str, uow: Writing) -> Response:
    """The form of a returned case, to be corrected; it shows numbers in full, which is recorded."""
    require_entering(uow)
    case = service.case_of(uow, case_id)
    record_access(uow, case.id, what=f"{case.number}的完整表单", reason="补正")
    kept = service.draft_of_case(uow, case_id)
    values = service.values_of(kept) if kept else typed_values(case)
    return page(request, FORM, **_correction_context(uow, case, values))


@corrections.post("/cases/{case_id}/correction")
def resubmit(case_id: str, typed: Typed, uow: Writing) -> Response:
    """Send a returned case on again, or keep the correction as a draft."""
    case = service.case_of(uow, case_id)
    noted = notices_of(uow, matter_of(case.matter), _values(typed))
    context = _correction_context(uow, case, typed) | {"notices": noted}
    kept = service.draft_of_case(uow, case_id)
    with redisplay(FORM, **context):
        if typed.get("do") == KEEP:
            service.save_draft(uow, case.matter, _values(typed), case_id=case_id)
            return RedirectResponse("/inbox?done=kept", status_code=303)
        service.resubmit(
            uow,
            case_id,
            _values(typed),
            note=" ".join(filter(None, (typed.get("note", "").strip(), confirmation(noted)))),
            draft_id=kept.id if kept else None,
        )
        require_confirmed(noted, typed)
    return RedirectResponse(f"/cases/{case_id}?done=submitted", status_code=303)


@corrections.post("/cases/{case_id}/correction/autosave", status_code=204)
def autosave_correction(case_id: str, typed: Typed, uow: Writing) -> None:
    """What was typed so far."""
    case = service.case_of(uow, case_id)
    service.save_draft(uow, case.matter, _values(typed), case_id=case_id)
