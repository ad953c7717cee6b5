"""Review, approve and cancel a run. Three people: who computed, who reviews, who approves."""

import hashlib
from collections.abc import Iterator
from datetime import date

from sqlalchemy import delete, select

from node.accounts.serials import own_county
from node.benefits.rules import next_month
from node.core.errors import Conflict, Invalid
from node.core.work import UnitOfWork
from node.identity import refuse_same_person, require_duty
from node.payroll.compare import compare
from node.payroll.forecast import keep_forecast
from node.payroll.funding import make_requests
from node.payroll.models import PayrollRun
from node.payroll.proof import excess, missing
from node.payroll.report import tell_run
from node.payroll.rules import RunKind, RunState, check_move
from node.payroll.tables import lines, payments, typed
from tiers import Duty

HASHED_ROWS = 10_000

_PAID_THROUGH = typed("""
    UPDATE entitlement SET owed_from = :next
    WHERE county_code = :county AND owed_from < :next AND EXISTS (
        SELECT 1 FROM payroll_line l WHERE l.county_code = :county AND l.run_no = :run
            AND l.entitlement_id = entitlement.id AND l.kind = 'pension')
""")


def run_of(uow: UnitOfWork, run_no: int) -> PayrollRun:
    """One run of this county.

    Raises:
        Forbidden: this node is no county.
        NotFound: there is no such run.
    """
    return uow.get(PayrollRun, str(own_county(uow)), run_no)


def _done(run: PayrollRun) -> Iterator[tuple[str, Duty]]:
    yield run.computed_by, Duty.COMPUTE_PAYROLL
    if run.reviewed_by:
        yield run.reviewed_by, Duty.REVIEW_PAYROLL


def review(uow: UnitOfWork, run_no: int, *, explanation: str = "") -> PayrollRun:
    """Pass a run on to approval (复核). What is unexplained needs the reviewer's own word.

    Raises:
        Forbidden: the post does not review, or the person computed it.
        Conflict: it is not there to be reviewed, or has changed since it was computed.
        Invalid: somebody is paid more or less than last month and nobody says why.
    """
    run = run_of(uow, run_no)
    require_duty(uow, Duty.REVIEW_PAYROLL)
    refuse_same_person(uow, Duty.REVIEW_PAYROLL, _done(run))
    check_move(RunState(run.state), RunState.REVIEWED)
    _refuse_stale(uow, run)
    unexplained = compare(uow, run).unexplained
    if unexplained and not explanation.strip():
        raise Invalid(f"有 {unexplained} 人的变动没有查明原因，请核实后写明", field="explanation")
    run.state = RunState.REVIEWED.value
    run.reviewed_by, run.reviewed_by_name, run.reviewed_at = uow.actor.id, uow.actor.name, uow.now
    run.explanation = explanation.strip()
    uow.session.add(run)
    return run


def approve(uow: UnitOfWork, run_no: int) -> PayrollRun:
    """Approve a run (审批): it is frozen with its hash, and the money is asked for.

    Raises:
        Forbidden: the post does not approve, or the person computed or reviewed it.
        Conflict: it is not there to be approved, or has changed since it was computed.
        Invalid: a bulletin about shares is missing.
    """
    run = run_of(uow, run_no)
    require_duty(uow, Duty.APPROVE)
    refuse_same_person(uow, Duty.APPROVE, _done(run))
    check_move(RunState(run.state), RunState.APPROVED)
    _refuse_stale(uow, run)
    run.frozen_hash = content_hash(uow, run)
    run.state = RunState.APPROVED.value
    run.approved_by, run.approved_by_name, run.approved_at = uow.actor.id, uow.actor.name, uow.now
    uow.session.add(run)
    make_requests(uow, run)
    given = {"county": run.county_code, "run": run.run_no, "next": next_month(run.month)}
    uow.connection.execute(_PAID_THROUGH, given)
    tell_run(uow, run)
    if run.kind == RunKind.REGULAR:
        keep_forecast(uow, run.month)
    return run


def _refuse_stale(uow: UnitOfWork, run: PayrollRun) -> None:
    """A death, a suspension or a claim since the computing: the list has to be made again."""
    left_out, too_much = missing(uow, run), excess(uow, run)
    if left_out or too_much:
        raise Conflict(
            f"编制以后情况有变：{left_out} 人应发未列入，{too_much} 人不应再发，请重新编制",
            missing=left_out,
            excess=too_much,
        )


def cancel(uow: UnitOfWork, run_no: int) -> PayrollRun:
    """Give up a run that is not approved yet; its months are owed as before.

    Raises:
        Forbidden: the post neither computes nor reviews payroll.
        Conflict: it is approved already.
    """
    run = run_of(uow, run_no)
    if run.state == RunState.REVIEWED:
        require_duty(uow, Duty.APPROVE)
    else:
        require_duty(uow, Duty.COMPUTE_PAYROLL)
    check_move(RunState(run.state), RunState.CANCELLED)
    for table in (payments, lines):
        uow.connection.execute(
            delete(table).where(
                table.c.county_code == run.county_code, table.c.run_no == run.run_no
            )
        )
    run.state = RunState.CANCELLED.value
    uow.session.add(run)
    return run


def content_hash(uow: UnitOfWork, run: PayrollRun) -> str:
    """SHA-256 over every line and payment of a run, in order: what was approved is what is sent.

    What the bank answers later (states, dates) is not part of it, nor is a card that is corrected.
    """
    digest = hashlib.sha256()
    for row in _hashed(uow, run):
        digest.update(row.encode())
    return digest.hexdigest()


def _hashed(uow: UnitOfWork, run: PayrollRun) -> Iterator[str]:
    line = lines.c
    listed = (
        select(
            line.line_no,
            line.pay_no,
            line.entitlement_id,
            line.kind,
            line.month,
            line.instalment,
            line.base_fen,
            line.city_fen,
            line.county_fen,
            line.years_fen,
            line.age_fen,
            line.account_fen,
            line.fen,
        )
        .where(line.county_code == run.county_code, line.run_no == run.run_no)
        .order_by(line.line_no)
    )
    paid = payments.c
    people = (
        select(paid.pay_no, paid.entitlement_id, paid.due_fen, paid.offset_fen, paid.fen)
        .where(paid.county_code == run.county_code, paid.run_no == run.run_no)
        .order_by(paid.pay_no)
    )
    for statement in (listed, people):
        found = uow.connection.execute(statement)
        while rows := found.fetchmany(HASHED_ROWS):
            yield "".join("|".join(map(_word, row)) + "\n" for row in rows)


def _word(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)
