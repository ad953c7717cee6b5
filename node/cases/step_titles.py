"""What each step of a case is called on its path, whole, so that it can be translated."""

from node.cases.rules import Action, State
from tiers import Level

_V, _T, _C = Level.VILLAGE, Level.TOWNSHIP, Level.COUNTY
_DONE = {
    (Action.SUBMIT, _V): "村级提交",
    (Action.SUBMIT, _T): "乡级提交",
    (Action.SUBMIT, _C): "县级提交",
    (Action.FIRST_REVIEW, _T): "乡级初审",
    (Action.REVIEW, _C): "县级复核",
    (Action.APPROVE, _C): "县级审批",
    (Action.REJECT, _C): "县级不予办理",
    (Action.WITHDRAW, _V): "村级撤回",
    (Action.WITHDRAW, _T): "乡级撤回",
    (Action.WITHDRAW, _C): "县级撤回",
}
_AGAIN = {
    _V: "村级补正后重新提交",
    _T: "乡级补正后重新提交",
    _C: "县级补正后重新提交",
}
_BACK = {
    (State.RETURNED, _T): "乡级初审：退回补正",
    (State.RETURNED, _C): "县级复核：退回补正",
    (State.FIRST_REVIEW, _C): "县级复核：退回补正",
    (State.REVIEW, _C): "县级审批：退回补正",
}
_CORRECTING = {_V: "村级补正", _T: "乡级补正", _C: "县级补正"}


def step_title(action: Action, state: State, level: Level, *, version: int = 1) -> str:
    """A step that was taken at a level, and the state it led to; or a desk still ahead."""
    if action is Action.SUBMIT and version > 1:
        return _AGAIN[level]
    if action is Action.RETURN:
        return _BACK[state, level]
    return _DONE[action, level]


def correcting(level: Level) -> str:
    """The step a returned case waits for."""
    return _CORRECTING[level]
