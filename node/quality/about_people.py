"""Contradictions about people: age, death, likeness, entitlement; in one county and in two."""

from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, String, Table, cast, exists, extract, func, literal
from sqlalchemy import select as sql

from node.benefits.models import Entitlement
from node.registry.models import Enrolment, Person

YOUNGEST = 16
PENSION_AGE = 60
OLDEST = 105
GRACE_MONTHS = 3
MONTHS = 12

person: Table = Person.__table__  # type: ignore[attr-defined]
enrolment: Table = Enrolment.__table__  # type: ignore[attr-defined]
entitlement: Table = Entitlement.__table__  # type: ignore[attr-defined]

NOTHING = literal("")


def row(
    table: Table,
    county: str,
    subject: ColumnElement[Any],
    *said: ColumnElement[Any],
    person_id: ColumnElement[Any],
) -> Select[Any]:
    """One contradiction as the catalogue wants it."""
    texts = [cast(one, String) for one in said] + [NOTHING] * (3 - len(said))
    columns = [
        text.label(name) for text, name in zip(texts, ("first", "second", "third"), strict=True)
    ]
    return sql(
        table.c.county_code,
        table.c.village,
        cast(subject, String).label("subject"),
        person_id.label("person_id"),
        *columns,
    ).where(table.c.county_code == county)


def _months(day: ColumnElement[Any]) -> ColumnElement[Any]:
    return extract("year", day) * MONTHS + extract("month", day)


def _open() -> ColumnElement[bool]:
    return enrolment.c.closed_on.is_(None)


def _enrolment_of(table: Table) -> ColumnElement[bool]:
    same = enrolment.c.county_code == table.c.county_code
    return same & (enrolment.c.person_id == table.c.person_id)


def _person_of(table: Table) -> ColumnElement[bool]:
    return (person.c.county_code == table.c.county_code) & (person.c.id == table.c.person_id)


def _drawing() -> ColumnElement[bool]:
    return entitlement.c.state == "in_force"


def underage(county: str, _today: date) -> Select[Any]:
    """Enrolled before the sixteenth birthday (国发〔2014〕8号 三: 年满16周岁)."""
    young = _months(enrolment.c.opened_on) < _months(person.c.born_on) + YOUNGEST * MONTHS
    return (
        row(
            enrolment,
            county,
            enrolment.c.id,
            person.c.born_on,
            enrolment.c.opened_on,
            person_id=enrolment.c.person_id,
        )
        .join(person, _person_of(enrolment))
        .where(young)
    )


def dead_enrolled(county: str, _today: date) -> Select[Any]:
    """A death is registered, the enrolment still open."""
    return (
        row(enrolment, county, enrolment.c.id, person.c.died_on, person_id=enrolment.c.person_id)
        .join(person, _person_of(enrolment))
        .where(person.c.died_on.is_not(None), _open())
    )


def very_old(county: str, today: date) -> Select[Any]:
    """Older than is likely: is the person alive?"""
    before = date(today.year - OLDEST, 1, 1)
    return (
        row(enrolment, county, enrolment.c.id, person.c.born_on, person_id=enrolment.c.person_id)
        .join(person, _person_of(enrolment))
        .where(person.c.born_on < before, person.c.died_on.is_(None), _open())
    )


def alike(county: str, _today: date) -> Select[Any]:
    """Two people of one village, one name and one day of birth: one person with two numbers?"""
    other = person.alias("other")
    twin = (
        (other.c.county_code == person.c.county_code)
        & (other.c.village == person.c.village)
        & (other.c.name == person.c.name)
        & (other.c.born_on == person.c.born_on)
        & (other.c.id > person.c.id)
    )
    return (
        row(
            person,
            county,
            person.c.id + literal("/") + func.min(other.c.id),
            person.c.born_on,
            person_id=person.c.id,
        )
        .join(other, twin)
        .group_by(person.c.county_code, person.c.village, person.c.id, person.c.born_on)
    )


def due_not_claimed(county: str, today: date) -> Select[Any]:
    """Sixty for three months, contributing no longer, and nobody has claimed."""
    months = today.year * MONTHS + today.month - PENSION_AGE * MONTHS - GRACE_MONTHS
    claimed = exists().where(
        entitlement.c.county_code == enrolment.c.county_code,
        entitlement.c.person_id == enrolment.c.person_id,
    )
    return (
        row(enrolment, county, enrolment.c.id, person.c.born_on, person_id=enrolment.c.person_id)
        .join(person, _person_of(enrolment))
        .where(_open(), person.c.died_on.is_(None), _months(person.c.born_on) <= months, ~claimed)
    )


def drawing_too_young(county: str, _today: date) -> Select[Any]:
    """A pension before sixty (国发〔2014〕8号 六)."""
    young = _months(entitlement.c.due_from) < _months(person.c.born_on) + PENSION_AGE * MONTHS
    return (
        row(
            entitlement,
            county,
            entitlement.c.id,
            person.c.born_on,
            entitlement.c.due_from,
            person_id=entitlement.c.person_id,
        )
        .join(person, _person_of(entitlement))
        .where(young)
    )


def drawing_not_enrolled(county: str, _today: date) -> Select[Any]:
    """A pension in force, and no enrolment at all."""
    return row(
        entitlement,
        county,
        entitlement.c.id,
        entitlement.c.due_from,
        entitlement.c.monthly_fen,
        person_id=entitlement.c.person_id,
    ).where(_drawing(), ~exists().where(_enrolment_of(entitlement)))


def drawing_without_bank_account(county: str, _today: date) -> Select[Any]:
    """A pension in force that cannot be paid to anybody's account."""
    return (
        row(
            entitlement,
            county,
            entitlement.c.id,
            entitlement.c.due_from,
            person_id=entitlement.c.person_id,
        )
        .join(enrolment, _enrolment_of(entitlement) & _open())
        .where(_drawing(), enrolment.c.bank_account.is_(None))
    )


def _elsewhere(county: str, table: Table, standing: ColumnElement[bool]) -> Select[Any]:
    """The same citizen number with the same standing in another county held here."""
    other, twin = person.alias("other"), table.alias("twin")
    same = (other.c.citizen_index == person.c.citizen_index) & (
        other.c.county_code != person.c.county_code
    )
    theirs = (twin.c.county_code == other.c.county_code) & (twin.c.person_id == other.c.id)
    if table is enrolment:
        theirs &= twin.c.closed_on.is_(None)
    else:
        theirs &= twin.c.state == "in_force"
    return (
        row(
            table,
            county,
            table.c.id + literal("/") + twin.c.id,
            other.c.county_code,
            person_id=table.c.person_id,
        )
        .join(person, _person_of(table))
        .join(other, same)
        .join(twin, theirs)
        .where(standing)
    )


def enrolled_in_two_counties(county: str, _today: date) -> Select[Any]:
    """One person, two open enrolments in two counties."""
    return _elsewhere(county, enrolment, _open())


def drawing_in_two_counties(county: str, _today: date) -> Select[Any]:
    """One person, two pensions in two counties."""
    return _elsewhere(county, entitlement, _drawing())
