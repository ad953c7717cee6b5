"""The end of a run: what failed for good is carried into the next one, and the run is settled."""

from sqlalchemy import func, select

from node.accounts.serials import own_county
from node.core.errors import Conflict
from node.core.money import yuan
from node.core.work import UnitOfWork
from node.identity import require
from node.payroll.bank import bank_total, count_of
from node.payroll.models import PayrollRun
from node.payroll.post import post_paid
from node.payroll.report import tell_run
from node.payroll.rules import PaymentState, RunState, check_move
from node.payroll.tables import payments, typed
from tiers import Role

_CARRY = typed("""
    UPDATE payroll_payment SET state = 'carried'
    WHERE county_code = :county AND run_no = :run AND state = 'failed'
""")

_VOID = typed("""
    UPDATE payroll_line SET is_void = 1
    WHERE county_code = :county AND run_no = :run AND is_void = 0 AND EXISTS (
        SELECT 1 FROM payroll_payment p WHERE p.county_code = :county AND p.run_no = :run
            AND p.pay_no = payroll_line.pay_no AND p.state = 'carried')
""")

_OWED_AGAIN = typed("""
    UPDATE entitlement SET owed_from = l.month
    FROM (SELECT entitlement_id, min(month) AS month FROM payroll_line
          WHERE county_code = :county AND run_no = :run AND is_void = 1 AND kind = 'pension'
          GROUP BY entitlement_id) AS l
    WHERE entitlement.county_code = :county AND entitlement.id = l.entitlement_id
        AND entitlement.owed_from > l.month
""")


def settle(uow: UnitOfWork, run_no: int) -> PayrollRun:
    """Close a run: everybody is paid, or carried into the next run as owed.

    Raises:
        Forbidden: the person keeps no accounts.
        Conflict: the bank owes an answer, money has come back, or the totals differ.
    """
    county = str(own_county(uow))
    require(uow, Role.ACCOUNTANT)
    run = uow.get(PayrollRun, county, run_no)
    check_move(RunState(run.state), RunState.SETTLED)
    open_states = (PaymentState.WAITING, PaymentState.SENT, PaymentState.UNCLEAR)
    waiting = count_of(uow, run, *open_states)
    if waiting:
        raise Conflict(f"还有 {waiting} 人没有确定的结果，不能结清", waiting=waiting)
    bounced = count_of(uow, run, PaymentState.BOUNCED)
    if bounced:
        raise Conflict(f"还有 {bounced} 人的退汇没有重发，不能结清", bounced=bounced)
    carry(uow, run)
    post_paid(uow, run)
    ours, theirs = _paid_fen(uow, run), bank_total(uow, run)
    if ours != theirs:
        raise Conflict(f"本批次已发 {yuan(ours)} 元，银行回盘合计 {yuan(theirs)} 元，不符")
    run.state, run.settled_at = RunState.SETTLED.value, uow.now
    uow.session.add(run)
    tell_run(uow, run)
    return run


def carry(uow: UnitOfWork, run: PayrollRun) -> None:
    """Give up what failed: its months are owed again and come into the next run."""
    key = {"county": run.county_code, "run": run.run_no}
    for statement in (_CARRY, _VOID, _OWED_AGAIN):
        uow.connection.execute(statement, key)


def _paid_fen(uow: UnitOfWork, run: PayrollRun) -> int:
    total = select(func.coalesce(func.sum(payments.c.fen), 0)).where(
        payments.c.county_code == run.county_code,
        payments.c.run_no == run.run_no,
        payments.c.state == PaymentState.PAID.value,
    )
    return int(uow.connection.execute(total).scalar_one())
