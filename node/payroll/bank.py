"""A run and the bank: what is given to it, what it answers, what is given to it again.

A payment stands in one live line of a batch only (`banking` and its database see to that); an
unclear one is never given again before the bank has said what became of it.
"""

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    LargeBinary,
    String,
    TextualSelect,
    func,
    select,
    update,
)

from node.accounts.serials import own_county
from node.banking.batches import bank_lines, batches
from node.banking.service import Direction, NewBatch, bank, line_problems, open_batch_from
from node.core.errors import Conflict, Invalid
from node.core.work import UnitOfWork
from node.identity import require
from node.payroll.models import PayrollRun
from node.payroll.post import book_bounced, post_paid
from node.payroll.report import tell_run
from node.payroll.rules import PaymentState, RunState
from node.payroll.steps import content_hash
from node.payroll.tables import payments, runs, typed
from node.payroll.unpaid import NO_ACCOUNT
from tiers import Role

PURPOSE = "payroll"


_NEW_CARDS = typed("""
    UPDATE payroll_payment SET state = 'waiting', reason = '', account = n.bank_account
    FROM enrolment n
    WHERE payroll_payment.county_code = :county AND payroll_payment.run_no = :run
        AND payroll_payment.state IN ('failed', 'bounced')
        AND n.county_code = :county AND n.person_id = payroll_payment.person_id
        AND n.closed_on IS NULL AND n.bank_account IS NOT NULL
""")

# A lump sum goes to whoever the end of the account names, on the card that is named there now.
_NEW_PAYEES = typed("""
    UPDATE payroll_payment SET state = 'waiting', reason = '', account = b.heir_account,
        payee = b.heir_name
    FROM benefit_end b
    WHERE payroll_payment.county_code = :county AND payroll_payment.run_no = :run
        AND payroll_payment.state IN ('failed', 'bounced')
        AND b.county_code = :county AND b.entitlement_id = payroll_payment.entitlement_id
        AND NOT b.is_revoked AND b.heir_account IS NOT NULL
""")

_WAITING = typed("""
    SELECT CAST(y.run_no AS VARCHAR) || '-' || CAST(y.pay_no AS VARCHAR) AS reference,
        y.payee AS name, p.citizen_number, y.account, y.village AS region, y.fen,
        row_number() OVER (ORDER BY y.pay_no) AS place
    FROM payroll_payment y
    JOIN person p ON p.county_code = y.county_code AND p.id = y.person_id
    WHERE y.county_code = :county AND y.run_no = :run AND y.state = 'waiting'
""")

# What the bank said last about a line is what stands with the payment.
_ANSWERS = typed("""
    UPDATE payroll_payment SET
        state = CASE a.state WHEN 'succeeded' THEN 'paid' WHEN 'failed' THEN 'failed'
            WHEN 'returned' THEN 'bounced' ELSE 'unclear' END,
        reason = a.code, paid_on = a.answered_on, bank_reference = a.bank_reference
    FROM (
        SELECT CAST(b.reference AS INTEGER) AS run_no,
            CAST(substr(l.reference, length(b.reference) + 2) AS INTEGER) AS pay_no,
            l.state, l.code, l.answered_on, l.bank_reference
        FROM bank_line l
        JOIN bank_batch b ON b.county_code = l.county_code AND b.batch_no = l.batch_no
            AND b.purpose = 'payroll'
        WHERE l.county_code = :county AND l.result_no = :result) AS a
    WHERE payroll_payment.county_code = :county AND payroll_payment.run_no = a.run_no
        AND payroll_payment.pay_no = a.pay_no
""")

_RUNS = typed("""
    SELECT DISTINCT CAST(b.reference AS INTEGER) FROM bank_line l
    JOIN bank_batch b ON b.county_code = l.county_code AND b.batch_no = l.batch_no
        AND b.purpose = 'payroll'
    WHERE l.county_code = :county AND l.result_no = :result
""")


def send(uow: UnitOfWork, run_no: int, *, bank_code: str) -> PayrollRun:
    """Give everybody who waits to the bank (报盘): the first time, and again what had failed.

    Raises:
        Forbidden: the person keeps no accounts.
        Conflict: the money is not there, the list is not the one approved, or nobody waits.
        Invalid: there is no such bank.
    """
    county = str(own_county(uow))
    require(uow, Role.ACCOUNTANT)
    run = uow.get(PayrollRun, county, run_no)
    if run.state not in {RunState.FUNDED, RunState.SENT, RunState.RETURNED}:
        raise Conflict("资金到账以后才能报送银行", state=run.state)
    if content_hash(uow, run) != run.frozen_hash:
        raise Conflict("名册与审批时的不一致，请停止发放并查明原因")
    _keep_back(uow, run, bank_code)
    batch = open_batch_from(uow, _new_batch(run, bank_code), _waiting(run))
    if batch is None:
        raise Conflict("没有等待报送的人")
    _mark(uow, run, PaymentState.WAITING, PaymentState.SENT)
    uow.connection.execute(
        update(payments)
        .where(
            payments.c.county_code == county,
            payments.c.run_no == run_no,
            payments.c.state == PaymentState.SENT.value,
        )
        .values(attempt=payments.c.attempt + 1)
    )
    run.state, run.bank = RunState.SENT.value, bank_code
    run.sent_at = run.sent_at or uow.now
    uow.session.add(run)
    tell_run(uow, run)
    return run


