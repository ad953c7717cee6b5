"""What the bank has paid goes into the books: a voucher for each day of a run that was paid.

The account part comes out of each account by source, as it was split at determination. Whoever has
a source that cannot give its part is done one by one (`rules.draw`: others make it up, then the
fund); everybody else by one insert for the whole county.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import BigInteger, Integer, TextClause, bindparam

from node.accounts.balances import balances, settled_year
from node.accounts.chart import CONTROL, Kind
from node.accounts.ledger import Entry, Head, Line, NewPosting, begin, book, check_year_open, seal
from node.accounts.sources import Source
from node.benefits.records import entitlements
from node.benefits.rules import draw
from node.core.work import UnitOfWork
from node.payroll.models import PayrollRun
from node.payroll.records import publish_paid, publish_postings
from node.payroll.recovery import count_kept
from node.payroll.tables import typed

FUND_PARTS = ("base_fen", "city_fen", "county_fen", "years_fen", "age_fen")
_MORE = {"year": Integer(), "month_no": Integer(), "settled": Integer(), "entry": BigInteger()}


def _sql(statement: str) -> TextClause:
    return typed(statement, **_MORE)


_DAYS = typed("""
    SELECT DISTINCT paid_on FROM payroll_payment
    WHERE county_code = :county AND run_no = :run AND state IN ('paid', 'kept')
        AND entry_no IS NULL
    ORDER BY paid_on
""")

_TO_POST = """
    FROM payroll_payment p
    JOIN payroll_line l ON l.county_code = p.county_code AND l.run_no = p.run_no
        AND l.pay_no = p.pay_no
    WHERE p.county_code = :county AND p.run_no = :run AND p.state IN ('paid', 'kept')
        AND p.entry_no IS NULL AND p.paid_on = :day
"""

_DRAWING = f"""
    SELECT p.pay_no, p.entitlement_id, CAST(sum(l.account_fen) AS BIGINT) AS wanted
    {_TO_POST} AND l.account_fen > 0 GROUP BY p.pay_no, p.entitlement_id
"""


def _parts(dialect: str) -> str:
    """Each source's part of what is drawn: `account_by_source` times the months it is for."""
    each = (
        "CROSS JOIN LATERAL jsonb_each_text(e.account_by_source) AS part (key, value)"
        if dialect == "postgresql"
        else "CROSS JOIN json_each(e.account_by_source) AS part"
    )
    return f"""
        SELECT d.pay_no, e.account_no, e.village, part.key AS source,
            CAST(part.value AS BIGINT) * (d.wanted / e.account_fen) AS fen
        FROM ({_DRAWING}) AS d
        JOIN entitlement e ON e.county_code = :county AND e.id = d.entitlement_id
        {each}
        WHERE CAST(part.value AS BIGINT) > 0
    """


_HELD = """
    SELECT account_no, source, CAST(sum(fen) AS BIGINT) AS fen FROM (
        SELECT c.account_no, c.source, c.closing_fen AS fen FROM account_closing c
        WHERE c.county_code = :county AND c.year = :settled
        UNION ALL
        SELECT o.account_no, o.source, o.fen FROM posting o
        WHERE o.county_code = :county AND o.year > :settled) AS moved
    GROUP BY account_no, source
"""


def _short(dialect: str) -> TextClause:
    """Payments of which a source cannot give its part."""
    return _sql(f"""
        SELECT DISTINCT w.pay_no
        FROM (SELECT part.*, sum(fen) OVER (PARTITION BY account_no, source) AS needed
              FROM ({_parts(dialect)}) AS part) AS w
        LEFT JOIN ({_HELD}) AS h ON h.account_no = w.account_no AND h.source = w.source
        WHERE w.needed > coalesce(h.fen, 0)
    """)


def _insert(dialect: str) -> TextClause:
    return _sql(f"""
        INSERT INTO posting (county_code, entry_no, line_no, account_no, village, source, kind,
            fen, year, month, for_year, business_date)
        SELECT :county, :entry, row_number() OVER (ORDER BY pay_no, source), account_no, village,
            source, '{Kind.PENSION.value}', -fen, :year, :month_no, :year, :day
        FROM ({_parts(dialect)}) AS part ORDER BY pay_no, source
    """)


_FUND = " + ".join(f"l.{name}" for name in FUND_PARTS)

