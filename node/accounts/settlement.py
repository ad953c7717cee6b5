"""Settling accounts inside the year (中途结息): when a pension begins, somebody dies or moves away.

The rate is that of the year if published, else the last one, and what is settled is final. Months
already settled earn no second time; the year-end settlement goes on from here.
"""

from calendar import monthrange
from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Row, Table, select

from node.accounts import records
from node.accounts.balances import Balances, balances, in_batches, open_years, settled_year
from node.accounts.chart import Kind
from node.accounts.ledger import Entry, Head, NewPosting, book, lines_for
from node.accounts.models import AccountSettlement
from node.accounts.rates import Rate, latest_rate
from node.accounts.serials import ENTRY, last_serial, own_county
from node.accounts.settlement_sql import some_accounts
from node.accounts.sources import Source
from node.core.errors import Conflict, Invalid
from node.core.work import UnitOfWork

settlements: Table = AccountSettlement.__table__  # type: ignore[attr-defined]

DECEMBER = 12


def settle_accounts(
    uow: UnitOfWork, account_nos: Sequence[int], *, year: int, through: int, trace: str
) -> Balances:
    """Settle accounts through the end of a month; answers their settled balances by source.

    Months of a year that is closed are settled already: then nothing is posted and the balances
    are those of today. An earlier year that is still open is settled through December first.
    `trace` names the case or batch this is done for.

    Raises:
        Forbidden: this node keeps no accounts.
        Unavailable: the province has never published a rate.
        Invalid: there is no such month.
        Conflict: an account has been settled beyond it.
    """
    if not 1 <= through <= DECEMBER:
        raise Invalid("结息月份应为 1 至 12", field="through", through=through)
    county = str(own_county(uow))
    numbers = sorted(set(account_nos))
    held = balances(uow, numbers)
    closed = settled_year(uow.connection, county)
    if (closed is not None and year <= closed) or not any(held.values()):
        return held
    for earlier in open_years(uow.connection, county):
        if earlier < year:
            _settle(uow, numbers, year=earlier, through=DECEMBER, trace=trace)
    return _settle(uow, numbers, year=year, through=through, trace=trace)


def _settle(
    uow: UnitOfWork, numbers: Sequence[int], *, year: int, through: int, trace: str
) -> Balances:
    """Settle those not settled through this month before; answers what all were settled to."""
    found = _settled_before(uow, numbers, year=year, through=through)
    left = [number for number in numbers if number not in found]
    rate = latest_rate(uow, year)
    rows = _earned(uow, left, year=year, through=through, rate=rate)
    booked = _post(uow, rows, year=year, through=through, trace=trace, rate=rate)
    kept = [_kept(uow, row, year=year, through=through, rate=rate, booked=booked) for row in rows]
    if kept:
        uow.connection.execute(settlements.insert(), kept)
        records.publish_settlements(uow, f"{year}-{through}-{booked}", kept)
    found |= {number: {} for number in left}
    for row in kept:
        found[row["account_no"]][Source(row["source"])] = row["closing_fen"]
    return found


def _settled_before(
    uow: UnitOfWork, numbers: Sequence[int], *, year: int, through: int
) -> Balances:
    found: Balances = {}
    columns = settlements.c
    for batch in in_batches(numbers):
        rows = select(
            columns.account_no, columns.through, columns.source, columns.closing_fen
        ).where(
            columns.county_code == str(own_county(uow)),
            columns.year == year,
            columns.account_no.in_(batch),
            columns.through >= through,
        )
        for number, until, source, fen in uow.connection.execute(rows):
            if until > through:
                raise Conflict(
                    "账户 {account_no} 已经结息至 {until} 月", account_no=number, until=until
                )
            found.setdefault(number, {})[Source(source)] = int(fen)
    return found


def _earned(
    uow: UnitOfWork, numbers: Sequence[int], *, year: int, through: int, rate: Rate
) -> list[Row[Any]]:
    county = str(own_county(uow))
    before = settled_year(uow.connection, county)
    opening = "account_closing" if before in {None, year - 1} else "account_settlement"
    if before is None and any(each < year for each in open_years(uow.connection, county)):
        opening = "account_settlement"
    statement = some_accounts(opening=opening)
    given = {
        "county": county,
        "year": year,
        "through": through,
        "ppm": rate.rate_ppm,
        "lag": rate.lag_months,
    }
    return [
        row
        for batch in in_batches(numbers)
        for row in uow.connection.execute(statement, {**given, "accounts": list(batch)})
    ]


def _post(
    uow: UnitOfWork, rows: Sequence[Row[Any]], *, year: int, through: int, trace: str, rate: Rate
) -> int:
    """One voucher for what was earned; answers the number of the last voucher settled so far."""
    day = date(year, through, monthrange(year, through)[1])
    moved = [
        NewPosting(
            account_no=row.account_no,
            village=row.village,
            source=Source(row.source),
            kind=Kind.SETTLEMENT,
            fen=int(row.interest_fen),
            business_date=day,
            for_year=year,
        )
        for row in rows
        if row.interest_fen
    ]
    if not moved:
        return last_serial(uow, ENTRY)
    memo = f"结息至 {year} 年 {through} 月，{rate.bulletin.number}"
    head = Head(Kind.SETTLEMENT, day, "case", trace, memo)
    return book(uow, Entry(head, lines_for(moved), moved))


def _kept(
    uow: UnitOfWork, row: Row[Any], *, year: int, through: int, rate: Rate, booked: int
) -> dict[str, Any]:
    opening, movement, earned = int(row.opening_fen), int(row.movement_fen), int(row.interest_fen)
    return {
        "county_code": str(own_county(uow)),
        "year": year,
        "account_no": row.account_no,
        "through": through,
        "source": row.source,
        "village": row.village,
        "opening_fen": opening,
        "movement_fen": movement,
        "product": int(row.product),
        "interest_fen": earned,
        "closing_fen": opening + movement + earned,
        "booked_through": booked,
        "rate_ppm": rate.rate_ppm,
        "lag_months": rate.lag_months,
        "bulletin_id": rate.bulletin.id,
    }
