"""What stands in the way of leaving a county, asked for many people at once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select

from node.accounts.service import numbers_of
from node.benefits.claimants import claimants
from node.cases.records import cases
from node.cases.rules import State
from node.contributions.models import UnmatchedMoney
from node.contributions.unmatched import ItemState
from node.core.personal import keyring_of
from node.core.work import UnitOfWork
from node.registry.events import CLOSING_CHECKS
from node.registry.known import Known

unmatched = UnmatchedMoney.__table__  # type: ignore[attr-defined]

UNMATCHED = "此人还有待查款项没有处理，请先处理再转出"


@dataclass(frozen=True, slots=True)
class Barriers:
    """`money` is a sentence about what is still on its way, empty when nothing is."""

    draws: bool = False
    is_due: bool = False
    open_cases: tuple[str, ...] = ()
    money: str = ""


def barriers(uow: UnitOfWork, people: Sequence[Known], *, but: str) -> dict[str, Barriers]:
    """For each person what keeps them, by id. Cases of the matter `but` are the leaving itself."""
    found = {person.person_id: Barriers() for person in people}
    for person_id, claimant in claimants(uow, list(found)).items():
        due = claimant.due_from
        found[person_id] = Barriers(claimant.is_drawing, due is not None and due <= uow.today)
    for person_id, numbers in _open_cases(uow, people, but).items():
        found[person_id] = replace(found[person_id], open_cases=tuple(numbers))
    for person_id, why in _money(uow, list(found)).items():
        found[person_id] = replace(found[person_id], money=why)
    return found


def _open_cases(uow: UnitOfWork, people: Sequence[Known], but: str) -> dict[str, list[str]]:
    keyring = keyring_of(uow.connection)
    who = {keyring.index(person.citizen_number): person.person_id for person in people}
    rows = select(cases.c.subject_index, cases.c.number).where(
        cases.c.county_code == str(uow.node.county),
        cases.c.subject_index.in_(list(who)),
        cases.c.state.in_([state.value for state in State if state.is_open]),
        cases.c.matter != but,
    )
    found: dict[str, list[str]] = {}
    for index, number in uow.connection.execute(rows):
        found.setdefault(who[bytes(index)], []).append(number)
    return found


def _money(uow: UnitOfWork, person_ids: Sequence[str]) -> dict[str, str]:
    """Money on its way into these people's accounts: what keeps them open for anybody."""
    county = str(uow.node.county)
    numbers = {number: person for person, number in numbers_of(uow, person_ids).items()}
    waiting = select(unmatched.c.account_no).where(
        unmatched.c.county_code == county,
        unmatched.c.account_no.in_(list(numbers)),
        unmatched.c.state != ItemState.RESOLVED.value,
    )
    found = {numbers[row.account_no]: UNMATCHED for row in uow.connection.execute(waiting)}
    for check in CLOSING_CHECKS:
        found |= check(uow, person_ids)
    return found
