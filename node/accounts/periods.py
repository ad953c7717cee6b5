"""Months of the books (会计期间): open, closed (结账), opened again with a reason (反结账).

Nothing is booked into a closed month, the database sees to that (migration 0004). What follows
from the books by rule, interest and settlements, is dated by its rule and passes.
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Table, and_, extract, func, select
from sqlmodel import col
from sqlmodel import select as select_rows

from node.accounts.digest import month_digest
from node.accounts.events import unexplained
from node.accounts.models import JournalEntry, JournalLine, LedgerBook, PeriodLock
from node.accounts.records import publish_period
from node.accounts.serials import own_county
from node.core.db import insert_new
from node.core.errors import Conflict, Invalid, Problems
from node.core.money import yuan
from node.core.work import UnitOfWork
from node.identity import require
from tiers import RegionCode, Role

MONTHS = 12

_entries: Table = JournalEntry.__table__  # type: ignore[attr-defined]
_lines: Table = JournalLine.__table__  # type: ignore[attr-defined]
_books: Table = LedgerBook.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Period:
    """A month of the books: how many vouchers, their turnover in fen, and whether it is closed."""

    year: int
    month: int
    vouchers: int
    fen: int
    lock: PeriodLock | None
    turns: int

    @property
    def is_closed(self) -> bool:
        """Whether nothing more may be booked into it."""
        return self.lock is not None and self.lock.reopened_at is None


def close_month(uow: UnitOfWork, year: int, month: int) -> PeriodLock:
    """Close a month as its accountant: only when nothing of its money is unexplained.

    Raises:
        Forbidden: this node keeps no books, or this person no accounts.
        Problems: everything that keeps it open.
        Invalid: as `lock_month`.
    """
    own_county(uow)
    require(uow, Role.ACCOUNTANT)
    _check_month(uow, year, month)
    if problems := list(unexplained(uow, year, month)):
        raise Problems(problems)
    return lock_month(uow, year, month)


def lock_month(uow: UnitOfWork, year: int, month: int, *, trace: str = "") -> PeriodLock:
    """Nothing more is booked into a month from now on. `trace` names what it was closed by.

    Who calls has looked at what came in: `close_month`, or the income account's own closing. A
    month that is closed already stays as it is.

    Raises:
        Forbidden: this node keeps no books.
        Invalid: there is no such month, it has not ended, an earlier month with vouchers is open,
            or its vouchers do not balance.
    """
    county = own_county(uow)
    _check_month(uow, year, month)
    newest = _newest(uow, str(county), year, month)
    if newest is not None and newest.reopened_at is None:
        return newest
    for earlier in periods(uow, county=county, year=year)[: month - 1]:
        if earlier.vouchers and not earlier.is_closed:
            raise Invalid(
                "请先结 {year} 年 {month} 月的账",
                field="month",
                year=earlier.year,
                month=earlier.month,
            )
    _check_balanced(uow, county, year, month)
    insert_new(uow.connection, _books, [{"county_code": str(county), "opened_on": uow.today}])
    lock = PeriodLock(
        county_code=str(county),
        year=year,
        month=month,
        turn=newest.turn + 1 if newest else 1,
        locked_at=uow.now,
        locked_by=uow.actor.id,
        locked_by_name=uow.actor.name,
        trace=trace,
        digest=month_digest(uow, str(county), year, month),
    )
    uow.session.add(lock)
    publish_period(uow, lock)
    return lock


def reopen_month(uow: UnitOfWork, year: int, month: int, *, reason: str) -> PeriodLock:
    """Open a closed month again (反结账), by an approver who did not close it.

    Raises:
        Forbidden: this person does not approve, or has closed the month.
        Invalid: no reason is given, or a later month is closed.
        Conflict: the month is open.
    """
    county = str(own_county(uow))
    require(uow, Role.APPROVER)
    if not reason.strip():
        raise Invalid("请写明反结账原因", field="reason")
    lock = _newest(uow, county, year, month)
    if lock is None or lock.reopened_at is not None:
        raise Conflict("{year} 年 {month} 月没有结账", month=month, year=year)
    if lock.locked_by == uow.actor.id:
        raise Conflict("结账和反结账须由两个人办理", month=month)
    later = select_rows(PeriodLock).where(
        PeriodLock.county_code == county,
        col(PeriodLock.reopened_at).is_(None),
        (col(PeriodLock.year) > year)
        | ((col(PeriodLock.year) == year) & (col(PeriodLock.month) > month)),
    )
    found = uow.session.exec(later).first()
    if found is not None:
        raise Invalid(
            "请先反结 {year} 年 {month} 月的账", field="month", year=found.year, month=found.month
        )
    lock.reopened_at, lock.reopened_by = uow.now, uow.actor.id
    lock.reopened_by_name, lock.reason = uow.actor.name, reason.strip()
    uow.session.add(lock)
    publish_period(uow, lock)
    return lock


def is_locked(uow: UnitOfWork, on: date) -> bool:
    """Whether the month of a day is closed in this county's books."""
    lock = _newest(uow, str(own_county(uow)), on.year, on.month)
    return lock is not None and lock.reopened_at is None


