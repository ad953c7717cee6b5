"""What the pages of payroll show: the month's steps, a run as a whole, how counties stand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select

from node.benefits.rules import next_month
from node.cases.queries import require_seeing
from node.cases.steps import holidays
from node.cases.working_days import days_left
from node.core.errors import Invalid
from node.core.work import UnitOfWork
from node.payroll import service
from node.payroll.calendar import pay_day, steps
from node.payroll.models import PayrollRun, RunReport
from node.payroll.rules import ORDER, Payer, PaymentState, RunKind, RunState, Step
from node.payroll.tables import reports, runs
from tiers import Duty, Level, Role

PPM = 1_000_000
SHOWN = 100
"""Rates are cut to hundredths of a per cent: what is not whole is never shown as 100 %."""


@dataclass(frozen=True, slots=True)
class StepRow:
    """A step of a month: its latest day, whether it is done, how many working days are left."""

    step: Step
    is_done: bool
    left: int


def duties(uow: UnitOfWork) -> dict[str, bool]:
    """What the person may do with a run."""
    held = {duty for role in uow.actor.roles if role in set(Role) for duty in Role(role).duties}
    here = uow.level is Level.COUNTY
    return {
        "computes": here and Duty.COMPUTE_PAYROLL in held,
        "reviews": here and Duty.REVIEW_PAYROLL in held,
        "approves": here and Duty.APPROVE in held,
        "accounts": here and uow.actor.holds(Role.ACCOUNTANT),
    }


def regular_of(uow: UnitOfWork, month: date) -> PayrollRun | None:
    """The regular run of a month of this county, unless it was given up."""
    found = select(PayrollRun).where(
        runs.c.county_code == str(uow.node.county),
        runs.c.month == month,
        runs.c.kind == RunKind.REGULAR.value,
        runs.c.state != RunState.CANCELLED.value,
    )
    return uow.session.scalars(found).first()


def month_steps(uow: UnitOfWork, month: date) -> list[StepRow]:
    """The steps of a month with what is done; empty where no calendar has arrived."""
    try:
        listed = steps(uow, month)
    except Invalid:
        return []
    run = regular_of(uow, month)
    reached = ORDER.index(RunState(run.state)) if run else -1
    off = holidays(uow)
    return [
        StepRow(step, ORDER.index(step.state) <= reached, days_left(step.latest, uow.today, off))
        for step in listed
    ]


@dataclass(frozen=True, slots=True)
class CountyRow:
    """A county's month: on time = paid by the pay day ÷ due, in full = fen paid ÷ fen due."""

    report: RunReport
    on_time_ppm: int | None
    full_ppm: int | None


def county_rows(uow: UnitOfWork, month: date | None = None) -> tuple[date | None, list[CountyRow]]:
    """How the counties of the region stand in a month, the newest when none is named."""
    require_seeing(uow)
    prefix = uow.actor.scope.prefix[:6]
    inside = reports.c.county_code.startswith(prefix)
    newest = select(reports.c.month).where(inside).order_by(reports.c.month.desc()).limit(1)
    asked = month or uow.connection.execute(newest).scalar()
    if asked is None:
        return None, []
    found = select(RunReport).where(inside, reports.c.month == asked)
    ordered = found.order_by(reports.c.county_code, reports.c.run_no)
    return asked, [_county_row(report) for report in uow.session.scalars(ordered)]


def _county_row(report: RunReport) -> CountyRow:
    on_time = _rate(report.on_time_people, report.people)
    full = _rate(report.paid_fen, report.fen)
    return CountyRow(report, on_time, full)


def _rate(part: int, whole: int) -> int | None:
    return part * PPM // whole // SHOWN * SHOWN if whole else None


def months_known(uow: UnitOfWork) -> Sequence[date]:
    """Months of which anything is known, the newest first."""
    prefix = uow.actor.scope.prefix[:6]
    found = select(reports.c.month).where(reports.c.county_code.startswith(prefix)).distinct()
    return uow.connection.execute(found.order_by(reports.c.month.desc()).limit(12)).scalars().all()


def run_context(uow: UnitOfWork, run_no: int) -> dict[str, Any]:
    """Everything the page of a run shows."""
    require_seeing(uow)
    run = service.run_of(uow, run_no)
    state = RunState(run.state)
    working = state in {RunState.COMPUTED, RunState.REVIEWED}
    return {
        "run": run,
        "state": state,
        "kind": RunKind(run.kind),
        "found": service.compare(uow, run),
        "missing": service.missing(uow, run),
        "excess": service.excess(uow, run) if working else 0,
        "counts": service.standing(uow, run),
        "requests": service.requests_of(uow, run),
        "receipts": service.receipts_of(uow, run),
        "payers": {payer.value: payer.title for payer in Payer},
        "parts": PARTS,
        "today": uow.today,
        **duties(uow),
    }


PARTS: Mapping[str, str] = {
    "base": "基础养老金",
    "city": "市级提高部分",
    "county": "县级提高部分",
    "years": "年限加发",
    "age": "高龄加发",
    "account": "个人账户养老金",
    "makeup": "个人账户支完后的养老金",
    "refund": "个人账户余额",
    "funeral": "丧葬补助金",
}

CHIPS = {
    PaymentState.WAITING: "other",
    PaymentState.SENT: "wait",
    PaymentState.PAID: "done",
    PaymentState.FAILED: "bad",
    PaymentState.UNCLEAR: "wait",
    PaymentState.BOUNCED: "bad",
    PaymentState.CARRIED: "wait",
    PaymentState.KEPT: "done",
}


def next_month_to_run(uow: UnitOfWork) -> date:
    """The month somebody would compute now: this one, unless it has been run."""
    month = uow.today.replace(day=1)
    return next_month(month) if regular_of(uow, month) else month


def pay_day_or_none(uow: UnitOfWork, month: date) -> date | None:
    """The pay day of a month, where a calendar has arrived."""
    try:
        return pay_day(uow, month)
    except Invalid:
        return None