def _new_batch(run: PayrollRun, bank_code: str) -> NewBatch:
    return NewBatch(
        bank=bank_code,
        direction=Direction.PAY,
        purpose=PURPOSE,
        reference=str(run.run_no),
        memo=f"{run.month.year}年{run.month.month}月养老金",
    )


def _mine(run: PayrollRun, state: PaymentState) -> tuple[ColumnElement[bool], ...]:
    return (
        payments.c.county_code == run.county_code,
        payments.c.run_no == run.run_no,
        payments.c.state == state.value,
    )


def _waiting(run: PayrollRun) -> TextualSelect:
    """Who waits, in the order of the list."""
    given = {"county": run.county_code, "run": run.run_no}
    return _WAITING.bindparams(**given).columns(
        reference=String(),
        name=String(),
        citizen_number=LargeBinary(),
        account=LargeBinary(),
        region=String(),
        fen=BigInteger(),
        place=Integer(),
    )


def _keep_back(uow: UnitOfWork, run: PayrollRun, bank_code: str) -> None:
    """Whom no file can name: without an account, or with a name the bank cannot write. And who
    gets nothing because all of it is kept for a recovery.
    """
    interface = bank(bank_code)
    mine = _mine(run, PaymentState.WAITING)
    uow.connection.execute(
        update(payments)
        .where(*mine, payments.c.fen == 0)
        .values(state=PaymentState.KEPT.value, paid_on=uow.today)
    )
    uow.connection.execute(
        update(payments)
        .where(*mine, payments.c.account.is_(None))
        .values(state=PaymentState.FAILED.value, reason=NO_ACCOUNT)
    )
    listed = select(payments.c.pay_no, payments.c.payee, payments.c.fen).where(*mine)
    for pay_no, payee, fen in uow.connection.execute(listed).all():
        for problem in line_problems(
            payee, fen, encoding=interface.encoding, separator=interface.separator
        ):
            uow.connection.execute(
                update(payments)
                .where(*mine, payments.c.pay_no == pay_no)
                .values(state=PaymentState.FAILED.value, reason=problem.message)
            )


def _mark(uow: UnitOfWork, run: PayrollRun, before: PaymentState, after: PaymentState) -> None:
    uow.connection.execute(update(payments).where(*_mine(run, before)).values(state=after.value))


def prepare_again(uow: UnitOfWork, run_no: int) -> int:
    """Let what failed or came back wait again, to the card that is now on record (or, for a lump
    sum, to the payee's); how many.

    Raises:
        Forbidden: the person computes no payroll and keeps no accounts.
        Invalid: nobody has failed, or none of them has an account.
    """
    county = str(own_county(uow))
    require(uow, Role.ACCOUNTANT, Role.PAYROLL_OFFICER)
    given = {"county": county, "run": run_no}
    changed = sum(
        uow.connection.execute(each, given).rowcount for each in (_NEW_CARDS, _NEW_PAYEES)
    )
    if not changed:
        raise Invalid("没有可以重发的人；失败的须先登记可用的银行账户")
    tell_run(uow, uow.get(PayrollRun, county, run_no))
    return int(changed)


def take_answers(uow: UnitOfWork, result_no: int) -> None:
    """What the bank has answered, taken into payments, posted and told (hook of banking)."""
    given = {"county": str(uow.node), "result": result_no}
    uow.connection.execute(_ANSWERS, given)
    for run_no in uow.connection.execute(_RUNS, given).scalars().all():
        run = uow.get(PayrollRun, str(uow.node), run_no)
        book_bounced(uow, run)
        post_paid(uow, run)
        _reopen(uow, run)
        if run.state == RunState.SENT and not count_of(uow, run, PaymentState.SENT):
            run.state = RunState.RETURNED.value
            uow.session.add(run)
        tell_run(uow, run)


def _reopen(uow: UnitOfWork, run: PayrollRun) -> None:
    """Money that comes back after a run was settled opens it again: it is owed to somebody."""
    if run.state == RunState.SETTLED and count_of(uow, run, PaymentState.BOUNCED):
        run.state, run.settled_at = RunState.RETURNED.value, None
        uow.session.add(run)


def count_of(uow: UnitOfWork, run: PayrollRun, *states: PaymentState) -> int:
    """How many payments of a run are in one of these states."""
    counted = select(func.count()).where(
        payments.c.county_code == run.county_code,
        payments.c.run_no == run.run_no,
        payments.c.state.in_([state.value for state in states]),
    )
    return int(uow.connection.execute(counted).scalar_one())


def bank_total(uow: UnitOfWork, run: PayrollRun) -> int:
    """What the bank says it has paid for a run, in fen."""
    total = (
        select(func.coalesce(func.sum(bank_lines.c.fen), 0))
        .join(
            batches,
            (batches.c.county_code == bank_lines.c.county_code)
            & (batches.c.batch_no == bank_lines.c.batch_no),
        )
        .where(
            batches.c.county_code == run.county_code,
            batches.c.purpose == PURPOSE,
            batches.c.reference == str(run.run_no),
            bank_lines.c.state == "succeeded",
        )
    )
    return int(uow.connection.execute(total).scalar_one())


def open_runs(uow: UnitOfWork) -> list[int]:
    """Runs that are with the bank."""
    found = select(runs.c.run_no).where(
        runs.c.county_code == str(uow.node),
        runs.c.state.in_([RunState.SENT.value, RunState.RETURNED.value]),
    )
    return list(uow.connection.execute(found).scalars())
