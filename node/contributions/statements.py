"""Set-based statements share how their values are bound: Postgres wants to know the types."""

from typing import Any

from sqlalchemy import BigInteger, Boolean, Date, Integer, TextClause, bindparam, text
from sqlalchemy.types import TypeEngine

from node.core.db import Instant
from node.core.work import UnitOfWork

_TYPES: dict[str, TypeEngine[Any]] = {
    "year": Integer(),
    "last_year": Integer(),
    "posted_year": Integer(),
    "month": Integer(),
    "entry_no": BigInteger(),
    "run": BigInteger(),
    "result": BigInteger(),
    "day": Date(),
    "booked_on": Date(),
    "confirmed_at": Instant(),
    "first_born": Date(),
    "last_born": Date(),
    "last_day": Date(),
    "made_up": Boolean(),
}


def statement(sql: str) -> TextClause:
    """A statement whose parameters have the types their names stand for."""
    named = [bindparam(name, type_=kind) for name, kind in _TYPES.items() if f":{name}" in sql]
    return text(sql).bindparams(*named)


def values(*rows: tuple[int | str, ...]) -> str:
    """A table of validated values, so that they may stand in the statement itself."""
    return "VALUES " + ", ".join(f"({', '.join(map(_shown, row))})" for row in rows)


def _shown(value: int | str) -> str:
    if isinstance(value, int):
        return str(value)
    if not value.replace("_", "").isalnum():
        raise ValueError(value)
    return f"'{value}'"


TURN_BASE = 10**12
YEAR_BASE = 10**14


def order_key(for_year: int, turn: int, account_no: int) -> str:
    """What an order is called at the bank: year, turn and account in one number."""
    return str(for_year * YEAR_BASE + turn * TURN_BASE + account_no)


ORDER_KEY = (
    f"CAST(CAST(o.for_year AS BIGINT) * {YEAR_BASE} + CAST(o.turn AS BIGINT) * {TURN_BASE}"
    " + o.account_no AS TEXT)"
)
"""The same in SQL, of an order `o`."""

AT_BANK = f"""EXISTS (SELECT 1 FROM bank_line l WHERE l.county_code = o.county_code
    AND l.purpose = 'contributions' AND l.reference = {ORDER_KEY}
    AND l.state IN ('waiting', 'sent', 'succeeded', 'unclear'))"""
"""Whether an order `o` is in a live line of a bank batch."""

PAID = """EXISTS (SELECT 1 FROM contribution c WHERE c.county_code = o.county_code
    AND c.account_no = o.account_no AND c.for_year = o.for_year AND c.reversed_entry IS NULL)"""
"""Whether the year of an order `o` is paid."""


_OWED = text("""
    SELECT count(*) FROM bank_line WHERE county_code = :county AND purpose = 'contributions'
        AND reference = :reference AND state IN ('waiting', 'sent', 'unclear')
""")


def bank_owes_answer(uow: UnitOfWork, reference: str) -> bool:
    """Whether an order stands in a line that a bank may yet do."""
    given = {"county": str(uow.node.county), "reference": reference}
    return bool(uow.connection.execute(_OWED, given).scalar_one())
