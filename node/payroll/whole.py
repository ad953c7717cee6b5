"""Every fen due, beside every fen paid: from the first month of every pension, at any node that
holds the facts. Nothing here looks at runs: rates, suspensions and ends say what was due, the
bank's answers what was paid.
"""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Date, TextClause, bindparam, func, select, text

from node.benefits.records import entitlements
from node.benefits.rules import months_from, next_month
from node.core.work import UnitOfWork
from node.payroll.compute import COVERS, IS_DUE, NOT_SUSPENDED
from tiers import RegionCode

_BESIDE = f"""
    WITH month_list (month) AS (VALUES {{months}}),
    due AS (
        SELECT e.county_code, e.id, m.month, r.fen
        FROM entitlement e
        JOIN month_list m ON {IS_DUE}
        JOIN benefit_rate r ON {COVERS}
        WHERE e.county_code = :county AND {NOT_SUSPENDED}),
    paid AS (
        SELECT county_code, entitlement_id AS id, month, CAST(sum(fen) AS BIGINT) AS fen
        FROM paid_line
        WHERE county_code = :county AND kind = 'pension' AND bounced_on IS NULL
        GROUP BY county_code, entitlement_id, month),
    beside AS (
        SELECT id, month, CAST(sum(due) AS BIGINT) AS due, CAST(sum(paid) AS BIGINT) AS paid
        FROM (SELECT id, month, fen AS due, 0 AS paid FROM due
              UNION ALL SELECT id, month, 0, fen FROM paid WHERE month <= :month) AS both_sides
        GROUP BY id, month)
"""

_SUMS = """
    SELECT CAST(coalesce(sum(due), 0) AS BIGINT), CAST(coalesce(sum(paid), 0) AS BIGINT),
        CAST(coalesce(sum(CASE WHEN paid < due THEN due - paid ELSE 0 END), 0) AS BIGINT),
        CAST(coalesce(sum(CASE WHEN paid > due THEN paid - due ELSE 0 END), 0) AS BIGINT),
        count(DISTINCT CASE WHEN paid < due THEN id END),
        count(DISTINCT CASE WHEN paid > due THEN id END), count(DISTINCT id)
    FROM beside
"""


@dataclass(frozen=True, slots=True)
class Whole:
    """A county's pensions through a month, in fen: due − unpaid + overpaid = paid."""

    due_fen: int
    paid_fen: int
    unpaid_fen: int
    overpaid_fen: int
    unpaid_people: int
    overpaid_people: int
    people: int
    claimed_fen: int

    @property
    def is_whole(self) -> bool:
        """Nothing is owed, and what was overpaid is what was claimed back."""
        return not self.unpaid_fen and self.overpaid_fen == self.claimed_fen


def whole(uow: UnitOfWork, county: RegionCode, *, through: date) -> Whole:
    """Due and paid of a county through a month."""
    given = {"county": str(county), "month": through}
    first = uow.connection.execute(
        select(func.min(entitlements.c.due_from)).where(entitlements.c.county_code == str(county))
    ).scalar()
    months = list(months_from(first or through, next_month(through)))
    named = {f"m{place}": month for place, month in enumerate(months)}
    row = uow.connection.execute(_statement(months), {**given, **named}).one()
    claimed = text("""
        SELECT CAST(coalesce(sum(fen), 0) AS BIGINT) FROM benefit_recovery
        WHERE county_code = :county
    """)
    owed = uow.connection.execute(claimed, {"county": str(county)}).scalar_one()
    due, paid, unpaid, overpaid, unpaid_people, overpaid_people, people = map(int, row)
    return Whole(
        due_fen=due,
        paid_fen=paid,
        unpaid_fen=unpaid,
        overpaid_fen=overpaid,
        unpaid_people=unpaid_people,
        overpaid_people=overpaid_people,
        people=people,
        claimed_fen=int(owed),
    )


def _statement(months: list[date]) -> TextClause:
    names = ", ".join(f"(:m{place})" for place in range(len(months)))
    typed = [bindparam(f"m{place}", type_=Date()) for place in range(len(months))]
    return text(_BESIDE.format(months=names) + _SUMS).bindparams(
        bindparam("month", type_=Date()), *typed
    )
