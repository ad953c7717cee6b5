"""Cases as pages show them: rows of lists, the path of one case, its form in words."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from node.cases import service
from node.cases.assignments import assigned, colleagues
from node.cases.forms import groups_of
from node.cases.gates import held_back
from node.cases.matter import Matter, is_known, matter_of, matter_title, matters
from node.cases.models import Case, CaseStep
from node.cases.papers import shown
from node.cases.queries import typed_values, waiting_ids
from node.cases.rows import days_until
from node.cases.rules import STAGE_OF, Action, Position, Stage, State, refusal
from node.cases.sheet import NO_SHEET, sheet
from node.cases.step_titles import correcting, step_title
from node.cases.steps import hand, own_stages, path_of, positions_of
from node.cases.subjects import page_of_subject
from node.cases.whereabouts import unsent_cases, whereabouts
from node.core.divisions import table as divisions
from node.core.errors import Refusal
from node.core.work import UnitOfWork
from tiers import Duty, Level

LATE_ARRIVAL = timedelta(minutes=10)
"""A step that took longer to arrive was made offline or over a bad link: both instants show."""

PASSING = {Action.FIRST_REVIEW: "初审通过", Action.REVIEW: "复核通过", Action.APPROVE: "同意，办结"}


def regions(uow: UnitOfWork) -> list[tuple[str, str]]:
    """The places below the actor's own, to narrow a list to."""
    statement = select(divisions.c.code, divisions.c.name).where(
        divisions.c.parent == str(uow.actor.scope)
    )
    found = uow.connection.execute(statement.order_by(divisions.c.code)).all()
    return [(row.code, row.name) for row in found]


def matter_choices() -> list[tuple[str, str]]:
    """Every matter handled here, to narrow a list to."""
    return [(matter.code, matter.title) for matter in matters()]


def may_enter(uow: UnitOfWork) -> bool:
    """Whether the actor enters cases here."""
    return Duty.ENTER in hand(uow).duties


def may_pass(uow: UnitOfWork) -> bool:
    """Whether the actor has a desk at which cases are passed."""
    return bool(own_stages(uow))


def form_context(uow: UnitOfWork, matter: Matter[Any], typed: Mapping[str, Any]) -> dict[str, Any]:
    """What the template of a form needs."""
    fields = matter.fields(uow)
    values = {field.name: typed.get(field.name, field.default) for field in fields}
    return {"matter": matter, "groups": groups_of(fields), "typed": values}


def case_context(uow: UnitOfWork, case: Case, *, full: bool = False) -> dict[str, Any]:
    """What the page of one case needs. Numbers are masked unless `full`."""
    position = positions_of(uow, [case]).get(case.id)
    stage = STAGE_OF.get(State(case.state))
    context: dict[str, Any] = {
        "case": case,
        "matter_title": matter_title(case.matter),
        "stands": whereabouts(uow, case, position, unsent_cases(uow)),
        "days": days_until(uow, case),
        "path": path_steps(uow, case),
        "full": full,
        **NO_SHEET,
        "outcome_href": "",
        "person_href": "",
        "papers": shown(uow, case, place=f"/cases/{case.id}"),
        "passing": PASSING.get(stage.action) if stage else None,
        "may": {},
        "why_not": None,
        "given_to": "",
        "held": None,
        "colleagues": [(one.id, one.name) for one in colleagues(uow)],
    }
    if position is None:
        return context
    matter = matter_of(case.matter)
    context |= _allowed(uow, position)
    context["outcome_href"] = matter.outcome_href(case)
    number = str(typed_values(case).get(matter.number_field, ""))
    context["person_href"] = page_of_subject(uow, number) if number else ""
    if case.state == State.APPROVAL:
        context["held"] = held_back(uow, [case]).get(case.id)
    given = assigned(uow, [case.id]).get(case.id)
    context["given_to"] = given.user_name if given and given.state == case.state else ""
    return context | sheet(uow, matter, case, full=full)


def _allowed(uow: UnitOfWork, position: Position) -> dict[str, Any]:
    """Which steps the actor may take, and why not the one the case waits for."""
    who = hand(uow)
    stage = STAGE_OF.get(position.state)
    asked = {
        "pass": stage.action if stage else None,
        "return": Action.RETURN if stage else None,
        "reject": Action.REJECT,
        "correct": Action.SUBMIT,
        "withdraw": Action.WITHDRAW,
    }
    refusals = {
        name: refusal(action, position, who) if action else Refusal("")
        for name, action in asked.items()
    }
    blocked = refusals["pass"] if stage and stage.duty in who.duties else None
    return {
        "may": {name: found is None for name, found in refusals.items()},
        "why_not": blocked.message if blocked and stage and stage.level is who.level else None,
    }


def path_steps(uow: UnitOfWork, case: Case) -> list[dict[str, Any]]:
    """The path of a case: what was done, who acts now, what is still ahead."""
    taken = service.timeline(uow, case)
    names = _place_names(uow, [step.node for step in taken])
    steps = [_past(step, names) for step in taken]
    state = State(case.state)
    if not state.is_open or not is_known(case.matter):
        return steps
    return [*steps, *_ahead(uow, case, state)]


def _past(step: CaseStep, names: Mapping[str, str]) -> dict[str, Any]:
    action, level = Action(step.action), Level(step.level)
    states = {Action.RETURN: "back", Action.WITHDRAW: "back", Action.REJECT: "bad"}
    is_late = step.arrived_at - step.at > LATE_ARRIVAL
    return {
        "state": states.get(action, "past"),
        "title": step_title(action, State(step.state), level, version=step.version),
        "who": f"{step.actor_name}　{names.get(step.node, step.node)}",
        "at": step.at,
        "arrived_at": step.arrived_at if is_late else None,
        "opinion": step.opinion,
    }


def _desk_title(stage: Stage) -> str:
    return step_title(stage.action, stage.state, stage.level)


def _ahead(uow: UnitOfWork, case: Case, state: State) -> list[dict[str, Any]]:
    path, days = path_of(case), matter_of(case.matter).days
    left = days_until(uow, case)
    if state is State.RETURNED:
        first = {"state": "now", "title": correcting(path.entered_at), "days": left}
        following = list(path.stages)
    else:
        stage, *following = [
            each for each in path.stages if STAGES_ORDER[each.state] >= STAGES_ORDER[state]
        ]
        first = {"state": "now", "title": _desk_title(stage), "days": left}
    return [
        first,
        *(
            {
                "state": "todo",
                "title": _desk_title(each),
                "term": days.get(each.state),
                "other": each.state is State.APPROVAL,
            }
            for each in following
        ),
    ]


STAGES_ORDER = {state: place for place, state in enumerate(STAGE_OF)}


def _place_names(uow: UnitOfWork, codes: Sequence[str]) -> dict[str, str]:
    statement = select(divisions.c.code, divisions.c.name).where(
        divisions.c.code.in_(sorted(set(codes)))
    )
    return {row.code: row.name for row in uow.connection.execute(statement)}


def neighbours(uow: UnitOfWork, case_id: str) -> tuple[str | None, str | None]:
    """The cases before and after this one among those that wait for the actor."""
    waiting = waiting_ids(uow)
    if case_id not in waiting:
        return None, waiting[0] if waiting else None
    place = waiting.index(case_id)
    before = waiting[place - 1] if place else None
    after = waiting[place + 1] if place + 1 < len(waiting) else None
    return before, after
