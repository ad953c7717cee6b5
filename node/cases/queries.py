"""Looking at cases: the inbox and its tabs, one case, its steps, the cases of a person.

Everybody sees the cases of the region they work for, and nobody else's.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, Select, and_, exists, false, func, or_, select, tuple_
from sqlmodel import col

from node.cases.case_number import read_case_number
from node.cases.matter import matter_of
from node.cases.models import Case, CaseAssignment, CaseStep
from node.cases.rules import OPEN, STAGES, State, excluded_steps
from node.cases.steps import UNKNOWN, desk, hand, in_reach
from node.cases.whereabouts import unsent_cases
from node.core.access import record_access
from node.core.errors import Forbidden, Invalid, NotFound
from node.core.paging import Page, paged
from node.core.personal import keyring_of
from node.core.work import UnitOfWork
from tiers import Duty, Level, RegionCode, RegionError, Role

WAITING_LIMIT = 1_000
SOON_DAYS = 3
_OPEN = [str(state) for state in OPEN]
_CLOSED = [str(state) for state in State if state not in OPEN]


class Tab(StrEnum):
    """The parts of the inbox."""

    RECENT = "recent"
    MINE = "mine"
    UNSENT = "unsent"
    UNDER_WAY = "under_way"
    RETURNED = "returned"
    CLOSED = "closed"

    @property
    def title(self) -> str:  # type: ignore[override]  # str.title() is for Latin letters
        return _TAB_TITLE[self]


_TAB_TITLE = {
    Tab.RECENT: "近期",
    Tab.MINE: "待我办理",
    Tab.UNSENT: "未上报",
    Tab.UNDER_WAY: "办理中",
    Tab.RETURNED: "退回补正",
    Tab.CLOSED: "已办结",
}


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list is narrowed to. `text` is a case number, a citizen number or (part of) a name.

    `due`: `late` past the deadline, `soon` due within `SOON_DAYS` days.
    """

    matter: str = ""
    region: str = ""
    text: str = ""
    due: str = ""


def inbox(
    uow: UnitOfWork, tab: Tab, *, by: Filter | None = None, number: int = 1, size: int = 50
) -> Page[Case]:
    """One page of a tab. What waits for the actor is sorted by deadline, the rest by movement."""
    statement = _seen(uow).where(_tab(uow, tab), *_narrowed(uow, by or Filter()))
    order = (
        (col(Case.due_on), col(Case.entered_at), col(Case.id))
        if tab is Tab.MINE
        else (col(Case.moved_at).desc(), col(Case.id).desc())
    )
    return paged(uow.session, statement.order_by(*order), number=number, size=size)


def waiting_ids(uow: UnitOfWork) -> Sequence[str]:
    """Which cases wait for the actor, the most urgent first; the first thousand."""
    order = (col(Case.due_on), col(Case.entered_at), col(Case.id))
    statement = _seen(uow).where(_mine(uow)).order_by(*order).limit(WAITING_LIMIT)
    return uow.session.scalars(statement.with_only_columns(col(Case.id))).all()


def counts(uow: UnitOfWork) -> dict[Tab, int]:
    """How many cases are in each tab."""
    found: dict[Tab, int] = {}
    for tab in tabs(uow):
        if tab in (Tab.RECENT, Tab.CLOSED):
            continue  # grows for ever, and nobody waits for it
        counted = _seen(uow).where(_tab(uow, tab)).with_only_columns(func.count())
        found[tab] = int(uow.session.scalar(counted) or 0)
    return found


def tabs(uow: UnitOfWork) -> list[Tab]:
    """The parts of the inbox that mean something to the actor at this node."""
    shown = [Tab.MINE] if hand(uow).duties else []
    shown += [Tab.UNSENT] if uow.level.is_below(Level.COUNTY) else []
    return [Tab.RECENT, *shown, Tab.UNDER_WAY, Tab.RETURNED, Tab.CLOSED]


def require_seeing(uow: UnitOfWork) -> None:
    """An administrator keeps the machine and sees no business data.

    Raises:
        Forbidden: the actor has no business post.
    """
    roles = [Role(role) for role in uow.actor.roles if role in set(Role)]
    if not any(role.sees_business for role in roles) and not uow.actor.holds("system"):
        raise Forbidden("系统管理岗不接触业务数据")


def _seen(uow: UnitOfWork) -> Select[Case]:
    require_seeing(uow)
    return select(Case).where(
        col(Case.county_code) == str(uow.node.county),
        in_reach(uow),
    )


def _tab(uow: UnitOfWork, tab: Tab) -> ColumnElement[bool]:
    if tab is Tab.MINE:
        return _mine(uow)
    if tab is Tab.UNSENT:
        return col(Case.id).in_(sorted(unsent_cases(uow))[:WAITING_LIMIT])
    if tab is Tab.UNDER_WAY:
        return and_(col(Case.state).in_(_OPEN), col(Case.state) != str(State.RETURNED))
    if tab is Tab.RETURNED:
        back = or_(col(Case.state) == str(State.RETURNED), col(Case.remark) != "")
        return and_(col(Case.state).in_(_OPEN), back)
    if tab is Tab.CLOSED:
        return col(Case.state).in_(_CLOSED)
    return col(Case.id).is_not(None)


