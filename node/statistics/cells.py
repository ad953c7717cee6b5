"""Cells counted from the facts, one subject of one county at a time. Set-based throughout.

A cell is what changed in a village in a month. Counting a subject again replaces all its cells of
the years concerned, so the order in which facts arrived, and how often, leaves no trace.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Table,
    case,
    delete,
    extract,
    func,
    insert,
    literal,
    select,
)

from node.accounts.models import Account, Posting
from node.accounts.sources import Source
from node.benefits.models import BenefitRate
from node.contributions.models import Contribution
from node.core.db import plan_each_time
from node.core.work import UnitOfWork
from node.registry.models import Enrolment
from node.statistics import shares, stale
from node.statistics.models import StatisticsCell, StatisticsTotal
from node.statistics.rules import MONTHS
from node.statistics.stale import ALL_YEARS, Mark, Subject
from tiers import RegionCode

PAID = ("contribution", "make_up")
SUBSIDIES = (Source.SUBSIDY_PROVINCE, Source.SUBSIDY_CITY, Source.SUBSIDY_COUNTY)
INTEREST = ("interest", "settlement", "correction")

cell: Table = StatisticsCell.__table__  # type: ignore[attr-defined]
total: Table = StatisticsTotal.__table__  # type: ignore[attr-defined]
account: Table = Account.__table__  # type: ignore[attr-defined]
posting: Table = Posting.__table__  # type: ignore[attr-defined]
enrolment: Table = Enrolment.__table__  # type: ignore[attr-defined]
contribution: Table = Contribution.__table__  # type: ignore[attr-defined]
rate: Table = BenefitRate.__table__  # type: ignore[attr-defined]

MEASURES_OF = {
    Subject.PEOPLE: ("enrolled", "joined", "left"),
    Subject.PAYERS: ("payers",),
    Subject.MONEY: ("contributions_fen", "subsidies_fen", "interest_fen", "balance_fen"),
    Subject.BENEFITS: ("drawing", "monthly_fen"),
}
COLUMNS = ("county_code", "year", "place", "month", "measure", "amount")


def refresh(uow: UnitOfWork, region: RegionCode | None = None) -> int:
    """Count again what changed; answers how many subjects of counties that were.

    The work grows with the counties and years that changed, not with what is held.
    """
    seen = stale.marks(uow, region)
    if not seen:
        return 0
    plan_each_time(uow.connection)
    wanted = _wanted(seen) | _known_since(uow, seen)
    for county, subject, year in sorted(wanted):
        _count(uow, county, Subject(subject), year)
    stale.take_away(uow, seen)
    return len(wanted)


def counties_held(uow: UnitOfWork) -> list[RegionCode]:
    """The counties whose facts lie here."""
    found = select(enrolment.c.county_code).distinct()
    return [RegionCode(code) for code in uow.connection.execute(found).scalars()]


def _wanted(seen: Iterable[Mark]) -> set[tuple[str, str, int]]:
    """Each subject once; a single year not, where every year is counted anyway."""
    found = {(county, subject, year) for county, subject, year, _ in seen}
    return {one for one in found if one[2] == ALL_YEARS or (one[0], one[1], ALL_YEARS) not in found}


def _known_since(uow: UnitOfWork, seen: Iterable[Mark]) -> set[tuple[str, str, int]]:
    """Payers and pensioners counted before their person came, of counties where people came."""
    found = set()
    for county in {mark[0] for mark in seen if mark[1] == Subject.PEOPLE}:
        names = set(uow.connection.execute(shares.unknown(county)).scalars())
        found |= {
            (county, str(subject), ALL_YEARS)
            for subject in shares.LATER
            if names.intersection(shares.SHARES_OF[subject])
        }
    return found


def _count(uow: UnitOfWork, county: str, subject: Subject, year: int) -> None:
    """Replace the cells and totals of one subject."""
    connection = uow.connection
    names = MEASURES_OF[subject]
    for table in (cell, total):
        old = (table.c.county_code == county) & table.c.measure.in_(names)
        connection.execute(delete(table).where(old if not year else old & (table.c.year == year)))
    for statement in _STATEMENTS[subject](county, year):
        connection.execute(insert(cell).from_select(COLUMNS, statement))
    mine = (cell.c.county_code == county) & cell.c.measure.in_(names)
    summed = (
        select(
            cell.c.county_code, cell.c.year, cell.c.month, cell.c.measure, func.sum(cell.c.amount)
        )
        .where(mine if not year else mine & (cell.c.year == year))
        .group_by(cell.c.county_code, cell.c.year, cell.c.month, cell.c.measure)
    )
    names_of_total = ("county_code", "year", "month", "measure", "amount")
    connection.execute(insert(total).from_select(names_of_total, summed))
    if subject in shares.SHARES_OF:
        _count_shares(uow, county, subject)


def _count_shares(uow: UnitOfWork, county: str, subject: Subject) -> None:
    """Replace what is kept of a subject by sex, birth, category and grade; every year."""
    connection, names = uow.connection, shares.SHARES_OF[subject]
    for table in (shares.share, shares.share_total):
        mine = (table.c.county_code == county) & table.c.measure.in_(names)
        connection.execute(delete(table).where(mine))
    for statement in shares.statements(subject, county):
        connection.execute(insert(shares.share).from_select(shares.COLUMNS, statement))
    into = (*shares.KEY, "amount")
    connection.execute(insert(shares.share_total).from_select(into, shares.summed(county, subject)))


def _changes(
    table: Table,
    county: str,
    measure: str,
    *,
    year: ColumnElement[Any],
    month: ColumnElement[Any],
    amount: ColumnElement[Any],
    where: ColumnElement[bool],
) -> Select[Any]:
    place = table.c.village
    return (
        select(
            literal(county).label("county_code"),
            year.label("year"),
            place.label("place"),
            month.label("month"),
            literal(measure).label("measure"),
            amount.label("amount"),
        )
        .where(table.c.county_code == county, where)
        .group_by(year, place, month)
        .having(amount != 0)
    )


def _dated(
    table: Table,
    county: str,
    measure: str,
    day: ColumnElement[Any],
    amount: ColumnElement[Any],
    *,
    where: ColumnElement[bool] | None = None,
) -> Select[Any]:
    """Changes on a day, by its year and month."""
    there = day.is_not(None)
    return _changes(
        table,
        county,
        measure,
        year=extract("year", day),
        month=extract("month", day),
        amount=amount,
        where=there if where is None else there & where,
    )


def _people(county: str, _year: int) -> Iterator[Select[Any]]:
    one, opened, closed = func.count(), enrolment.c.opened_on, enrolment.c.closed_on
    yield _dated(enrolment, county, "joined", opened, one)
    yield _dated(enrolment, county, "left", closed, one)
    moves = [
        select(enrolment.c.village, opened.label("day"), literal(1).label("step")).where(
            enrolment.c.county_code == county, opened.is_not(None)
        ),
        select(enrolment.c.village, closed.label("day"), literal(-1).label("step")).where(
            enrolment.c.county_code == county, closed.is_not(None)
        ),
    ]
    both = moves[0].union_all(moves[1]).subquery()
    year, month = extract("year", both.c.day), extract("month", both.c.day)
    yield (
        select(
            literal(county),
            year,
            both.c.village,
            month,
            literal("enrolled"),
            func.sum(both.c.step),
        )
        .group_by(year, both.c.village, month)
        .having(func.sum(both.c.step) != 0)
    )


def _payers(county: str, _year: int) -> Iterator[Select[Any]]:
    """A person counts once for a contribution year, where and when the first payment came."""
    first = (
        select(
            func.min(contribution.c.village).label("village"),
            contribution.c.for_year,
            contribution.c.person_id,
            func.min(contribution.c.paid_on).label("day"),
        )
        .where(contribution.c.county_code == county, shares.PAID_HERE)
        .group_by(contribution.c.for_year, contribution.c.person_id)
        .subquery()
    )
    month = shares.month_counted(first.c.day, first.c.for_year)
    yield (
        select(
            literal(county),
            first.c.for_year,
            first.c.village,
            month.label("month"),
            literal("payers"),
            func.count(),
        ).group_by(first.c.for_year, first.c.village, "month")
    )


def _money(county: str, year: int) -> Iterator[Select[Any]]:
    """What came in where it came in; what is held where the account belongs now."""
    this = posting.c.year == year if year else literal(value=True)
    paid = posting.c.kind.in_(PAID) & (posting.c.source == str(Source.INDIVIDUAL))
    subsidy = (posting.c.kind == "subsidy") & posting.c.source.in_(SUBSIDIES)
    for measure, condition in (
        ("contributions_fen", paid),
        ("subsidies_fen", subsidy),
        ("interest_fen", posting.c.kind.in_(INTEREST)),
    ):
        yield _changes(
            posting,
            county,
            measure,
            year=posting.c.year,
            month=posting.c.month,
            amount=func.sum(posting.c.fen),
            where=this & condition,
        )

    held = posting.join(
        account,
        (account.c.county_code == posting.c.county_code)
        & (account.c.account_no == posting.c.account_no),
    )
    yield (
        select(
            literal(county),
            posting.c.year,
            account.c.village,
            posting.c.month,
            literal("balance_fen"),
            func.sum(posting.c.fen),
        )
        .select_from(held)
        .where(posting.c.county_code == county, this)
        .group_by(posting.c.year, account.c.village, posting.c.month)
        .having(func.sum(posting.c.fen) != 0)
    )


def _benefits(county: str, _year: int) -> Iterator[Select[Any]]:
    """A rate begins in its first month and ends after its last; one that follows it cancels out."""
    standing = (rate.c.county_code == county) & rate.c.superseded_by.is_(None)
    first, last = rate.c.from_month, rate.c.to_month
    december = extract("month", last) == MONTHS
    steps = (
        select(
            rate.c.village,
            extract("year", first).label("year"),
            extract("month", first).label("month"),
            literal(1).label("people"),
            rate.c.fen.label("fen"),
        )
        .where(standing)
        .union_all(
            select(
                rate.c.village,
                extract("year", last) + case((december, 1), else_=0),
                case((december, 1), else_=extract("month", last) + 1),
                literal(-1),
                -rate.c.fen,
            ).where(standing, last.is_not(None))
        )
        .subquery()
    )
    for measure, amount in (("drawing", steps.c.people), ("monthly_fen", steps.c.fen)):
        yield (
            select(
                literal(county),
                steps.c.year,
                steps.c.village,
                steps.c.month,
                literal(measure),
                func.sum(amount),
            )
            .group_by(steps.c.year, steps.c.village, steps.c.month)
            .having(func.sum(amount) != 0)
        )


_STATEMENTS = {
    Subject.PEOPLE: _people,
    Subject.PAYERS: _payers,
    Subject.MONEY: _money,
    Subject.BENEFITS: _benefits,
}
