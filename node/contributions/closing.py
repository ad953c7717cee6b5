"""收入户: what came in, day by day and month by month, against the bank; on to the 财政专户.

A day closes when the bank's credits are the books' to the fen. A month closes when every day with
movements has, everything but money in doubt has gone to the fiscal account, and nothing is
unexplained; then its books are locked. Source: 社会保险基金财务制度 (the income account is emptied
into the fiscal special account at the end of the month).
"""

from calendar import monthrange
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

from sqlalchemy import ColumnElement, Join, and_, case, func, select

from node.accounts.balances import journal_lines
from node.accounts.chart import Kind
from node.accounts.ledger import Entry, Head, Line, book, entries
from node.accounts.periods import is_locked, lock_month
from node.accounts.serials import own_county
from node.banking.batches import bank_lines, batches
from node.banking.service import LineState
from node.contributions.models import IncomeClosing
from node.contributions.unmatched import INCOME, SUSPENSE, ItemState, unmatched
from node.contributions.withholding import PURPOSE
from node.core.clock import SHANGHAI
from node.core.errors import Conflict, Invalid, Problems
from node.core.money import yuan
from node.core.work import UnitOfWork
from node.identity import require
from tiers import Role

FISCAL = "fiscal_account"
WHOLE_MONTH = 0
REFERENCE_CHARS = 50

closings = IncomeClosing.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class IncomeDay:
    """A day of the income account in fen: what came in (less what went back), what went on."""

    day: date
    received_fen: int
    transferred_fen: int
    closing: IncomeClosing | None


@dataclass(frozen=True, slots=True)
class IncomeMonth:
    """A month: its days with movements, balances at its beginning and end, what keeps it open.

    Opened again (反结账) it has no closing: the bank's balance is stated anew.
    """

    year: int
    month: int
    opening_fen: int
    days: Sequence[IncomeDay]
    closing: IncomeClosing | None
    suspense_fen: int

    @property
    def received_fen(self) -> int:
        """What came in over the month."""
        return sum(day.received_fen for day in self.days)

    @property
    def transferred_fen(self) -> int:
        """What went on to the fiscal account."""
        return sum(day.transferred_fen for day in self.days)

    @property
    def balance_fen(self) -> int:
        """What the books say lies on the income account at the end."""
        return self.opening_fen + self.received_fen - self.transferred_fen

    @property
    def to_transfer_fen(self) -> int:
        """What still has to go: all but money in doubt, which may have to be given back."""
        return max(0, self.balance_fen - self.suspense_fen)


def income_month(uow: UnitOfWork, year: int, month: int) -> IncomeMonth:
    """The income account over a month, from the books."""
    first, last = date(year, month, 1), date(year, month, monthrange(year, month)[1])
    moved = func.sum(case((entries.c.kind == Kind.FUND_TRANSFER.value, 0), else_=_FEN))
    gone = func.sum(case((entries.c.kind == Kind.FUND_TRANSFER.value, -_FEN), else_=0))
    by_day = (
        select(entries.c.business_date, moved, gone)
        .select_from(_joined())
        .where(
            *_of(uow, INCOME),
            entries.c.business_date.between(first, last),
        )
        .group_by(entries.c.business_date)
        .order_by(entries.c.business_date)
    )
    kept = select(IncomeClosing).where(
        closings.c.county_code == str(uow.node.county),
        closings.c.year == year,
        closings.c.month == month,
    )
    closed = {row.day: row for row in uow.session.scalars(kept)}
    return IncomeMonth(
        year=year,
        month=month,
        opening_fen=_balance(uow, INCOME, before=first),
        days=[
            IncomeDay(day, int(fen), int(on), _still(closed.get(day.day), int(fen)))
            for day, fen, on in uow.connection.execute(by_day)
        ],
        closing=closed.get(WHOLE_MONTH) if is_locked(uow, last) else None,
        suspense_fen=-_balance(uow, SUSPENSE, through=last),
    )


def _still(closing: IncomeClosing | None, received_fen: int) -> IncomeClosing | None:
    """A day that moved after it was reconciled is open again."""
    return closing if closing is not None and closing.received_fen == received_fen else None


_FEN = journal_lines.c.fen


def _joined() -> Join:
    return journal_lines.join(
        entries,
        and_(
            entries.c.county_code == journal_lines.c.county_code,
            entries.c.entry_no == journal_lines.c.entry_no,
        ),
    )


