"""Vouchers (记账凭证) and what they post to individual accounts; wrong ones are mirrored.

A voucher is written lines first, then postings, then its head: the head seals it, and the
database refuses to seal what does not balance.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import Table, select
from sqlmodel import select as select_rows

from node.accounts import records
from node.accounts.balances import accounts, balances, in_batches, postings, settled_year
from node.accounts.chart import CONTROL, Kind, opposite
from node.accounts.events import tell_reversed
from node.accounts.models import JournalEntry, JournalLine, LedgerBook, Posting
from node.accounts.periods import require_open
from node.accounts.serials import ENTRY, own_county, serial
from node.accounts.sources import Source
from node.core.db import BATCH_ROWS, insert_new
from node.core.errors import Conflict, Invalid, NotFound
from node.core.money import yuan
from node.core.work import UnitOfWork
from node.identity import require
from tiers import RegionCode, Role

books: Table = LedgerBook.__table__  # type: ignore[attr-defined]
entries: Table = JournalEntry.__table__  # type: ignore[attr-defined]
lines_table: Table = JournalLine.__table__  # type: ignore[attr-defined]

BY_RULE = frozenset({Kind.INTEREST, Kind.SETTLEMENT})
"""Dated by their rule, whichever months are closed (migration 0004 knows them too)."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a voucher in fen: debit positive, credit negative."""

    gl_account: str
    fen: int


@dataclass(frozen=True, slots=True)
class NewPosting:
    """What a voucher posts to one account and source, in fen. `line_no` is given when booked."""

    account_no: int
    village: str
    source: Source
    kind: Kind
    fen: int
    business_date: date
    for_year: int
    reverses_entry: int | None = None
    reverses_line: int | None = None


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


def book(uow: UnitOfWork, entry: Entry) -> int:
    """Write a voucher with what it posts, and tell the other tiers. Answers its number.

    Postings must be of accounts that are open here, and of the voucher's own year.

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
    if entry.head.kind not in BY_RULE:
        require_open(uow, entry.head.business_date)
    _check_accounts(uow, {each.account_no for each in entry.postings})
    number = begin(uow, entry.lines)
    rows = [_row(county, number, place, each) for place, each in enumerate(entry.postings, 1)]
    for start in range(0, len(rows), BATCH_ROWS):
        uow.connection.execute(postings.insert(), rows[start : start + BATCH_ROWS])
    _check_not_negative(uow, entry.postings)
    records.publish_postings(uow, number, rows)
    seal(
        uow,
        number,
        entry.head,
        entry.lines,
        villages=sorted({each.village for each in entry.postings}),
    )
    return number


def begin(uow: UnitOfWork, lines: Sequence[Line]) -> int:
    """Reserve a voucher's number and write its lines; postings may follow, then `seal`."""
    county = own_county(uow)
    insert_new(uow.connection, books, [{"county_code": str(county), "opened_on": uow.today}])
    number = serial(uow, ENTRY)
    uow.connection.execute(lines_table.insert(), _line_rows(county, number, lines))
    return number


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


def _row(county: RegionCode, number: int, place: int, each: NewPosting) -> dict[str, object]:
    return {
        "county_code": str(county),
        "entry_no": number,
        "line_no": place,
        "account_no": each.account_no,
        "village": each.village,
        "source": each.source.value,
        "kind": each.kind.value,
        "fen": each.fen,
        "year": each.business_date.year,
        "month": each.business_date.month,
        "for_year": each.for_year,
        "business_date": each.business_date,
        "reverses_entry": each.reverses_entry,
        "reverses_line": each.reverses_line,
    }


def _check_balanced(entry: Entry) -> None:
    over = sum(line.fen for line in entry.lines)
    if over or not entry.lines:
        raise Invalid(f"凭证借贷不平，相差 {yuan(over)} 元", field="lines")
    control = sum(line.fen for line in entry.lines if line.gl_account == CONTROL)
    posted = sum(each.fen for each in entry.postings)
    if posted != -control:
        raise Invalid(
            f"个人账户记账合计 {yuan(posted)} 元与凭证控制科目 {yuan(-control)} 元不符",
            field="postings",
        )
    if {each.business_date.year for each in entry.postings} - {entry.head.business_date.year}:
        raise Invalid("一张凭证只能记同一年度的账", field="business_date")


def check_year_open(uow: UnitOfWork, year: int) -> None:
    """Refuse to book into a year whose interest has been settled.

    Raises:
        Invalid: the year is closed.
    """
    closed = settled_year(uow.connection, str(own_county(uow)))
    if closed is not None and year <= closed:
        raise Invalid(f"{year} 年度已经结息，不能再记入该年度", field="business_date", year=year)


def _check_accounts(uow: UnitOfWork, numbers: set[int]) -> None:
    county = str(own_county(uow))
    left = set(numbers)
    for batch in in_batches(sorted(numbers)):
        found = select(accounts.c.account_no, accounts.c.closed_on).where(
            accounts.c.county_code == county, accounts.c.account_no.in_(batch)
        )
        for number, closed_on in uow.connection.execute(found):
            if closed_on is not None:
                raise Conflict("个人账户已经注销，不能再记账", account_no=number)
            left.discard(number)
    if left:
        raise NotFound("没有这个个人账户", account_no=min(left))


def _check_not_negative(uow: UnitOfWork, moved: Sequence[NewPosting]) -> None:
    taken = {(each.account_no, each.source) for each in moved if each.fen < 0}
    found = balances(uow, sorted({number for number, _ in taken}))
    for number, source in sorted(taken):
        left = found[number].get(source, 0)
        if left < 0:
            raise Invalid(
                f"账户 {number} 的{source.title}余额不足，记账后为 {yuan(left)} 元",
                field="postings",
                account_no=number,
            )


def reverse(uow: UnitOfWork, entry_no: int, line_no: int, *, reason: str) -> Posting:
    """Answer a wrong posting with its mirror image (红字冲销), today; both stay in sight.

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
        business_date=uow.today,
        for_year=wrong.for_year,
        reverses_entry=wrong.entry_no,
        reverses_line=wrong.line_no,
    )
    mirror = replace(as_it_was, kind=Kind.REVERSAL)
    head = Head(Kind.REVERSAL, uow.today, "posting", f"{entry_no}-{line_no}", reason.strip())
    number = book(uow, Entry(head, lines_for([as_it_was]), [mirror]))
    booked = uow.get(Posting, county, number, 1)
    tell_reversed(uow, wrong, booked)
    return booked


def _check_reversible(uow: UnitOfWork, wrong: Posting, reason: str) -> None:
    if not reason.strip():
        raise Invalid("请写明冲销原因", field="reason")
    if wrong.kind == Kind.REVERSAL:
        raise Invalid("冲销记录不能再冲销，请重新记账", field="posting")
    if wrong.kind in {Kind.INTEREST, Kind.SETTLEMENT}:
        raise Invalid("利息由结息产生，不能单独冲销，请更正本金后重新计算", field="posting")
    again = select_rows(Posting).where(
        Posting.county_code == wrong.county_code,
        Posting.reverses_entry == wrong.entry_no,
        Posting.reverses_line == wrong.line_no,
    )
    if uow.session.exec(again).first():
        raise Conflict("该笔记账已经冲销", posting=f"{wrong.entry_no}-{wrong.line_no}")
