"""Changes that were overtaken: two people offline changed the same detail of one person.

The county decides one. The other, still waiting at its desks, goes back to whoever entered it, with
the reason, in the same transaction; one that arrives later is refused by its own checks.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy import select
from sqlmodel import col

from node.cases.forms import read_form
from node.cases.matter import matter_of
from node.cases.models import Case
from node.cases.rules import Action, State
from node.cases.steps import OPINION_LONGEST, Taken, write
from node.core.errors import Invalid, Refusal
from node.core.personal import keyring_of
from node.core.work import UnitOfWork, machine

AT_COUNTY = (State.REVIEW.value, State.APPROVAL.value)


def return_overtaken(
    uow: UnitOfWork, matters: Sequence[str], decided: Sequence[Case], numbers: Sequence[str]
) -> None:
    """Send back what waits here about these people and no longer fits them.

    `numbers` are the citizen numbers the people had when the decided cases were entered.
    """
    back = [
        _returned(case, problems)
        for case in _waiting(uow, matters, decided, numbers)
        if (problems := _problems(uow, case))
    ]
    write(replace(uow, actor=machine(uow.node)), back)


def _returned(case: Case, problems: Sequence[Invalid]) -> Taken:
    remarks = {problem.field: problem.message for problem in problems if problem.field}
    said = "；".join(dict.fromkeys(problem.message for problem in problems))
    return Taken(case, Action.RETURN, State.RETURNED, said[:OPINION_LONGEST], remarks)


def _waiting(
    uow: UnitOfWork, matters: Sequence[str], decided: Sequence[Case], numbers: Sequence[str]
) -> list[Case]:
    keyring = keyring_of(uow.connection)
    statement = select(Case).where(
        col(Case.county_code) == str(uow.node),
        col(Case.matter).in_(matters),
        col(Case.state).in_(AT_COUNTY),
        col(Case.subject_index).in_([keyring.index(number) for number in numbers]),
        col(Case.id).not_in([case.id for case in decided]),
    )
    found = list(uow.session.scalars(statement))
    for case in found:
        uow.session.expunge(case)  # changed by set-based statements, not by the session
    return found


def _problems(uow: UnitOfWork, case: Case) -> list[Invalid]:
    matter = matter_of(case.matter)
    values: Mapping[str, object] = json.loads(case.form)
    try:
        return list(matter.check(uow, read_form(matter.form, values)))
    except Refusal:
        return []  # a form this program cannot read is for a person to judge
