"""The path of a case: which desks it passes, who may act, and the sentences of refusal."""

import pytest

from node.cases.rules import (
    OPEN,
    Action,
    Hand,
    Path,
    Position,
    State,
    duty_of,
    is_lawful,
    refusal,
)
from node.core.errors import Conflict, Forbidden
from tiers import Duty, Level

V, T, C = Level.VILLAGE, Level.TOWNSHIP, Level.COUNTY
FULL = (V, T, C)


def hand(level: Level, *duties: Duty, who: str = "me") -> Hand:
    return Hand(who, level, frozenset(duties))


def at(state: State, *done: tuple[str, Duty], entered_at: Level = V) -> Position:
    return Position(Path(FULL, entered_at), state, done)


@pytest.mark.parametrize(
    ("levels", "entered_at", "states"),
    [
        (FULL, V, ["first_review", "review", "approval"]),
        (FULL, T, ["first_review", "review", "approval"]),
        (FULL, C, ["review", "approval"]),
        ((V, C), V, ["review", "approval"]),
    ],
)
def test_a_case_passes_the_desks_above_where_it_was_entered(
    levels: tuple[Level, ...], entered_at: Level, states: list[str]
) -> None:
    path = Path(levels, entered_at)
    assert [stage.state for stage in path.stages] == states
    assert path.first() == states[0]
    assert path.onward(State.APPROVAL) is State.APPROVED


def test_a_return_leads_to_the_step_before_and_at_last_to_whoever_entered() -> None:
    path = Path(FULL, V)
    assert path.back(State.APPROVAL) is State.REVIEW
    assert path.back(State.REVIEW) is State.FIRST_REVIEW
    assert path.back(State.FIRST_REVIEW) is State.RETURNED
    assert path.holder(State.RETURNED) is V
    assert path.holder(State.APPROVED) is None


def test_the_desk_with_the_duty_may_pass_and_return() -> None:
    clerk = hand(T, Duty.FIRST_REVIEW, Duty.ENTER)
    assert refusal(Action.FIRST_REVIEW, at(State.FIRST_REVIEW), clerk) is None
    assert refusal(Action.RETURN, at(State.FIRST_REVIEW), clerk) is None


@pytest.mark.parametrize(
    ("done", "sentence"),
    [
        (Duty.ENTER, "您已录入过这件业务，须由另一人审批"),
        (Duty.REVIEW, "您已复核过这件业务，须由另一人审批"),
    ],
)
def test_one_person_never_does_two_duties_on_a_case(done: Duty, sentence: str) -> None:
    both = hand(C, Duty.REVIEW, Duty.APPROVE)
    found = refusal(Action.APPROVE, at(State.APPROVAL, ("me", done)), both)
    assert isinstance(found, Forbidden)
    assert found.message == sentence


def test_the_same_duty_may_be_done_again_after_a_return() -> None:
    reviewer = hand(C, Duty.REVIEW)
    assert refusal(Action.REVIEW, at(State.REVIEW, ("me", Duty.REVIEW)), reviewer) is None


def test_who_may_act_is_said_to_whoever_may_not() -> None:
    coordinator = hand(V, Duty.ENTER)
    found = refusal(Action.FIRST_REVIEW, at(State.FIRST_REVIEW), coordinator)
    assert isinstance(found, Forbidden)
    assert found.message == "初审由乡级初审员办理"


def test_a_duty_counts_only_at_its_level() -> None:
    found = refusal(Action.REVIEW, at(State.REVIEW), hand(T, Duty.REVIEW))
    assert isinstance(found, Forbidden)


@pytest.mark.parametrize("state", [state for state in State if state not in OPEN])
@pytest.mark.parametrize("action", list(Action))
def test_nothing_moves_a_closed_case(action: Action, state: State) -> None:
    everything = hand(C, *Duty)
    found = refusal(action, at(state, entered_at=C), everything)
    assert isinstance(found, Conflict)
    assert state.title in found.message


def test_only_the_approver_rejects_and_only_at_approval() -> None:
    everything = hand(C, *Duty)
    assert refusal(Action.REJECT, at(State.APPROVAL), everything) is None
    assert isinstance(refusal(Action.REJECT, at(State.REVIEW), everything), Conflict)
    assert isinstance(refusal(Action.REJECT, at(State.APPROVAL), hand(C, Duty.REVIEW)), Forbidden)


@pytest.mark.parametrize("state", sorted(OPEN))
def test_whoever_entered_may_withdraw_while_the_case_is_open(state: State) -> None:
    assert refusal(Action.WITHDRAW, at(state), hand(V, Duty.ENTER)) is None
    assert isinstance(refusal(Action.WITHDRAW, at(state), hand(T, Duty.ENTER)), Forbidden)


def test_only_a_returned_case_is_submitted_again() -> None:
    coordinator = hand(V, Duty.ENTER)
    assert refusal(Action.SUBMIT, at(State.RETURNED), coordinator) is None
    assert isinstance(refusal(Action.SUBMIT, at(State.REVIEW), coordinator), Conflict)


def test_a_village_may_say_that_it_submitted_and_no_more() -> None:
    lawful = {(a, s) for a in Action for s in State if is_lawful(a, s, V)}
    assert lawful == {
        (Action.SUBMIT, State.FIRST_REVIEW),
        (Action.SUBMIT, State.REVIEW),
        (Action.WITHDRAW, State.WITHDRAWN),
    }


def test_a_decision_is_lawful_at_the_county_only() -> None:
    for level in (V, T):
        assert not is_lawful(Action.APPROVE, State.APPROVED, level)
        assert not is_lawful(Action.REJECT, State.REJECTED, level)
    assert is_lawful(Action.APPROVE, State.APPROVED, C)
    assert not is_lawful(Action.FIRST_REVIEW, State.APPROVED, C)


@pytest.mark.parametrize(
    ("state", "level", "duty"),
    [
        (State.RETURNED, T, Duty.FIRST_REVIEW),
        (State.FIRST_REVIEW, C, Duty.REVIEW),
        (State.RETURNED, C, Duty.REVIEW),
        (State.REVIEW, C, Duty.APPROVE),
    ],
)
def test_returning_a_case_is_the_duty_of_the_desk_it_lay_on(
    state: State, level: Level, duty: Duty
) -> None:
    assert duty_of(Action.RETURN, state, level) is duty


def test_every_state_and_action_has_a_name_for_people() -> None:
    assert all(each.title for each in (*State, *Action))
