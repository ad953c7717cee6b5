"""What must be known of people before a pension can be determined, asked for many at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Table, and_, select

from node.accounts.balances import accounts
from node.benefits.records import entitlements
from node.benefits.rules import due_from, next_month
from node.benefits.terms import years_needed
from node.contributions.service import paid_years
from node.core.db import BATCH_ROWS
from node.core.personal import keyring_of
from node.core.work import UnitOfWork
from node.registry.citizen_number import normal_number
from node.registry.models import Enrolment, Person

people: Table = Person.__table__  # type: ignore[attr-defined]
enrolments: Table = Enrolment.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Claimant:
    """A person with what bears on a pension. `paid` is the day each year's money came."""

    person_id: str
    name: str
    born_on: date
    died_on: date | None
    village: str
    enrolled_on: date | None
    account_no: int | None
    paid: dict[int, date]
    is_drawing: bool

    @property
    def paid_years(self) -> int:
        return len(self.paid)

    @property
    def needed(self) -> int:
        """Years that have to be paid, the transitional rule included."""
        return years_needed(self.born_on)

    @property
    def due_from(self) -> date | None:
        """The month after all conditions are met: the age, the years, the enrolment.

        None while years are missing or there is no enrolment (国发〔2014〕8号 §6: 次月起).
        """
        if self.enrolled_on is None or self.paid_years < self.needed:
            return None
        met = [due_from(self.born_on), next_month(self.enrolled_on)]
        if self.needed:
            arrived = sorted(self.paid.values())
            met.append(next_month(arrived[self.needed - 1]))
        return max(met)


def find_claimants(uow: UnitOfWork, citizen_numbers: Sequence[str]) -> dict[str, Claimant]:
    """People known at this node, by citizen number as given."""
    keyring = keyring_of(uow.connection)
    wanted = {keyring.index(normal_number(text)): text for text in citizen_numbers}
    found: dict[str, str] = {}
    indexes = list(wanted)
    for start in range(0, len(indexes), BATCH_ROWS // 2):
        rows = select(people.c.citizen_index, people.c.id).where(
            people.c.county_code == str(uow.node.county),
            people.c.citizen_index.in_(indexes[start : start + BATCH_ROWS // 2]),
        )
        found |= {row.id: wanted[bytes(row.citizen_index)] for row in uow.connection.execute(rows)}
    known = claimants(uow, list(found))
    return {found[person_id]: claimant for person_id, claimant in known.items()}


def claimants(uow: UnitOfWork, person_ids: Sequence[str]) -> dict[str, Claimant]:
    """People by id, as they stand at this node now."""
    rows = [
        row
        for start in range(0, len(person_ids), BATCH_ROWS // 2)
        for row in _rows(uow, person_ids[start : start + BATCH_ROWS // 2])
    ]
    paid = paid_years(uow, [row.account_no for row in rows if row.account_no is not None])
    return {
        row.id: Claimant(
            person_id=row.id,
            name=row.name,
            born_on=row.born_on,
            died_on=row.died_on,
            village=row.village,
            enrolled_on=row.opened_on,
            account_no=row.account_no,
            paid=paid.get(row.account_no, {}),
            is_drawing=row.entitlement is not None,
        )
        for row in rows
    }


def _rows(uow: UnitOfWork, person_ids: Sequence[str]) -> list[Any]:
    same = people.c.county_code
    joined = (
        people.outerjoin(
            enrolments,
            and_(
                enrolments.c.county_code == same,
                enrolments.c.person_id == people.c.id,
                enrolments.c.closed_on.is_(None),
            ),
        )
        .outerjoin(
            accounts, and_(accounts.c.county_code == same, accounts.c.person_id == people.c.id)
        )
        .outerjoin(
            entitlements,
            and_(entitlements.c.county_code == same, entitlements.c.person_id == people.c.id),
        )
    )
    found = (
        select(
            people.c.id,
            people.c.name,
            people.c.born_on,
            people.c.died_on,
            people.c.village,
            enrolments.c.opened_on,
            accounts.c.account_no,
            entitlements.c.id.label("entitlement"),
        )
        .select_from(joined)
        .where(same == str(uow.node.county), people.c.id.in_(person_ids))
    )
    return list(uow.connection.execute(found))
