"""Pages: the month at a glance, a run from the list to the books, who got what."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel

from node.banking.service import banks
from node.cases.queries import require_seeing
from node.core.edge import Reading, Writing, page, redisplay
from node.core.errors import Invalid
from node.core.money import parse_yuan
from node.core.work import UnitOfWork
from node.payroll import desk, printed, service
from node.payroll.alerts import alerts
from node.payroll.api import read_month
from node.payroll.compare import Reason
from node.payroll.rules import ORDER, PaymentState, RunKind, RunState
from tiers import Level

router = APIRouter(prefix="/payroll", include_in_schema=False)
Text = Annotated[str, Form()]


def _index_context(uow: UnitOfWork, month: str = "") -> dict[str, Any]:
    require_seeing(uow)
    asked, counties = desk.county_rows(uow, read_month(month) if month else None)
    context: dict[str, Any] = {
        "keeps": uow.level is Level.COUNTY,
        "per_person": uow.node.county is not None,
        "month": asked,
        "months": desk.months_known(uow),
        "counties": counties,
        "alerts": alerts(uow),
        "states": RunState,
        "kinds": RunKind,
        **desk.duties(uow),
    }
    if uow.level is Level.COUNTY:
        to_run = desk.next_month_to_run(uow)
        this_month = uow.today.replace(day=1)
        context |= {
            "runs": service.runs_here(uow),
            "to_run": to_run.isoformat()[:7],
            "steps": desk.month_steps(uow, this_month),
            "this_month": this_month,
            "pay_day": desk.pay_day_or_none(uow, this_month),
        }
    return context


@router.get("")
def index(request: Request, uow: Reading, month: str = "", number: int = 1) -> Response:
    """The month: its steps and days at a county, the counties' rates above it."""
    context = _index_context(uow, month)
    if uow.level is Level.COUNTY:
        context["runs"] = service.runs_here(uow, number=number)
    return page(request, "payroll/index.html", typed={"month": "", "kind": ""}, **context)


@router.post("/runs")
def compute(uow: Writing, month: Text = "", kind: Text = RunKind.REGULAR.value) -> Response:
    """Compute a run."""
    typed = {"month": month, "kind": kind}
    with redisplay("payroll/index.html", typed=typed, **_index_context(uow)):
        run = service.compute(uow, read_month(month), kind=RunKind(kind))
    return RedirectResponse(f"/payroll/runs/{run.run_no}", status_code=303)


def _run_context(uow: UnitOfWork, run_no: int) -> dict[str, Any]:
    choices = [(code, bank.title) for code, bank in banks().items()]
    return {
        **desk.run_context(uow, run_no),
        "banks": choices,
        "chips": desk.CHIPS,
        "reasons": Reason,
        "order": ORDER,
    }


@router.get("/runs/{run_no}")
def show(request: Request, uow: Reading, run_no: int) -> Response:
    """A run: what changed, who pays, where everybody's money is, and what is to be done next."""
    return page(request, "payroll/run.html", typed=Did(), **_run_context(uow, run_no))


class Did(BaseModel):
    """What was typed into one of the forms of a run."""

    explanation: str = ""
    payer: str = ""
    amount: str = ""
    arrived_on: str = ""
    reference: str = ""
    bank: str = ""


@router.post("/runs/{run_no}/{step}")
def take_step(uow: Writing, run_no: int, step: str, typed: Annotated[Did, Form()]) -> Response:
    """The next step of a run."""
    with redisplay("payroll/run.html", typed=typed, **_run_context(uow, run_no)):
        _step(uow, run_no, step, typed)
    return RedirectResponse(f"/payroll/runs/{run_no}", status_code=303)


def _step(uow: UnitOfWork, run_no: int, step: str, typed: Did) -> None:
    match step:
        case "review":
            service.review(uow, run_no, explanation=typed.explanation)
        case "approval":
            service.approve(uow, run_no)
        case "cancellation":
            service.cancel(uow, run_no)
        case "receipts":
            service.take_receipt(uow, run_no, _receipt(uow, typed))
        case "sending":
            service.send(uow, run_no, bank_code=typed.bank)
        case "preparation":
            service.prepare_again(uow, run_no)
        case "settlement":
            service.settle(uow, run_no)
        case _:
            raise Invalid("没有这一步", field="step")


def _receipt(uow: UnitOfWork, typed: Did) -> service.Receipt:
    try:
        arrived = date.fromisoformat(typed.arrived_on) if typed.arrived_on else uow.today
    except ValueError as error:
        raise Invalid("请填写日期，例如 2026-03-05", field="arrived_on") from error
    fen = parse_yuan(typed.amount, field="amount")
    return service.Receipt(typed.payer, fen, arrived, typed.reference)


@router.get("/runs/{run_no}/payments")
def payments(
    request: Request,
    uow: Reading,
    run_no: int,
    state: str = "",
    page_number: Annotated[int, Query(alias="page")] = 1,
) -> Response:
    """Who gets what in a run, and what the bank said."""
    run = service.run_of(uow, run_no)
    listed = service.payments_in(uow, run, state=state, number=page_number)
    return page(
        request,
        "payroll/payments.html",
        run=run,
        listed=listed,
        state=state,
        states=PaymentState,
        chips=desk.CHIPS,
        counts=service.standing(uow, run),
        reasons=printed.bank_reasons(run),
    )


@router.get("/runs/{run_no}/changes/{reason}")
def changes(request: Request, uow: Reading, run_no: int, reason: Reason) -> Response:
    """The people behind one reason of the comparison."""
    require_seeing(uow)
    run = service.run_of(uow, run_no)
    people = service.people_of(uow, run, reason)
    return page(request, "payroll/changes.html", run=run, reason=reason, people=people)


@router.get("/runs/{run_no}/list.pdf")
def list_pdf(request: Request, uow: Reading, run_no: int) -> Response:
    """The list to sign (待遇发放明细表)."""
    run = service.run_of(uow, run_no)
    content = printed.payment_list(uow, run, request.app.state.node.places)
    head = {"Content-Disposition": f'inline; filename="payroll-{run_no}.pdf"'}
    return Response(content, media_type="application/pdf", headers=head)