def require_open(uow: UnitOfWork, on: date) -> None:
    """Refuse a day of a closed month.

    Raises:
        Invalid: the month is closed.
    """
    if is_locked(uow, on):
        raise Invalid(
            "{year} 年 {month} 月已经结账，不能再记入该月",
            field="business_date",
            year=on.year,
            month=on.month,
        )


def periods(uow: UnitOfWork, *, county: RegionCode, year: int) -> list[Period]:
    """The twelve months of a year, as this node's copy of the books has them."""
    code = str(county)
    month = extract("month", _entries.c.business_date)
    debit = func.sum(_lines.c.fen).filter(_lines.c.fen > 0)
    counted = (
        select(month, func.count(_entries.c.entry_no.distinct()), func.coalesce(debit, 0))
        .join(
            _lines,
            and_(
                _lines.c.county_code == _entries.c.county_code,
                _lines.c.entry_no == _entries.c.entry_no,
            ),
        )
        .where(
            _entries.c.county_code == code,
            _entries.c.business_date.between(date(year, 1, 1), date(year, 12, 31)),
        )
        .group_by(month)
    )
    booked = {int(row[0]): (row[1], int(row[2])) for row in uow.connection.execute(counted)}
    kept = select_rows(PeriodLock).where(PeriodLock.county_code == code, PeriodLock.year == year)
    newest: dict[int, PeriodLock] = {}
    for lock in uow.session.exec(kept.order_by(col(PeriodLock.turn))):
        newest[lock.month] = lock
    return [
        Period(year, each, *booked.get(each, (0, 0)), lock, lock.turn if lock else 0)
        for each in range(1, MONTHS + 1)
        for lock in [newest.get(each)]
    ]


def _newest(uow: UnitOfWork, county: str, year: int, month: int) -> PeriodLock | None:
    found = (
        select_rows(PeriodLock)
        .where(PeriodLock.county_code == county, PeriodLock.year == year, PeriodLock.month == month)
        .order_by(col(PeriodLock.turn).desc())
    )
    return uow.session.exec(found).first()


def _check_month(uow: UnitOfWork, year: int, month: int) -> None:
    if not 1 <= month <= MONTHS:
        raise Invalid("月份应为 1 至 12", field="month", month=month)
    last = date(year, month, monthrange(year, month)[1])
    if uow.today < last:
        raise Invalid(
            "{year} 年 {month} 月还没有结束，不能结账", field="month", year=year, month=month
        )


def _check_balanced(uow: UnitOfWork, county: RegionCode, year: int, month: int) -> None:
    """The database refuses a voucher that does not balance; a month is closed on the sum."""
    last = date(year, month, monthrange(year, month)[1])
    summed = (
        select(func.coalesce(func.sum(_lines.c.fen), 0))
        .join(
            _entries,
            and_(
                _entries.c.county_code == _lines.c.county_code,
                _entries.c.entry_no == _lines.c.entry_no,
            ),
        )
        .where(_lines.c.county_code == str(county), _entries.c.business_date <= last)
    )
    over = int(uow.connection.execute(summed).scalar_one())
    if over:
        raise Invalid("截至该月借贷相差 {over} 元，不能结账", field="month", over=yuan(over))
