"""Opening enrolments (参保): people are registered and enrolled in one set-based go.

Only the county does this. One open enrolment per person is held by a unique index; who is
enrolled already is refused here with a sentence, not by the index.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select

from node.core.db import BATCH_ROWS, upsert
from node.core.errors import Conflict, Forbidden, Refusal
from node.core.ids import new_id
from node.core.personal import keyring_of
from node.core.work import UnitOfWork
from node.identity.duties import require_duty
from node.registry.citizen_number import read_number
from node.registry.codes import Category
from node.registry.events import Opened, tell_opened
from node.registry.records import (
    categories,
    enrolments,
    people,
    publish_categories,
    publish_enrolments,
)
from tiers import Duty, Level, RegionCode

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEnrolment:
    """Whom to enrol, as checked. `grade_fen` is the yearly grade, none from 60 on.

    `opened_on` is the first day where an older system knew the enrolment, else it is today.
    """

    name: str
    citizen_number: str
    village: RegionCode
    ethnicity: str
    address: str
    phone: str
    category: str
    grade_fen: int | None
    bank_account: str
    opened_on: date | None = None
    case_id: str | None = None


def enrol_many(uow: UnitOfWork, wanted: Sequence[NewEnrolment]) -> list[str | Refusal]:
    """Register people and open their enrolments; the person's id for each, or why not.

    A person known here (once enrolled, enrolled no longer) keeps the id and gets the new details.

    Raises:
        Forbidden: this is no county, or the actor approves nothing.
    """
    require_duty(uow, Duty.APPROVE)
    if uow.level is not Level.COUNTY:
        raise Forbidden("参保登记由县级办理生效")
    keyring = keyring_of(uow.connection)
    indexes = [keyring.index(one.citizen_number) for one in wanted]
    known = known_people(uow, indexes)
    enrolled = enrolled_people(uow, list(known.values()))
    results: list[str | Refusal] = []
    registered: list[tuple[Row, Row]] = []
    for one, index in zip(wanted, indexes, strict=True):
        person_id = known.get(index)
        if person_id in enrolled:
            results.append(Conflict("此人已经参保，不能重复参保", field="citizen_number"))
            continue
        person = _person(uow, one, index, person_id or new_id())
        known[index] = person["id"]
        enrolled[person["id"]] = str(one.village)
        registered.append((person, _enrolment(uow, one, person["id"])))
        results.append(person["id"])
    _store(uow, registered)
    return results


def _person(uow: UnitOfWork, one: NewEnrolment, index: bytes, person_id: str) -> Row:
    number = read_number(one.citizen_number, today=uow.today)
    return {
        "county_code": str(uow.node),
        "id": person_id,
        "name": one.name,
        "citizen_number": number.text,
        "citizen_index": index,
        "sex": str(number.sex),
        "born_on": number.born_on,
        "ethnicity": one.ethnicity,
        "phone": one.phone or None,
        "address": one.address,
        "village": str(one.village),
        "category": one.category,
        "died_on": None,
        "registered_at": uow.now,
    }


def _enrolment(uow: UnitOfWork, one: NewEnrolment, person_id: str) -> Row:
    return {
        "county_code": str(uow.node),
        "id": new_id(),
        "person_id": person_id,
        "village": str(one.village),
        "state": "active",
        "grade_fen": one.grade_fen,
        "bank_account": one.bank_account or None,
        "opened_on": one.opened_on or uow.today,
        "closed_on": None,
        "close_reason": None,
        "case_id": one.case_id,
    }


def _store(uow: UnitOfWork, registered: Sequence[tuple[Row, Row]]) -> None:
    if not registered:
        return
    upsert(uow.connection, people, [person for person, _ in registered], keep=("registered_at",))
    uow.connection.execute(enrolments.insert(), [enrolment for _, enrolment in registered])
    publish_enrolments(uow, registered)
    stated = [_belonging(enrolment, person["category"]) for person, enrolment in registered]
    special = [row for row in stated if row["category"] != Category.ORDINARY]
    if special:
        uow.connection.execute(categories.insert(), special)
        publish_categories(uow, special)
    tell_opened(uow, [_opened(enrolment) for _, enrolment in registered])


def _belonging(enrolment: Row, category: str) -> Row:
    """The special group stated with the enrolment, from its first day."""
    return {
        "county_code": enrolment["county_code"],
        "id": new_id(),
        "person_id": enrolment["person_id"],
        "village": enrolment["village"],
        "category": category,
        "evidence": "",
        "evidence_number": "",
        "valid_from": enrolment["opened_on"],
        "valid_to": None,
        "case_id": enrolment["case_id"],
        "ended_case_id": None,
    }


def _opened(enrolment: Row) -> Opened:
    return Opened(
        county_code=enrolment["county_code"],
        person_id=enrolment["person_id"],
        enrolment_id=enrolment["id"],
        village=RegionCode(enrolment["village"]),
        opened_on=enrolment["opened_on"],
        grade_fen=enrolment["grade_fen"],
        case_id=enrolment["case_id"],
    )


def known_people(uow: UnitOfWork, indexes: Sequence[bytes]) -> dict[bytes, str]:
    """People of this county known here, by blind index of their number: their ids."""
    found: dict[bytes, str] = {}
    for start in range(0, len(indexes), BATCH_ROWS):
        statement = select(people.c.citizen_index, people.c.id).where(
            people.c.county_code == str(uow.node.county),
            people.c.citizen_index.in_(indexes[start : start + BATCH_ROWS]),
        )
        found.update(
            {bytes(row.citizen_index): row.id for row in uow.connection.execute(statement)}
        )
    return found


def enrolled_people(uow: UnitOfWork, person_ids: Sequence[str]) -> dict[str, str]:
    """Of these people, those with an open enrolment: the village of it by person."""
    found: dict[str, str] = {}
    for start in range(0, len(person_ids), BATCH_ROWS):
        statement = select(enrolments.c.person_id, enrolments.c.village).where(
            enrolments.c.county_code == str(uow.node.county),
            enrolments.c.person_id.in_(person_ids[start : start + BATCH_ROWS]),
            enrolments.c.closed_on.is_(None),
        )
        found.update({row.person_id: row.village for row in uow.connection.execute(statement)})
    return found
