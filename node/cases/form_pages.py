"""Pages that are filled in: a new case, a draft, the correction of a returned case.

Every form saves itself as a draft while it is typed (wuji.js posts it to `…/autosave`), and with a
button where there is no JavaScript. Pictures are kept in the draft as soon as they are chosen.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from node.attachments import service as pictures
from node.cases import service, views
from node.cases.confirming import CONFIRMED, confirmation, notices_of, require_confirmed
from node.cases.entries import require_entering
from node.cases.matter import matter_of
from node.cases.models import Case, Draft
from node.cases.papers import KINDS, attach, detach, draft_with, named_by, shown
from node.cases.queries import typed_values
from node.cases.records import read_remarks
from node.cases.typed import Chosen, Pictures, Typed
from node.core.access import record_access
from node.core.edge import Reading, Writing, page, redisplay
from node.core.errors import Invalid, NotFound
from node.core.ids import new_id
from node.core.work import UnitOfWork

SMALL = "small"


@dataclass(frozen=True, slots=True)
class Whose:
    """What a draft belongs to: a form of its own, or the correction of a case."""

    draft_id: str | None = None
    case: Case | None = None


router = APIRouter()
corrections = APIRouter()

FORM = "cases/form.html"
OURS = frozenset({"csrf_token", "draft", "do", "note", "kind", CONFIRMED})
KEEP, ATTACH, DETACH, SUBMIT = "keep", "attach", "detach:", "submit"


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
        **_papers(uow, draft_with(uow, draft_id), f"/cases/drafts/{draft_id}", typed),
    }


def _papers(
    uow: UnitOfWork, thing: Case | Draft | None, place: str, typed: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "papers": shown(uow, thing, place=place),
        "kinds": list(KINDS.items()),
        "kind": typed.get("kind", next(iter(KINDS))),
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


def _kept(
    uow: UnitOfWork, matter_code: str, typed: Mapping[str, str], chosen: Chosen, whose: Whose
) -> Response | None:
    """Keep the draft with its pictures, when the form was sent for that; None when to submit it.

    Pictures that come with a submission are kept first and shown: a submission that is refused
    would lose them.
    """
    do = typed.get("do", SUBMIT)
    if chosen.refusal is not None:
        raise chosen.refusal
    if do == SUBMIT and not chosen.pictures:
        return None
    draft = service.save_draft(
        uow, matter_code, _values(typed), draft_id=whose.draft_id, case=whose.case
    )
    if chosen.pictures:
        attach(uow, draft, chosen.pictures, kind=typed.get("kind", ""))
    elif do == ATTACH:
        raise Invalid("请先选择照片或扫描图片", field="file")
    elif do.startswith(DETACH):
        detach(uow, draft, do.removeprefix(DETACH))
    if do == KEEP:
        return RedirectResponse("/inbox?done=kept", status_code=303)
    place = f"/cases/{whose.case.id}/correction" if whose.case else f"/cases/drafts/{draft.id}"
    return RedirectResponse(f"{place}#papers", status_code=303)


@router.post("/cases/new/{code}")
def submit(code: str, typed: Typed, chosen: Pictures, uow: Writing) -> Response:
    """Send it on its way, or keep it as a draft."""
    require_entering(uow)
    draft_id = typed.get("draft") or new_id()
    noted = notices_of(uow, matter_of(code), _values(typed))
    context = _new_context(uow, code, typed, draft_id=draft_id, place=f"/cases/new/{code}")
    context["notices"] = noted
    with redisplay(FORM, **context):
        kept = _kept(uow, code, typed, chosen, Whose(draft_id))
        if kept is not None:
            return kept
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
def submit_draft(draft_id: str, typed: Typed, chosen: Pictures, uow: Writing) -> Response:
    """Send a draft on its way, or keep it."""
    found, _ = service.open_draft(uow, draft_id)
    place = f"/cases/drafts/{draft_id}"
    noted = notices_of(uow, matter_of(found.matter), _values(typed))
    context = _new_context(uow, found.matter, typed, draft_id=draft_id, place=place)
    context["notices"] = noted
    with redisplay(FORM, **context):
        kept = _kept(uow, found.matter, typed, chosen, Whose(draft_id))
        if kept is not None:
            return kept
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


@router.get("/cases/drafts/{draft_id}/attachments/{digest}")
def draft_picture(draft_id: str, digest: str, uow: Reading, size: str = "") -> Response:
    """A picture of one's own draft."""
    found, _ = service.open_draft(uow, draft_id)
    return picture_answer(uow, named_by(found, digest).hash, size=size)


def _correction_context(uow: UnitOfWork, case: Case, typed: Mapping[str, Any]) -> dict[str, Any]:
    kept = service.draft_of_case(uow, case.id)
    place = f"/cases/drafts/{kept.id}" if kept else f"/cases/{case.id}"
    return {
        **views.form_context(uow, matter_of(case.matter), typed),
        "action": f"/cases/{case.id}/correction",
        "draft_id": kept.id if kept else "",
        "others": [],
        "case": case,
        "remarks": read_remarks(case.remarks),
        "note": typed.get("note", ""),
        "notices": [],
        **_papers(uow, kept or case, place, typed),
    }


@corrections.get("/cases/{case_id}/correction")
def correction(request: Request, case_id: str, uow: Writing) -> Response:
    """The form of a returned case, to be corrected; it shows numbers in full, which is recorded."""
    require_entering(uow)
    case = service.case_of(uow, case_id)
    record_access(uow, case.id, what=f"{case.number}的完整表单", reason="补正", about="case")
    kept = service.draft_of_case(uow, case_id)
    values = service.values_of(kept) if kept else typed_values(case)
    return page(request, FORM, **_correction_context(uow, case, values))


@corrections.post("/cases/{case_id}/correction")
def resubmit(case_id: str, typed: Typed, chosen: Pictures, uow: Writing) -> Response:
    """Send a returned case on again, or keep the correction as a draft."""
    case = service.case_of(uow, case_id)
    noted = notices_of(uow, matter_of(case.matter), _values(typed))
    context = _correction_context(uow, case, typed) | {"notices": noted}
    kept = service.draft_of_case(uow, case_id)
    with redisplay(FORM, **context):
        answer = _kept(uow, case.matter, typed, chosen, Whose(case=case))
        if answer is not None:
            return answer
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
    service.save_draft(uow, case.matter, _values(typed), case=case)


@corrections.get("/cases/{case_id}/attachments/{digest}")
def case_picture(case_id: str, digest: str, uow: Writing, size: str = "") -> Response:
    """A picture of a case. In full it shows personal data, and the reading is recorded."""
    case = service.case_of(uow, case_id)
    paper = named_by(case, digest)
    if size != SMALL:
        record_access(
            uow,
            case.id,
            what=f"{case.number}的附件：{paper.title}",
            reason="办理业务",
            about="case",
        )
    return picture_answer(uow, paper.hash, size=size)


def picture_answer(uow: UnitOfWork, digest: str, *, size: str) -> Response:
    """A picture, or a small one of it. It never changes, but is kept by no browser."""
    small = size == SMALL
    content = pictures.thumbnail_of(uow, digest) if small else pictures.content_of(uow, digest)
    headers = {"Content-Disposition": f'inline; filename="{digest[:12]}.jpg"'}
    return Response(content, media_type="image/jpeg", headers=headers)
