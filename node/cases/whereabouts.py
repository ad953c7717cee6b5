"""Where a case is and since when, in the words of whoever looks: 未上报, 已上报, 乡镇初审, 县复核 …

A village asks two questions its state alone does not answer: whether a case has left this machine
yet, and whether somebody above has taken it up.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from node.cases.matter import is_known
from node.cases.models import Case
from node.cases.records import STEPPED, SUBMITTED
from node.cases.rules import STAGE_OF, Action, Position, State
from node.cases.steps import holds, path_of
from node.core.personal import keyring_of
from node.core.work import UnitOfWork
from sync.unsent import unsent_keys
from tiers import Level

MINE = {
    Action.FIRST_REVIEW: "待我初审",
    Action.REVIEW: "待我复核",
    Action.APPROVE: "待我审批",
    Action.SUBMIT: "待我补正",
}
_CLOSED = {
    State.APPROVED: "done",
    State.REJECTED: "bad",
    State.WITHDRAWN: "other",
}
_AT_DESK = {
    State.FIRST_REVIEW: "乡镇初审",
    State.REVIEW: "县复核",
    State.APPROVAL: "县审批",
}
_SENT = {
    State.FIRST_REVIEW: "已上报，待乡镇初审",
    State.REVIEW: "已上报，待县复核",
}


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """The chip of a case, its kind and words, and since when it stands there."""

    kind: str
    words: str
    since: datetime


def unsent_cases(uow: UnitOfWork) -> frozenset[str]:
    """Cases of which a form or a step lies on this machine and has not reached the node above.

    At the county none: cases climb no further.
    """
    if not uow.level.is_below(Level.COUNTY):
        return frozenset()
    connection = uow.connection
    types = (SUBMITTED.name, STEPPED.name)
    return unsent_keys(connection, types, vault=keyring_of(connection))


def whereabouts(
    uow: UnitOfWork, case: Case, position: Position | None, unsent: Collection[str]
) -> Whereabouts:
    """Where a case is. `position` is none for a matter this program does not know."""
    state = State(case.state)
    mine = holds(uow, position) if position else None
    if mine is not None:
        return Whereabouts("mine", MINE[mine], case.moved_at)
    if state in _CLOSED:
        return Whereabouts(_CLOSED[state], state.title, case.moved_at)
    if state is State.RETURNED:
        return Whereabouts("wait", state.title, case.moved_at)
    return Whereabouts(*_under_way(uow, case, state, unsent), case.moved_at)


def _under_way(
    uow: UnitOfWork, case: Case, state: State, unsent: Collection[str]
) -> tuple[str, str]:
    if STAGE_OF[state].level.is_above(uow.level):
        if case.id in unsent:
            return "other", "未上报"
        if _nobody_above_has_moved_it(case):
            return "wait", _SENT.get(state, _AT_DESK[state])
    return "wait", _AT_DESK[state]


def _nobody_above_has_moved_it(case: Case) -> bool:
    """Whether the case still lies where submitting it put it."""
    return is_known(case.matter) and case.state == path_of(case).first() and not case.remark
