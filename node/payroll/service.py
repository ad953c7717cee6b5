"""What can be done with runs, by verb, and what people ask of them. Others begin here."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from node.cases.queries import require_seeing
from node.core.errors import NotFound
from node.core.paging import Page, paged
from node.core.work import UnitOfWork
from node.payroll.bank import prepare_again, send
from node.payroll.compare import Comparison, Reason, compare, people_of
from node.payroll.compute import compute
from node.payroll.funding import Receipt, receipts_of, requests_of, take_receipt
from node.payroll.models import PayrollPayment, PayrollRun, RunReport
from node.payroll.proof import excess, missing
from node.payroll.rules import PaymentState, RunKind, RunState
from node.payroll.settle import settle
from node.payroll.steps import approve, cancel, review, run_of
from node.payroll.tables import payments, reports, runs

__all__ = [
    "Comparison",
    "PaymentState",
    "Reason",
    "Receipt",
    "RunKind",
    "RunState",
    "approve",
    "cancel",
    "compare",
    "compute",
    "excess",
    "missing",
    "payments_in",
    "people_of",
    "prepare_again",
    "receipts_of",
    "requests_of",
    "review",
    "run_of",
    "runs_here",
    "send",
    "settle",
    "standing",
    "take_receipt",
]


@dataclass(frozen=True, slots=True)
class Count:
    """Payments of a run in one state."""

    state: PaymentState
    people: int
    fen: int


def runs_here(uow: UnitOfWork, *, number: int = 1) -> Page[PayrollRun]:
    """The runs of this county, the newest first."""
    require_seeing(uow)
    found = select(PayrollRun).where(runs.c.county_code == str(uow.node.county))
    return paged(uow.session, found.order_by(runs.c.run_no.desc()), number=number)


def standing(uow: UnitOfWork, run: PayrollRun) -> list[Count]:
    """How the payments of a run stand, in the order of the states."""
    counted = (
        select(payments.c.state, func.count(), func.sum(payments.c.fen))
        .where(payments.c.county_code == run.county_code, payments.c.run_no == run.run_no)
        .group_by(payments.c.state)
    )
    found = {row[0]: row for row in uow.connection.execute(counted)}
    return [
        Count(state, found[state.value][1], int(found[state.value][2]))
        for state in PaymentState
        if state.value in found
    ]


def payments_in(
    uow: UnitOfWork, run: PayrollRun, *, state: str = "", number: int = 1
) -> Page[PayrollPayment]:
    """The payments of a run inside the region the person works for."""
    require_seeing(uow)
    found = select(PayrollPayment).where(
        payments.c.county_code == run.county_code,
        payments.c.run_no == run.run_no,
        payments.c.village.startswith(uow.actor.scope.prefix),
    )
    if state:
        found = found.where(payments.c.state == state)
    return paged(uow.session, found.order_by(payments.c.pay_no), number=number)


def reports_in(uow: UnitOfWork) -> Sequence[RunReport]:
    """How the runs of the region stand, by month, the newest first."""
    require_seeing(uow)
    found = select(RunReport).where(reports.c.county_code.startswith(uow.actor.scope.prefix[:6]))
    ordered = found.order_by(reports.c.month.desc(), reports.c.county_code, reports.c.run_no)
    return uow.session.scalars(ordered.limit(500)).all()


def report_of(uow: UnitOfWork, county: str, run_no: int) -> RunReport:
    """How one run stands.

    Raises:
        NotFound: nothing is known of it here.
    """
    found = uow.session.get(RunReport, (county, run_no))
    if found is None:
        raise NotFound("没有这个发放批次")
    return found
