"""The path of a case (业务受理) as pure functions: who may take which step, and what it leads to.

A draft never travels and has a table of its own. Submitting is an act; after it a case waits in
the first state of its path, named for the step it waits for:

    draft → (submit) → first_review → review → approval → approved | rejected

`return` leads to the step before, and from the first one to `returned`: back to whoever entered
the case. `withdraw` ends an open case. Entering, first review, review and approval of one case
are done by different people (founding notice 三.二; the duties are said in `tiers.roles`).
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from node.core.errors import Conflict, Forbidden, Refusal
from tiers import Duty, Level, Role, same_case


class State(StrEnum):
    """Where a case stands. Open states name what it waits for."""

    FIRST_REVIEW = "first_review"
    REVIEW = "review"
    APPROVAL = "approval"
    RETURNED = "returned"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"

    @property
    def title(self) -> str:  # type: ignore[override]  # str.title() is for Latin letters
        return _STATE_TITLE[self]

    @property
    def is_open(self) -> bool:
        return self in OPEN

    @property
    def is_decided(self) -> bool:
        return self in DECIDED


_STATE_TITLE = {
    State.FIRST_REVIEW: "待初审",
    State.REVIEW: "待复核",
    State.APPROVAL: "待审批",
    State.RETURNED: "退回补正",
    State.APPROVED: "已办结",
    State.REJECTED: "不予办理",
    State.WITHDRAWN: "已撤回",
}

DECIDED = frozenset({State.APPROVED, State.REJECTED})
OPEN = frozenset(State) - DECIDED - {State.WITHDRAWN}


class Action(StrEnum):
    """What somebody does to a case."""

    SUBMIT = "submit"
    FIRST_REVIEW = "first_review"
    REVIEW = "review"
    APPROVE = "approve"
    RETURN = "return"
    REJECT = "reject"
    WITHDRAW = "withdraw"

    @property
    def title(self) -> str:  # type: ignore[override]  # str.title() is for Latin letters
        return _ACTION_TITLE[self]


_ACTION_TITLE = {
    Action.SUBMIT: "提交",
    Action.FIRST_REVIEW: "初审",
    Action.REVIEW: "复核",
    Action.APPROVE: "审批",
    Action.RETURN: "退回补正",
    Action.REJECT: "不予办理",
    Action.WITHDRAW: "撤回",
}


@dataclass(frozen=True, slots=True)
class Stage:
    """One desk of the path: the state in which a case lies there, where, and whose duty it is."""

    state: State
    level: Level
    duty: Duty
    action: Action


STAGES = (
    Stage(State.FIRST_REVIEW, Level.TOWNSHIP, Duty.FIRST_REVIEW, Action.FIRST_REVIEW),
    Stage(State.REVIEW, Level.COUNTY, Duty.REVIEW, Action.REVIEW),
    Stage(State.APPROVAL, Level.COUNTY, Duty.APPROVE, Action.APPROVE),
)
STAGE_OF = {stage.state: stage for stage in STAGES}


@dataclass(frozen=True, slots=True)
class Path:
    """The way of one case: the levels its matter passes, and the level it was entered at."""

    levels: tuple[Level, ...]
    entered_at: Level

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The desks ahead of a case. What is entered at the county needs no first review."""
        return tuple(
            stage
            for stage in STAGES
            if stage.level in self.levels and not stage.level.is_below(self.entered_at)
        )

    def first(self) -> State:
        """Where a case lies once it is submitted."""
        return self.stages[0].state

    def onward(self, state: State) -> State:
        """Where a case goes when the desk `state` passes it."""
        states = [stage.state for stage in self.stages]
        following = states.index(state) + 1
        return states[following] if following < len(states) else State.APPROVED

    def back(self, state: State) -> State:
        """Where a case goes when the desk `state` returns it: the step before."""
        states = [stage.state for stage in self.stages]
        place = states.index(state)
        return states[place - 1] if place else State.RETURNED

    def holder(self, state: State) -> Level | None:
        """The level that acts next; none when the case is closed."""
        if state is State.RETURNED:
            return self.entered_at
        stage = STAGE_OF.get(state)
        return stage.level if stage else None

    def result(self, action: Action, state: State) -> State:
        """The state after a step that `refusal` lets pass."""
        if action is Action.SUBMIT:
            return self.first()
        if action is Action.RETURN:
            return self.back(state)
        if action is Action.REJECT:
            return State.REJECTED
        if action is Action.WITHDRAW:
            return State.WITHDRAWN
        return self.onward(state)


@dataclass(frozen=True, slots=True)
class Position:
    """Where a case stands when somebody wants to act on it: (actor id, duty) done so far."""

    path: Path
    state: State
    done: tuple[tuple[str, Duty], ...] = ()


@dataclass(frozen=True, slots=True)
class Hand:
    """Who wants to act: a person, the level they work for, and their duties."""

    actor_id: str
    level: Level
    duties: frozenset[Duty]