def _of(uow: UnitOfWork, account: str) -> tuple[ColumnElement[bool], ...]:
    return (
        journal_lines.c.county_code == str(uow.node.county),
        journal_lines.c.gl_account == account,
    )


def _balance(
    uow: UnitOfWork, account: str, *, before: date | None = None, through: date | None = None
) -> int:
    on = entries.c.business_date
    until = on < before if before is not None else on <= through
    summed = (
        select(func.coalesce(func.sum(_FEN), 0))
        .select_from(_joined())
        .where(*_of(uow, account), until)
    )
    return int(uow.connection.execute(summed).scalar_one())


def transfer(uow: UnitOfWork, *, fen: int, on: date, reference: str) -> int:
    """Money from the income account to the fiscal special account (划转财政专户). The voucher.

    Raises:
        Forbidden: this node or this person keeps no accounts.
        Invalid: no amount, no reference, a day to come or of a closed month, or more than there is.
    """
    own_county(uow)
    require(uow, Role.ACCOUNTANT)
    if fen <= 0:
        raise Invalid("划转金额须大于零", field="fen")
    if not reference.strip() or len(reference) > REFERENCE_CHARS:
        raise Invalid(
            "请填写划款凭证号，最多 {most} 个字符",
            field="reference",
            most=REFERENCE_CHARS,
        )
    if on > uow.today:
        raise Invalid("划转日期不能晚于今天", field="on")
    there = _balance(uow, INCOME, through=uow.today)
    if fen > there:
        raise Invalid("收入户只有 {there} 元，不够划转", field="fen", there=yuan(there))
    head = Head(Kind.FUND_TRANSFER, on, "transfer", reference.strip(), "收入户划转财政专户")
    return book(uow, Entry(head, [Line(FISCAL, fen), Line(INCOME, -fen)]))


def close_day(uow: UnitOfWork, day: date, *, bank_fen: int) -> IncomeClosing:
    """A day reconciled: the bank's credits are what the books have received.

    Raises:
        Forbidden: this node or this person keeps no accounts.
        Invalid: the day has not ended or come, or bank and books differ.
        Conflict: the day is closed already.
    """
    own_county(uow)
    require(uow, Role.ACCOUNTANT)
    if day > uow.today:
        raise Invalid("这一天还没有到，不能对账", field="day")
    month = income_month(uow, day.year, day.month)
    found = next((each for each in month.days if each.day == day), None)
    if found is not None and found.closing is not None:
        raise Conflict("这一天已经对账")
    received = found.received_fen if found else 0
    if received != bank_fen:
        raise Invalid(
            "银行当日入账 {stated} 元，账上 {booked} 元，相差 {difference} 元",
            field="bank_fen",
            stated=yuan(bank_fen),
            booked=yuan(received),
            difference=yuan(bank_fen - received),
        )
    return _keep(uow, day.year, day.month, day.day, month, found)


def close_month(uow: UnitOfWork, year: int, month: int, *, bank_balance_fen: int) -> IncomeClosing:
    """A month reconciled and closed; its books are locked.

    Raises:
        Forbidden: this node or this person keeps no accounts.
        Conflict: the month is closed already.
        Problems: everything that keeps it open, to the fen.
        Invalid: the books cannot be locked (see `periods.lock_month`).
    """
    own_county(uow)
    require(uow, Role.ACCOUNTANT)
    last = date(year, month, monthrange(year, month)[1])
    if uow.today < last:
        raise Invalid(
            "{year} 年 {month} 月还没有结束，不能结账", field="month", year=year, month=month
        )
    found = income_month(uow, year, month)
    if found.closing is not None:
        raise Conflict("{year} 年 {month} 月已经结账", year=year, month=month)
    problems = list(month_problems(uow, found, bank_balance_fen=bank_balance_fen))
    if problems:
        raise Problems(problems)
    closing = _keep(uow, year, month, WHOLE_MONTH, found, None)
    lock_month(uow, year, month, trace=f"income:{year}-{month:02d}")
    return closing


