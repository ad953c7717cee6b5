"""People as this node knows them, found together by citizen number: what the matters ask about."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import and_, select

from node.core.db import BATCH_ROWS
from node.core.personal import keyring_of
from node.core.work import UnitOfWork
from node.registry.change_rules import Belonging
from node.registry.citizen_number import normal_number
from node.registry.codes import Category, Standing
from node.registry.records import categories, enrolments, people


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A person and the open enrolment, or the last one when none is open."""

    person_id: str
    name: str
    citizen_number: str
    sex: str
    born_on: date
    died_on: date | None
    ethnicity: str
    address: str
    phone: str
    village: str
    category: str
    enrolment_id: str | None
    standing: Standing
    grade_fen: int | None
    bank_account: str
    opened_on: date | None

    @property
    def is_enrolled(self) -> bool:
        """Whether an enrolment is open."""
        return self.enrolment_id is not None


def find_known(uow: UnitOfWork, citizen_numbers: Iterable[str]) -> dict[str, Known]:
    """People of this county by normal citizen number; who is unknown here is left out."""
    keyring = keyring_of(uow.connection)
    numbers = {normal_number(text) for text in citizen_numbers}
    indexes = [keyring.index(number) for number in sorted(numbers) if number]
    found: dict[str, Known] = {}
    for start in range(0, len(indexes), BATCH_ROWS // 2):
        batch = indexes[start : start + BATCH_ROWS // 2]
        statement = _JOINED.where(
            people.c.county_code == str(uow.node.county), people.c.citizen_index.in_(batch)
        )
        for row in uow.connection.execute(statement).mappings():
            found[row["citizen_number"]] = _known(dict(row))
    return found


def known_of_village(uow: UnitOfWork, village: str, *, most: int) -> list[Known]:
    """Everybody who belongs to a village now, enrolled or not; the first so many."""
    statement = _JOINED.where(
        people.c.county_code == str(uow.node.county), people.c.village == village
    )
    rows = uow.connection.execute(statement.order_by(people.c.id).limit(most)).mappings()
    return [_known(dict(row)) for row in rows]


_JOINED = select(
    people.c.id,
    people.c.name,
    people.c.citizen_number,
    people.c.sex,
    people.c.born_on,
    people.c.died_on,
    people.c.ethnicity,
    people.c.address,
    people.c.phone,
    people.c.village,
    people.c.category,
    enrolments.c.id.label("enrolment_id"),
    enrolments.c.state,
    enrolments.c.grade_fen,
    enrolments.c.bank_account,
    enrolments.c.opened_on,
).select_from(
    people.outerjoin(
        enrolments,
        and_(
            enrolments.c.county_code == people.c.county_code,
            enrolments.c.person_id == people.c.id,
            enrolments.c.closed_on.is_(None),
        ),
    )
)


def _known(row: Mapping[str, Any]) -> Known:
    return Known(
        person_id=row["id"],
        name=row["name"],
        citizen_number=row["citizen_number"],
        sex=row["sex"],
        born_on=row["born_on"],
        died_on=row["died_on"],
        ethnicity=row["ethnicity"],
        address=row["address"],
        phone=row["phone"] or "",
        village=row["village"],
        category=row["category"],
        enrolment_id=row["enrolment_id"],
        standing=Standing(row["state"]) if row["state"] else Standing.CLOSED,
        grade_fen=row["grade_fen"],
        bank_account=row["bank_account"] or "",
        opened_on=row["opened_on"],
    )


def belongings(uow: UnitOfWork, person_ids: Sequence[str]) -> dict[str, list[Belonging]]:
    """What special groups people belong to, or did: for whoever pays on behalf of them, too."""
    found: dict[str, list[Belonging]] = {person_id: [] for person_id in person_ids}
    ids = list(found)
    for start in range(0, len(ids), BATCH_ROWS // 2):
        rows = select(
            categories.c.person_id,
            categories.c.category,
            categories.c.valid_from,
            categories.c.valid_to,
        ).where(
            categories.c.county_code == str(uow.node.county),
            categories.c.person_id.in_(ids[start : start + BATCH_ROWS // 2]),
        )
        for row in uow.connection.execute(rows.order_by(categories.c.valid_from)):
            category = Category(row.category)
            found[row.person_id].append(Belonging(category, row.valid_from, row.valid_to))
    return found
