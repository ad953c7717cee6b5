"""What a node that begins with a snapshot holds of accounts, and what goes along with people who
move: the account is where the person is, what was posted stays where it was.

A voucher's lines are the county's and of those above; below it, a node holds the heads of vouchers
that posted to its villages, and those of the year-end interest, as the records tell them.
"""

from collections.abc import Callable, Sequence

from sqlalchemy import ColumnElement, Connection, Select, Table, false, func, select

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
from node.core.of_people import Mine, OfPeople, by_person, goes_along
from node.core.replica_table import ReplicaTable, of_county, of_people, within
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
    posted = select(_postings.c.entry_no).where(of_account(_postings)(region))
    interest = select(_runs.c.entry_no).where(of_county(_runs, region))
    interest = interest.where(_runs.c.entry_no.is_not(None))
    return whole & (_entries.c.entry_no.in_(posted) | _entries.c.entry_no.in_(interest))


def _accounts_inside(region: RegionCode) -> ColumnElement[bool]:
    """Those of the region, and those of people who left it and have postings here."""
    if not _is_below_county(region):
        return of_county(_accounts, region)
    posted = select(_postings.c.account_no).where(
        of_county(_postings, region), within(_postings.c.village, region)
    )
    here = within(_accounts.c.village, region)
    return of_county(_accounts, region) & (here | _accounts.c.account_no.in_(posted))


def of_account(table: Table) -> Callable[[RegionCode], ColumnElement[bool]]:
    """Rows of accounts: those written down in a region, and those of accounts it has now."""
    return of_people(table, _accounts.c.village, table.c.account_no == _accounts.c.account_no)


def numbers_of_people(county: str, ids: Sequence[str]) -> Select[tuple[int]]:
    """The accounts of people, as a part of a statement."""
    return select(_accounts.c.account_no).where(
        _accounts.c.county_code == county, _accounts.c.person_id.in_(ids)
    )


def by_account(table: Table) -> Mine:
    """For tables that name the account."""
    return lambda _connection, county, ids: (
        (table.c.county_code == county) & table.c.account_no.in_(numbers_of_people(county, ids))
    )


def _by_year(table: Table) -> Mine:
    """The same where keys begin with the year: each year is named, so that keys are looked up."""

    def mine(connection: Connection, county: str, ids: Sequence[str]) -> ColumnElement[bool]:
        span = select(func.min(_postings.c.year), func.max(_postings.c.year)).where(
            _postings.c.county_code == county
        )
        first, last = connection.execute(span).one()
        years = range(first, last + 1) if first is not None else ()
        return table.c.year.in_(years) & by_account(table)(connection, county, ids)

    return mine


def _entries_of(connection: Connection, county: str, ids: Sequence[str]) -> ColumnElement[bool]:
    posted = select(_postings.c.entry_no).where(_by_year(_postings)(connection, county, ids))
    return (_entries.c.county_code == county) & _entries.c.entry_no.in_(posted)


goes_along(
    OfPeople(_accounts, by_person(_accounts), follows=True),
    OfPeople(_postings, _by_year(_postings), append_only=True),
    OfPeople(_entries, _entries_of, append_only=True),
    *(OfPeople(each, _by_year(each), append_only=True) for each in (_closings, _settlements)),
    OfPeople(_corrections, by_account(_corrections), append_only=True),
)

REPLICAS = (
    ReplicaTable(_accounts, _accounts_inside),
    ReplicaTable(_lines, _lines_inside),
    ReplicaTable(_entries, _entries_inside),
    *(
        ReplicaTable(each, of_account(each))
        for each in (_postings, _closings, _settlements, _corrections)
    ),
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
