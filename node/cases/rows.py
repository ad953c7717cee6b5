"""Lists of cases: one line each, with whose turn it is, how long is left, and what checks say."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel

from node.cases.assignments import assigned
from node.cases.forms import read_form
from node.cases.matter import is_known, matter_of, matter_title
from node.cases.models import Case, CaseAssignment
from node.cases.queries import typed_values
from node.cases.steps import holidays, positions_of
from node.cases.whereabouts import Whereabouts, unsent_cases, whereabouts
from node.cases.working_days import days_left
from node.core.errors import Problems
from node.core.personal import mask_citizen_number
from node.core.work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a list of cases."""

    case: Case
    matter: str
    citizen: str
    stands: Whereabouts
    days: int | None
    given_to: str = ""
    checks: "Checks | None" = None


@dataclass(frozen=True, slots=True)
class Checks:
    """How many things keep a case from going on, and how many are to be looked at."""

    problems: int
    notices: int


def rows(uow: UnitOfWork, listed: Sequence[Case], *, checked: bool = False) -> list[Row]:
    """Lines for a list: whose turn it is, how many working days are left, the masked number.

    With `checked`, also what the checks say of each.
    """
    positions, unsent = positions_of(uow, listed), unsent_cases(uow)
    given = assigned(uow, [case.id for case in listed])
    checks = _checks(uow, listed) if checked else {}
    return [
        Row(
            case=case,
            matter=matter_title(case.matter),
            citizen=masked_number(case),
            stands=whereabouts(uow, case, positions.get(case.id), unsent),
            days=days_until(uow, case),
            given_to=_given_to(case, given.get(case.id)),
            checks=checks.get(case.id),
        )
        for case in listed
    ]


def _given_to(case: Case, given: CaseAssignment | None) -> str:
    return given.user_name if given and given.state == case.state else ""


def _checks(uow: UnitOfWork, listed: Sequence[Case]) -> dict[str, Checks]:
    """Every form asked again, matter by matter."""
    found: dict[str, Checks] = {}
    by_matter: dict[str, list[tuple[str, BaseModel]]] = defaultdict(list)
    for case in listed:
        if not is_known(case.matter):
            continue
        try:
            form = read_form(matter_of(case.matter).form, typed_values(case))
        except Problems as unread:
            found[case.id] = Checks(len(unread.problems), 0)
        else:
            by_matter[case.matter].append((case.id, form))
    for code, forms in by_matter.items():
        matter = matter_of(code)
        problems_of = matter.check_many(uow, [form for _, form in forms])
        for (case_id, form), problems in zip(forms, problems_of, strict=True):
            found[case_id] = Checks(len(problems), len(list(matter.notices(uow, form))))
    return found


def days_until(uow: UnitOfWork, case: Case) -> int | None:
    """Working days until the step is due; none for closed cases."""
    return days_left(case.due_on, uow.today, holidays(uow)) if case.due_on else None


def masked_number(case: Case) -> str:
    """The citizen number of the person, masked."""
    field = matter_of(case.matter).number_field if is_known(case.matter) else "citizen_number"
    return mask_citizen_number(str(typed_values(case).get(field, "")))
