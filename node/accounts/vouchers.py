"""Vouchers (记账凭证) as they are written: lines first, then postings, then the head, which seals.

The database refuses to seal what does not balance (migrations 0002 and 0004).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Table

from node.accounts import records
from node.accounts.chart import CONTROL, Kind, opposite
from node.accounts.models import JournalEntry, JournalLine, LedgerBook
from node.accounts.serials import ENTRY, own_county, serial
from node.accounts.sources import Source
from node.core.db import insert_new
from node.core.work import UnitOfWork
from tiers import RegionCode

books: Table = LedgerBook.__table__  # type: ignore[attr-defined]
entries: Table = JournalEntry.__table__  # type: ignore[attr-defined]
lines_table: Table = JournalLine.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a voucher in fen: debit positive, credit negative."""

    gl_account: str
    fen: int


@dataclass(frozen=True, slots=True)
class NewPosting:
    """What a voucher posts to one account and source, in fen. `line_no` is given when booked.

    A mirror names what it takes back, and the year of the books that stands in.
    """

    account_no: int
    village: str
    source: Source
    kind: Kind
    fen: int
    business_date: date
    for_year: int
    reverses_entry: int | None = None
    reverses_line: int | None = None
    reverses_year: int | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """What a voucher is about. `trace` names the case, batch or bulletin behind it."""

    kind: Kind
    business_date: date
    trace_kind: str
    trace: str
    memo: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A voucher ready to be booked."""

    head: Head
    lines: Sequence[Line]
    postings: Sequence[NewPosting] = ()


def lines_for(moved: Iterable[NewPosting]) -> list[Line]:
    """The lines that balance these postings, opposite accounts by the chart, control line last."""
    sums: dict[str, int] = {}
    for each in moved:
        account = opposite(each.kind, each.source)
        sums[account] = sums.get(account, 0) + each.fen
    return [
        *(Line(account, fen) for account, fen in sorted(sums.items()) if fen),
        Line(CONTROL, -sum(sums.values())),
    ]


def begin(uow: UnitOfWork, lines: Sequence[Line]) -> int:
    """Reserve a voucher's number and write its lines; postings may follow, then `seal`."""
    number = serial(uow, ENTRY)
    write_lines(uow, number, lines)
    return number


def write_lines(uow: UnitOfWork, number: int, lines: Sequence[Line]) -> None:
    """Write the lines of a voucher whose number is reserved."""
    county = own_county(uow)
    insert_new(uow.connection, books, [{"county_code": str(county), "opened_on": uow.today}])
    uow.connection.execute(lines_table.insert(), _line_rows(county, number, lines))


def seal(
    uow: UnitOfWork,
    number: int,
    head: Head,
    lines: Sequence[Line],
    *,
    villages: Sequence[str] = (),
) -> None:
    """Write a voucher's head: from now on nothing can be added to it.

    The province gets the whole voucher, the villages named get its head, so that their postings
    can say what they rest on.
    """
    county = own_county(uow)
    row = {
        "county_code": str(county),
        "entry_no": number,
        "kind": head.kind.value,
        "business_date": head.business_date,
        "booked_at": uow.now,
        "trace_kind": head.trace_kind,
        "trace": head.trace,
        "memo": head.memo,
        "actor_id": uow.actor.id,
    }
    uow.connection.execute(entries.insert(), [row])
    records.publish_entry(uow, row, _line_rows(county, number, lines), villages=villages)


def _line_rows(county: RegionCode, number: int, lines: Sequence[Line]) -> list[dict[str, object]]:
    return [
        {
            "county_code": str(county),
            "entry_no": number,
            "line_no": place,
            "gl_account": line.gl_account,
            "fen": line.fen,
        }
        for place, line in enumerate(lines, 1)
    ]
