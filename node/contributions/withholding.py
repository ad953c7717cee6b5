"""批量扣款: what is due goes to a bank in a batch; what the bank confirms is booked at once.

A result file is booked whole by a few statements: who is found is credited, everything else the
bank says it has collected lies on the suspense account with an item in the queue.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Integer, LargeBinary, String, TextualSelect

from node.accounts.balances import settled_year
from node.accounts.bulk_facts import packed_columns
from node.accounts.chart import CONTROL, Kind, opposite
from node.accounts.ledger import Head, Line, begin, seal
from node.accounts.periods import is_locked
from node.accounts.serials import own_county
from node.accounts.sources import Source
from node.banking import service as banking
from node.banking.models import BankBatch, BankResult
from node.contributions.collection_ways import require_way
from node.contributions.records import WITHHELD_COLUMNS, publish_withheld
from node.contributions.statements import AT_BANK, ORDER_KEY, PAID, TURN_BASE, YEAR_BASE, statement
from node.contributions.unmatched import SUSPENSE, Doubt, Found, put_in_queue
from node.core.db import MANY_ROWS, tell_planner
from node.core.errors import Invalid
from node.core.work import UnitOfWork
from node.core.working_table import temporary, working_table
from node.identity import require
from node.policy.contribution_bodies import Way
from tiers import RegionCode, Role

PURPOSE = "contributions"
INCOME = opposite(Kind.CONTRIBUTION, Source.INDIVIDUAL)
ORDER_BASE = 10**12  # one more digit in front keeps the zeros of an order number


@dataclass(frozen=True, slots=True)
class Withheld:
    """A batch that was made; `left_out` are people whose names the bank's files cannot hold."""

    batch: BankBatch | None
    left_out: int


_PRESENTED = f"""
    FROM contribution_order o
    JOIN account a ON a.county_code = o.county_code AND a.account_no = o.account_no
        AND a.closed_on IS NULL
    JOIN person p ON p.county_code = o.county_code AND p.id = a.person_id
    JOIN enrolment e ON e.county_code = o.county_code AND e.person_id = a.person_id
        AND e.closed_on IS NULL AND e.state = 'active' AND e.bank_account IS NOT NULL
    WHERE o.county_code = :county AND o.own_fen > 0
        AND (o.for_year = :year OR (o.make_up AND o.for_year < :year))
        AND o.village BETWEEN :first_village AND :last_village
        AND NOT {PAID} AND NOT {AT_BANK}
"""
"""Orders that may go to a bank: own part due, not paid, not there already, a card known."""


def withhold(
    uow: UnitOfWork, year: int, *, bank_code: str, region: RegionCode | None = None
) -> Withheld:
    """Make a withholding batch of everybody who owes a year (or makes one up) and has a card.

    A year that has ended is not presented: whoever still owes it applies to make it up, and that
    order goes with this year's (business rules §3).

    Raises:
        Forbidden: this node or this person keeps no accounts.
        Invalid: there is no such bank, the year has ended, or the way is closed here today.
    """
    county = own_county(uow)
    require(uow, Role.ACCOUNTANT)
    if year < uow.today.year:
        raise Invalid(
            "{year} 年度已经过去，不能再报扣款：办理补缴核准后，随本年度一起报",
            field="year",
            year=year,
        )
    bank = banking.bank(bank_code)
    place = region or county
    require_way(uow, Way.BANK, region=place)
    given = {
        "county": str(county),
        "year": year,
        "first_village": place.prefix.ljust(12, "0"),
        "last_village": place.prefix.ljust(12, "9"),
    }
    unfit = _unfit(uow, bank, given)
    new = banking.NewBatch(
        bank.code,
        banking.Direction.COLLECT,
        PURPOSE,
        reference=f"{year}",
        memo=f"{year}年城乡居保缴费",
    )
    batch = banking.open_batch_from(uow, new, _lines(given, without=unfit))
    return Withheld(batch, len(unfit))


