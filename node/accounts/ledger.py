"""What is posted to individual accounts; wrong postings are mirrored (红字冲销).

A posting keeps the day it belongs to. The voucher has the day of the books: where the year of a
posting has been settled, the voucher stands in the year that runs, and the interest of the years
in between is corrected in the same transaction (`corrections`).
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from sqlalchemy import select
from sqlmodel import select as select_rows

from node.accounts import records
from node.accounts.balances import accounts, balances, in_batches, postings, settled_year
from node.accounts.chart import CONTROL, Kind
from node.accounts.corrections import correct
from node.accounts.events import tell_reversed
from node.accounts.models import Posting
from node.accounts.periods import is_locked, require_open
from node.accounts.serials import own_county
from node.accounts.sources import Source
from node.accounts.vouchers import (
    Entry,
    Head,
    Line,
    NewPosting,
    begin,
    entries,
    lines_for,
    seal,
)
from node.core.db import BATCH_ROWS
from node.core.errors import Conflict, Invalid, NotFound
from node.core.money import yuan
from node.core.work import UnitOfWork
from node.identity import require
from tiers import RegionCode, Role

__all__ = ["Entry", "Head", "Line", "NewPosting", "begin", "entries", "lines_for", "seal"]

BY_RULE = frozenset({Kind.INTEREST, Kind.SETTLEMENT})
"""Dated by their rule, whichever months are closed (migration 0004 knows them too)."""


def book(uow: UnitOfWork, entry: Entry) -> int:
    """Write a voucher with what it posts, and tell the other tiers. Answers its number.

    Postings must be of accounts that are open here, and of the voucher's own year, or of one that
    is settled: then the interest since is corrected by a voucher of its own. A posting is of the
    village its account belongs to now, whatever the caller remembers: that village hears of it.

    Raises:
        Forbidden: this node keeps no accounts.
        Invalid: it does not balance, its month or year is closed, or a source would fall below
            zero.
        NotFound: there is no such account.
        Conflict: an account has been closed.
    """
    county = own_county(uow)
    _check_balanced(entry)
    check_year_open(uow, entry.head.business_date.year)
    _check_days(uow, entry)
    if entry.head.kind not in BY_RULE:
        require_open(uow, entry.head.business_date)
    villages = _check_accounts(uow, {each.account_no for each in entry.postings})
    number = begin(uow, entry.lines)
    posted = [_at_home(each, villages[each.account_no]) for each in entry.postings]
    rows = [
        _row(county, number, place, each, entry.head.business_date.year)
        for place, each in enumerate(posted, 1)
    ]
    for start in range(0, len(rows), BATCH_ROWS):
        uow.connection.execute(postings.insert(), rows[start : start + BATCH_ROWS])
    _check_not_negative(uow, posted)
    records.publish_postings(uow, number, rows)
    seal(
        uow,
        number,
        entry.head,
        entry.lines,
        villages=sorted(set(villages.values())),
    )
    late = [each for each in posted if _is_late(each, entry.head)]
    if late:
        correct(uow, late, cause=number, on=entry.head.business_date, reason=entry.head.memo)
    return number


def _at_home(posting: NewPosting, village: str) -> NewPosting:
    return posting if posting.village == village else replace(posting, village=village)


def _is_late(posting: NewPosting, head: Head) -> bool:
    """Opening balances are what an older system had settled: they change nothing before them."""
    return head.kind is not Kind.OPENING and posting.business_date.year < head.business_date.year


def _row(
    county: RegionCode, number: int, place: int, each: NewPosting, year: int
) -> dict[str, object]:
    return {
        "county_code": str(county),
        "entry_no": number,
        "line_no": place,
        "account_no": each.account_no,
        "village": each.village,
        "source": each.source.value,
        "kind": each.kind.value,
        "fen": each.fen,
        "year": year,
        "month": each.business_date.month if each.business_date.year == year else 0,
        "for_year": each.for_year,
        "business_date": each.business_date,
        "reverses_entry": each.reverses_entry,
        "reverses_line": each.reverses_line,
    }


def _check_balanced(entry: Entry) -> None:
    over = sum(line.fen for line in entry.lines)
    if over or not entry.lines:
        raise Invalid("凭证借贷不平，相差 {over} 元", field="lines", over=yuan(over))
    control = sum(line.fen for line in entry.lines if line.gl_account == CONTROL)
    posted = sum(each.fen for each in entry.postings)
    if posted != -control:
        raise Invalid(
            "个人账户记账合计 {posted} 元与凭证控制科目 {control} 元不符",
            field="postings",
            posted=yuan(posted),
            control=yuan(-control),
        )


def _check_days(uow: UnitOfWork, entry: Entry) -> None:
    """A posting of another year than its voucher's must be of one that is settled, and all years
    between must be: else their settlement would not see it.
    """
    year = entry.head.business_date.year
    years = {each.business_date.year for each in entry.postings} - {year}
    if not years or entry.head.kind is Kind.OPENING:
        return
    closed = settled_year(uow.connection, str(own_county(uow)))
    if closed is None or max(years) > closed:
        raise Invalid("一张凭证只能记同一年度的账", field="business_date")
    if closed < year - 1:
        raise Invalid(
            "请先完成 {year} 年度结息，再更正以前年度的账",
            field="business_date",
            year=closed + 1,
        )


def check_year_open(uow: UnitOfWork, year: int) -> None:
    """Refuse to book into a year whose interest has been settled.

    Raises:
        Invalid: the year is closed.
    """
    closed = settled_year(uow.connection, str(own_county(uow)))
    if closed is not None and year <= closed:
        raise Invalid(
            "{year} 年度已经结息，不能再记入该年度",
            field="business_date",
            year=year,
        )


def _check_accounts(uow: UnitOfWork, numbers: set[int]) -> dict[int, str]:
    """The village of each; all are there and open."""
    county = str(own_county(uow))
    villages: dict[int, str] = {}
    for batch in in_batches(sorted(numbers)):
        found = select(accounts.c.account_no, accounts.c.closed_on, accounts.c.village).where(
            accounts.c.county_code == county, accounts.c.account_no.in_(batch)
        )
        for number, closed_on, village in uow.connection.execute(found):
            if closed_on is not None:
                raise Conflict("个人账户已经注销，不能再记账", account_no=number)
            villages[number] = village
    left = numbers - villages.keys()
    if left:
        raise NotFound("没有这个个人账户", account_no=min(left))
    return villages


def _check_not_negative(uow: UnitOfWork, moved: Sequence[NewPosting]) -> None:
    taken = {(each.account_no, each.source) for each in moved if each.fen < 0}
    found = balances(uow, sorted({number for number, _ in taken}))
    for number, source in sorted(taken):
        left = found[number].get(source, 0)
        if left < 0:
            raise Invalid(
                "账户 {account_no} 的{title}余额不足，记账后为 {left} 元",
                field="postings",
                account_no=number,
                title=source.title,
                left=yuan(left),
            )


def reverse(uow: UnitOfWork, entry_no: int, line_no: int, *, reason: str) -> Posting:
    """Answer a wrong posting with its mirror image (红字冲销); both stay in sight.

    The mirror counts from the day of the wrong posting, so that interest comes out as if neither
    had been. Where that year is settled, the interest since is taken back too.

    Raises:
        Forbidden: this node or this person keeps no accounts.
        NotFound: there is no such posting here.
        Invalid: no reason is given, the posting is itself a reversal, or it is interest.
        Conflict: it was reversed before, perhaps by a second click.
    """
    county = str(own_county(uow))
    require(uow, Role.ACCOUNTANT)
    wrong = uow.get(Posting, county, entry_no, line_no)
    _check_reversible(uow, wrong, reason)
    as_it_was = NewPosting(
        account_no=wrong.account_no,
        village=wrong.village,
        source=Source(wrong.source),
        kind=Kind(wrong.kind),
        fen=-wrong.fen,
        business_date=wrong.business_date,
        for_year=wrong.for_year,
        reverses_entry=wrong.entry_no,
        reverses_line=wrong.line_no,
        reverses_year=wrong.year,
    )
    mirror = replace(as_it_was, kind=Kind.REVERSAL)
    head = Head(
        Kind.REVERSAL,
        day_of_books(uow, wrong.year),
        "posting",
        f"{entry_no}-{line_no}",
        reason.strip(),
    )
    number = book(uow, Entry(head, lines_for([as_it_was]), [mirror]))
    booked = uow.get(Posting, county, number, 1)
    tell_reversed(uow, wrong, booked)
    return booked


def day_of_books(uow: UnitOfWork, year: int) -> date:
    """The day under which the books take something that belongs to `year`.

    Today, or the last day of a year that has ended and is not settled yet.

    Raises:
        Invalid: December of that year is closed, so it waits for the year's settlement.
    """
    closed = settled_year(uow.connection, str(own_county(uow)))
    if year >= uow.today.year or (closed is not None and year <= closed):
        return uow.today
    last = date(year, 12, 31)
    if is_locked(uow, last):
        raise Invalid(
            "{year} 年 12 月已经结账，请在 {year} 年度结息后更正", field="posting", year=year
        )
    return last


def _check_reversible(uow: UnitOfWork, wrong: Posting, reason: str) -> None:
    if not reason.strip():
        raise Invalid("请写明冲销原因", field="reason")
    if wrong.kind == Kind.REVERSAL:
        raise Invalid("冲销记录不能再冲销，请重新记账", field="posting")
    if wrong.kind in {Kind.INTEREST, Kind.SETTLEMENT, Kind.CORRECTION}:
        raise Invalid("利息由结息产生，不能单独冲销，请更正本金后重新计算", field="posting")
    again = select_rows(Posting).where(
        Posting.county_code == wrong.county_code,
        Posting.reverses_entry == wrong.entry_no,
        Posting.reverses_line == wrong.line_no,
    )
    if uow.session.exec(again).first():
        raise Conflict("该笔记账已经冲销", posting=f"{wrong.entry_no}-{wrong.line_no}")