def _mine(uow: UnitOfWork) -> ColumnElement[bool]:
    """Cases the actor may act on now: at their desk, and not done by them in another duty."""
    who = hand(uow)
    mine: list[ColumnElement[bool]] = [
        and_(col(Case.state) == str(stage.state), ~_did_excluding(uow, stage.duty))
        for stage in STAGES
        if stage.level is who.level and stage.duty in who.duties
    ]
    if Duty.ENTER in who.duties:
        here = col(Case.origin) == str(desk(uow))
        mine.append(and_(col(Case.state) == str(State.RETURNED), here))
    return and_(or_(*mine), ~_given_to_another(uow)) if mine else false()


def _given_to_another(uow: UnitOfWork) -> ColumnElement[bool]:
    return exists().where(
        col(CaseAssignment.county_code) == col(Case.county_code),
        col(CaseAssignment.case_id) == col(Case.id),
        col(CaseAssignment.state) == col(Case.state),
        col(CaseAssignment.user_id) != uow.actor.id,
    )


def _did_excluding(uow: UnitOfWork, duty: Duty) -> ColumnElement[bool]:
    pairs = [(str(action), str(state)) for action, state in excluded_steps(duty, desk(uow).level)]
    return exists().where(
        col(CaseStep.county_code) == col(Case.county_code),
        col(CaseStep.case_id) == col(Case.id),
        col(CaseStep.actor_id) == uow.actor.id,
        tuple_(col(CaseStep.action), col(CaseStep.state)).in_(pairs),
    )


def _narrowed(uow: UnitOfWork, by: Filter) -> list[ColumnElement[bool]]:
    narrowed: list[ColumnElement[bool]] = []
    if by.matter:
        narrowed.append(col(Case.matter) == by.matter)
    if by.region:
        narrowed.append(col(Case.village).startswith(_region(by.region).prefix))
    if by.due == "late":
        narrowed.append(col(Case.due_on) < uow.today)
    elif by.due == "soon":
        soon = uow.today + timedelta(days=SOON_DAYS)
        narrowed.append(col(Case.due_on).between(uow.today, soon))
    text = by.text.strip()
    if text:
        narrowed.append(_matching(uow, text))
    return narrowed


def _region(code: str) -> RegionCode:
    try:
        return RegionCode(code)
    except RegionError as error:
        raise Invalid(str(error), field="region") from error


def _matching(uow: UnitOfWork, text: str) -> ColumnElement[bool]:
    index = keyring_of(uow.connection).index(text.upper())
    options = [col(Case.subject_name).contains(text, autoescape=True)]
    options.append(col(Case.subject_index) == index)
    try:
        options.append(col(Case.number) == read_case_number(text))
    except Invalid:
        options.append(col(Case.number) == text)
    return or_(*options)


def case_of(uow: UnitOfWork, case_id: str) -> Case:
    """One case.

    Raises:
        NotFound: there is none, or it lies outside the region the actor works for.
    """
    case = uow.session.scalar(_seen(uow).where(col(Case.id) == case_id))
    if case is None:
        raise NotFound(UNKNOWN)
    return case


def by_number(uow: UnitOfWork, text: str) -> Case | None:
    """The case of a number as typed, dictated or scanned from a receipt; none for other text."""
    try:
        number = read_case_number(text)
    except Invalid:
        return None
    return uow.session.scalar(_seen(uow).where(col(Case.number) == number))


def timeline(uow: UnitOfWork, case: Case) -> Sequence[CaseStep]:
    """The steps of a case in the order they were taken."""
    statement = select(CaseStep).where(
        col(CaseStep.county_code) == case.county_code, col(CaseStep.case_id) == case.id
    )
    ordered = statement.order_by(col(CaseStep.turn), col(CaseStep.at), col(CaseStep.id))
    return uow.session.scalars(ordered).all()


def cases_of_person(uow: UnitOfWork, citizen_number: str) -> Sequence[Case]:
    """Every case about a person, the latest first."""
    index = keyring_of(uow.connection).index(citizen_number)
    statement = _seen(uow).where(col(Case.subject_index) == index)
    return uow.session.scalars(statement.order_by(col(Case.entered_at).desc())).all()


def reveal(uow: UnitOfWork, case_id: str, *, reason: str) -> Case:
    """A case whose numbers are about to be read in full; the reading is recorded.

    Raises:
        Invalid: no reason is given.
    """
    case = case_of(uow, case_id)
    if not reason.strip():
        raise Invalid("请写明查看完整号码的原因", field="reason")
    title = matter_of(case.matter).title
    record_access(
        uow, case.id, what=f"{title}{case.number}的完整表单", reason=reason.strip(), about="case"
    )
    return case


def form_before(case: Case) -> dict[str, object]:
    """The values of the form before its last correction; none when it was never corrected."""
    values: dict[str, object] = json.loads(case.form_before) if case.form_before else {}
    return values


def typed_values(case: Case) -> dict[str, object]:
    """The values of a case's form."""
    values: dict[str, object] = json.loads(case.form)
    return values
