"""Pages: what is in force, one bulletin with who has acknowledged it, a new draft."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from node.core.edge import Reading, Writing, page, redisplay
from node.core.errors import Invalid
from node.core.work import UnitOfWork
from node.policy import forms, service
from node.policy.bodies import BODIES
from node.policy.models import Bulletin
from tiers import Level, Role

router = APIRouter(prefix="/policy", include_in_schema=False)

KINDS = [(kind, body.title) for kind, body in BODIES.items()]


def _may_draft(uow: UnitOfWork) -> bool:
    return uow.level is Level.PROVINCE and uow.actor.holds(Role.POLICY_OFFICER)


@router.get("")
def index(request: Request, uow: Reading, kind: str = "") -> Response:
    """Bulletins, newest first, and what is in force today."""
    bulletins = service.listed(uow, kind=kind)
    current = {
        found.bulletin.id
        for name in BODIES
        if (found := service.in_force(uow, name, uow.node, uow.today))
    }
    return page(
        request,
        "policy/index.html",
        bulletins=bulletins,
        current=current,
        counts=service.acknowledgement_counts(uow),
        kinds=KINDS,
        kind=kind,
        titles=dict(KINDS),
        may_draft=_may_draft(uow),
    )


@router.get("/new")
def new(request: Request, uow: Reading, kind: str = "") -> Response:
    """A draft's form; the kind is chosen first, since the rest depends on it."""
    return page(request, "policy/new.html", **_form_context(kind, {}, uow.today))


def _form_context(kind: str, typed: Mapping[str, Any], today: date) -> dict[str, Any]:
    known = kind if kind in BODIES else ""
    return {
        "kind": known,
        "kind_title": dict(KINDS).get(known, ""),
        "kinds": KINDS,
        "fields": forms.fields_of(known),
        "typed": {"effective_from": today.isoformat(), **typed},
    }


def _day(text: str, field: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError as error:
        raise Invalid("请填写日期，例如 2026-01-01", field=field) from error


async def typed_form(request: Request) -> dict[str, str]:
    """Everything typed, whatever the kind's fields are."""
    return {name: str(value) for name, value in (await request.form()).items()}


Typed = Annotated[dict[str, str], Depends(typed_form)]


@router.post("/new")
def draft(typed: Typed, uow: Writing) -> Response:
    """Enter a draft."""
    kind = typed.get("kind", "")
    with redisplay("policy/new.html", **_form_context(kind, typed, uow.today)):
        bulletin = service.draft(uow, _read_draft(kind, typed))
    return RedirectResponse(f"/policy/{bulletin.id}", status_code=303)


def _read_draft(kind: str, typed: Mapping[str, str]) -> service.Draft:
    ends = typed.get("effective_to", "").strip()
    return service.Draft(
        number=typed.get("number", ""),
        kind=kind,
        title=typed.get("title", ""),
        effective_from=_day(typed.get("effective_from", ""), "effective_from"),
        effective_to=_day(ends, "effective_to") if ends else None,
        body=forms.read_body(kind, typed),
        text=typed.get("text", ""),
    )


@router.get("/{bulletin_id}")
def show(request: Request, bulletin_id: str, uow: Reading) -> Response:
    """One bulletin."""
    bulletin = uow.get(Bulletin, bulletin_id)
    return page(request, "policy/show.html", **_show_context(uow, bulletin))


def _show_context(uow: UnitOfWork, bulletin: Bulletin) -> dict[str, Any]:
    body = service.body_of(bulletin)
    return {
        "bulletin": bulletin,
        "kind_title": body.title,
        "words": forms.in_words(body),
        "acknowledged": sorted(
            service.acknowledged_nodes(uow, bulletin.id).values(), key=lambda row: row.node
        ),
        "may_publish": _may_draft(uow) and bulletin.status == "draft",
        "own_draft": bulletin.drafted_by == uow.actor.id,
    }


@router.post("/{bulletin_id}/publication")
def publish(bulletin_id: str, uow: Writing) -> Response:
    """Publish."""
    service.publish(uow, bulletin_id)
    return RedirectResponse(f"/policy/{bulletin_id}", status_code=303)