_SUMS = typed(f"""
    SELECT CAST(coalesce(sum(CASE WHEN l.kind = 'pension' THEN {_FUND} END), 0) AS BIGINT),
        CAST(coalesce(sum(CASE WHEN l.kind = 'pension' THEN l.account_fen END), 0) AS BIGINT),
        CAST(coalesce(sum(CASE WHEN l.kind <> 'pension' THEN l.fen END), 0) AS BIGINT)
    {_TO_POST}
""")

_MONEY = typed("""
    SELECT CAST(coalesce(sum(p.fen), 0) AS BIGINT), CAST(coalesce(sum(p.offset_fen), 0) AS BIGINT),
        count(*)
    FROM payroll_payment p
    WHERE p.county_code = :county AND p.run_no = :run AND p.state IN ('paid', 'kept')
        AND p.entry_no IS NULL AND p.paid_on = :day
""")

_BOOKED = _sql("""
    UPDATE payroll_payment SET entry_no = :entry
    WHERE county_code = :county AND run_no = :run AND state IN ('paid', 'kept')
        AND entry_no IS NULL AND paid_on = :day
""")


def post_paid(uow: UnitOfWork, run: PayrollRun) -> list[int]:
    """Book what was paid and is not booked yet; the vouchers' numbers. Done again: nothing.

    Raises:
        Invalid: the year of the payment is closed.
    """
    key = {"county": run.county_code, "run": run.run_no}
    _pay_again(uow, run)
    days = uow.connection.execute(_DAYS, key).scalars().all()
    return [_post_day(uow, run, _day(day)) for day in days]


def _post_day(uow: UnitOfWork, run: PayrollRun, day: date) -> int:
    check_year_open(uow, day.year)
    key: dict[str, Any] = {"county": run.county_code, "run": run.run_no, "day": day}
    given = {**key, "settled": settled_year(uow.connection, run.county_code) or 0}
    dialect = uow.connection.dialect.name
    short = uow.connection.execute(_short(dialect), given).scalars().all()
    if short:
        _one_by_one(uow, run, day, short)
    money, kept, people = uow.connection.execute(_MONEY, key).one()
    if not people:
        return 0
    fund, account, lump = (int(fen) for fen in uow.connection.execute(_SUMS, key).one())
    found = voucher_lines(account=account, fund=fund, lump=lump, offset=int(kept), money=int(money))
    number = begin(uow, found)
    when = {"year": day.year, "month_no": day.month, "entry": number}
    uow.connection.execute(_insert(dialect), {**key, **when})
    villages = publish_postings(uow, number, day)
    memo = f"{run.month:%Y-%m} 养老金发放 {people} 人"
    seal(uow, number, _head(run, day, memo), found, villages=villages)
    publish_paid(uow, run, day)
    uow.connection.execute(_BOOKED, {**key, "entry": number})
    if kept:
        count_kept(uow, run.county_code, run.run_no, number)
    return number


def _head(run: PayrollRun, day: date, memo: str) -> Head:
    return Head(Kind.PENSION, day, "payroll", str(run.run_no), memo)


def voucher_lines(*, account: int, fund: int, lump: int, offset: int, money: int) -> list[Line]:
    """The voucher of what was paid, in fen: accounts, pooled fund and heirs give; the bank and what
    was kept for recoveries are where it went. The control line stands last.
    """
    lines = [
        Line("expenditure_account", -money),
        Line("overpaid_receivable", -offset),
        Line("pooled_fund", fund),
        Line("heirs_payable", lump),
    ]
    return [*(line for line in lines if line.fen), Line(CONTROL, account)]


_SINGLE = typed(
    f"""
    SELECT p.pay_no, e.account_no, e.village, e.account_by_source, e.account_fen,
        p.fen, p.offset_fen,
        CAST(sum(l.account_fen) AS BIGINT) AS account,
        CAST(sum({_FUND}) AS BIGINT) AS fund,
        CAST(sum(CASE WHEN l.kind <> 'pension' THEN l.fen ELSE 0 END) AS BIGINT) AS lump
    FROM payroll_payment p
    JOIN payroll_line l ON l.county_code = p.county_code AND l.run_no = p.run_no
        AND l.pay_no = p.pay_no
    JOIN entitlement e ON e.county_code = p.county_code AND e.id = p.entitlement_id
    WHERE p.county_code = :county AND p.run_no = :run AND p.pay_no = :pay
    GROUP BY p.pay_no, e.account_no, e.village, e.account_by_source, e.account_fen, p.fen,
        p.offset_fen
""",
    pay=Integer(),
)

