"""What travels of people and enrolments: the county's facts, up to the province and down to the
village they are about. A replica does not judge, the county has decided.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Table

import sync
from node.core.clock import from_iso, iso
from node.core.db import upsert
from node.core.personal import keyring_of
from node.core.work import UP_PROVINCE, RecordType, UnitOfWork, down
from node.registry.models import Enrolment, Person
from tiers import RegionCode

REGISTERED = RecordType("person.registered", independent=True)
OPENED = RecordType("enrolment.opened", independent=True)

people: Table = Person.__table__  # type: ignore[attr-defined]
enrolments: Table = Enrolment.__table__  # type: ignore[attr-defined]

Row = dict[str, Any]


def publish_enrolments(uow: UnitOfWork, registered: Sequence[tuple[Row, Row]]) -> None:
    """Tell of people and their new enrolments, route by route, a person before the enrolment."""
    facts = [
        (kind, row["id"], body, RegionCode(row["village"]))
        for person, enrolment in registered
        for kind, row, body in (
            (REGISTERED, person, _person_body(person)),
            (OPENED, enrolment, _enrolment_body(enrolment)),
        )
    ]
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
    facts = [(row["id"], _enrolment_body(row), RegionCode(row["village"])) for row in changed]
    for key, body, village in facts:
        uow.publish(OPENED, key, body, region=village, routes=[UP_PROVINCE])
    for key, body, village in sorted(facts, key=lambda fact: fact[2]):
        uow.publish(OPENED, key, body, region=village, routes=[down(village)])
