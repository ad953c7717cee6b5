"""待遇调整: bulletins that reach back, and the pensions they change."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlmodel import col, select

from node.benefits import service
from node.benefits.models import RateChange
from node.cases.queries import require_seeing
from node.core.edge import Reading, Writing, page, redisplay
from node.core.work import UnitOfWork
from node.policy.models import Bulletin
from tiers import Level, Role

router = APIRouter(prefix="/benefits/adjustments", include_in_schema=False)
Text = Annotated[str, Form()]

KINDS = ("base_pension", "years_supplement", "age_supplement")
SHOWN = 50


def _context(uow: UnitOfWork) -> dict[str, Any]:
    require_seeing(uow)
    county = str(uow.node.county or uow.node)
    changes = select(RateChange).where(RateChange.county_code == county)
    bulletins = select(Bulletin).where(
        Bulletin.status == "published", col(Bulletin.kind).in_(KINDS)
    )
    ordered = bulletins.order_by(col(Bulletin.effective_from).desc())
    return {
        "changes": uow.session.exec(
            changes.order_by(col(RateChange.version).desc()).limit(SHOWN)
        ).all(),
        "bulletins": uow.session.exec(ordered.limit(SHOWN)).all(),
        "may": uow.level is Level.COUNTY and uow.actor.holds(Role.APPROVER),
    }


@router.get("")
def index(request: Request, uow: Reading, done: int | None = None) -> Response:
    """The documents that set amounts, and what was changed by them here."""
    typed = {"from_month": "", "reason": ""}
    return page(request, "benefits/adjustments.html", typed=typed, done=done, **_context(uow))


@router.post("")
def adjust(uow: Writing, from_month: Text = "", reason: Text = "") -> Response:
    """Bring every pension to the standards in force from a month on."""
    typed = {"from_month": from_month, "reason": reason}
    with redisplay("benefits/adjustments.html", typed=typed, done=None, **_context(uow)):
        changed = service.change_rates(uow, from_month=from_month, reason=reason)
    people = changed.people if changed else 0
    return RedirectResponse(f"/benefits/adjustments?done={people}", status_code=303)
