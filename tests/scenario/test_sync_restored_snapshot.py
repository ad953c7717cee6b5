"""A parent put back to before what a child has from it as a snapshot's state only.

The state cannot come back as segments. The parent gives the range up, by name, once everybody was
heard, and goes on: what is left of it stays where it is, and nothing is said twice.
"""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from sync import StreamId
from sync.messages import State
from tests.scenario.sync_disks import restore, save
from tests.scenario.sync_snapshots import Facts, begin_with
from tests.scenario.sync_tree import (
    COUNTY,
    HOSTED,
    PROVINCE,
    TOWNSHIP,
    VILLAGE,
    Place,
    Tree,
    fact,
    facts,
    fall,
    join,
    rise,
)

ALL = "down/all"
OLD = HOSTED
"""A village that has a machine from the start, and reads streams."""


@pytest.fixture
def grown(tree: Tree) -> Tree:
    tree.grow(PROVINCE, COUNTY, TOWNSHIP, OLD)
    return tree


def _write(place: Place, key: str) -> None:
    """A fact of the township, in its own table and for everybody below."""
    place.write(ALL, fact(key, 1, region=TOWNSHIP))
    with place.engine.begin() as connection:
        row = {"key": key, "region": TOWNSHIP, "n": 1, "origin": TOWNSHIP, "seq": 0}
        connection.execute(facts.insert(), [row])


class _Everything(Facts):
    """Villages get what the township wrote, too."""

    def lines(self, connection: Connection, table: str, region: str) -> Iterator[bytes]:
        assert region == VILLAGE
        return super().lines(connection, table, TOWNSHIP)


def _lose(tree: Tree, *, old_has_it: bool = False) -> tuple[Place, Place]:
    """`a` everybody has; `kept` lay in the outbox of the backup; `b` is in the new village's state
    only, `c` there as a record; `d` was sealed after the township was put back.
    """
    township = tree[TOWNSHIP]
    _write(township, "a")
    tree.sync()
    _write(township, "kept")
    image = save(township)
    _write(township, "b")
    township.replica.seal()
    if old_has_it:
        fall(township, tree[OLD])
    village = tree.seedling(VILLAGE)
    join(township, village)
    tree.places[VILLAGE] = village
    begin_with(township, village, source=_Everything())
    _write(township, "c")
    township.replica.seal()
    fall(township, village)
    restore(township, image)
    tree.clock.forward(hours=1)
    _write(township, "d")
    township.replica.seal()
    return township, village


def _talk(tree: Tree, *places: str) -> None:
    for region in places:
        parent = tree.parent(region)
        assert parent is not None
        tree[region].replica.seal()
        rise(tree[region], parent)
        fall(parent, tree[region])


def _kinds(place: Place) -> set[tuple[str, str]]:
    return {(one.kind, one.origin) for one in place.replica.status().incidents}


def test_it_goes_on_and_names_what_is_lost(grown: Tree) -> None:
    township, village = _lose(grown)
    assert set(village.facts()) == {"a", "kept", "b", "c"}

    for _ in range(4):
        _talk(grown, VILLAGE, OLD, TOWNSHIP)
    _talk(grown, OLD, VILLAGE)

    assert township.replica.status().outbox == 0
    assert set(village.facts()) == {"a", "kept", "b", "c", "d"}
    assert [key for key, _, _ in village.diary()] == ["c", "d"]
    assert set(grown[OLD].facts()) == {"a", "kept", "c", "d"}
    assert [key for key, _, _ in township.diary()] == ["c"]
    assert _kinds(township) == _kinds(village) == {("lost", TOWNSHIP)}
    (told,) = township.replica.status().incidents
    assert VILLAGE in told.detail
    assert all(place.replica.verify().holds for place in grown.places.values())
    assert "ahead" in {one.kind for one in township.replica.status().mended}
    (said, *_) = township.replica.trace("sync.lost", f"{told.epoch}/{ALL}/{told.seq}")
    assert said.problems() == []


def test_while_somebody_may_have_the_records_nothing_is_given_up(grown: Tree) -> None:
    township, village = _lose(grown, old_has_it=True)

    for _ in range(3):
        _talk(grown, VILLAGE, TOWNSHIP)
    assert ("ahead", TOWNSHIP) in _kinds(township)
    assert township.replica.seal().records == 0

    for _ in range(4):
        _talk(grown, OLD, VILLAGE, TOWNSHIP)
    _talk(grown, OLD, VILLAGE)
    assert set(grown[OLD].facts()) == set(village.facts()) == {"a", "kept", "b", "c", "d"}
    assert {key for key, _, _ in township.diary()} == {"b", "c"}
    assert _kinds(township) == _kinds(village) == set()


def test_one_that_is_not_heard_is_waited_for_three_days(grown: Tree) -> None:
    township, village = _lose(grown)
    for _ in range(3):
        _talk(grown, VILLAGE, TOWNSHIP)
    assert ("lost", TOWNSHIP) not in _kinds(township)

    grown.clock.forward(days=3, hours=1)
    for _ in range(4):
        _talk(grown, VILLAGE, TOWNSHIP)
    assert _kinds(township) == {("lost", TOWNSHIP)}
    assert set(village.facts()) == {"a", "kept", "b", "c", "d"}


def test_a_child_cannot_make_it_give_up_what_it_never_gave(grown: Tree) -> None:
    township, village = _lose(grown)
    _talk(grown, OLD)
    rise(village, township)
    said = village.replica.hello()
    (proof,) = said.states
    further = [head._replace(seq=head.seq + 5) for head in proof.heads]
    for state in (
        State(proof.document, proof.signature, further),
        State(proof.document, b"\x00" * 64, proof.heads),
        State(proof.document.replace(TOWNSHIP.encode(), OLD.encode()), b"", proof.heads),
    ):
        township.replica.welcome(said._replace(states=[state]))

    assert ("lost", TOWNSHIP) not in _kinds(township)
    assert ("ahead", TOWNSHIP) in _kinds(township)


def test_a_place_that_has_its_own_machine_is_hosted_no_more(grown: Tree) -> None:
    """The township was put back to before the village got it."""
    township = grown[TOWNSHIP]
    township.replica.host(region=VILLAGE, level="village")
    image = save(township)
    grown.clock.forward(hours=1)
    village = grown.seedling(VILLAGE)
    join(township, village)
    grown.places[VILLAGE] = village
    restore(township, image)

    _talk(grown, VILLAGE)
    village.write("up/county", fact("own", 1))
    _talk(grown, VILLAGE, TOWNSHIP)

    assert grown[COUNTY].facts() == {"own": 1}
    me = village.replica.identity()
    assert me is not None
    assert grown[COUNTY].head(StreamId(VILLAGE, me.epoch, "up/county")) == 1


def test_who_took_the_second_history_first_gets_what_is_left_of_the_first(grown: Tree) -> None:
    """The old village heard the township before the township had heard the new one."""
    township, village = _lose(grown)

    for _ in range(4):
        _talk(grown, OLD, VILLAGE, TOWNSHIP)
    _talk(grown, OLD, VILLAGE)

    assert set(village.facts()) == {"a", "kept", "b", "c", "d"}
    assert set(grown[OLD].facts()) == {"a", "kept", "c", "d"}
    assert [key for key, _, _ in grown[OLD].diary()] == ["a", "kept", "d", "c"]
    assert ("fork", TOWNSHIP) not in _kinds(grown[OLD]) | _kinds(township)
    _write(township, "e")
    township.replica.seal()
    _talk(grown, OLD, VILLAGE)
    assert "e" in grown[OLD].facts()
    assert "e" in village.facts()
