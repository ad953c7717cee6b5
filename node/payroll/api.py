"""Runs for programs. Amounts are integer fen, months the first day of the month."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, BeforeValidator, ConfigDict

from node.cases.queries import require_seeing
from node.core.edge import Reading, Writing
from node.core.errors import Invalid
from node.payroll import service
from node.payroll.models import PayrollRun
from node.payroll.rules import RunKind

router = APIRouter(prefix="/api/payroll", tags=["payroll"])


def read_month(text: object) -> date:
    """A month as people and programs write it: `2026-03`.

    Raises:
        Invalid: it is none.
    """
    try:
        return date.fromisoformat(f"{str(text).strip()[:7]}-01")
    except ValueError as error:
        raise Invalid("请填写月份，例如 2026-03", field="month") from error


Month = Annotated[date, BeforeValidator(read_month)]


class NewRun(BaseModel):
    """Which month to compute."""

    month: Month
    kind: RunKind = RunKind.REGULAR


class Reviewed(BaseModel):
    """The reviewer's word on what no reason explains."""

    explanation: str = ""


class Arrived(BaseModel):
    """Money that arrived from a payer."""

    payer: str
    fen: int
    arrived_on: date
    reference: str


class Sent(BaseModel):
    """Which bank gets the list."""

    bank: str


class RunOut(BaseModel):
    """A run."""

    model_config = ConfigDict(from_attributes=True)

    run_no: int
    month: date
    kind: str
    state: str
    pay_day: date
    people: int
    lines: int
    fen: int
    offset_fen: int
    frozen_hash: str
    computed_by_name: str
    reviewed_by_name: str
    approved_by_name: str


def _out(run: PayrollRun) -> RunOut:
    return RunOut.model_validate(run)


@router.get("/runs")
def runs(uow: Reading, number: int = 1) -> list[RunOut]:
    """The runs of this county, the newest first."""
    return [_out(run) for run in service.runs_here(uow, number=number).items]


@router.post("/runs", status_code=201)
def compute(uow: Writing, new: NewRun) -> RunOut:
    """Compute a run (编制), or compute it again."""
    return _out(service.compute(uow, new.month, kind=new.kind))


@router.get("/runs/{run_no}")
def show(uow: Reading, run_no: int) -> dict[str, Any]:
    """A run with its comparison, its money and where everybody's payment stands."""
    require_seeing(uow)
    run = service.run_of(uow, run_no)
    found = service.compare(uow, run)
    return {
        "run": _out(run).model_dump(mode="json"),
        "missing": service.missing(uow, run),
        "changes": {each.reason.value: each.people for each in found.changes},
        "unexplained": found.unexplained,
        "payments": {each.state.value: each.people for each in service.standing(uow, run)},
        "funding": [
            {"payer": each.payer, "fen": each.fen, "arrived_fen": each.arrived_fen}
            for each in service.requests_of(uow, run)
        ],
    }


@router.post("/runs/{run_no}/review")
def review(uow: Writing, run_no: int, body: Reviewed) -> RunOut:
    """Review a run (复核)."""
    return _out(service.review(uow, run_no, explanation=body.explanation))


@router.post("/runs/{run_no}/approval")
def approve(uow: Writing, run_no: int) -> RunOut:
    """Approve and freeze a run (审批)."""
    return _out(service.approve(uow, run_no))


@router.post("/runs/{run_no}/cancellation")
def cancel(uow: Writing, run_no: int) -> RunOut:
    """Give up a run that is not approved."""
    return _out(service.cancel(uow, run_no))


@router.post("/runs/{run_no}/receipts")
def receive(uow: Writing, run_no: int, body: Arrived) -> RunOut:
    """Record money that arrived (资金到账)."""
    receipt = service.Receipt(body.payer, body.fen, body.arrived_on, body.reference)
    return _out(service.take_receipt(uow, run_no, receipt))


@router.post("/runs/{run_no}/sending")
def send(uow: Writing, run_no: int, body: Sent) -> RunOut:
    """Give the list to a bank (报盘)."""
    return _out(service.send(uow, run_no, bank_code=body.bank))


@router.post("/runs/{run_no}/preparation")
def prepare(uow: Writing, run_no: int) -> dict[str, int]:
    """Let what failed wait again, to the cards now on record."""
    return {"people": service.prepare_again(uow, run_no)}


@router.post("/runs/{run_no}/settlement")
def settle(uow: Writing, run_no: int) -> RunOut:
    """Settle a run (结清)."""
    return _out(service.settle(uow, run_no))