def _unfit(uow: UnitOfWork, bank: banking.Bank, given: dict[str, Any]) -> list[int]:
    """Account numbers of those whose names or amounts do not fit the bank's files."""
    asked = statement(f"SELECT o.account_no, p.name, o.own_fen {_PRESENTED}")
    return sorted(
        {
            number
            for number, name, fen in uow.connection.execute(asked, given)
            if any(
                banking.line_problems(name, fen, encoding=bank.encoding, separator=bank.separator)
            )
        }
    )


def _lines(given: dict[str, Any], *, without: Sequence[int]) -> TextualSelect:
    left_out = f"AND o.account_no NOT IN ({', '.join(map(str, without))})" if without else ""
    lines = statement(f"""
        SELECT {ORDER_KEY} AS reference, p.name, p.citizen_number, e.bank_account AS account,
            o.village AS region, o.own_fen AS fen,
            row_number() OVER (ORDER BY o.village, o.account_no, o.for_year) AS place
        {_PRESENTED} {left_out}
    """).bindparams(**given)
    return lines.columns(
        reference=String(),
        name=String(),
        citizen_number=LargeBinary(),
        account=LargeBinary(),
        region=String(),
        fen=BigInteger(),
        place=BigInteger(),
    )


_ORDER_NUMBER = f"substr(CAST({ORDER_BASE} + r.batch_no * 1000000 + r.line_no AS TEXT), 2)"

_ANSWERED = f"""
    SELECT r.row_no, r.batch_no, r.line_no, r.fen, r.answered_on, l.name,
        CAST(CAST(l.reference AS BIGINT) / {YEAR_BASE} AS INTEGER) AS for_year,
        CAST(l.reference AS BIGINT) % {TURN_BASE} AS account_no,
        {_ORDER_NUMBER} AS reference
    FROM bank_result_line r
    JOIN bank_line l ON l.county_code = r.county_code AND l.batch_no = r.batch_no
        AND l.line_no = r.line_no AND l.purpose = '{PURPOSE}'
    WHERE r.county_code = :county AND r.result_no = :result AND r.outcome = 'taken'
        AND r.state = 'succeeded' AND r.answered_on = :day
"""
"""What a result file says was collected on a day, with whose order it is."""

_collected = temporary(
    "withheld_collected",
    Column("row_no", Integer, primary_key=True, autoincrement=False),
    Column("batch_no", BigInteger),
    Column("line_no", Integer),
    Column("fen", BigInteger),
    Column("name", String),
    Column("for_year", Integer),
    Column("account_no", BigInteger),
    Column("reference", String),
    Column("village", String),
    Column("person_id", String),
    Column("grade_fen", BigInteger),
    Column("make_up", Boolean),
    Column("doubt", String),
)
"""What was collected on one day: whose it is, and what is doubtful about it if anything."""

_COLLECT = statement(f"""
    INSERT INTO withheld_collected (row_no, batch_no, line_no, fen, name, for_year, account_no,
        reference, village, person_id, grade_fen, make_up, doubt)
    SELECT s.row_no, s.batch_no, s.line_no, s.fen, s.name, s.for_year, s.account_no, s.reference,
        a.village, a.person_id, o.grade_fen, o.make_up, CASE
        WHEN a.account_no IS NULL OR a.closed_on IS NOT NULL THEN '{Doubt.LATE}'
        WHEN EXISTS (SELECT 1 FROM contribution c WHERE c.county_code = :county
            AND c.account_no = s.account_no AND c.for_year = s.for_year
            AND c.reversed_entry IS NULL) THEN '{Doubt.DOUBLE}'
        WHEN o.account_no IS NULL OR o.own_fen <> s.fen THEN '{Doubt.WRONG_AMOUNT}'
        ELSE '' END AS doubt
    FROM ({_ANSWERED}) AS s
    LEFT JOIN account a ON a.county_code = :county AND a.account_no = s.account_no
    LEFT JOIN contribution_order o ON o.county_code = :county AND o.account_no = s.account_no
        AND o.for_year = s.for_year
    ORDER BY s.row_no
""")

_DAYS = statement("""
    SELECT DISTINCT answered_on FROM bank_result_line WHERE county_code = :county
        AND result_no = :result AND state = 'succeeded' ORDER BY answered_on
""")

