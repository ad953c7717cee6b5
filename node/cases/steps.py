"""Taking steps: who stands at which desk, which cases lie there, and writing what was done.

Everything works on many cases at once; a single one is a list of one. Good ones go through,
refused ones come back with their reason.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import sqlalchemy
from sqlalchemy import ColumnElement, bindparam, or_, update
from sqlmodel import col, select

from node.cases.matter import is_known, matter_of
from node.cases.models import Case
from node.cases.records import Row, cases, publish_steps, remarks_text, steps
from node.cases.rules import (
    STAGE_OF,
    STAGES,
    Action,
    Hand,
    Path,
    Position,
    Stage,
    State,
    duty_of,
    refusal,
)
from node.cases.working_days import Holidays, due_day
from node.core.divisions import merged_into
from node.core.errors import Invalid, NotFound, Refusal
from node.core.ids import new_id
from node.core.work import UnitOfWork
from node.policy.calendar_bodies import HolidayCalendar
from node.policy.notice_bodies import PublicNotices
from node.policy.service import all_published, in_force
from tiers import Duty, Level, RegionCode, Role

LOADED_AT_ONCE = 500
OPINION_LONGEST = 500
HOLIDAYS = "holidays"
PUBLIC_NOTICES = "public_notices"
UNKNOWN = "没有找到这件业务，或不在您负责的区域内"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one case of many: its state now, or why it stayed where it was."""

    case_id: str
    number: str = ""
    state: State | None = None
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """One step that is lawful and checked, ready to be written."""

    case: Case
    action: Action
    state: State
    opinion: str = ""
    remarks: Mapping[str, str] = field(default_factory=dict)
    outcome: str | None = None


@dataclass(slots=True)
class Lot:
    """Cases somebody wants to act on, in the order asked for, and what was refused so far."""

    ids: Sequence[str]
    cases: dict[str, Case]
    refused: dict[str, Refusal] = field(default_factory=dict)

    @property
    def good(self) -> list[Case]:
        """Those not refused yet."""
        return [case for key, case in self.cases.items() if key not in self.refused]

    def outcomes(self) -> list[Outcome]:
        """One for each case asked for."""
        return [self._outcome(case_id) for case_id in self.ids]

    def _outcome(self, case_id: str) -> Outcome:
        case = self.cases.get(case_id)
        if case is None:
            return Outcome(case_id, refusal=NotFound(UNKNOWN))
        return Outcome(case_id, case.number, State(case.state), self.refused.get(case_id))

    def single(self) -> Case:
        """The one case of a lot of one.

        Raises:
            Refusal: it was refused.
        """
        outcome = self.outcomes()[0]
        if outcome.refusal is not None:
            raise outcome.refusal
        return self.cases[outcome.case_id]


def desk(uow: UnitOfWork) -> RegionCode:
    """The node somebody works for: a village hosted here when that is their scope."""
    return uow.actor.scope if uow.actor.scope in uow.hosted else uow.node


def hand(uow: UnitOfWork) -> Hand:
    """Who acts, as the rules need to know it. A post counts only at a level that has it."""
    level = desk(uow).level
    roles = [Role(role) for role in uow.actor.roles if role in set(Role)]
    duties = {duty for role in roles if level in role.levels for duty in role.duties}
    return Hand(uow.actor.id, level, frozenset(duties))


def said(text: str, *, missing: str = "", field: str = "reason") -> str:
    """An opinion or a reason as it is kept: trimmed, and of a length that fits a printed form.

    Raises:
        Invalid: it is too long, or empty where `missing` says that it may not be.
    """
    kept = text.strip()
    if missing and not kept:
        raise Invalid(missing, field=field)
    if len(kept) > OPINION_LONGEST:
        raise Invalid("最多填写 {longest} 个字", field=field, longest=OPINION_LONGEST)
    return kept


def own_stages(uow: UnitOfWork) -> tuple[Stage, ...]:
    """The desks the actor sits at."""
    who = hand(uow)
    return tuple(each for each in STAGES if each.level is who.level and each.duty in who.duties)


