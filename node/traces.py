"""Every voucher of a county's own books leads to what it was booked for.

The database refuses a voucher that names nothing (migration 0004). This asks, over the whole
ledger, that what it names is there: the case, the bank's file, the run, the bulletin. Replicas hold
the vouchers without what is behind them, so only the county that booked them can be asked.
"""

from collections.abc import Mapping

from sqlalchemy import text

from node.accounts.verify import SHOWN, Finding
from node.core.work import UnitOfWork

_MINE = "county_code = :county"

BEHIND: Mapping[str, str] = {
    "batch": f"entry_no IN (SELECT entry_no FROM contribution WHERE {_MINE})",
    "bank_result": f"trace IN (SELECT CAST(result_no AS TEXT) FROM bank_result WHERE {_MINE})",
    "bulletin": "trace IN (SELECT id FROM bulletin)",
    "case": f"""trace IN (SELECT id FROM "case" UNION ALL
        SELECT id FROM transfer_step UNION ALL
        SELECT id FROM benefit_recovery WHERE {_MINE} UNION ALL
        SELECT id FROM benefit_end WHERE {_MINE} UNION ALL
        SELECT id FROM entitlement WHERE {_MINE} UNION ALL
        SELECT 'death-' || id FROM entitlement WHERE {_MINE})
        OR trace LIKE 'determination-%' AND entry_no IN (SELECT p.entry_no FROM posting p
            JOIN entitlement t ON t.county_code = p.county_code AND t.account_no = p.account_no
            WHERE p.{_MINE})""",
    "collective": f"trace IN (SELECT CAST(list_no AS TEXT) FROM collective_list WHERE {_MINE})",
    "entry": f"trace IN (SELECT CAST(entry_no AS TEXT) FROM journal_entry WHERE {_MINE})",
    "orders": f"entry_no IN (SELECT entry_no FROM paid_on_behalf WHERE {_MINE})",
    "payroll": f"trace IN (SELECT CAST(run_no AS TEXT) FROM payroll_run WHERE {_MINE})",
    "posting": f"""entry_no IN (SELECT entry_no FROM posting WHERE {_MINE}
        AND reverses_entry IS NOT NULL)""",
    "receipts": f"trace IN (SELECT CAST(first_no AS TEXT) FROM receipt_handover WHERE {_MINE})",
    "request": f"trace IN (SELECT id FROM ledger_request WHERE {_MINE})",
    "transfer": "(kind = 'fund_transfer' OR trace IN (SELECT id FROM transfer_step))",
    "unmatched": f"""trace IN (SELECT CAST(item_no AS TEXT) FROM unmatched_money WHERE {_MINE}
        UNION ALL SELECT substr(origin, 1, 64) FROM unmatched_money WHERE {_MINE})""",
}
"""For each kind of trace what must be there. A transfer's case is at the county that takes the
person in. Many claims determined at once share a settlement: there it is the entitlements. Money
sent on to the fiscal account has no row but its voucher: its trace is the transfer slip's number.
"""

_UNTRACED = text(f"""
    SELECT entry_no, trace_kind, trace FROM journal_entry e
    WHERE {_MINE} AND EXISTS (SELECT 1 FROM ledger_book WHERE {_MINE}) AND NOT (
        {" OR ".join(f"(trace_kind = '{kind}' AND {there})" for kind, there in BEHIND.items())})
    ORDER BY entry_no
""")  # nothing in it comes from outside

_COUNTED = text(f"SELECT count(*) FROM journal_entry WHERE {_MINE}")  # as above


def traced(uow: UnitOfWork) -> Finding:
    """Whether every voucher of the books this node keeps leads to what it was booked for."""
    given = {"county": str(uow.node)}
    wrong = uow.connection.execute(_UNTRACED, given).all()
    number = uow.connection.execute(_COUNTED, given).scalar_one()
    shown = "；".join(f"凭证 {row[0]}（{row[1]} {row[2]}）" for row in wrong[:SHOWN])
    more = f"；共 {len(wrong)} 张" if len(wrong) > SHOWN else ""
    return Finding(
        "每张凭证都有业务、批次或文件为据", not wrong, f"{shown}{more}" or f"{number} 张"
    )
