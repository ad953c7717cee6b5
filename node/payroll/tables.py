"""The tables of payroll as set-based statements use them, and how those are typed."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Date,
    Integer,
    String,
    Table,
    TextClause,
    bindparam,
    text,
)

from node.benefits.models import RecoveredMonth
from node.payroll.models import (
    CashForecast,
    FundingReceipt,
    FundingRequest,
    PaidLine,
    PayrollLine,
    PayrollPayment,
    PayrollRun,
    RunReport,
    UnpaidPayment,
)

runs: Table = PayrollRun.__table__  # type: ignore[attr-defined]
lines: Table = PayrollLine.__table__  # type: ignore[attr-defined]
payments: Table = PayrollPayment.__table__  # type: ignore[attr-defined]
funding: Table = FundingRequest.__table__  # type: ignore[attr-defined]
receipts: Table = FundingReceipt.__table__  # type: ignore[attr-defined]
paid_lines: Table = PaidLine.__table__  # type: ignore[attr-defined]
recovered_months: Table = RecoveredMonth.__table__  # type: ignore[attr-defined]
unpaid: Table = UnpaidPayment.__table__  # type: ignore[attr-defined]
forecasts: Table = CashForecast.__table__  # type: ignore[attr-defined]
reports: Table = RunReport.__table__  # type: ignore[attr-defined]

COMPONENTS = ("base_fen", "city_fen", "county_fen", "years_fen", "age_fen", "account_fen")

_TYPES: dict[str, Any] = {
    "run": Integer(),
    "result": BigInteger(),
    "entry": BigInteger(),
    "month": Date(),
    "before": Date(),
    "first": Date(),
    "next": Date(),
    "day": Date(),
    "pay_day": Date(),
    "county": String(12),
    "low": String(12),
    "high": String(12),
    "reason": String(),
    "entitlement": String(),
    "yes": Boolean(),
}


def typed(sql: str, **more: Any) -> TextClause:
    """A statement whose parameters have types, so that both databases read them alike."""
    kinds = {**_TYPES, **more}
    named = [
        bindparam(name, type_=kind)
        for name, kind in kinds.items()
        if any(f":{name}{end}" in sql for end in (" ", ",", ")", "\n"))
    ]
    return text(sql).bindparams(*named)


def summed(prefix: str = "", *, names: tuple[str, ...] = (*COMPONENTS, "fen")) -> str:
    """`sum(x) AS x` for every component, as integers on both databases."""
    return ", ".join(f"CAST(sum({prefix}{name}) AS BIGINT) AS {name}" for name in names)