def states_of(uow: UnitOfWork, ids: Sequence[str]) -> dict[str, State]:
    """The states of cases that are here, whoever may see them."""
    found: dict[str, State] = {}
    for start in range(0, len(ids), LOADED_AT_ONCE):
        batch = ids[start : start + LOADED_AT_ONCE]
        statement = sqlalchemy.select(cases.c.id, cases.c.state).where(cases.c.id.in_(batch))
        found.update({row.id: State(row.state) for row in uow.connection.execute(statement)})
    return found


def holidays(uow: UnitOfWork) -> Holidays:
    """The calendar deadlines are counted by, as far as published; without one, weekends only.

    Asked for every case of a roll, so it is read once a transaction.
    """
    kept = uow.session.info.get(HOLIDAYS)
    if not isinstance(kept, Holidays):
        kept = _published_holidays(uow)
        uow.session.info[HOLIDAYS] = kept
    return kept


def _published_holidays(uow: UnitOfWork) -> Holidays:
    calendars = {each.year: each for each in all_published(uow, HolidayCalendar, uow.node)}
    return Holidays(
        frozenset(day for each in calendars.values() for day in each.days_off),
        frozenset(day for each in calendars.values() for day in each.worked),
    )


def open_lot(uow: UnitOfWork, ids: Sequence[str], action: Action) -> Lot:
    """Load cases inside the actor's scope, and refuse those this step is not for.

    The rows are locked, so of two people who act at once the second is refused.
    """
    unique = list(dict.fromkeys(ids))
    found = load_cases(uow, unique)
    lot = Lot(unique, found)
    done, who = _done(uow, found), hand(uow)
    for case_id, case in found.items():
        if not is_known(case.matter):
            lot.refused[case_id] = NotFound("本节点的程序还不认识这个事项，请升级后办理")
            continue
        position = Position(path_of(case), State(case.state), tuple(done[case_id]))
        refused = refusal(action, position, who)
        if refused is not None:
            lot.refused[case_id] = refused
    return lot


def path_of(case: Case) -> Path:
    """The way of a case."""
    return Path(matter_of(case.matter).path, RegionCode(case.origin).level)


def positions_of(uow: UnitOfWork, listed: Sequence[Case]) -> dict[str, Position]:
    """Where cases stand and who did what on them. Cases of matters unknown here are left out."""
    known = {case.id: case for case in listed if is_known(case.matter)}
    done = _done(uow, known)
    return {
        case_id: Position(path_of(case), State(case.state), tuple(done[case_id]))
        for case_id, case in known.items()
    }


def in_reach(uow: UnitOfWork) -> ColumnElement[bool]:
    """Cases of the region somebody works for, and of villages that were merged into it."""
    scope = uow.actor.scope
    inside = col(Case.village).startswith(scope.prefix)
    merged = merged_into(uow.connection, scope) if scope.level.is_below(Level.COUNTY) else []
    return or_(inside, col(Case.village).in_(merged)) if merged else inside


def load_cases(uow: UnitOfWork, ids: Sequence[str]) -> dict[str, Case]:
    """Cases inside the actor's scope, locked for the transaction, in the order asked for."""
    found: dict[str, Case] = {}
    for start in range(0, len(ids), LOADED_AT_ONCE):
        batch = ids[start : start + LOADED_AT_ONCE]
        statement = select(Case).where(
            Case.county_code == str(uow.node.county),
            col(Case.id).in_(batch),
            in_reach(uow),
        )
        for case in uow.session.exec(statement.with_for_update()).all():
            uow.session.expunge(case)  # changed by set-based statements, not by the session
            found[case.id] = case
    return {case_id: found[case_id] for case_id in ids if case_id in found}


def _done(uow: UnitOfWork, found: Mapping[str, Case]) -> dict[str, list[tuple[str, Duty]]]:
    done: dict[str, list[tuple[str, Duty]]] = defaultdict(list)
    ids = list(found)
    columns = (steps.c.case_id, steps.c.actor_id, steps.c.action, steps.c.state, steps.c.level)
    for start in range(0, len(ids), LOADED_AT_ONCE):
        batch = ids[start : start + LOADED_AT_ONCE]
        statement = sqlalchemy.select(*columns).where(
            steps.c.county_code == str(uow.node.county), steps.c.case_id.in_(batch)
        )
        for row in uow.connection.execute(statement):
            duty = duty_of(Action(row.action), State(row.state), Level(row.level))
            done[row.case_id].append((row.actor_id, duty))
    return done


