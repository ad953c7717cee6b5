"""Pages: what is in force, every bulletin, one with who has acknowledged it, a draft."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from node.core.edge import Reading, Writing, page, redisplay
from node.core.errors import Invalid
from node.core.work import UnitOfWork
from node.policy import forms, issuing, service
from node.policy.bodies import BODIES
from node.policy.controls import parse_day
from node.policy.models import Bulletin, Withdrawal
from tiers import Level, RegionCode, RegionError

router = APIRouter(prefix="/policy", include_in_schema=False)

KINDS = [(kind, body.title) for kind, body in BODIES.items()]


def _may_issue(uow: UnitOfWork) -> list[tuple[str, str]]:
    return [(kind, title) for kind, title in KINDS if issuing.may_issue(uow, kind)]


@router.get("")
def index(request: Request, uow: Reading, region: str = "", on: str = "") -> Response:
    """What is in force at a place on a day, since when, and what will change."""
    place, day, problems = uow.node, uow.today, {}
    try:
        place = RegionCode(region) if region.strip() else uow.node
    except RegionError:
        problems["region"] = "地区代码是 12 位数字，例如 410122000000"
    try:
        day = parse_day(on, "on") if on.strip() else uow.today
    except Invalid as problem:
        problems["on"] = problem.message
    return page(
        request,
        "policy/in_force.html",
        region=region or str(uow.node),
        on=on or uow.today.isoformat(),
        place=place,
        day=day,
        problem=next(iter(problems.values()), ""),
        standing=service.standing(uow, place, day),
        say=lambda body: forms.in_words(body)[:4],
        lines=lambda body: len(forms.in_words(body)),
        may_draft=bool(_may_issue(uow)),
    )


@router.get("/all")
def listed(request: Request, uow: Reading, kind: str = "") -> Response:
    """Every bulletin, newest first: the whole history."""
    bulletins = service.listed(uow, kind=kind)
    current = {
        found.bulletin.id
        for each in service.standing(uow, uow.node, uow.today)
        for found in (each.main, *each.added)
        if found is not None
    }
    return page(
        request,
        "policy/index.html",
        bulletins=bulletins,
        current=current,
        withdrawn=service.withdrawals(uow),
        today=uow.today,
        counts=service.acknowledgement_counts(uow),
        kinds=KINDS,
        kind=kind,
        titles=dict(KINDS),
        may_draft=bool(_may_issue(uow)),
    )


@router.get("/new")
def new(request: Request, uow: Reading, kind: str = "", after: str = "") -> Response:
    """A draft's form; the kind is chosen first, since the rest depends on it.

    `after` is the bulletin the new one shall replace: its values are the start.
    """
    typed: dict[str, str] = {}
    old = uow.session.get(Bulletin, after) if after else None
    if old is not None:
        kind = old.kind
        typed = {**forms.typed_values(service.body_of(old)), "supersedes": old.id}
    return page(request, "policy/new.html", **_form_context(uow, kind, typed))


def _form_context(
    uow: UnitOfWork, kind: str, typed: Mapping[str, Any], *, bulletin: Bulletin | None = None
) -> dict[str, Any]:
    known = kind if kind in BODIES else ""
    replaceable = [
        (old.id, f"{old.number} {old.title}")
        for old in (service.listed(uow, kind=known) if known else [])
        if old.status == "published" and old.region == str(uow.node)
    ]
    return {
        "kind": known,
        "kind_title": dict(KINDS).get(known, ""),
        "kinds": _may_issue(uow),
        "fields": forms.fields_of(known),
        "replaceable": [("", "不替代"), *replaceable],
        "action": f"/policy/{bulletin.id}/draft" if bulletin else "/policy/new",
        "typed": {"effective_from": uow.today.isoformat(), **typed},
    }


async def typed_form(request: Request) -> dict[str, str]:
    """Everything typed, whatever the kind's fields are."""
    return {name: str(value) for name, value in (await request.form()).items()}


Typed = Annotated[dict[str, str], Depends(typed_form)]


@router.post("/new")
def draft(typed: Typed, uow: Writing) -> Response:
    """Enter a draft."""
    kind = typed.get("kind", "")
    with redisplay("policy/new.html", **_form_context(uow, kind, typed)):
        bulletin = issuing.draft(uow, _read_draft(kind, typed))
    return RedirectResponse(f"/policy/{bulletin.id}", status_code=303)