def month_problems(
    uow: UnitOfWork, month: IncomeMonth, *, bank_balance_fen: int | None = None
) -> Iterator[Invalid]:
    """What keeps a month open; the bank's balance is asked for only when it is known."""
    last = date(month.year, month.month, monthrange(month.year, month.month)[1])
    open_days = [day.day for day in month.days if day.closing is None]
    if open_days:
        days = "、".join(f"{day.day} 日" for day in open_days[:10])
        yield Invalid(
            "还有 {count} 天没有对账：{days}",
            field="days",
            count=len(open_days),
            days=days,
        )
    yield from _queue_problems(uow, last)
    yield from _line_problems(uow, last)
    explained = _explained(uow, last)
    if month.suspense_fen != explained:
        over = yuan(month.suspense_fen - explained)
        yield Invalid("暂收待查款有 {over} 元没有说明", field="suspense", over=over)
    if month.to_transfer_fen:
        fen = yuan(month.to_transfer_fen)
        yield Invalid("收入户还有 {fen} 元没有划转财政专户", field="transfer", fen=fen)
    if bank_balance_fen is not None and bank_balance_fen != month.balance_fen:
        yield Invalid(
            "银行对账单余额 {stated} 元，账上 {booked} 元，相差 {difference} 元",
            field="bank_balance",
            stated=yuan(bank_balance_fen),
            booked=yuan(month.balance_fen),
            difference=yuan(bank_balance_fen - month.balance_fen),
        )


def month_unexplained(uow: UnitOfWork, year: int, month: int) -> Iterator[Invalid]:
    """What keeps a month of the books open (hook of the books): its income account is not closed,
    or something has come to light since.
    """
    found = income_month(uow, year, month)
    moved = found.days or found.opening_fen or found.suspense_fen
    if found.closing is None and moved:
        yield Invalid("收入户还没有与银行对平，请在“缴费—收入户对账”结账", field="month")
    yield from month_problems(uow, found)


def _queue_problems(uow: UnitOfWork, last: date) -> Iterator[Invalid]:
    waiting = select(func.count(), func.coalesce(func.sum(unmatched.c.fen), 0)).where(
        unmatched.c.county_code == str(uow.node.county),
        unmatched.c.state != ItemState.RESOLVED.value,
        unmatched.c.received_on <= last,
    )
    number, fen = uow.connection.execute(waiting).one()
    if number:
        yield Invalid(
            "还有 {number} 笔待查款项、{fen} 元没有处理",
            field="queue",
            number=number,
            fen=yuan(int(fen)),
        )


def _line_problems(uow: UnitOfWork, last: date) -> Iterator[Invalid]:
    """What a bank has been given and not answered for: it may have the money."""
    ended = datetime.combine(last, time.max, SHANGHAI)
    owed = (
        select(func.count(), func.coalesce(func.sum(bank_lines.c.fen), 0))
        .join(
            batches,
            and_(
                batches.c.county_code == bank_lines.c.county_code,
                batches.c.batch_no == bank_lines.c.batch_no,
            ),
        )
        .where(
            bank_lines.c.county_code == str(uow.node.county),
            bank_lines.c.purpose == PURPOSE,
            bank_lines.c.state.in_([LineState.SENT.value, LineState.UNCLEAR.value]),
            batches.c.sent_at <= ended,
        )
    )
    number, fen = uow.connection.execute(owed).one()
    if number:
        yield Invalid(
            "还有 {number} 笔扣款、{fen} 元银行没有明确结果",
            field="lines",
            number=number,
            fen=yuan(int(fen)),
        )


def _explained(uow: UnitOfWork, last: date) -> int:
    """Money in doubt at the end of a month of which it is known by now whose it is."""
    resolved = (
        select(func.coalesce(func.sum(unmatched.c.fen), 0))
        .select_from(unmatched)
        .join(
            entries,
            and_(
                entries.c.county_code == unmatched.c.county_code,
                entries.c.entry_no == unmatched.c.resolved_entry,
            ),
        )
        .where(
            unmatched.c.county_code == str(uow.node.county),
            unmatched.c.entry_no.is_not(None),
            unmatched.c.received_on <= last,
            entries.c.business_date > last,
        )
    )
    return int(uow.connection.execute(resolved).scalar_one())


def _keep(  # noqa: PLR0917  # what a closing is of, then what it found
    uow: UnitOfWork, year: int, month: int, day: int, found: IncomeMonth, of: IncomeDay | None
) -> IncomeClosing:
    is_month = day == WHOLE_MONTH
    closing = IncomeClosing(
        county_code=str(uow.node),
        year=year,
        month=month,
        day=day,
        received_fen=found.received_fen if is_month else (of.received_fen if of else 0),
        transferred_fen=found.transferred_fen if is_month else (of.transferred_fen if of else 0),
        balance_fen=found.balance_fen
        if is_month
        else _balance(uow, INCOME, through=date(year, month, day)),
        closed_by=uow.actor.id,
        closed_by_name=uow.actor.name,
        closed_at=uow.now,
    )
    return uow.session.merge(closing)
