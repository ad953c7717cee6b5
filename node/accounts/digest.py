"""The fingerprint of a month of a county's books: SHA-256 over every voucher, line and posting.

A county writes it down when it closes the month; the record that tells so is signed. Province and
city compute it from their replica: equal means that not one figure, account, date or word differs,
which sums alone would not show. Interest and settlements are dated by their rule and may come after
the closing, so they stay out; their own invariants prove them (`verify`).
"""

from calendar import monthrange
from collections.abc import Iterator
from datetime import date
from hashlib import sha256
from typing import Any

from sqlalchemy import Select, Table, and_, select

from node.accounts.chart import Kind
from node.accounts.models import JournalEntry, JournalLine, Posting
from node.core.work import UnitOfWork

_entries: Table = JournalEntry.__table__  # type: ignore[attr-defined]
_lines: Table = JournalLine.__table__  # type: ignore[attr-defined]
_postings: Table = Posting.__table__  # type: ignore[attr-defined]

LINE = ("entry_no", "line_no", "gl_account", "fen")
POSTING = (
    "entry_no",
    "line_no",
    "account_no",
    "village",
    "source",
    "kind",
    "fen",
    "year",
    "month",
    "for_year",
    "business_date",
    "reverses_entry",
    "reverses_line",
)
FETCHED = 5_000
BY_RULE = (Kind.INTEREST.value, Kind.SETTLEMENT.value)


def month_digest(uow: UnitOfWork, county: str, year: int, month: int) -> str:
    """The fingerprint of what this node holds of a month, in hexadecimal."""
    found = sha256()
    for statement in _statements(county, year, month):
        for row in _streamed(uow, statement):
            found.update("\x1f".join(map(str, row)).encode() + b"\n")
    return found.hexdigest()


def _statements(county: str, year: int, month: int) -> Iterator[Select[Any]]:
    first, last = date(year, month, 1), date(year, month, monthrange(year, month)[1])
    within = and_(
        _entries.c.county_code == county,
        _entries.c.business_date.between(first, last),
        _entries.c.kind.not_in(BY_RULE),
    )
    head = ("entry_no", "kind", "business_date", "trace_kind", "trace", "memo")
    yield select(*(_entries.c[name] for name in head)).where(within).order_by(_entries.c.entry_no)
    for table, names in ((_lines, LINE), (_postings, POSTING)):
        same = and_(
            table.c.county_code == _entries.c.county_code, table.c.entry_no == _entries.c.entry_no
        )
        rows = select(*(table.c[name] for name in names)).join(_entries, same).where(within)
        yield rows.order_by(table.c.entry_no, table.c.line_no)


def _streamed(uow: UnitOfWork, statement: Select[Any]) -> Iterator[Any]:
    """A month may hold a million postings: they pass, they are not collected."""
    options = {"stream_results": True, "max_row_buffer": FETCHED}
    yield from uow.connection.execute(statement, execution_options=options)
