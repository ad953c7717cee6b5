"""Getting back what was overpaid (追回): by instalments kept from later pensions, or repaid.

Source: 社会保险经办条例 §46 (责令退回; 一次性退回有困难的签订还款协议分期退回, 或从待遇中抵扣).
"""

from datetime import date

from sqlalchemy import BigInteger, Integer, select, update

from node.accounts.chart import Kind
from node.accounts.ledger import Entry, Head, Line, book, entries
from node.accounts.serials import own_county
from node.benefits.codes import RecoveryCause
from node.benefits.life import forfeit
from node.benefits.life_records import RECOVERED, publish_life, recoveries
from node.core.errors import Conflict, Invalid, NotFound
from node.core.money import yuan
from node.core.work import UnitOfWork
from node.identity import require, require_duty
from node.payroll.overpaid import keep_recovery, paid_months, take_back
from node.payroll.tables import typed
from tiers import Duty, Role

OPEN, CLOSED = "open", "closed"

# Recoveries lead and look each payment up: payments joined with themselves would be compared pair
# by pair, as long as the database has not counted what was just inserted.
_PART = """CASE WHEN r.owed < r.monthly_fen AND r.owed < due_fen THEN r.owed
        WHEN r.monthly_fen < due_fen THEN r.monthly_fen ELSE due_fen END"""

_KEEP_BACK = typed(f"""
    UPDATE payroll_payment SET offset_fen = {_PART}, fen = due_fen - {_PART}
    FROM (SELECT entitlement_id, min(monthly_fen) AS monthly_fen,
              CAST(sum(fen - set_off_fen - repaid_fen) AS BIGINT) AS owed
          FROM benefit_recovery
          WHERE county_code = :county AND state = 'open' AND monthly_fen > 0
          GROUP BY entitlement_id) AS r
    WHERE payroll_payment.county_code = :county AND payroll_payment.run_no = :run
        AND payroll_payment.entitlement_id = r.entitlement_id AND r.owed > 0
""")

_KEPT = typed(
    """
    SELECT entitlement_id, CAST(sum(offset_fen) AS BIGINT) AS fen FROM payroll_payment
    WHERE county_code = :county AND run_no = :run AND entry_no = :entry AND offset_fen > 0
    GROUP BY entitlement_id
""",
    entry=BigInteger(),
    run=Integer(),
)


def keep_back(uow: UnitOfWork, county: str, run_no: int) -> None:
    """Keep the instalments of a run that is being computed."""
    uow.connection.execute(_KEEP_BACK, {"county": county, "run": run_no})


def count_kept(uow: UnitOfWork, county: str, run_no: int, entry_no: int) -> None:
    """What a voucher of a run has kept is repaid."""
    given = {"county": county, "run": run_no, "entry": entry_no}
    for entitlement, fen in uow.connection.execute(_KEPT, given).all():
        _repaid(uow, county, entitlement, int(fen))


def _repaid(uow: UnitOfWork, county: str, entitlement: str, fen: int) -> None:
    """The oldest open recovery first."""
    found = (
        select(recoveries)
        .where(
            recoveries.c.county_code == county,
            recoveries.c.entitlement_id == entitlement,
            recoveries.c.state == OPEN,
        )
        .order_by(recoveries.c.id)
    )
    for row in uow.connection.execute(found).mappings().all():
        owed = row["fen"] - row["set_off_fen"] - row["repaid_fen"]
        part = min(owed, fen)
        _count(uow, dict(row), part)
        fen -= part
        if not fen:
            return


def _count(uow: UnitOfWork, row: dict[str, object], fen: int) -> None:
    repaid = int(str(row["repaid_fen"])) + fen
    owed = int(str(row["fen"])) - int(str(row["set_off_fen"])) - repaid
    changed = {"repaid_fen": repaid, "state": OPEN if owed else CLOSED}
    key = (recoveries.c.county_code == row["county_code"], recoveries.c.id == row["id"])
    uow.connection.execute(update(recoveries).where(*key).values(**changed))
    publish_life(uow, RECOVERED, [{**row, **changed}])


