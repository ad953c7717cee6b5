"""追回: what is owed, by place and person; the plan, what came back, and the forms of both."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel

from node.core.edge import Reading, Writing, page, redisplay
from node.core.errors import Invalid
from node.core.money import parse_yuan
from node.core.work import UnitOfWork
from node.payroll import desk, recoveries
from node.payroll.recovery import agree, repay
from node.payroll.recovery_printed import agreement_pdf
from node.payroll.tables import COMPONENTS
from tiers import Level

router = APIRouter(prefix="/payroll/recoveries", include_in_schema=False)

STATES = ((recoveries.OPEN, "追回中"), (recoveries.CLOSED, "已结清"), ("all", "全部"))


@router.get("")
def index(
    request: Request,
    uow: Reading,
    state: str = recoveries.OPEN,
    page_number: Annotated[int, Query(alias="page")] = 1,
) -> Response:
    """What is still owed, by place, and the recoveries behind it."""
    return page(
        request,
        "payroll/recoveries.html",
        sums=recoveries.sums(uow),
        listed=recoveries.owed_in(uow, state="" if state == "all" else state, number=page_number),
        state=state,
        states=STATES,
        begins=uow.level is Level.COUNTY,
    )


class Typed(BaseModel):
    """What was typed into one of the two forms."""

    monthly: str = ""
    amount: str = ""
    repaid_on: str = ""
    reference: str = ""


def _context(uow: UnitOfWork, recovery_id: str) -> dict[str, Any]:
    owed = recoveries.owed_of(uow, recovery_id)
    here = uow.level is Level.COUNTY
    return {
        "owed": owed,
        "here": here,
        "months": recoveries.months_of(uow, recovery_id) if here else [],
        "back": recoveries.came_back(uow, owed) if here else [],
        "parts": [(name, desk.PARTS[name.removesuffix("_fen")]) for name in COMPONENTS],
        **desk.duties(uow),
    }


@router.get("/{recovery_id}")
def show(request: Request, uow: Reading, recovery_id: str) -> Response:
    """One recovery: its months, its plan, what came back."""
    return page(request, "payroll/recovery.html", typed=Typed(), **_context(uow, recovery_id))


@router.get("/{recovery_id}/agreement.pdf")
def agreement(request: Request, uow: Writing, recovery_id: str) -> Response:
    """The repayment agreement to sign (还款协议)."""
    content = agreement_pdf(uow, recovery_id, request.app.state.node.places)
    head = {"Content-Disposition": 'inline; filename="agreement.pdf"'}
    return Response(content, media_type="application/pdf", headers=head)


@router.post("/{recovery_id}/plan")
def plan(uow: Writing, recovery_id: str, typed: Annotated[Typed, Form()]) -> Response:
    """Agree on an instalment."""
    with redisplay("payroll/recovery.html", typed=typed, **_context(uow, recovery_id)):
        agree(uow, recovery_id, monthly_fen=parse_yuan(typed.monthly, field="monthly"))
    return RedirectResponse(f"/payroll/recoveries/{recovery_id}", status_code=303)


@router.post("/{recovery_id}/repayments")
def repayment(uow: Writing, recovery_id: str, typed: Annotated[Typed, Form()]) -> Response:
    """Record money that was paid back."""
    with redisplay("payroll/recovery.html", typed=typed, **_context(uow, recovery_id)):
        fen = parse_yuan(typed.amount, field="amount")
        day = _day(uow, typed.repaid_on)
        repay(uow, recovery_id, fen=fen, on=day, reference=typed.reference)
    return RedirectResponse(f"/payroll/recoveries/{recovery_id}", status_code=303)


def _day(uow: UnitOfWork, text: str) -> date:
    if not text.strip():
        return uow.today
    try:
        day = date.fromisoformat(text.strip())
    except ValueError as error:
        raise Invalid("请填写日期，例如 2026-03-05", field="repaid_on") from error
    if day > uow.today:
        raise Invalid("退款日期不能晚于今天", field="repaid_on")
    return day