_CONFIRM = statement("""
    INSERT INTO contribution (county_code, id, account_no, person_id, village, for_year, grade_fen,
        fen, method, reference, paid_on, make_up, entry_no, line_no, confirmed_at)
    SELECT :county, 'bank-' || reference, account_no, person_id, village, for_year, grade_fen, fen,
        'bank', reference, :day, make_up, :entry_no,
        row_number() OVER (ORDER BY row_no), :confirmed_at
    FROM withheld_collected WHERE doubt = '' ORDER BY row_no
""")
"""Made up is what a case ordered so. The order of a year is presented within it, so what the bank
answers after New Year was paid in time all the same, and earns its subsidy."""

_MINE = """
    SELECT account_no, person_id, village, for_year, grade_fen, fen,
        CASE WHEN make_up THEN 1 ELSE 0 END AS make_up, reference, line_no
    FROM contribution WHERE county_code = :county AND entry_no = :entry_no
"""

_POST = statement(f"""
    INSERT INTO posting (county_code, entry_no, line_no, account_no, village, source, kind, fen,
        year, month, for_year, business_date)
    SELECT :county, :entry_no, line_no, account_no, village, '{Source.INDIVIDUAL}',
        CASE WHEN make_up = 1 THEN '{Kind.MAKE_UP}' ELSE '{Kind.CONTRIBUTION}' END, fen,
        :posted_year, :month, for_year, :booked_on
    FROM ({_MINE}) AS mine ORDER BY line_no
""")

_SUMMED = statement("SELECT doubt, count(*), sum(fen) FROM withheld_collected GROUP BY doubt")

_DOUBTFUL = statement("""
    SELECT doubt, fen, name, account_no, for_year, batch_no, line_no, reference
    FROM withheld_collected WHERE doubt <> '' ORDER BY row_no
""")

_ASIDE = statement(f"""
    SELECT r.outcome, r.fen, r.name, r.batch_no, r.line_no, r.row_no, l.reference
    FROM bank_result_line r
    LEFT JOIN bank_line l ON l.county_code = r.county_code AND l.batch_no = r.batch_no
        AND l.line_no = r.line_no
    WHERE r.county_code = :county AND r.result_no = :result AND r.answered_on = :day
        AND r.state = 'succeeded' AND r.outcome NOT IN ('taken', 'repeated')
        AND (l.purpose IS NULL OR l.purpose = '{PURPOSE}')
    ORDER BY r.row_no
""")

_RETURNED = statement(f"""
    SELECT r.fen, r.name, r.batch_no, r.line_no, r.answered_on, l.reference
    FROM bank_result_line r
    JOIN bank_line l ON l.county_code = r.county_code AND l.batch_no = r.batch_no
        AND l.line_no = r.line_no AND l.purpose = '{PURPOSE}'
    WHERE r.county_code = :county AND r.result_no = :result AND r.outcome = 'taken'
        AND r.state = 'returned'
    ORDER BY r.row_no
""")

_OUTCOMES = {
    "unknown": Doubt.UNKNOWN_PAYER,
    "double": Doubt.DOUBLE,
    "amount": Doubt.WRONG_AMOUNT,
    "person": Doubt.UNKNOWN_PAYER,
    "reference": Doubt.DOUBLE,
    "contradiction": Doubt.LATE,
}


def hear_result(uow: UnitOfWork, result_no: int) -> None:
    """Book what a result file says was collected (hook of the banks)."""
    county = str(own_county(uow))
    result = uow.get(BankResult, county, result_no)
    if result.direction != banking.Direction.COLLECT:
        return
    given = {"county": county, "result": result_no}
    days = [row[0] for row in uow.connection.execute(_DAYS, given)]
    for day in days:
        _book_day(uow, given, date.fromisoformat(day) if isinstance(day, str) else day)
    put_in_queue(uow, [_returned(row) for row in uow.connection.execute(_RETURNED, given)])


