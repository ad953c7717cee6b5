"""Government subsidies (缴费补贴) of a year, for everybody who paid it, in a few statements."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import BigInteger, Boolean, Date, Integer, TextClause, bindparam, text
from sqlalchemy.types import TypeEngine

from node.accounts.bulk_facts import packed_columns
from node.accounts.chart import CONTROL, Kind, opposite
from node.accounts.ledger import Head, Line, begin, check_year_open, seal
from node.accounts.serials import own_county
from node.contributions.records import SHARES, SUBSIDY_COLUMNS, publish_subsidies
from node.core.errors import Invalid
from node.core.work import UnitOfWork
from node.identity import require
from node.policy import service as policy
from node.policy.bodies import ContributionSubsidy, GradeSubsidy
from node.registry.rules import short_yuan
from tiers import Role

_TYPES: dict[str, TypeEngine[Any]] = {
    "year": Integer(),
    "posted_year": Integer(),
    "month": Integer(),
    "entry_no": BigInteger(),
    "day": Date(),
    "made_up": Boolean(),
}

_DUE = """
    SELECT c.account_no, c.grade_fen, a.village
    FROM contribution c
    JOIN account a ON a.county_code = c.county_code AND a.account_no = c.account_no
        AND a.closed_on IS NULL
    WHERE c.county_code = :county AND c.for_year = :year AND c.reversed_entry IS NULL
        AND c.make_up = :made_up AND c.subsidy_fen IS NULL
        AND NOT EXISTS (SELECT 1 FROM subsidy s WHERE s.county_code = c.county_code
            AND s.account_no = c.account_no AND s.for_year = c.for_year)
"""
"""Who paid the year in time and has no subsidy for it yet."""

_NUMBERED = """
    SELECT account_no, village, province_fen, city_fen, county_fen,
        row_number() OVER (ORDER BY account_no) AS line_no
    FROM subsidy WHERE county_code = :county AND for_year = :year AND entry_no = :entry_no
"""

_SHARES = " UNION ALL ".join(
    f"SELECT account_no, village, '{source.value}' AS source, {column} AS fen, "
    f"{len(SHARES)} * (line_no - 1) + {k} AS line_no FROM numbered"
    for k, (column, source) in enumerate(SHARES, 1)
)


def _statement(sql: str) -> TextClause:
    named = [bindparam(name, type_=kind) for name, kind in _TYPES.items() if f":{name}" in sql]
    return text(sql).bindparams(*named)


_GRADES_DUE = _statement(f"SELECT grade_fen, count(*) FROM ({_DUE}) AS due GROUP BY grade_fen")

_POST = _statement(f"""
    INSERT INTO posting (county_code, entry_no, line_no, account_no, village, source, kind, fen,
        year, month, for_year, business_date)
    WITH numbered AS ({_NUMBERED})
    SELECT :county, :entry_no, line_no, account_no, village, source, '{Kind.SUBSIDY.value}', fen,
        :posted_year, :month, :year, :day
    FROM ({_SHARES}) AS share WHERE fen <> 0 ORDER BY line_no
""")


def _lines(grades: Sequence[GradeSubsidy]) -> str:
    """The bulletin as a table: validated integers, so they may stand in the statement."""
    rows = ", ".join(
        f"({line.grade_fen}, {line.province_fen}, {line.city_fen}, {line.county_fen})"
        for line in grades
    )
    return f"line (grade_fen, province_fen, city_fen, county_fen) AS (VALUES {rows})"


def _summed(grades: Sequence[GradeSubsidy]) -> TextClause:
    return _statement(f"""
        WITH {_lines(grades)}
        SELECT count(*), coalesce(sum(line.province_fen), 0), coalesce(sum(line.city_fen), 0),
            coalesce(sum(line.county_fen), 0)
        FROM ({_DUE}) AS due JOIN line ON line.grade_fen = due.grade_fen
    """)


def _entitled(grades: Sequence[GradeSubsidy]) -> TextClause:
    return _statement(f"""
        INSERT INTO subsidy (county_code, account_no, for_year, village, province_fen, city_fen,
            county_fen, bulletin_id, entry_no)
        WITH {_lines(grades)}
        SELECT :county, due.account_no, :year, due.village, line.province_fen, line.city_fen,
            line.county_fen, :bulletin, :entry_no
        FROM ({_DUE}) AS due JOIN line ON line.grade_fen = due.grade_fen
        ORDER BY due.account_no
    """)


@dataclass(frozen=True, slots=True)
class SubsidyRun:
    """What was posted, in fen; `entry_no` is None when nobody was waiting."""

    year: int
    people: int
    province_fen: int
    city_fen: int
    county_fen: int
    entry_no: int | None
    bulletin: str


def pay_subsidies(uow: UnitOfWork, year: int, *, arrived_on: date | None = None) -> SubsidyRun:
    """Post the subsidy of a year to everybody who paid it in time and has none yet.

    Done again, it finds only those who paid since. `arrived_on` is the day the money came, today
    when not named.

    Raises:
        Forbidden: this node or this person keeps no accounts.
        Invalid: no bulletin has reached this node, or it lacks a grade that was paid; the year
            of the arrival is closed.
    """
    county = own_county(uow)
    require(uow, Role.ACCOUNTANT)
    day = arrived_on or uow.today
    check_year_open(uow, day.year)
    found = policy.required(uow, ContributionSubsidy, county, date(year, 12, 31))
    due = {"county": str(county), "year": year, "made_up": False}
    _check_grades(uow, due, found.body.grades)
    people, *sums = uow.connection.execute(_summed(found.body.grades), due).one()
    shares = {column: int(fen) for (column, _), fen in zip(SHARES, sums, strict=True)}
    if not people:
        return SubsidyRun(year, 0, **shares, entry_no=None, bulletin=found.bulletin.number)
    lines = _voucher_lines(shares)
    number = begin(uow, lines)
    given = {**due, "entry_no": number, "bulletin": found.bulletin.id}
    uow.connection.execute(_entitled(found.body.grades), given)
    _post(uow, given, day)
    told = packed_columns(uow.connection, _NUMBERED, SUBSIDY_COLUMNS)
    villages = publish_subsidies(
        uow,
        uow.connection.execute(told, given).all(),
        for_year=year,
        entry_no=number,
        bulletin_id=found.bulletin.id,
        arrived_on=day,
    )
    memo = f"{year} 年度缴费补贴 {people} 人，{found.bulletin.number}"
    head = Head(Kind.SUBSIDY, day, "bulletin", found.bulletin.id, memo)
    seal(uow, number, head, lines, villages=villages)
    return SubsidyRun(year, people, **shares, entry_no=number, bulletin=found.bulletin.number)


def _check_grades(uow: UnitOfWork, due: dict[str, Any], grades: Sequence[GradeSubsidy]) -> None:
    offered = {line.grade_fen for line in grades}
    for grade_fen, people in uow.connection.execute(_GRADES_DUE, due):
        if grade_fen not in offered:
            raise Invalid(
                "补贴标准中没有 {grade_fen} 元档，涉及 {people} 人",
                field="grade",
                grade_fen=short_yuan(grade_fen),
                people=people,
            )


def _voucher_lines(shares: dict[str, int]) -> list[Line]:
    owed = [
        Line(opposite(Kind.SUBSIDY, source), shares[column])
        for column, source in SHARES
        if shares[column]
    ]
    return [*owed, Line(CONTROL, -sum(shares.values()))]


def _post(uow: UnitOfWork, given: dict[str, Any], day: date) -> None:
    when = {"day": day, "posted_year": day.year, "month": day.month}
    uow.connection.execute(_POST, {**given, **when})
