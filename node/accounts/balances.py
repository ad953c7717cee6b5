"""What is in the accounts: the closing of the last settled year plus what was posted since."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Table, and_, func, select, union_all

from node.accounts.chart import CONTROL
from node.accounts.models import Account, AccountClosing, JournalLine, Posting
from node.accounts.sources import Source, in_official_order
from node.core.work import UnitOfWork
from tiers import RegionCode

accounts: Table = Account.__table__  # type: ignore[attr-defined]
closings: Table = AccountClosing.__table__  # type: ignore[attr-defined]
postings: Table = Posting.__table__  # type: ignore[attr-defined]
journal_lines: Table = JournalLine.__table__  # type: ignore[attr-defined]

IN_ROWS = 500
"""So many numbers in one IN list: well below what any database takes."""

Balances = dict[int, dict[Source, int]]


def in_batches(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    """Numbers in runs that fit an IN list."""
    for start in range(0, len(numbers), IN_ROWS):
        yield numbers[start : start + IN_ROWS]


def settled_year(connection: Connection, county: str) -> int | None:
    """The last year closed by a year-end settlement, as far as this node knows."""
    newest = select(func.max(closings.c.year)).where(closings.c.county_code == county)
    return connection.execute(newest).scalar()


def open_years(connection: Connection, county: str) -> list[int]:
    """Years with postings that no closing holds yet, oldest first."""
    span = select(func.min(postings.c.year), func.max(postings.c.year)).where(
        postings.c.county_code == county
    )
    first, last = connection.execute(span).one()
    if first is None:
        return []
    settled = settled_year(connection, county)
    return list(range(first if settled is None else max(first, settled + 1), last + 1))


def balances(
    uow: UnitOfWork, account_nos: Sequence[int], *, county: RegionCode | None = None
) -> Balances:
    """Balances by source, in official order, of the accounts given; empty where nothing is.

    `county` is this node's own unless it is named (city and province hold many).
    """
    code = str(county or uow.node.county)
    found: Balances = {number: {} for number in account_nos}
    connection = uow.connection
    settled, years = settled_year(connection, code), open_years(connection, code)
    for batch in in_batches(account_nos):
        closed = select(
            closings.c.account_no, closings.c.source, closings.c.closing_fen.label("fen")
        ).where(
            closings.c.county_code == code,
            closings.c.year == settled,
            closings.c.account_no.in_(batch),
        )
        since = select(postings.c.account_no, postings.c.source, postings.c.fen).where(
            postings.c.county_code == code,
            postings.c.year.in_(years),
            postings.c.account_no.in_(batch),
        )
        both = union_all(closed, since).subquery()
        summed = select(both.c.account_no, both.c.source, func.sum(both.c.fen)).group_by(
            both.c.account_no, both.c.source
        )
        for number, source, fen in connection.execute(summed):
            found[number][Source(source)] = int(fen)
    return {number: _ordered(parts) for number, parts in found.items()}


def _ordered(parts: dict[Source, int]) -> dict[Source, int]:
    return {source: parts[source] for source in in_official_order(parts)}


@dataclass(frozen=True, slots=True)
class SourceTotal:
    """All accounts of a region together, one source."""

    source: Source
    accounts: int
    fen: int


def totals_by_source(
    uow: UnitOfWork, *, county: RegionCode, scope: RegionCode
) -> list[SourceTotal]:
    """Balances by source over every account of a county that belongs to `scope` now, wherever
    what it holds was posted.
    """
    code, connection = str(county), uow.connection
    settled, years = settled_year(connection, code), open_years(connection, code)
    mine = accounts.c.village.startswith(scope.prefix)
    closed = select(
        closings.c.account_no, closings.c.source, closings.c.closing_fen.label("fen")
    ).where(
        closings.c.county_code == code,
        closings.c.year == settled,
    )
    since = select(postings.c.account_no, postings.c.source, postings.c.fen).where(
        postings.c.county_code == code,
        postings.c.year.in_(years),
    )
    both = union_all(closed, since).subquery()
    summed = (
        select(both.c.source, func.count(both.c.account_no.distinct()), func.sum(both.c.fen))
        .join(
            accounts,
            and_(accounts.c.county_code == code, accounts.c.account_no == both.c.account_no),
        )
        .where(mine)
        .group_by(both.c.source)
    )
    found = {
        Source(row[0]): SourceTotal(Source(row[0]), row[1], int(row[2]))
        for row in connection.execute(summed)
    }
    return [found[source] for source in in_official_order(found)]


def control_balance(uow: UnitOfWork, *, county: RegionCode) -> int:
    """The balance of the control account (个人账户基金): what the accounts must add up to."""
    total = select(func.coalesce(func.sum(journal_lines.c.fen), 0)).where(
        and_(
            journal_lines.c.county_code == str(county),
            journal_lines.c.gl_account == CONTROL,
        )
    )
    return -int(uow.connection.execute(total).scalar_one())