def write(uow: UnitOfWork, taken: Sequence[Taken]) -> None:
    """Write steps, bring their cases to the new state, and tell the other nodes."""
    rows = write_steps(uow, taken)
    pairs = [(one.case, row) for one, row in zip(taken, rows, strict=True)]
    publish_steps(uow, pairs, author=desk(uow))


def write_steps(uow: UnitOfWork, taken: Sequence[Taken]) -> list[Row]:
    """Write steps and bring their cases to the new state, here only; the rows of the steps."""
    if not taken:
        return []
    rows = [_row_of(uow, one) for one in taken]
    changes = [_advance(one, row) for one, row in zip(taken, rows, strict=True)]
    uow.connection.execute(steps.insert(), rows)
    statement = (
        update(cases)
        .where(cases.c.county_code == bindparam("of_county"), cases.c.id == bindparam("of_case"))
        .values({name: bindparam(name) for name in _CHANGED})
    )
    uow.connection.execute(statement, changes)
    return rows


def step_row(
    uow: UnitOfWork, case: Mapping[str, Any], action: Action, state: State, *, due: date | None
) -> Row:
    """The row of a step that is taken now on a case of this id, county, version and turn."""
    node = desk(uow)
    return {
        "county_code": case["county_code"],
        "case_id": case["id"],
        "id": new_id(),
        "action": str(action),
        "state": str(state),
        "version": case["version"],
        "turn": case["turn"] + 1,
        "node": str(node),
        "level": str(node.level),
        "actor_id": uow.actor.id,
        "actor_name": uow.actor.name,
        "at": uow.now,
        "arrived_at": uow.now,
        "opinion": "",
        "remarks": "",
        "due_on": due,
        "outcome": None,
    }


def _row_of(uow: UnitOfWork, taken: Taken) -> Row:
    case = taken.case
    of_case = {name: getattr(case, name) for name in ("county_code", "id", "version", "turn")}
    due = due_on(uow, case.matter, taken.state)
    told = {
        "opinion": taken.opinion,
        "remarks": remarks_text(taken.remarks),
        "outcome": taken.outcome,
    }
    return step_row(uow, of_case, taken.action, taken.state, due=due) | told


def holds(uow: UnitOfWork, position: Position) -> Action | None:
    """What the actor is asked to do with a case now, if it lies at their desk."""
    stage = STAGE_OF.get(position.state)
    action = stage.action if stage else Action.SUBMIT
    return action if refusal(action, position, hand(uow)) is None else None


def due_on(uow: UnitOfWork, matter: str, state: State) -> date | None:
    """When a case that comes into a state now has to leave it."""
    days = matter_of(matter).days.get(state)
    if days is None:
        return None
    posted = notice_days(uow, matter) if state is State.APPROVAL else 0
    return due_day(uow.today + timedelta(days=posted), days, holidays(uow))


def notice_days(uow: UnitOfWork, matter: str) -> int:
    """Days a list with a case of this matter hangs in the village before approval; 0 for none.

    Asked for every case of a roll, so the bulletin is read once a transaction.
    """
    if PUBLIC_NOTICES not in uow.session.info:
        found = in_force(uow, PublicNotices.kind, uow.node, uow.today)
        uow.session.info[PUBLIC_NOTICES] = found.body if found else None
    body = uow.session.info[PUBLIC_NOTICES]
    return body.days_of(matter) if isinstance(body, PublicNotices) else 0


_CHANGED = (
    "state",
    "holder",
    "turn",
    "remark",
    "remarks",
    "moved_at",
    "due_on",
    "outcome",
)


def _advance(taken: Taken, step: Row) -> Row:
    """Bring the loaded case to its new state; what changed, for the table."""
    case = taken.case
    is_return = taken.action is Action.RETURN
    holder = path_of(case).holder(taken.state)
    case.state, case.holder = str(taken.state), str(holder) if holder else None
    case.turn = step["turn"]
    case.remark = taken.opinion if is_return else ""
    case.remarks = step["remarks"] if is_return else ""
    case.moved_at, case.due_on = step["at"], step["due_on"]
    case.outcome = taken.outcome
    changed = {name: getattr(case, name) for name in _CHANGED}
    return {"of_county": case.county_code, "of_case": case.id, **changed}
