"""Clocks that are wrong by days: requests still get in, and the difference is in sight."""

from datetime import timedelta

import pytest

from sync.client import join
from tests.scenario.sync_links import calling, linked, running, serving, until
from tests.scenario.sync_tree import TOWNSHIP, VILLAGE, Clock, Place, Tree, fact

DAYS = [-9000, -1.5, -0.01, 0.01, 1.5, 9000]


@pytest.fixture
def tree(sqlite_tree: Tree) -> Tree:
    """What is tried here lies before the database, so one kind will do."""
    return sqlite_tree


def with_clock_off(tree: Tree, days: float) -> Place:
    """A village that has joined and whose clock then differs by so many days."""
    tree.grow(TOWNSHIP)
    tree.clock, right = Clock(tree.clock.now), tree.clock
    place = tree.seedling(VILLAGE)
    wrong, tree.clock = tree.clock, right
    code = tree[TOWNSHIP].replica.issue_join_code(region=VILLAGE, level="village")
    wrong.now = right.now + timedelta(days=days)
    with serving(tree[TOWNSHIP]) as desk:
        join(place.replica, desk.url, code, region=VILLAGE, confirm=lambda _: True)
    return place


@pytest.mark.parametrize("days", DAYS)
def test_a_village_whose_clock_is_days_off_is_heard_and_hears(tree: Tree, days: float) -> None:
    village = with_clock_off(tree, days)
    village.write("up/county", fact("a", 1))
    tree[TOWNSHIP].write("down/all", fact("law", 1, region=TOWNSHIP))
    tree[TOWNSHIP].replica.seal()

    with serving(tree[TOWNSHIP]) as desk, linked(village, desk.url) as link:
        summary = link.sync_once()

    assert tree[TOWNSHIP].facts()["a"] == 1
    assert village.facts()["law"] == 1
    assert summary.ahead_of_parent == pytest.approx(days * 86_400, abs=2)
    for place in (village, tree[TOWNSHIP]):
        [shown] = place.replica.status().links
        assert shown.skew_ms == pytest.approx(days * 86_400_000, abs=2000)
    assert "本机时钟与上级相差" in str(summary)


def test_a_clock_set_right_in_mid_session_costs_one_call(tree: Tree) -> None:
    village = with_clock_off(tree, -1.5)
    with serving(tree[TOWNSHIP]) as desk, running(village, desk.url) as link:
        until(lambda: link.state().last_contact is not None)
        village.clock.now = tree.clock.now
        village.write("up/county", fact("b", 1))
        until(lambda: "b" in tree[TOWNSHIP].facts())
        until(lambda: abs(link.state().ahead_of_parent) < 2)


def test_what_was_signed_before_the_parent_started_is_refused_afterwards(tree: Tree) -> None:
    """It remembers no nonces, so it takes nothing that it might have seen; a link signs anew."""
    tree.grow(TOWNSHIP, VILLAGE)
    with serving(tree[TOWNSHIP]) as desk, calling(tree[VILLAGE], desk.url) as caller:
        assert caller.pull(nonce="n" * 22).status_code == 200
    tree.clock.forward(seconds=2)
    with serving(tree[TOWNSHIP]) as desk, calling(tree[VILLAGE], desk.url) as caller:
        answer = caller.pull(nonce="n" * 22, age=2)
        assert (answer.status_code, answer.json()["code"]) == (401, "stale")
        assert caller.pull(nonce="n" * 22).status_code == 200
