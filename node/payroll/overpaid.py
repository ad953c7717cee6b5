"""Months that were paid and are not due: what they took from account and fund goes back there, and
is owed by whoever got it (应收多发待遇).
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Date, Integer, func, select

from node.accounts.balances import postings
from node.accounts.chart import CONTROL, Kind
from node.accounts.ledger import Entry, Head, Line, NewPosting, book
from node.accounts.sources import Source
from node.benefits.codes import RecoveryCause
from node.benefits.life_records import RECOVERED, publish_life, recoveries
from node.core.ids import new_id
from node.core.work import UnitOfWork
from node.payroll.tables import COMPONENTS, lines, recovered_months, summed, typed

Row = dict[str, Any]

# What was got back of a month already is not got back a second time.
_PAID = typed(
    f"""
    SELECT month, {summed()} FROM (
        SELECT l.month, {", ".join(f"l.{name}" for name in (*COMPONENTS, "fen"))}
        FROM payroll_line l
        JOIN payroll_payment p ON p.county_code = l.county_code AND p.run_no = l.run_no
            AND p.pay_no = l.pay_no
        WHERE l.county_code = :county AND l.entitlement_id = :entitlement
            AND l.kind = 'pension' AND l.is_void = 0 AND l.month BETWEEN :first AND :last
            AND p.state IN ('paid', 'kept')
        UNION ALL
        SELECT b.month, {", ".join(f"-b.{name}" for name in (*COMPONENTS, "fen"))}
        FROM recovered_month b
        WHERE b.county_code = :county AND b.entitlement_id = :entitlement
            AND b.month BETWEEN :first AND :last) AS moved
    GROUP BY month HAVING sum(fen) > 0 ORDER BY month
""",
    last=Date(),
)

_SERIAL = typed(
    """
    SELECT coalesce(max(serial), 0) FROM recovered_month
    WHERE county_code = :county AND entitlement_id = :entitlement
""",
    serial=Integer(),
)


def paid_months(uow: UnitOfWork, pension: Row, *, first: date, last: date) -> list[Row]:
    """What the bank has paid for these months by component, less what was recovered."""
    given = {
        "county": pension["county_code"],
        "entitlement": pension["id"],
        "first": first,
        "last": last,
    }
    shape = _PAID.columns(month=lines.c.month.type)
    return [dict(row) for row in uow.connection.execute(shape, given).mappings()]


def take_back(
    uow: UnitOfWork, pension: Row, months: Sequence[Row], *, trace: str, why: str
) -> dict[Source, int]:
    """Put what these months took back where it came from; it is owed from now on. Answers what
    came back to the account, in fen by source.
    """
    if not months:
        return {}
    restored = _drawn(uow, pension, sum(row["account_fen"] for row in months))
    account, total = sum(restored.values()), sum(row["fen"] for row in months)
    found = [
        Line("overpaid_receivable", total),
        *([Line("pooled_fund", account - total)] if total != account else []),
        Line(CONTROL, -account),
    ]
    head = Head(Kind.PENSION_BACK, uow.today, "case", trace, f"{why} {len(months)} 个月，转回")
    moved = posted(uow, pension, restored, Kind.PENSION_BACK, sign=1)
    book(uow, Entry(head, found, moved))
    return restored


def _drawn(uow: UnitOfWork, pension: Row, account: int) -> dict[Source, int]:
    """By source what these months took out of the account, never more than it has given."""
    if not account:
        return {}
    months = account // pension["account_fen"]
    taken = (
        select(postings.c.source, func.sum(postings.c.fen))
        .where(
            postings.c.county_code == pension["county_code"],
            postings.c.account_no == pension["account_no"],
            postings.c.kind.in_([Kind.PENSION.value, Kind.PENSION_BACK.value]),
        )
        .group_by(postings.c.source)
    )
    given = {Source(source): -int(fen) for source, fen in uow.connection.execute(taken)}
    parts = {Source(s): fen * months for s, fen in pension["account_by_source"].items()}
    found = {source: min(fen, given.get(source, 0)) for source, fen in parts.items()}
    return {source: fen for source, fen in found.items() if fen > 0}


def posted(
    uow: UnitOfWork, pension: Row, parts: Mapping[Source, int], kind: Kind, *, sign: int
) -> list[NewPosting]:
    """Postings of a pension's account, today."""
    return [
        NewPosting(
            account_no=pension["account_no"],
            village=pension["village"],
            source=source,
            kind=kind,
            fen=sign * fen,
            business_date=uow.today,
            for_year=uow.today.year,
        )
        for source, fen in parts.items()
        if fen
    ]


def keep_recovery(
    uow: UnitOfWork,
    pension: Row,
    months: Sequence[Row],
    *,
    cause: RecoveryCause,
    set_off_fen: int = 0,
    case_id: str | None = None,
) -> str:
    """Keep what is owed and which months it is for; the recovery's id."""
    fen = sum(each["fen"] for each in months)
    recovery = {
        "county_code": pension["county_code"],
        "id": new_id(),
        "entitlement_id": pension["id"],
        "person_id": pension["person_id"],
        "village": pension["village"],
        "cause": cause.value,
        "fen": fen,
        "set_off_fen": set_off_fen,
        "repaid_fen": 0,
        "monthly_fen": 0,
        "state": "open" if fen > set_off_fen else "closed",
        "case_id": case_id,
        "made_at": uow.now,
    }
    uow.connection.execute(recoveries.insert(), [recovery])
    publish_life(uow, RECOVERED, [recovery])
    key = {"county": pension["county_code"], "entitlement": pension["id"]}
    serial = int(uow.connection.execute(_SERIAL, key).scalar_one()) + 1
    shared = {
        "county_code": pension["county_code"],
        "entitlement_id": pension["id"],
        "serial": serial,
        "recovery_id": recovery["id"],
    }
    uow.connection.execute(recovered_months.insert(), [{**shared, **each} for each in months])
    return str(recovery["id"])