def _book_day(uow: UnitOfWork, given: dict[str, Any], day: date) -> None:
    """One voucher for what was collected on a day: to the people, and to the suspense account."""
    today = {**given, "day": day}
    with working_table(uow.connection, _collected):
        taken = uow.connection.execute(_COLLECT, today).rowcount
        if taken >= MANY_ROWS:
            tell_planner(uow.connection, _collected)
        _book_collected(uow, today, day)


def _book_collected(uow: UnitOfWork, today: dict[str, Any], day: date) -> None:
    sums = {row[0]: (row[1], int(row[2])) for row in uow.connection.execute(_SUMMED, today)}
    people, fen = sums.pop("", (0, 0))
    doubtful = _doubtful(uow, today, day, ours=bool(sums))
    aside = sum(each.fen for each in doubtful)
    if not people and not doubtful:
        return
    booked_on = _bookable(uow, day)
    lines = [Line(INCOME, fen + aside)]
    lines += [Line(SUSPENSE, -aside)] if aside else []
    lines += [Line(CONTROL, -fen)] if fen else []
    number = begin(uow, lines)
    written = {
        **today,
        "entry_no": number,
        "posted_year": booked_on.year,
        "month": booked_on.month,
        "booked_on": booked_on,
        "confirmed_at": uow.now,
    }
    uow.connection.execute(_CONFIRM, written)
    uow.connection.execute(_POST, written)
    told = packed_columns(uow.connection, _MINE, WITHHELD_COLUMNS)
    villages = publish_withheld(
        uow,
        uow.connection.execute(told, written).all(),
        entry_no=number,
        paid_on=day,
        booked_on=booked_on,
    )
    memo = f"银行代收 {people} 人" + (f"，待查 {len(doubtful)} 笔" if doubtful else "")
    head = Head(Kind.CONTRIBUTION, booked_on, "bank_result", f"{today['result']}", memo)
    seal(uow, number, head, lines, villages=villages)
    put_in_queue(uow, [_with_entry(each, number) for each in doubtful])


def _bookable(uow: UnitOfWork, day: date) -> date:
    """The day of the payment, or today where that month or year is closed."""
    settled = settled_year(uow.connection, str(uow.node))
    if (settled is not None and day.year <= settled) or is_locked(uow, day):
        return uow.today
    return day


def _doubtful(uow: UnitOfWork, given: dict[str, Any], day: date, *, ours: bool) -> list[Found]:
    """What goes to the queue; `ours` says whether rows that were taken are among it."""
    result = given["result"]
    found = [
        Found(
            Doubt(row.doubt),
            f"bank:{row.reference}",
            row.fen,
            day,
            payer=row.name,
            account_no=row.account_no,
            for_year=row.for_year,
            batch_no=row.batch_no,
            line_no=row.line_no,
        )
        for row in (uow.connection.execute(_DOUBTFUL, given) if ours else ())
    ]
    for row in uow.connection.execute(_ASIDE, given):
        year, account = _of_reference(row.reference)
        known = row.reference is not None
        found.append(
            Found(
                _OUTCOMES[row.outcome],
                f"result:{result}:{row.row_no}",
                row.fen,
                day,
                payer=row.name,
                account_no=account,
                for_year=year,
                batch_no=row.batch_no if known else None,
                line_no=row.line_no if known else None,
            )
        )
    return found


def _of_reference(reference: str | None) -> tuple[int | None, int | None]:
    """Year and account of an order's name at the bank."""
    if reference is None:
        return None, None
    number = int(reference)
    return number // YEAR_BASE, number % TURN_BASE


def _returned(row: Any) -> Found:
    year, account = _of_reference(row.reference)
    return Found(
        Doubt.RETURNED,
        f"returned:{row.batch_no}-{row.line_no}",
        row.fen,
        row.answered_on
        if isinstance(row.answered_on, date)
        else date.fromisoformat(row.answered_on),
        payer=row.name,
        account_no=account,
        for_year=year,
        batch_no=row.batch_no,
        line_no=row.line_no,
    )


def _with_entry(each: Found, entry_no: int) -> Found:
    return replace(each, entry_no=entry_no)
