"""What travels of people and enrolments: the county's facts, up to the province and down to the
village they are about. A replica does not judge, the county has decided.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, Table

import sync
from node.core.clock import from_iso, iso
from node.core.db import Instant, insert_new, upsert
from node.core.personal import keyring_of
from node.core.work import UP_PROVINCE, RecordType, UnitOfWork, down
from node.registry.models import Enrolment, GradeChoice, Person, PersonCategory, PersonChange
from tiers import RegionCode

REGISTERED = RecordType("person.registered", independent=True)
OPENED = RecordType("enrolment.opened", independent=True)
CHANGED = RecordType("person.changed", independent=True)
CATEGORISED = RecordType("category.stated", independent=True)
GRADE_CHOSEN = RecordType("grade.chosen", independent=True)
RECORD_TYPES = (REGISTERED, OPENED, CHANGED, CATEGORISED, GRADE_CHOSEN)

people: Table = Person.__table__  # type: ignore[attr-defined]
enrolments: Table = Enrolment.__table__  # type: ignore[attr-defined]
changes: Table = PersonChange.__table__  # type: ignore[attr-defined]
categories: Table = PersonCategory.__table__  # type: ignore[attr-defined]
grade_choices: Table = GradeChoice.__table__  # type: ignore[attr-defined]

Row = dict[str, Any]


def publish_enrolments(uow: UnitOfWork, registered: Sequence[tuple[Row, Row]]) -> None:
    """Tell of people and their new enrolments, route by route, a person before the enrolment."""
    _tell(
        uow,
        [
            (kind, row["id"], body, RegionCode(row["village"]))
            for person, enrolment in registered
            for kind, row, body in (
                (REGISTERED, person, _person_body(person)),
                (OPENED, enrolment, _enrolment_body(enrolment)),
            )
        ],
    )


Fact = tuple[RecordType, str, Row, RegionCode]


def _tell(uow: UnitOfWork, facts: Sequence[Fact]) -> None:
    """Facts up to the province, then down to each village: route by route, in few writes."""
    for kind, key, body, village in facts:
        uow.publish(kind, key, body, region=village, routes=[UP_PROVINCE])
    for kind, key, body, village in sorted(facts, key=lambda fact: fact[3]):
        uow.publish(kind, key, body, region=village, routes=[down(village)])


def _person_body(person: Row) -> Row:
    hidden = {"county_code", "citizen_index", "born_on", "died_on", "registered_at"}
    return {
        **{name: value for name, value in person.items() if name not in hidden},
        "born_on": person["born_on"].isoformat(),
        "died_on": _day_text(person["died_on"]),
        "registered_at": iso(person["registered_at"]),
    }


def _enrolment_body(enrolment: Row) -> Row:
    hidden = {"county_code", "opened_on", "closed_on"}
    return {
        **{name: value for name, value in enrolment.items() if name not in hidden},
        "opened_on": enrolment["opened_on"].isoformat(),
        "closed_on": _day_text(enrolment["closed_on"]),
    }


@REGISTERED.applies
def apply_people(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Keep people as their county knows them; numbers are encrypted under this node's own keys."""
    keyring = keyring_of(uow.connection)
    rows: dict[str, Row] = {}
    for item in arrived:
        body = item.record.body
        rows[item.record.key] = {
            **_own(body, people),
            "county_code": _county(item),
            "citizen_index": keyring.index(body["citizen_number"]),
            "born_on": date.fromisoformat(body["born_on"]),
            "died_on": _day(body["died_on"]),
            "registered_at": from_iso(body["registered_at"]),
        }
    upsert(uow.connection, people, list(rows.values()))


@OPENED.applies
def apply_enrolments(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Keep enrolments as their county opened them."""
    rows: dict[str, Row] = {}
    for item in arrived:
        body = item.record.body
        rows[item.record.key] = {
            **_own(body, enrolments),
            "county_code": _county(item),
            "opened_on": date.fromisoformat(body["opened_on"]),
            "closed_on": _day(body["closed_on"]),
        }
    upsert(uow.connection, enrolments, list(rows.values()))


def _own(body: Mapping[str, Any], table: Table) -> Row:
    """What the table has columns for; a newer author may say more."""
    return {name: value for name, value in body.items() if name in table.columns}


def _county(item: "sync.Arrived") -> str:
    record = item.record
    county = RegionCode(record.region).county
    if county is None or record.body["village"] != record.region or record.body["id"] != record.key:
        raise sync.Refused("记录的所属村或编号与内容不符", [item])
    return str(county)


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _day_text(day: date | None) -> str | None:
    return day.isoformat() if day else None


def publish_enrolment_changes(uow: UnitOfWork, changed: Sequence[Row]) -> None:
    """Tell enrolments as they are now; a replica brings its row up to date."""
    _tell(uow, [_fact(OPENED, row, _enrolment_body(row)) for row in changed])


def publish_people(uow: UnitOfWork, changed: Sequence[Row]) -> None:
    """Tell people as they are now; a replica brings its row up to date."""
    _tell(uow, [_fact(REGISTERED, row, _person_body(row)) for row in changed])


def publish_changes(uow: UnitOfWork, made: Sequence[Row]) -> None:
    """Tell what was changed, for the history of the people."""
    _tell(uow, [_fact(CHANGED, row, _dated(row)) for row in made])


def publish_categories(uow: UnitOfWork, stated: Sequence[Row]) -> None:
    """Tell who belongs to which special group, and until when."""
    _tell(uow, [_fact(CATEGORISED, row, _dated(row)) for row in stated])


def publish_grades(uow: UnitOfWork, chosen: Sequence[Row]) -> None:
    """Tell the grades people have chosen for a year."""
    keyed = [{**row, "id": f"{row['person_id']}@{row['year']}"} for row in chosen]
    _tell(uow, [_fact(GRADE_CHOSEN, row, _dated(row)) for row in keyed])


def _fact(kind: RecordType, row: Row, body: Row) -> Fact:
    return kind, row["id"], body, RegionCode(row["village"])


def _dated(row: Row) -> Row:
    """A row as a body: days and instants as text, without the county every region names."""
    return {name: to_text(value) for name, value in row.items() if name != "county_code"}


def to_text(value: Any) -> Any:
    """Days and instants as records bear them; everything else as it is."""
    if isinstance(value, datetime):
        return iso(value)
    return value.isoformat() if isinstance(value, date) else value


@CHANGED.applies
def apply_changes(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Keep the history of people as their county decided it."""
    rows = {item.record.key: _read(item, changes) for item in arrived}
    insert_new(uow.connection, changes, list(rows.values()))


@CATEGORISED.applies
def apply_categories(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Keep who belongs to a special group; an end takes the place of the open statement."""
    rows = {item.record.key: _read(item, categories) for item in arrived}
    upsert(uow.connection, categories, list(rows.values()))


@GRADE_CHOSEN.applies
def apply_grades(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Keep the grades chosen; a later choice for the year takes the place of the earlier."""
    rows = {item.record.key: _read(item, grade_choices) for item in arrived}
    upsert(uow.connection, grade_choices, list(rows.values()))


def _read(item: "sync.Arrived", table: Table) -> Row:
    """A body as a row of the table; what a newer author says beyond it is left out."""
    row: Row = {"county_code": _county(item)}
    for name, value in _own(item.record.body, table).items():
        kind = table.columns[name].type
        if value is not None and isinstance(kind, Instant):
            row[name] = from_iso(value)
        elif value is not None and isinstance(kind, Date):
            row[name] = date.fromisoformat(value)
        else:
            row[name] = value
    return row
