"""Contradictions between our people and the lists of other departments (`comparing`)."""

from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, String, Table, cast, exists, func

from node.quality.about_people import enrolment, row
from node.quality.models import ComparisonList, ComparisonRow

listed: Table = ComparisonRow.__table__  # type: ignore[attr-defined]
lists: Table = ComparisonList.__table__  # type: ignore[attr-defined]

MATCHED = ("exact", "same")


def _open(county: str) -> ColumnElement[bool]:
    """Enrolments that stand."""
    return (enrolment.c.county_code == county) & enrolment.c.closed_on.is_(None)


def _on(kind: str) -> ColumnElement[bool]:
    """The person of an enrolment stands on a current list of a kind."""
    return (
        (lists.c.id == listed.c.list_id)
        & (lists.c.kind == kind)
        & lists.c.is_current
        & listed.c.decision.in_(MATCHED)
        & (listed.c.county_code == enrolment.c.county_code)
        & (listed.c.person_id == enrolment.c.person_id)
    )


def _found(county: str, kind: str) -> Select[Any]:
    """One finding a person, however many lists name them."""
    day = func.coalesce(func.max(cast(listed.c.happened_on, String)), "")
    return (
        row(
            enrolment,
            county,
            enrolment.c.person_id,
            day,
            func.max(listed.c.unit),
            person_id=enrolment.c.person_id,
        )
        .where(_open(county), _on(kind))
        .group_by(enrolment.c.county_code, enrolment.c.village, enrolment.c.person_id)
    )


def on_death_list(county: str, _today: date) -> Select[Any]:
    """Enrolled, and on a list of the dead."""
    return _found(county, "deaths")


def in_employees_scheme(county: str, _today: date) -> Select[Any]:
    """Enrolled here and in the employees' scheme."""
    return _found(county, "employees")


def not_in_household(county: str, _today: date) -> Select[Any]:
    """Enrolled in a place whose household register does not know the person."""
    covers = (
        enrolment.c.village.startswith(lists.c.prefix)
        & (lists.c.kind == "household")
        & lists.c.is_current
    )
    there = exists().where(
        listed.c.list_id == lists.c.id,
        listed.c.decision.in_(MATCHED),
        listed.c.county_code == enrolment.c.county_code,
        listed.c.person_id == enrolment.c.person_id,
    )
    newest = func.max(cast(lists.c.as_of, String))
    return (
        row(enrolment, county, enrolment.c.person_id, newest, person_id=enrolment.c.person_id)
        .where(_open(county), covers, ~there)
        .group_by(enrolment.c.county_code, enrolment.c.village, enrolment.c.person_id)
    )
