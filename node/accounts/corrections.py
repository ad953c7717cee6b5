"""Corrections across years (跨年更正): what became known late counts as if it had been known.

Nothing of a settled year is touched. A voucher of the running year posts the differences of
interest, one for each year and source, and `interest_correction` keeps what each came from: the
products before and after, the rates, the rounding. The law is `rules.corrected`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Row, Table, select

from node.accounts import corrections_sql as sql
from node.accounts import records
from node.accounts.balances import closings, in_batches, settled_year
from node.accounts.bulk_facts import packed_columns
from node.accounts.chart import CONTROL, Kind, opposite
from node.accounts.models import AccountSettlement, InterestCorrection
from node.accounts.rates import settled_rates
from node.accounts.rules import Change, Late, Stretch, corrected
from node.accounts.serials import ENTRY, own_county, serial
from node.accounts.sources import Source
from node.accounts.vouchers import Head, Line, NewPosting, seal, write_lines
from node.core.errors import Invalid
from node.core.work import UnitOfWork

changes_table: Table = InterestCorrection.__table__  # type: ignore[attr-defined]
settlements: Table = AccountSettlement.__table__  # type: ignore[attr-defined]

DECEMBER = 12
FETCHED_RECORDS = 64

Key = tuple[int, int, int]
"""Account, year and last month of a stretch."""


def correct(
    uow: UnitOfWork, late: Sequence[NewPosting], *, cause: int, on: date, reason: str
) -> int | None:
    """Post what the interest of settled years changes by through postings known only now.

    `cause` is the voucher that holds them. Answers the voucher of the differences; None when
    nothing changes by as much as a fen.

    Raises:
        Invalid: an account has less left than the interest to be taken back.
    """
    rows = _changes(uow, late)
    if not rows:
        return None
    number = serial(uow, ENTRY)
    given = [{**row, "entry_no": number} for row in rows]
    uow.connection.execute(changes_table.insert(), given)
    _check_enough(uow, number)
    head = Head(Kind.CORRECTION, on, "entry", str(cause), f"更正以前年度利息：{reason}")
    post(uow, number, head)
    return number


def _check_enough(uow: UnitOfWork, number: int) -> None:
    for account in short_of(uow, number):
        raise Invalid(
            "账户 {account_no} 的余额不足以扣回以前年度的利息",
            field="postings",
            account_no=account,
        )


def short_of(uow: UnitOfWork, number: int) -> list[int]:
    """Accounts that could not give back what the corrections under a number take."""
    county = str(own_county(uow))
    closed = settled_year(uow.connection, county)
    given = {"county": county, "entry_no": number, "closed": closed}
    return [row[0] for row in uow.connection.execute(sql.SHORT, given)]


def post(uow: UnitOfWork, number: int, head: Head) -> int:
    """Book the differences of the corrections written under a number; answers their sum in fen."""
    given = {"county": str(own_county(uow)), "entry_no": number}
    fen = int(uow.connection.execute(sql.SUM, given).scalar_one())
    lines = [Line(opposite(Kind.CORRECTION, Source.INDIVIDUAL), fen), Line(CONTROL, -fen)]
    write_lines(uow, number, lines)
    on = head.business_date
    for (year,) in uow.connection.execute(sql.YEARS, given).all():
        day = min(date(year, DECEMBER, 31), on)
        dated = {**given, "year": year, "day": day, "booked": on.year}
        uow.connection.execute(sql.POST, dated)
    told = packed_columns(uow.connection, sql.TOLD, records.CORRECTION_COLUMNS)
    streamed = told.execution_options(stream_results=True, max_row_buffer=FETCHED_RECORDS)
    rows = uow.connection.execute(streamed, given)
    villages = records.publish_corrections(uow, number, on, rows)
    seal(uow, number, head, lines, villages=villages)
    return fen


def _changes(uow: UnitOfWork, late: Sequence[NewPosting]) -> list[dict[str, Any]]:
    first = min(each.business_date.year for each in late)
    known = _Known.of(uow, sorted({each.account_no for each in late}), first)
    moved: dict[tuple[int, Source], list[Late]] = {}
    village = {each.account_no: each.village for each in late}
    for each in late:
        moved.setdefault((each.account_no, each.source), []).append(known.late(each))
    rows = []
    for (number, source), moves in sorted(moved.items()):
        for change in corrected(known.stretches(number, source.value), moves):
            place = {"county_code": str(own_county(uow)), "village": village[number]}
            rows.append({**place, "account_no": number, "source": source, **_row(change)})
    return rows


def _row(change: Change) -> dict[str, int]:
    was = change.stretch
    return {
        "year": was.year,
        "through": was.through,
        "carried_fen": change.carried,
        "product_before": was.product,
        "product_after": change.product,
        "interest_before": was.interest,
        "interest_after": change.interest,
        "rate_before": was.rate_ppm,
        "rate_after": was.rate_now,
    }


@dataclass(frozen=True, slots=True)
class _Known:
    """What is settled of some accounts: the months each was settled at, rates, and results."""

    rates: Mapping[int, tuple[int, int]]
    inside: Mapping[tuple[int, int], Mapping[int, tuple[int, int]]]
    results: Mapping[tuple[Key, str], tuple[int, int]]
    booked: Mapping[tuple[int, int], Mapping[int, int]]

    @classmethod
    def of(cls, uow: UnitOfWork, numbers: Sequence[int], first: int) -> "_Known":
        """Everything settled from the year `first` on."""
        county = str(own_county(uow))
        rates = {y: rate for y, rate in settled_rates(uow, county).items() if y >= first}
        inside: dict[tuple[int, int], dict[int, tuple[int, int]]] = {}
        results: dict[tuple[Key, str], tuple[int, int]] = {}
        booked: dict[tuple[int, int], dict[int, int]] = {}
        for batch in in_batches(numbers):
            for row in _rows(uow, settlements, batch, first):
                months = inside.setdefault((row.account_no, row.year), {})
                months[row.through] = (row.rate_ppm, row.lag_months)
                seen = booked.setdefault((row.account_no, row.year), {})
                seen[row.through] = row.booked_through
                key = (row.account_no, row.year, row.through)
                results[key, row.source] = (row.product, row.interest_fen)
            # A settlement through December leaves the year end a stretch of no length: it is the
            # settlement's product that earned, and the closing has none.
            for row in _rows(uow, closings, batch, first):
                key = (row.account_no, row.year, DECEMBER)
                if DECEMBER not in inside.get((row.account_no, row.year), {}):
                    results[key, row.source] = (row.product, row.interest_fen)
            for row in _rows(uow, changes_table, batch, first, by_entry=True):
                key = (row.account_no, row.year, row.through)
                results[key, row.source] = (row.product_after, row.interest_after)
        return cls(rates, inside, results, booked)

    def late(self, posting: NewPosting) -> Late:
        """When a late posting counts from. The mirror of a posting that came after a settlement of
        its own month counts from that settlement, as the posting did.
        """
        day = posting.business_date
        settled = self.booked.get((posting.account_no, day.year), {})
        wrong = posting.reverses_entry
        missed = [
            through
            for through, seen in settled.items()
            if wrong is not None and through >= day.month and seen < wrong
        ]
        if missed and posting.reverses_year == day.year:
            return Late(day.year, max(missed), posting.fen, is_after=True)
        return Late(day.year, day.month, posting.fen)

    def stretches(self, number: int, source: str) -> Iterable[Stretch]:
        """One account and source from the first year on, in the order of time."""
        running = {year for account, year in self.inside if account == number}
        for year in sorted({*self.rates, *running}):
            start = 0
            months = dict(self.inside.get((number, year), {}))
            if year in self.rates:
                months.setdefault(DECEMBER, self.rates[year])
            for through, (ppm, lag) in sorted(months.items()):
                product, earned = self.results.get(((number, year, through), source), (0, 0))
                yield Stretch(year, start, through, product, earned, ppm, lag, ppm)
                start = through


def _rows(
    uow: UnitOfWork, table: Table, numbers: Sequence[int], first: int, *, by_entry: bool = False
) -> Iterable[Row[Any]]:
    columns = table.c
    found = select(table).where(
        columns.county_code == str(own_county(uow)),
        columns.account_no.in_(numbers),
        columns.year >= first,
    )
    return uow.connection.execute(found.order_by(columns.entry_no) if by_entry else found)