_BOOKED_ONE = _sql("""
    UPDATE payroll_payment SET entry_no = :entry
    WHERE county_code = :county AND run_no = :run AND pay_no = :pay
""").bindparams(bindparam("pay", type_=Integer()))


def _one_by_one(uow: UnitOfWork, run: PayrollRun, day: date, pay_nos: Sequence[int]) -> None:
    """Those with an account that is running out; what it cannot give the fund pays, for life."""
    shape = _SINGLE.columns(account_by_source=entitlements.c.account_by_source.type)
    for pay_no in sorted(pay_nos):
        key = {"county": run.county_code, "run": run.run_no, "pay": pay_no}
        row = uow.connection.execute(shape, key).one()
        held = balances(uow, [row.account_no])[row.account_no]
        months = row.account // row.account_fen
        drawn = draw(held, {Source(s): fen * months for s, fen in row.account_by_source.items()})
        given = {source: fen for source, fen in drawn.by_source.items() if fen}
        lines = voucher_lines(
            account=sum(given.values()),
            fund=row.fund + drawn.fund,
            lump=row.lump,
            offset=row.offset_fen,
            money=row.fen,
        )
        memo = f"{run.month:%Y-%m} 养老金发放，个人账户支付不足部分由基金支付"
        number = book(uow, Entry(_head(run, day, memo), lines, _postings(row, given, day)))
        publish_paid(uow, run, day, pay_no=pay_no)
        uow.connection.execute(_BOOKED_ONE, {**key, "entry": number})
        if row.offset_fen:
            count_kept(uow, run.county_code, run.run_no, number)


def _postings(row: Any, given: Mapping[Source, int], day: date) -> list[NewPosting]:
    return [
        NewPosting(
            account_no=row.account_no,
            village=row.village,
            source=source,
            kind=Kind.PENSION,
            fen=-fen,
            business_date=day,
            for_year=day.year,
        )
        for source, fen in given.items()
    ]


_BOUNCED = typed("""
    SELECT count(*), CAST(coalesce(sum(p.fen), 0) AS BIGINT), max(p.paid_on)
    FROM payroll_payment p
    WHERE p.county_code = :county AND p.run_no = :run AND p.state = 'bounced'
        AND p.entry_no IS NOT NULL AND EXISTS (
            SELECT 1 FROM paid_line d JOIN payroll_line l ON l.county_code = d.county_code
                AND l.run_no = d.run_no AND l.line_no = d.line_no
            WHERE l.county_code = :county AND l.run_no = :run AND l.pay_no = p.pay_no
                AND d.bounced_on IS NULL)
""")

_PAID_AGAIN = typed("""
    SELECT count(*), CAST(coalesce(sum(p.fen), 0) AS BIGINT), max(p.paid_on)
    FROM payroll_payment p
    WHERE p.county_code = :county AND p.run_no = :run AND p.state = 'paid'
        AND p.entry_no IS NOT NULL AND EXISTS (
            SELECT 1 FROM paid_line d JOIN payroll_line l ON l.county_code = d.county_code
                AND l.run_no = d.run_no AND l.line_no = d.line_no
            WHERE l.county_code = :county AND l.run_no = :run AND l.pay_no = p.pay_no
                AND d.bounced_on IS NOT NULL)
""")


def book_bounced(uow: UnitOfWork, run: PayrollRun) -> None:
    """Money that came back after it was paid (退汇) waits on an account of its own."""
    key = {"county": run.county_code, "run": run.run_no}
    people, fen, day = uow.connection.execute(_BOUNCED, key).one()
    if not people:
        return
    found = [Line("expenditure_account", int(fen)), Line("returned_payments", -int(fen))]
    memo = f"{run.month:%Y-%m} 养老金退汇 {people} 人"
    book(uow, Entry(_head(run, _day(day), memo), found))
    publish_paid(uow, run, _day(day), state="bounced")


def _pay_again(uow: UnitOfWork, run: PayrollRun) -> None:
    """What had come back and is paid now leaves that account."""
    key = {"county": run.county_code, "run": run.run_no}
    people, fen, day = uow.connection.execute(_PAID_AGAIN, key).one()
    if not people:
        return
    found = [Line("returned_payments", int(fen)), Line("expenditure_account", -int(fen))]
    memo = f"{run.month:%Y-%m} 退汇重发 {people} 人"
    book(uow, Entry(_head(run, _day(day), memo), found))
    publish_paid(uow, run, _day(day), state="again")


def _day(value: date | str) -> date:
    """max() of a date is text on SQLite."""
    return date.fromisoformat(value) if isinstance(value, str) else value
