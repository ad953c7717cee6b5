"""Steps that cross while nodes are offline come to the same state everywhere.

A `Node` here is a set of the steps it knows; what they say is `standing`. Whatever is delivered to
whom, in whatever order and however often, nodes that know the same steps agree.
"""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from node.cases.rules import (
    OPEN,
    STAGE_OF,
    Action,
    Hand,
    Move,
    Path,
    Position,
    State,
    duty_of,
    is_lawful,
    refusal,
    standing,
)
from tiers import Duty, Level

PATH = Path((Level.VILLAGE, Level.TOWNSHIP, Level.COUNTY), Level.VILLAGE)
LEVELS = (Level.VILLAGE, Level.TOWNSHIP, Level.COUNTY)
PEOPLE = {
    Level.VILLAGE: (Hand("v1", Level.VILLAGE, frozenset({Duty.ENTER})),),
    Level.TOWNSHIP: (
        Hand("t1", Level.TOWNSHIP, frozenset({Duty.ENTER, Duty.FIRST_REVIEW})),
        Hand("t2", Level.TOWNSHIP, frozenset({Duty.FIRST_REVIEW})),
    ),
    Level.COUNTY: (
        Hand("c1", Level.COUNTY, frozenset({Duty.REVIEW, Duty.APPROVE})),
        Hand("c2", Level.COUNTY, frozenset({Duty.REVIEW, Duty.APPROVE})),
    ),
}
Known = dict[str, tuple[Move, str]]

moves = st.builds(
    Move,
    id=st.uuids().map(str),
    action=st.sampled_from(Action),
    state=st.sampled_from(State),
    version=st.integers(1, 4),
    turn=st.integers(1, 12),
    level=st.sampled_from(LEVELS),
    at=st.integers(0, 59).map(lambda minute: f"2026-03-16T01:{minute:02d}:00.000000Z"),
)


@given(st.lists(moves, min_size=1, max_size=12, unique_by=lambda m: m.id), st.randoms())
def test_neither_order_nor_repetition_of_arrival_matters(
    known: list[Move], shuffler: random.Random
) -> None:
    again = [*known, *known]
    shuffler.shuffle(again)
    assert standing(again) == standing(known)


@given(st.lists(moves, min_size=1, max_size=12, unique_by=lambda m: m.id))
def test_a_decision_stands_against_everything_else_and_a_withdrawal_against_the_rest(
    known: list[Move],
) -> None:
    states = {move.state for move in known}
    said = standing(known).state
    if states & {State.APPROVED, State.REJECTED}:
        assert said.is_decided
    elif State.WITHDRAWN in states:
        assert said is State.WITHDRAWN
    else:
        assert standing(known).version == max(move.version for move in known)


@given(st.lists(moves, min_size=2, max_size=12, unique_by=lambda m: m.id), st.data())
def test_what_two_groups_of_steps_say_together_is_what_one_of_them_says(
    known: list[Move], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(1, len(known) - 1))
    halves = (standing(known[:cut]), standing(known[cut:]))
    assert standing(known) == standing(halves)


def _position(known: Known) -> Position:
    done = tuple((actor, duty_of(m.action, m.state, m.level)) for m, actor in known.values())
    return Position(PATH, standing([m for m, _ in known.values()]).state, done)


def _step(known: Known, action: Action, hand: Hand, serial: int) -> Move:
    said = [move for move, _ in known.values()]
    now = standing(said)
    version = now.version + (action is Action.SUBMIT)
    turn = max(move.turn for move in said) + 1
    state = PATH.result(action, now.state)
    at = f"2026-03-16T02:{serial:02d}:00.000000Z"
    return Move(f"s{serial:03d}", action, state, version, turn, hand.level, at)


@settings(max_examples=300)
@given(st.data())
def test_offices_that_act_offline_agree_once_they_hear_of_each_other(data: st.DataObject) -> None:
    """Three nodes take lawful steps on what each knows; deliveries happen now and then."""
    first = Move("s000", Action.SUBMIT, PATH.first(), 1, 1, Level.VILLAGE, "2026-03-16T01:00Z")
    nodes: dict[Level, Known] = {Level.VILLAGE: {first.id: (first, "v1")}}
    nodes |= {Level.TOWNSHIP: {}, Level.COUNTY: {}}
    for serial in range(1, data.draw(st.integers(3, 14)) + 1):
        level = data.draw(st.sampled_from(LEVELS))
        if data.draw(st.booleans()):
            nodes[level] |= nodes[data.draw(st.sampled_from(LEVELS))]
        if not nodes[level]:
            continue
        hand = data.draw(st.sampled_from(PEOPLE[level]))
        action = data.draw(st.sampled_from(Action))
        if refusal(action, _position(nodes[level]), hand) is None:
            move = _step(nodes[level], action, hand, serial)
            assert is_lawful(move.action, move.state, move.level)
            nodes[level][move.id] = (move, hand.actor_id)
    everything = nodes[Level.VILLAGE] | nodes[Level.TOWNSHIP] | nodes[Level.COUNTY]
    said = {standing([m for m, _ in (nodes[level] | everything).values()]) for level in LEVELS}
    assert len(said) == 1
    _assert_nobody_did_two_duties(everything)
    _assert_decided_once(everything)


def _assert_nobody_did_two_duties(known: Known) -> None:
    duties: dict[str, set[Duty]] = {}
    for move, actor in known.values():
        duties.setdefault(actor, set()).add(duty_of(move.action, move.state, move.level))
    assert all(len(done) == 1 for done in duties.values())


def _assert_decided_once(known: Known) -> None:
    decisions = [move for move, _ in known.values() if move.state.is_decided]
    assert len(decisions) <= 1
    if decisions:
        assert standing([move for move, _ in known.values()]) == decisions[0]


@given(st.sampled_from(sorted(OPEN)), st.sampled_from(Action), st.sampled_from(LEVELS), st.data())
def test_every_step_that_is_let_pass_is_lawful_for_its_node(
    state: State, action: Action, entered_at: Level, data: st.DataObject
) -> None:
    path = Path((Level.VILLAGE, Level.TOWNSHIP, Level.COUNTY), entered_at)
    hand = Hand("x", data.draw(st.sampled_from(LEVELS)), frozenset(Duty))
    if state in {stage.state for stage in path.stages} | {State.RETURNED}:
        position = Position(path, state)
        if refusal(action, position, hand) is None:
            result = path.result(action, state)
            assert is_lawful(action, result, hand.level)
            assert result in OPEN or action in {Action.APPROVE, Action.REJECT, Action.WITHDRAW}
            assert state is State.RETURNED or STAGE_OF[state].level in path.levels