def _read_draft(kind: str, typed: Mapping[str, str]) -> issuing.Draft:
    ends = typed.get("effective_to", "").strip()
    return issuing.Draft(
        number=typed.get("number", ""),
        kind=kind,
        title=typed.get("title", ""),
        effective_from=parse_day(typed.get("effective_from", ""), "effective_from"),
        effective_to=parse_day(ends, "effective_to") if ends else None,
        body=forms.read_body(kind, typed),
        text=typed.get("text", ""),
        supersedes=typed.get("supersedes") or None,
    )


@router.get("/{bulletin_id}/draft")
def take_up(request: Request, bulletin_id: str, uow: Reading) -> Response:
    """A draft taken up again."""
    bulletin = uow.get(Bulletin, bulletin_id)
    typed = {
        **forms.typed_values(service.body_of(bulletin)),
        "number": bulletin.number,
        "title": bulletin.title,
        "text": bulletin.text,
        "supersedes": bulletin.supersedes or "",
        "effective_from": bulletin.effective_from.isoformat(),
        "effective_to": bulletin.effective_to.isoformat() if bulletin.effective_to else "",
    }
    context = _form_context(uow, bulletin.kind, typed, bulletin=bulletin)
    return page(request, "policy/new.html", **context)


@router.post("/{bulletin_id}/draft")
def redraft(bulletin_id: str, typed: Typed, uow: Writing) -> Response:
    """Correct a draft, or throw it away."""
    if typed.get("act") == "discard":
        issuing.discard(uow, bulletin_id)
        return RedirectResponse("/policy/all", status_code=303)
    bulletin = uow.get(Bulletin, bulletin_id)
    context = _form_context(uow, bulletin.kind, typed, bulletin=bulletin)
    with redisplay("policy/new.html", **context):
        issuing.redraft(uow, bulletin_id, _read_draft(bulletin.kind, typed))
    return RedirectResponse(f"/policy/{bulletin_id}", status_code=303)


@router.get("/{bulletin_id}")
def show(request: Request, bulletin_id: str, uow: Reading) -> Response:
    """One bulletin."""
    bulletin = uow.get(Bulletin, bulletin_id)
    return page(request, "policy/show.html", **_show_context(uow, bulletin))


def _show_context(uow: UnitOfWork, bulletin: Bulletin, **typed: str) -> dict[str, Any]:
    body = service.body_of(bulletin)
    old = service.predecessor(uow, bulletin)
    withdrawal = uow.session.get(Withdrawal, bulletin.id)
    issuer = bulletin.region == str(uow.node) and issuing.may_issue(uow, bulletin.kind)
    is_draft = bulletin.status != "published"
    return {
        "bulletin": bulletin,
        "kind_title": body.title,
        "words": forms.in_words(body),
        "has_cost": body.has_cost and uow.level.rank <= Level.COUNTY.rank,
        "old": old,
        "changes": forms.changes(service.body_of(old), body) if old else [],
        "withdrawal": withdrawal,
        "acknowledged": sorted(
            service.acknowledged_nodes(uow, bulletin.id).values(), key=lambda row: row.node
        ),
        "may_publish": issuer and is_draft,
        "may_replace": issuer and not is_draft,
        "may_withdraw": issuer
        and not is_draft
        and withdrawal is None
        and bulletin.published_by != uow.actor.id,
        "own_draft": bulletin.drafted_by == uow.actor.id and bulletin.status == "draft",
        "typed": {"holds_until": uow.today.isoformat(), "reason": "", **typed},
    }


@router.post("/{bulletin_id}/check")
def check(bulletin_id: str, uow: Writing) -> Response:
    """Stand for a draft as the second person."""
    issuing.check(uow, bulletin_id)
    return RedirectResponse(f"/policy/{bulletin_id}", status_code=303)


@router.post("/{bulletin_id}/publication")
def publish(bulletin_id: str, uow: Writing) -> Response:
    """Publish."""
    issuing.publish(uow, bulletin_id)
    return RedirectResponse(f"/policy/{bulletin_id}", status_code=303)


@router.post("/{bulletin_id}/withdrawal")
def withdraw(bulletin_id: str, typed: Typed, uow: Writing) -> Response:
    """End a published bulletin before its time."""
    bulletin = uow.get(Bulletin, bulletin_id)
    until, reason = typed.get("holds_until", ""), typed.get("reason", "")
    context = _show_context(uow, bulletin, holds_until=until, reason=reason)
    with redisplay("policy/show.html", **context):
        day = parse_day(until, "holds_until")
        issuing.withdraw(uow, bulletin_id, holds_until=day, reason=reason)
    return RedirectResponse(f"/policy/{bulletin_id}", status_code=303)
