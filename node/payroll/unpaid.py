"""Who was not reached by a run, why in the bank's words, and what helps: told to the village.

A bulk record carries only what has changed since it was told last, so a month in which everybody
is paid costs nothing. Whoever is reached later, with the same run or as arrears with another, is
told once more as paid, and the village's list is empty again.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

import sync
from node.accounts.bulk_facts import bulk_rows, publish_bulk
from node.banking.service import banks
from node.core.db import upsert
from node.core.work import RecordType, UnitOfWork
from node.payroll.models import PayrollRun
from node.payroll.rules import PaymentState, Remedy
from node.payroll.tables import typed, unpaid

UNPAID = RecordType("pension.unpaid", independent=True)

NO_ACCOUNT = "没有登记银行账户"

_NOT_REACHED = "('failed', 'bounced', 'unclear', 'carried')"
# Whoever has moved since is told where they live now: the coordinator there can help.
_COLUMNS = """y.county_code, y.run_no, y.pay_no, r.month AS run_month,
        coalesce(e.village, y.village) AS village,
        y.entitlement_id, y.person_id, y.due_fen AS fen, y.state, y.reason AS code"""
_LIVES = "LEFT JOIN entitlement e ON e.county_code = y.county_code AND e.id = y.entitlement_id"
_PAYMENTS = f"""
    FROM payroll_payment y
    JOIN payroll_run r ON r.county_code = y.county_code AND r.run_no = y.run_no
    {_LIVES}
"""
_TOLD = """unpaid_payment u ON u.county_code = y.county_code AND u.run_no = y.run_no
        AND u.pay_no = y.pay_no"""

_NEWS = typed(f"""
    SELECT {_COLUMNS} {_PAYMENTS} LEFT JOIN {_TOLD}
    WHERE y.county_code = :county AND y.run_no = :run AND y.state IN {_NOT_REACHED}
        AND (u.pay_no IS NULL OR u.state <> y.state OR u.code <> y.reason)
    UNION ALL
    SELECT {_COLUMNS} {_PAYMENTS} JOIN {_TOLD}
    WHERE y.county_code = :county AND y.run_no = :run AND y.state NOT IN {_NOT_REACHED}
        AND u.state <> y.state
    UNION ALL
    SELECT u.county_code, u.run_no, u.pay_no, u.run_month, coalesce(e.village, u.village),
        u.entitlement_id, u.person_id, u.fen, 'paid', ''
    FROM unpaid_payment u
    JOIN payroll_payment y ON y.county_code = u.county_code AND y.run_no = :run
        AND y.entitlement_id = u.entitlement_id AND y.state IN ('paid', 'kept')
    {_LIVES}
    WHERE u.county_code = :county AND u.run_no < :run AND u.state = 'carried'
""")


def tell_unpaid(uow: UnitOfWork, run: PayrollRun) -> None:
    """Keep and tell whom a run has not reached, and who of them has been reached since."""
    shape = _NEWS.columns(run_month=unpaid.c.run_month.type)
    given = {"county": run.county_code, "run": run.run_no}
    found = uow.connection.execute(shape, given).mappings().all()
    if not found:
        return
    rows = [_row(dict(each), run.bank) for each in found]
    upsert(uow.connection, unpaid, rows)
    told = [
        {name: value for name, value in row.items() if name not in ("county_code", "code")}
        | {"run_month": row["run_month"].isoformat()}
        for row in rows
    ]
    publish_bulk(uow, UNPAID, f"{run.county_code}-{run.run_no}-{uow.txn[-12:]}", told)


def _row(found: dict[str, Any], bank: str) -> dict[str, Any]:
    words, remedy = reason_of(PaymentState(found["state"]), found["code"], bank)
    return {**found, "words": words, "remedy": remedy.value if words else ""}


def reason_of(state: PaymentState, code: str, bank: str) -> tuple[str, Remedy]:
    """Why a payment did not come, in words, and what helps. A code nobody has described is
    unclear: the bank has yet to say what it means.
    """
    if state in {PaymentState.PAID, PaymentState.KEPT, PaymentState.WAITING, PaymentState.SENT}:
        return "", Remedy.ASK
    known = banks().get(bank)
    if known is not None and code in known.answers:
        answer = known.answers[code]
        return answer.reason, Remedy(answer.remedy) if answer.remedy else Remedy.ASK
    if state is PaymentState.UNCLEAR:
        return (known.answer(code).reason if known else code), Remedy.WAIT
    return code, Remedy.REGISTER if code == NO_ACCOUNT else Remedy.NAME


@UNPAID.applies
def apply_unpaid(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Keep who was not reached, the last word of each payment."""
    rows = {
        (row["county_code"], row["run_no"], row["pay_no"]): {
            **row,
            "run_month": date.fromisoformat(row["run_month"]),
            "code": "",
        }
        for row in bulk_rows(arrived)
    }
    upsert(uow.connection, unpaid, list(rows.values()))
