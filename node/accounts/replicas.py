"""What a node that begins with a snapshot holds of accounts.

A voucher's lines are the county's and of those above; below it, a node holds the heads of vouchers
that posted to its villages, and those of the year-end interest, as the records tell them.
"""

from sqlalchemy import ColumnElement, Table, false, func, select

from node.accounts.models import (
    Account,
    AccountClosing,
    AccountSettlement,
    InterestCorrection,
    InterestRun,
    JournalEntry,
    JournalLine,
    LedgerBook,
    PeriodLock,
    Posting,
    RateCorrection,
)
from node.accounts.serials import ACCOUNT, ENTRY
from node.core.db import insert_new, upsert
from node.core.replica_table import ReplicaTable, of_county, of_villages, within
from node.core.serials import counters
from node.core.work import UnitOfWork
from tiers import Level, RegionCode

_accounts: Table = Account.__table__  # type: ignore[attr-defined]
_postings: Table = Posting.__table__  # type: ignore[attr-defined]
_entries: Table = JournalEntry.__table__  # type: ignore[attr-defined]
_lines: Table = JournalLine.__table__  # type: ignore[attr-defined]
_closings: Table = AccountClosing.__table__  # type: ignore[attr-defined]
_settlements: Table = AccountSettlement.__table__  # type: ignore[attr-defined]
_runs: Table = InterestRun.__table__  # type: ignore[attr-defined]
_locks: Table = PeriodLock.__table__  # type: ignore[attr-defined]
_corrections: Table = InterestCorrection.__table__  # type: ignore[attr-defined]
_rate_corrections: Table = RateCorrection.__table__  # type: ignore[attr-defined]
_books: Table = LedgerBook.__table__  # type: ignore[attr-defined]


def _is_below_county(region: RegionCode) -> bool:
    return region.level.rank > Level.COUNTY.rank


def _lines_inside(region: RegionCode) -> ColumnElement[bool]:
    return false() if _is_below_county(region) else of_county(_lines, region)


def _locks_inside(region: RegionCode) -> ColumnElement[bool]:
    return false() if _is_below_county(region) else of_county(_locks, region)


def _entries_inside(region: RegionCode) -> ColumnElement[bool]:
    whole = of_county(_entries, region)
    if not _is_below_county(region):
        return whole
    posted = select(_postings.c.entry_no).where(
        of_county(_postings, region), within(_postings.c.village, region)
    )
    interest = select(_runs.c.entry_no).where(of_county(_runs, region))
    interest = interest.where(_runs.c.entry_no.is_not(None))
    return whole & (_entries.c.entry_no.in_(posted) | _entries.c.entry_no.in_(interest))


REPLICAS = (
    ReplicaTable(_accounts, of_villages(_accounts)),
    ReplicaTable(_lines, _lines_inside),
    ReplicaTable(_entries, _entries_inside),
    ReplicaTable(_postings, of_villages(_postings)),
    ReplicaTable(_closings, of_villages(_closings)),
    ReplicaTable(_settlements, of_villages(_settlements)),
    ReplicaTable(_corrections, of_villages(_corrections)),
    ReplicaTable(_rate_corrections, lambda region: of_county(_rate_corrections, region)),
    ReplicaTable(_locks, _locks_inside),
    ReplicaTable(_runs, lambda region: of_county(_runs, region)),
)


def go_on_numbering(uow: UnitOfWork) -> None:
    """A county keeps its books again: numbers go on after the last that is known above."""
    if uow.level is not Level.COUNTY:
        return
    county = str(uow.node)
    rows = []
    for name, column in ((ENTRY, _entries.c.entry_no), (ACCOUNT, _accounts.c.account_no)):
        known = select(func.max(column)).where(column.table.c.county_code == county)
        last = uow.connection.scalar(known)
        if last:
            rows.append({"county_code": county, "name": name, "value": last})
    if rows:
        upsert(uow.connection, counters, rows)
        insert_new(uow.connection, _books, [{"county_code": county, "opened_on": uow.today}])
