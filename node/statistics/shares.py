"""Enrolled, paying and drawing people by sex, year of birth, category and grade: cells like others.

A person's sex, birth and category are those known now, for every period: a correction corrects the
past. The grade of a payer is the one paid, that of an enrolment the one chosen.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    Subquery,
    Table,
    case,
    cast,
    extract,
    func,
    literal,
    null,
    select,
)

from node.benefits.models import BenefitRate, Entitlement
from node.contributions.models import Contribution
from node.contributions.rules import Method
from node.registry.models import Enrolment, Person
from node.statistics.models import StatisticsShare, StatisticsShareTotal
from node.statistics.rules import DIMENSIONS, MONTHS, UNKNOWN
from node.statistics.stale import Subject

share: Table = StatisticsShare.__table__  # type: ignore[attr-defined]
share_total: Table = StatisticsShareTotal.__table__  # type: ignore[attr-defined]
person: Table = Person.__table__  # type: ignore[attr-defined]
enrolment: Table = Enrolment.__table__  # type: ignore[attr-defined]
contribution: Table = Contribution.__table__  # type: ignore[attr-defined]
rate: Table = BenefitRate.__table__  # type: ignore[attr-defined]
entitlement: Table = Entitlement.__table__  # type: ignore[attr-defined]

PAID_HERE = contribution.c.reversed_entry.is_(None) & (contribution.c.method != Method.TRANSFERRED)
"""A payment that stands; one that a transfer brought along counts where it was paid."""

SHARES_OF = {
    Subject.PEOPLE: ("enrolled",),
    Subject.PAYERS: ("payers",),
    Subject.BENEFITS: ("drawing", "monthly_fen"),
}
KEY = ("county_code", "year", "month", "measure", "dimension", "value")
COLUMNS = ("county_code", "year", "place", "month", "measure", "dimension", "value", "amount")
LATER = (Subject.PAYERS, Subject.BENEFITS)
"""Subjects whose people may come to be known after what they did."""


def statements(subject: Subject, county: str) -> Iterator[Select[Any]]:
    """The cells of a subject by every dimension, for `COLUMNS`."""
    made = _STEPS.get(subject)
    if made is None:
        return
    steps = made(county)
    known = (person.c.county_code == county) & (person.c.id == steps.c.person_id)
    both = steps.outerjoin(person, known)
    for measure in SHARES_OF[subject]:
        amount = func.sum(steps.c.fen if measure == "monthly_fen" else steps.c.people)
        for dimension in DIMENSIONS:
            value = value_of(dimension.name, steps.c.grade_fen)
            yield (
                select(
                    literal(county),
                    steps.c.year,
                    steps.c.village,
                    steps.c.month,
                    literal(measure),
                    literal(dimension.name),
                    value.label("value"),
                    amount,
                )
                .select_from(both)
                .group_by(steps.c.year, steps.c.village, steps.c.month, "value")
                .having(amount != 0)
            )


def value_of(dimension: str, grade: ColumnElement[Any]) -> ColumnElement[str]:
    """What somebody is, as text; empty where it is not known."""
    found: ColumnElement[Any] = {
        "sex": person.c.sex,
        "born": cast(extract("year", person.c.born_on), String),
        "category": person.c.category,
        "grade": cast(grade, String),
    }[dimension]
    return func.coalesce(found, UNKNOWN)


def summed(county: str, subject: Subject) -> Select[Any]:
    """The totals of a subject's cells, for `KEY` and the amount."""
    keys = [share.c[name] for name in KEY]
    mine = (share.c.county_code == county) & share.c.measure.in_(SHARES_OF[subject])
    return select(*keys, func.sum(share.c.amount)).where(mine).group_by(*keys)


def unknown(county: str) -> Select[Any]:
    """The measures of a county that count somebody whose person was not known."""
    return (
        select(share_total.c.measure)
        .where(
            share_total.c.county_code == county,
            share_total.c.dimension == "sex",
            share_total.c.value == UNKNOWN,
        )
        .distinct()
    )


def _people(county: str) -> Subquery:
    """One who joins, or one fewer when an enrolment ends."""
    moves = [
        select(
            enrolment.c.person_id,
            enrolment.c.village,
            enrolment.c.grade_fen,
            extract("year", day).label("year"),
            extract("month", day).label("month"),
            literal(step).label("people"),
            literal(0).label("fen"),
        ).where(enrolment.c.county_code == county, day.is_not(None))
        for day, step in ((enrolment.c.opened_on, 1), (enrolment.c.closed_on, -1))
    ]
    return moves[0].union_all(moves[1]).subquery()


def month_counted(day: ColumnElement[Any], for_year: ColumnElement[Any]) -> ColumnElement[Any]:
    """The month of its year in which a payment counts: early ones in January, late in December."""
    paid_in = extract("year", day)
    return case((paid_in < for_year, 1), (paid_in > for_year, MONTHS), else_=extract("month", day))


def _payers(county: str) -> Subquery:
    """As `cells` counts payers: once for a year, where and when the first payment came."""
    first = (
        select(
            contribution.c.person_id,
            func.min(contribution.c.village).label("village"),
            func.min(contribution.c.grade_fen).label("grade_fen"),
            contribution.c.for_year.label("year"),
            func.min(contribution.c.paid_on).label("day"),
        )
        .where(contribution.c.county_code == county, PAID_HERE)
        .group_by(contribution.c.for_year, contribution.c.person_id)
        .subquery()
    )
    month = month_counted(first.c.day, first.c.year)
    columns = [first.c[name] for name in ("person_id", "village", "grade_fen", "year")]
    rest = (literal(1).label("people"), literal(0).label("fen"))
    return select(*columns, month.label("month"), *rest).subquery()


def _pensions(county: str) -> Subquery:
    """A rate begins in its first month and ends after its last. Pensioners have no grade."""
    same = (entitlement.c.county_code == rate.c.county_code) & (
        entitlement.c.id == rate.c.entitlement_id
    )
    first, last = rate.c.from_month, rate.c.to_month
    december = extract("month", last) == MONTHS
    standing = (rate.c.county_code == county) & rate.c.superseded_by.is_(None)
    no_grade = cast(null(), rate.c.fen.type).label("grade_fen")
    who = (entitlement.c.person_id, rate.c.village, no_grade)
    begins = select(
        *who,
        extract("year", first).label("year"),
        extract("month", first).label("month"),
        literal(1).label("people"),
        rate.c.fen.label("fen"),
    )
    ends = select(
        *who,
        extract("year", last) + case((december, 1), else_=0),
        case((december, 1), else_=extract("month", last) + 1),
        literal(-1),
        -rate.c.fen,
    )
    both = rate.outerjoin(entitlement, same)
    return (
        begins.select_from(both)
        .where(standing)
        .union_all(ends.select_from(both).where(standing, last.is_not(None)))
        .subquery()
    )


_STEPS = {Subject.PEOPLE: _people, Subject.PAYERS: _payers, Subject.BENEFITS: _pensions}
