"""The household list (户籍名册): who lives in the village, to see who is not enrolled yet.

It comes as a file from the police or the village committee, stays on this node, and is replaced as
a whole when a newer one comes; what the coordinator has noted about somebody is kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import delete, func, select
from sqlmodel import col

from node.cases import service as cases
from node.cases.entries import place_of, require_entering
from node.cases.matter import matter_of
from node.cases.queries import require_seeing
from node.core.errors import Invalid, NotFound
from node.core.ids import new_id
from node.core.personal import keyring_of
from node.core.work import UnitOfWork
from node.registry.citizen_number import number_problems, read_number
from node.registry.codes import NotEnrolled
from node.registry.matters import Enrolment, EnrolmentForm
from node.registry.models import HouseholdMember
from node.registry.roll import TITLES, CellProblem, RollRow, read_roll, repeated
from node.registry.rules import name_problems, normal_name

members = HouseholdMember.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class ImportedHouseholds:
    """What became of a file: how many stand on the list now, and what could not be read."""

    members: int
    problems: tuple[CellProblem, ...]


def import_households(
    uow: UnitOfWork, content: bytes, *, filename: str, village: str
) -> ImportedHouseholds:
    """Put this file in the place of the village's list.

    Raises:
        Forbidden: entering cases here is not the actor's duty.
        Invalid: the file cannot be read or holds nobody, or the village is not the actor's.
    """
    require_entering(uow)
    place_of(uow, matter_of(Enrolment.code), EnrolmentForm(village=village))
    roll = read_roll(content, filename=filename)
    twice = {problem.row for problem in repeated(roll.rows)}
    good, problems = [], []
    for row in roll.rows:
        wrong = _problems(row, on=uow.today)
        problems += wrong
        if not wrong and row.number not in twice:
            good.append(row)
    if not good:
        raise Invalid("名册里没有一行可以读取，请核对姓名和公民身份号码两栏", field="file")
    noted = _noted(uow, village)
    rows = [_member(uow, row, village, noted) for row in good]
    uow.connection.execute(delete(members).where(members.c.village == village))
    uow.connection.execute(members.insert(), rows)
    return ImportedHouseholds(len(rows), tuple(problems))


def _problems(row: RollRow, *, on: date) -> list[CellProblem]:
    """Only who it is has to be right; the rest of such lists seldom is."""
    person = row.applicant()
    found = [*name_problems(person.name), *number_problems(person.citizen_number, today=on)]
    unreadable = [each for each in row.problems if each.column == TITLES["citizen_number"]]
    if unreadable:
        return unreadable
    return [CellProblem(row.number, TITLES[each.field or "name"], each.message) for each in found]


def _noted(uow: UnitOfWork, village: str) -> dict[bytes, tuple[str, str]]:
    statement = select(members.c.citizen_index, members.c.id, members.c.reason)
    rows = uow.connection.execute(statement.where(members.c.village == village))
    return {bytes(row.citizen_index): (row.id, row.reason) for row in rows}


def _member(
    uow: UnitOfWork, row: RollRow, village: str, noted: dict[bytes, tuple[str, str]]
) -> dict[str, object]:
    person = row.applicant()
    number = read_number(person.citizen_number, today=uow.today)
    index = keyring_of(uow.connection).index(number.text)
    known_id, reason = noted.get(index, (new_id(), ""))
    return {
        "id": known_id,
        "village": village,
        "citizen_index": index,
        "name": normal_name(person.name),
        "citizen_number": number.text,
        "born_on": number.born_on,
        "household_no": row.typed.get("household_no", ""),
        "relation": row.typed.get("relation", ""),
        "address": person.household_address,
        "phone": person.phone or None,
        "reason": reason,
        "imported_at": uow.now,
    }


def member_of(uow: UnitOfWork, member_id: str) -> HouseholdMember:
    """Somebody on a list of the actor's villages.

    Raises:
        NotFound: there is nobody, or outside the region the actor works for.
    """
    require_seeing(uow)
    found = uow.session.get(HouseholdMember, member_id)
    if found is None or not uow.actor.scope.contains(found.village):
        raise NotFound("户籍名册上没有这个人，或不在您负责的区域内")
    return found


def household_of(uow: UnitOfWork, member: HouseholdMember) -> Sequence[HouseholdMember]:
    """Everybody with the same household number."""
    if not member.household_no:
        return [member]
    statement = select(HouseholdMember).where(
        col(HouseholdMember.village) == member.village,
        col(HouseholdMember.household_no) == member.household_no,
    )
    return uow.session.scalars(statement.order_by(col(HouseholdMember.born_on))).all()


def note_reason(uow: UnitOfWork, member_id: str, *, reason: str) -> HouseholdMember:
    """Note why somebody is not enrolled; empty takes the note back.

    Raises:
        Forbidden: entering cases here is not the actor's duty.
        NotFound: there is nobody.
        Invalid: it is none of the reasons.
    """
    require_entering(uow)
    member = member_of(uow, member_id)
    if reason and reason not in set(NotEnrolled):
        raise Invalid("请从列表中选择", field="reason")
    member.reason = reason
    uow.session.add(member)
    return member


def begin_enrolment(uow: UnitOfWork, member_id: str) -> str:
    """Begin an enrolment with what the list says; the id of the draft.

    Raises:
        Forbidden: entering cases here is not the actor's duty.
        NotFound: there is nobody.
    """
    require_entering(uow)
    member = member_of(uow, member_id)
    values = {
        "name": member.name,
        "citizen_number": member.citizen_number,
        "village": member.village,
        "household_address": member.address,
        "phone": member.phone or "",
    }
    return cases.save_draft(uow, Enrolment.code, values).id


def listed(uow: UnitOfWork) -> list[tuple[str, int]]:
    """The villages of the actor that have a list, and how many stand on it.

    Raises:
        Forbidden: the actor has no business post.
    """
    require_seeing(uow)
    statement = (
        select(members.c.village, func.count())
        .where(members.c.village.startswith(uow.actor.scope.prefix))
        .group_by(members.c.village)
    )
    return [(row[0], row[1]) for row in uow.connection.execute(statement)]