def _open(uow: UnitOfWork, recovery_id: str) -> dict[str, object]:
    county = str(own_county(uow))
    found = select(recoveries).where(
        recoveries.c.county_code == county, recoveries.c.id == recovery_id
    )
    row = uow.connection.execute(found).mappings().first()
    if row is None:
        raise NotFound("没有这笔追回")
    if row["state"] != OPEN:
        raise Conflict("这笔追回已经结清")
    return dict(row)


def claim_back(
    uow: UnitOfWork,
    entitlement_id: str,
    *,
    first: date,
    last: date,
    cause: RecoveryCause,
    case_id: str,
) -> str:
    """Months somebody was not entitled to (重复领取): they are due no more, and what was paid for
    them is owed back. Answers the recovery's id.

    Raises:
        Forbidden: this node is no county.
        NotFound: there is no such pension here.
        Invalid: nothing was paid for these months.
    """
    own_county(uow)
    pension = forfeit(uow, entitlement_id, first=first, last=last, case_id=case_id)
    months = paid_months(uow, pension, first=first, last=last)
    if not months:
        raise Invalid("这些月份没有发放过，不用追回", field="first")
    take_back(uow, pension, months, trace=case_id, why=cause.title)
    return keep_recovery(uow, pension, months, cause=cause, case_id=case_id)


def agree(uow: UnitOfWork, recovery_id: str, *, monthly_fen: int) -> None:
    """A repayment agreement (还款协议): so much is kept from every later pension.

    Raises:
        Forbidden: the person approves nothing.
        NotFound: there is no such recovery.
        Conflict: it is closed.
        Invalid: the instalment is not more than zero.
    """
    require_duty(uow, Duty.APPROVE)
    row = _open(uow, recovery_id)
    if monthly_fen <= 0:
        raise Invalid("每月抵扣金额须大于零", field="monthly_fen")
    key = (recoveries.c.county_code == row["county_code"], recoveries.c.id == row["id"])
    uow.connection.execute(update(recoveries).where(*key).values(monthly_fen=monthly_fen))
    publish_life(uow, RECOVERED, [{**row, "monthly_fen": monthly_fen}])


def _is_booked(uow: UnitOfWork, row: dict[str, object], memo: str) -> bool:
    same = select(entries.c.entry_no).where(
        entries.c.county_code == row["county_code"],
        entries.c.trace == row["id"],
        entries.c.memo == memo,
    )
    return uow.connection.execute(same).first() is not None


def repay(uow: UnitOfWork, recovery_id: str, *, fen: int, on: date, reference: str) -> int:
    """Money that was paid back, booked; the voucher's number.

    Raises:
        Forbidden: the person keeps no accounts.
        NotFound: there is no such recovery.
        Conflict: it is closed, or this reference was recorded before.
        Invalid: it is more than is owed, or has no reference.
    """
    require(uow, Role.ACCOUNTANT)
    row = _open(uow, recovery_id)
    owed = int(str(row["fen"])) - int(str(row["set_off_fen"])) - int(str(row["repaid_fen"]))
    if not reference.strip():
        raise Invalid("请填写退款凭证号", field="reference")
    memo = f"多发待遇退回，{reference.strip()}"
    if _is_booked(uow, row, memo):
        raise Conflict("这个退款凭证号已经记过", field="reference")
    if not 0 < fen <= owed:
        raise Invalid(f"退款金额须大于零，且不超过尚欠的 {yuan(owed)} 元", field="fen")
    head = Head(Kind.PENSION_BACK, on, "case", recovery_id, memo)
    lines = [Line("expenditure_account", fen), Line("overpaid_receivable", -fen)]
    number = book(uow, Entry(head, lines))
    _count(uow, row, fen)
    return number