def refusal(action: Action, position: Position, hand: Hand) -> Refusal | None:
    """Why this person may not take this step now; None when they may."""
    state = position.state
    if not state.is_open:
        return Conflict("这件业务{stands}，不能再{act}", state=state, **_told(state, action))
    level, duty = _needs(action, position)
    if level is None or duty is None:
        return Conflict("这件业务现在{stands}，不能{act}", state=state, **_told(state, action))
    if hand.level is not level or duty not in hand.duties:
        who, where = _posts(duty, level), level.title
        return Forbidden("{act}由{level}{who}办理", duty=duty, act=duty.title, level=where, who=who)
    return same_person(duty, hand.actor_id, position.done)


def _told(state: State, action: Action) -> dict[str, str]:
    return {"stands": state.title, "act": action.title}


def _needs(action: Action, position: Position) -> tuple[Level | None, Duty | None]:
    """The level and the duty a step asks for in this position; none when it fits no desk."""
    state, path = position.state, position.path
    if action is Action.WITHDRAW or (action is Action.SUBMIT and state is State.RETURNED):
        return path.entered_at, Duty.ENTER
    stage = STAGE_OF.get(state)
    if stage is None:
        return None, None
    if action in (stage.action, Action.RETURN):
        return stage.level, stage.duty
    if action is Action.REJECT and state is State.APPROVAL:
        return stage.level, stage.duty
    return None, None


def same_person(duty: Duty, actor_id: str, done: Iterable[tuple[str, Duty]]) -> Forbidden | None:
    """Refuse a second duty on one case to whoever did an excluding one; say who may do it."""
    for actor, earlier in done:
        if actor == actor_id and same_case(duty, (earlier,)):
            return Forbidden(
                "您已{before}过这件业务，须由另一人{act}",
                duty=duty,
                done=earlier,
                before=earlier.title,
                act=duty.title,
            )
    return None


def _posts(duty: Duty, level: Level) -> str:
    return "、".join(role.title for role in Role if duty in role.duties and level in role.levels)


_RESULTS: dict[Action, dict[Level, frozenset[State]]] = {
    Action.SUBMIT: {
        Level.VILLAGE: frozenset({State.FIRST_REVIEW, State.REVIEW}),
        Level.TOWNSHIP: frozenset({State.FIRST_REVIEW, State.REVIEW}),
        Level.COUNTY: frozenset({State.REVIEW}),
    },
    Action.FIRST_REVIEW: {Level.TOWNSHIP: frozenset({State.REVIEW})},
    Action.REVIEW: {Level.COUNTY: frozenset({State.APPROVAL})},
    Action.APPROVE: {Level.COUNTY: frozenset({State.APPROVED})},
    Action.RETURN: {
        Level.TOWNSHIP: frozenset({State.RETURNED}),
        Level.COUNTY: frozenset({State.RETURNED, State.FIRST_REVIEW, State.REVIEW}),
    },
    Action.REJECT: {Level.COUNTY: frozenset({State.REJECTED})},
    Action.WITHDRAW: dict.fromkeys(
        (Level.VILLAGE, Level.TOWNSHIP, Level.COUNTY), frozenset({State.WITHDRAWN})
    ),
}


def is_lawful(action: Action, state: State, level: Level) -> bool:
    """Whether a node of `level` may say that `action` led to `state`.

    Asked of every step that arrives: a village node must not be able to approve.
    """
    return state in _RESULTS[action].get(level, frozenset())


def duty_of(action: Action, state: State, level: Level) -> Duty:
    """The duty somebody did by a step: returning a case is part of the desk's own duty."""
    if action in (Action.SUBMIT, Action.WITHDRAW):
        return Duty.ENTER
    if action is Action.RETURN:
        if level is Level.TOWNSHIP:
            return Duty.FIRST_REVIEW
        return Duty.APPROVE if state is State.REVIEW else Duty.REVIEW
    if action is Action.REJECT:
        return Duty.APPROVE
    return next(stage.duty for stage in STAGES if stage.action is action)


def excluded_steps(duty: Duty, level: Level) -> frozenset[tuple[Action, State]]:
    """Steps (what was done, what came of it) at a node of `level` that exclude doing `duty`."""
    return frozenset(
        (action, state)
        for action, results in _RESULTS.items()
        for state in results.get(level, frozenset())
        if same_case(duty, (duty_of(action, state, level),))
    )


@dataclass(frozen=True, slots=True)
class Move:
    """What a step means for the state of its case, whatever node it was taken at.

    `version` counts the forms submitted, `turn` the steps its author had seen: a step that
    answers another has the higher turn.
    """

    id: str
    action: Action
    state: State
    version: int
    turn: int
    level: Level
    at: str


def precedence(move: Move) -> tuple[int, int, int, int, str, str]:
    """Which of the steps known of a case says its state: the greatest.

    Steps cross when nodes are offline. A decision of the county stands against everything, then
    a withdrawal, then the newer form, then the later turn; the rest only makes the order total.
    A maximum over a set does not depend on the order in which the steps arrive, nor on how often.
    """
    final = 2 if move.state.is_decided else int(move.state is State.WITHDRAWN)
    return (final, move.version, move.turn, -move.level.rank, move.at, move.id)


def standing(moves: Collection[Move]) -> Move:
    """The step that says the state of the case, of all steps known here."""
    return max(moves, key=precedence)
