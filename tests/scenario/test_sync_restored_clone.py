"""Two machines with one identity: one at a time is listened to, the other is told."""

import pytest

from sync import Untrusted
from sync.errors import Cloned
from tests.scenario.sync_disks import clone, restore, save
from tests.scenario.sync_tree import PROVINCE, TOWNSHIP, VILLAGE, Place, Tree, fact, fall, rise

UP = "up/province"


@pytest.fixture
def pair(tree: Tree) -> tuple[Place, Place]:
    """A village that has been in touch with its township."""
    tree.grow(PROVINCE, TOWNSHIP, VILLAGE)
    tree.sync()
    return tree[VILLAGE], tree[TOWNSHIP]


def _kinds(place: Place) -> list[str]:
    return [one.kind for one in place.replica.status().incidents]


def test_a_second_machine_is_refused_while_the_first_is_there(
    tree: Tree, pair: tuple[Place, Place]
) -> None:
    village, township = pair
    twin = clone(tree, village)
    village.write(UP, fact("a", 1))
    village.replica.seal()
    assert rise(village, township) == []

    with pytest.raises(Cloned, match="两台机器"):
        rise(twin, township)
    assert _kinds(township) == ["cloned"]

    tree.clock.forward(minutes=10)
    assert rise(village, township) == []
    assert issubclass(Cloned, Untrusted)


def test_the_machine_that_was_overtaken_is_told_when_it_comes_after_all(
    tree: Tree, pair: tuple[Place, Place]
) -> None:
    village, township = pair
    twin = clone(tree, village)
    assert rise(village, township) == []
    tree.clock.forward(hours=1)

    assert rise(twin, township) == []
    for _ in range(2):
        with pytest.raises(Cloned, match="另一台机器"):
            rise(village, township)

    assert _kinds(township) == ["cloned"]
    assert rise(twin, township) == []


def test_two_copies_made_at_the_same_moment_are_told_apart(
    tree: Tree, pair: tuple[Place, Place]
) -> None:
    village, township = pair
    twin = clone(tree, village)
    assert rise(village, township) == []

    with pytest.raises(Cloned):
        rise(twin, township)


def test_a_restored_machine_waits_until_the_other_has_been_silent(
    tree: Tree, pair: tuple[Place, Place]
) -> None:
    village, township = pair
    image = save(village)
    village.write(UP, fact("a", 1))
    village.replica.seal()
    rise(village, township)
    restore(village, image)

    with pytest.raises(Cloned, match="15 分钟"):
        rise(village, township)
    tree.clock.forward(minutes=15)
    assert rise(village, township) == []
    assert fall(township, village) == []

    assert village.facts() == {"a": 1}
    assert _kinds(township) == _kinds(village) == []


def test_calls_that_come_late_or_twice_are_no_second_machine(pair: tuple[Place, Place]) -> None:
    village, township = pair
    unanswered = village.replica.hello()
    township.replica.welcome(unanswered)
    township.replica.welcome(unanswered)
    assert rise(village, township) == []

    late = village.replica.hello()
    assert rise(village, township) == []
    assert rise(village, township) == []
    township.replica.welcome(late)

    assert rise(village, township) == []
    assert _kinds(township) == []


def test_a_restored_parent_takes_its_children_for_none(
    tree: Tree, pair: tuple[Place, Place]
) -> None:
    village, township = pair
    image = save(township)
    for _ in range(3):
        assert rise(village, township) == []
    restore(township, image)
    tree.clock.forward(hours=1)

    assert rise(village, township) == []
    assert rise(village, township) == []
    assert _kinds(township) == []
