"""The certification round (生存认证): a list to tick at the village, with or without a network."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from node.benefits.codes import BenefitState, CertificationMethod
from node.benefits.matters_life import SurvivalCertification
from node.benefits.worklist import to_certify
from node.cases.queries import require_seeing
from node.cases.service import submit_many
from node.core.edge import Reading, Writing, page, redisplay
from node.core.errors import Invalid
from node.core.work import UnitOfWork
from tiers import Duty, Role

router = APIRouter(prefix="/benefits/certifications", include_in_schema=False)
Text = Annotated[str, Form()]

SHOWN = 200


def _context(uow: UnitOfWork) -> dict[str, Any]:
    require_seeing(uow)
    asked = to_certify(uow, uow.actor.scope).limit(SHOWN)
    may = any(
        Duty.CERTIFY_SURVIVAL in Role(role).duties for role in uow.actor.roles if role in set(Role)
    )
    return {
        "listed": [dict(row) for row in uow.connection.execute(asked).mappings()],
        "states": BenefitState,
        "methods": [(each.value, each.title) for each in CertificationMethod],
        "today": uow.today,
        "may": may,
    }


@router.get("")
def index(request: Request, uow: Reading, done: int = 0, refused: int = 0) -> Response:
    """Who has to be seen, the earliest first; whoever goes round ticks who was seen."""
    typed = {"certified_on": uow.today.isoformat(), "method": "", "people": []}
    context = _context(uow)
    return page(
        request,
        "benefits/certifications.html",
        typed=typed,
        done=done,
        refused=refused,
        **context,
    )


@router.post("")
def certify(
    uow: Writing,
    people: Annotated[list[str] | None, Form()] = None,
    certified_on: Text = "",
    method: Text = "",
) -> Response:
    """Report everybody ticked: one case each, which the county decides."""
    typed = {"certified_on": certified_on, "method": method, "people": people or []}
    context = _context(uow)
    with redisplay("benefits/certifications.html", typed=typed, done=0, refused=0, **context):
        forms = _forms(uow, context, set(people or []), certified_on, method)
        outcomes = submit_many(uow, SurvivalCertification.code, forms)
    refused = sum(1 for each in outcomes if each.refusal is not None)
    done = len(outcomes) - refused
    return RedirectResponse(
        f"/benefits/certifications?done={done}&refused={refused}", status_code=303
    )


def _forms(
    uow: UnitOfWork, context: dict[str, Any], ticked: set[str], certified_on: str, method: str
) -> list[dict[str, Any]]:
    try:
        day = date.fromisoformat(certified_on.strip())
    except ValueError as error:
        raise Invalid("请填写日期，例如 2026-03-05", field="certified_on") from error
    if not method:
        raise Invalid("请选择认证方式", field="method")
    if not ticked:
        raise Invalid("请勾选见到的人", field="people")
    return [
        {
            "name": row["name"],
            "citizen_number": row["citizen_number"],
            "village": row["village"],
            "certified_on": day.isoformat(),
            "method": method,
            "seen_by": uow.actor.name,
        }
        for row in context["listed"]
        if row["id"] in ticked
    ]
