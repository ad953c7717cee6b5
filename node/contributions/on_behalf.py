"""政府代缴: what the governments pay for special groups, posted when the money arrives.

Who is paid for whole has the year paid by it; who pays a part gets the governments' once their own
part is in (a convention of this project). Each tier's share is owed to the fund by that tier.
"""

from dataclasses import dataclass
from datetime import date

from node.accounts.bulk_facts import packed_columns
from node.accounts.chart import CONTROL, Kind
from node.accounts.ledger import Head, Line, begin, check_year_open, seal
from node.accounts.periods import require_open
from node.accounts.serials import own_county
from node.accounts.sources import Source
from node.contributions.records import ON_BEHALF_COLUMNS, publish_on_behalf
from node.contributions.statements import PAID, statement
from node.core.work import UnitOfWork
from node.identity import require
from tiers import Role

OWED_BY = (
    ("province_fen", "due_from_province"),
    ("city_fen", "due_from_city"),
    ("county_fen", "due_from_county"),
)

_DUE = f"""
    SELECT o.account_no, o.village, o.grade_fen, o.own_fen, o.province_fen, o.city_fen,
        o.county_fen, a.person_id
    FROM contribution_order o
    JOIN account a ON a.county_code = o.county_code AND a.account_no = o.account_no
        AND a.closed_on IS NULL
    WHERE o.county_code = :county AND o.for_year = :year
        AND o.province_fen + o.city_fen + o.county_fen > 0
        AND ((o.own_fen = 0 AND NOT {PAID}) OR (o.own_fen > 0 AND {PAID}))
        AND NOT EXISTS (SELECT 1 FROM paid_on_behalf b WHERE b.county_code = o.county_code
            AND b.account_no = o.account_no AND b.for_year = o.for_year)
"""

_SUMMED = statement(f"""
    SELECT count(*), COALESCE(sum(province_fen), 0), COALESCE(sum(city_fen), 0),
        COALESCE(sum(county_fen), 0) FROM ({_DUE}) AS due
""")

_KEEP = statement(f"""
    INSERT INTO paid_on_behalf (county_code, account_no, for_year, village, province_fen, city_fen,
        county_fen, entry_no)
    SELECT :county, account_no, :year, village, province_fen, city_fen, county_fen, :entry_no
    FROM ({_DUE}) AS due
""")

_NUMBERED = """
    SELECT b.account_no, b.village, a.person_id, o.grade_fen, b.province_fen, b.city_fen,
        b.county_fen, b.province_fen + b.city_fen + b.county_fen AS fen,
        CASE WHEN o.own_fen = 0 THEN 1 ELSE 0 END AS whole,
        row_number() OVER (ORDER BY b.account_no) AS line_no
    FROM paid_on_behalf b
    JOIN contribution_order o ON o.county_code = b.county_code AND o.account_no = b.account_no
        AND o.for_year = b.for_year
    JOIN account a ON a.county_code = b.county_code AND a.account_no = b.account_no
    WHERE b.county_code = :county AND b.for_year = :year AND b.entry_no = :entry_no
"""

_POST = statement(f"""
    INSERT INTO posting (county_code, entry_no, line_no, account_no, village, source, kind, fen,
        year, month, for_year, business_date)
    SELECT :county, :entry_no, line_no, account_no, village, '{Source.PAID_ON_BEHALF}',
        '{Kind.PAID_ON_BEHALF}', fen, :posted_year, :month, :year, :day
    FROM ({_NUMBERED}) AS numbered
""")

_ID = "'behalf-' || CAST(:year AS VARCHAR(4)) || '-' || CAST(account_no AS VARCHAR(20))"

_CONFIRM = statement(f"""
    INSERT INTO contribution (county_code, id, account_no, person_id, village, for_year, grade_fen,
        fen, method, reference, paid_on, make_up, entry_no, line_no, confirmed_at)
    SELECT :county, {_ID}, account_no, person_id, village, :year, grade_fen, fen, 'on_behalf',
        {_ID}, :day, :made_up, :entry_no, line_no, :confirmed_at
    FROM ({_NUMBERED}) AS numbered WHERE whole = 1
""")


@dataclass(frozen=True, slots=True)
class OnBehalfRun:
    """What was posted, in fen; `entry_no` is None when nobody was waiting."""

    year: int
    people: int
    province_fen: int
    city_fen: int
    county_fen: int
    entry_no: int | None


def pay_on_behalf(uow: UnitOfWork, year: int, *, arrived_on: date | None = None) -> OnBehalfRun:
    """Post what is paid on behalf for a year to everybody whose it is and who has it not yet.

    Raises:
        Forbidden: this node or this person keeps no accounts.
        Invalid: the month of the arrival is closed.
    """
    county = own_county(uow)
    require(uow, Role.ACCOUNTANT)
    day = arrived_on or uow.today
    check_year_open(uow, day.year)
    require_open(uow, day)
    given = {"county": str(county), "year": year}
    people, *sums = uow.connection.execute(_SUMMED, given).one()
    shares = {column: int(fen) for (column, _), fen in zip(OWED_BY, sums, strict=True)}
    if not people:
        return OnBehalfRun(year, 0, **shares, entry_no=None)
    owed = [Line(account, shares[column]) for column, account in OWED_BY if shares[column]]
    lines = [*owed, Line(CONTROL, -sum(shares.values()))]
    number = begin(uow, lines)
    written = {**given, "entry_no": number}
    when = {"day": day, "posted_year": day.year, "month": day.month}
    uow.connection.execute(_KEEP, written)
    uow.connection.execute(_POST, {**written, **when})
    uow.connection.execute(
        _CONFIRM, {**written, "day": day, "made_up": False, "confirmed_at": uow.now}
    )
    told = packed_columns(uow.connection, _NUMBERED, ON_BEHALF_COLUMNS)
    villages = publish_on_behalf(
        uow,
        uow.connection.execute(told, written).all(),
        for_year=year,
        entry_no=number,
        arrived_on=day,
    )
    memo = f"{year} 年度政府代缴 {people} 人"
    seal(
        uow,
        number,
        Head(Kind.PAID_ON_BEHALF, day, "orders", f"{year}", memo),
        lines,
        villages=villages,
    )
    return OnBehalfRun(year, people, **shares, entry_no=number)
