"""The fund's general ledger as people read it: trial balance and vouchers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, and_, case, exists, func, select
from sqlmodel import col
from sqlmodel import select as select_rows

from node.accounts.balances import accounts, journal_lines
from node.accounts.chart import Side, chart
from node.accounts.ledger import entries
from node.accounts.models import JournalEntry, JournalLine, Posting
from node.core.errors import NotFound
from node.core.paging import Page, paged
from node.core.work import UnitOfWork
from tiers import RegionCode

POSTINGS_SHOWN = 200


def _is_of(scope: RegionCode) -> ColumnElement[bool]:
    """A posting of an account that belongs to a region now."""
    mine = select(accounts.c.account_no).where(
        accounts.c.county_code == col(Posting.county_code),
        accounts.c.account_no == col(Posting.account_no),
        accounts.c.village.startswith(scope.prefix),
    )
    return exists(mine)


@dataclass(frozen=True, slots=True)
class TrialRow:
    """One account over a year, in fen. Opening and closing stand on the account's own side."""

    code: str
    number: str
    title: str
    side: Side
    opening: int
    debit: int
    credit: int
    closing: int


@dataclass(frozen=True, slots=True)
class TrialBalance:
    """科目余额表: it balances when both differences are zero."""

    year: int
    rows: Sequence[TrialRow]
    debit: int
    credit: int

    @property
    def difference(self) -> int:
        """Debit minus credit over all accounts; anything but zero is a mistake."""
        return self.debit - self.credit


def trial_balance(uow: UnitOfWork, *, county: RegionCode, year: int) -> TrialBalance:
    """Every account that has moved: opening, turnover of the year, closing."""
    first, last = date(year, 1, 1), date(year, 12, 31)
    fen, on = journal_lines.c.fen, entries.c.business_date
    within = and_(on >= first, on <= last)
    summed = (
        select(
            journal_lines.c.gl_account,
            func.sum(case((on < first, fen), else_=0)),
            func.sum(case((and_(within, fen > 0), fen), else_=0)),
            func.sum(case((and_(within, fen < 0), -fen), else_=0)),
        )
        .join(
            entries,
            and_(
                entries.c.county_code == journal_lines.c.county_code,
                entries.c.entry_no == journal_lines.c.entry_no,
            ),
        )
        .where(journal_lines.c.county_code == str(county), on <= last)
        .group_by(journal_lines.c.gl_account)
    )
    found = {row[0]: [int(value) for value in row[1:]] for row in uow.connection.execute(summed)}
    rows = [_trial_row(code, *found[code]) for code in _in_chart_order(found)]
    return TrialBalance(
        year=year,
        rows=rows,
        debit=sum(row.debit for row in rows),
        credit=sum(row.credit for row in rows),
    )


def _in_chart_order(found: dict[str, list[int]]) -> list[str]:
    known = [code for code in chart().accounts if code in found]
    return known + sorted(set(found) - set(known))


def _trial_row(code: str, opening: int, debit: int, credit: int) -> TrialRow:
    account = chart().accounts.get(code)
    side = account.side if account else Side.DEBIT
    sign = 1 if side is Side.DEBIT else -1
    return TrialRow(
        code=code,
        number=account.number if account else "",
        title=chart().title(code),
        side=side,
        opening=sign * opening,
        debit=debit,
        credit=credit,
        closing=sign * (opening + debit - credit),
    )


def vouchers(
    uow: UnitOfWork, *, county: RegionCode, year: int | None = None, number: int = 1
) -> Page[JournalEntry]:
    """Vouchers, the newest first."""
    statement = select(JournalEntry).where(col(JournalEntry.county_code) == str(county))
    if year is not None:
        first, last = date(year, 1, 1), date(year, 12, 31)
        statement = statement.where(col(JournalEntry.business_date).between(first, last))
    return paged(uow.session, statement.order_by(col(JournalEntry.entry_no).desc()), number=number)


@dataclass(frozen=True, slots=True)
class Voucher:
    """A voucher whole: `postings` are the first of `posted`."""

    entry: JournalEntry
    lines: Sequence[JournalLine]
    postings: Sequence[Posting]
    posted: int


def voucher(uow: UnitOfWork, *, county: RegionCode, entry_no: int) -> Voucher:
    """One voucher, with the postings the person asking may see.

    Raises:
        NotFound: there is none here.
    """
    entry = uow.session.get(JournalEntry, (str(county), entry_no))
    if entry is None:
        raise NotFound("没有这张凭证", entry_no=entry_no)
    lines = select_rows(JournalLine).where(
        JournalLine.county_code == str(county), JournalLine.entry_no == entry_no
    )
    mine = (
        col(Posting.county_code) == str(county),
        col(Posting.entry_no) == entry_no,
        _is_of(uow.actor.scope),
    )
    postings = select_rows(Posting).where(*mine).order_by(col(Posting.line_no))
    counted = select(func.count()).select_from(Posting).where(*mine)
    return Voucher(
        entry=entry,
        lines=uow.session.exec(lines.order_by(col(JournalLine.line_no))).all(),
        postings=uow.session.exec(postings.limit(POSTINGS_SHOWN)).all(),
        posted=int(uow.connection.execute(counted).scalar_one()),
    )


def account_counts(uow: UnitOfWork) -> dict[str, int]:
    """How many accounts each county has, inside the region the person works for."""
    counted = (
        select(accounts.c.county_code, func.count())
        .where(accounts.c.village.startswith(uow.actor.scope.prefix))
        .group_by(accounts.c.county_code)
        .order_by(accounts.c.county_code)
    )
    return {row[0]: row[1] for row in uow.connection.execute(counted)}
