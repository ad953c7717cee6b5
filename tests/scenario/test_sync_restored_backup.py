"""A node put back to an earlier state of its disk gets back what it had sent, and loses nothing."""

import pytest

from sync import Limits, StreamId
from tests.scenario.sync_disks import Image, restore, save
from tests.scenario.sync_tree import (
    COUNTY,
    HOSTED,
    PROVINCE,
    TOWNSHIP,
    VILLAGE,
    Place,
    Tree,
    fact,
    fall,
    rise,
)

UP = "up/province"
LONG = {"hours": 1}
"""Longer than a disk that was overtaken must have been silent."""


@pytest.fixture
def grown(tree: Tree) -> Tree:
    tree.grow(PROVINCE, COUNTY, TOWNSHIP, VILLAGE)
    return tree


def _written_and_sent(tree: Tree, region: str, *keys: str, route: str = UP) -> None:
    for number, key in enumerate(keys):
        tree[region].write(route, fact(key, number, region=region))
        tree[region].replica.seal()
    tree.sync()


def _behind(tree: Tree, region: str, image: Image) -> Place:
    """Put a node back, long after it was last heard of."""
    restore(tree[region], image)
    tree.clock.forward(**LONG)
    return tree[region]


def _kinds(place: Place) -> list[str]:
    return [one.kind for one in place.replica.status().incidents]


def _own(place: Place, route: str = UP) -> StreamId:
    me = place.replica.identity()
    assert me is not None
    return StreamId(me.node, me.epoch, route)


def test_a_restored_village_gets_its_entries_back_before_it_seals_again(grown: Tree) -> None:
    _written_and_sent(grown, VILLAGE, "a", "b")
    image = save(grown[VILLAGE])
    _written_and_sent(grown, VILLAGE, "c", "d")
    village = _behind(grown, VILLAGE, image)
    village.write(UP, fact("e", 4))

    assert rise(village, grown[TOWNSHIP]) == []
    assert _kinds(village) == ["ahead"]
    assert village.replica.seal().records == 0
    assert fall(grown[TOWNSHIP], village) == []

    assert _kinds(village) == []
    assert village.facts() == {"c": 0, "d": 1}
    assert village.head(_own(village)) == 4
    grown.sync()
    assert grown[PROVINCE].facts() == {"a": 0, "b": 1, "c": 0, "d": 1, "e": 4}
    assert len(grown[PROVINCE].diary()) == 5
    assert village.replica.verify().holds


def test_what_lay_in_the_outbox_of_the_backup_is_neither_sealed_nor_applied_again(
    grown: Tree,
) -> None:
    village = grown[VILLAGE]
    village.write(UP, fact("a", 1), fact("b", 2))
    village.write(UP, fact("b", 2, kind="x.step"))
    image = save(village)
    grown.sync()
    _written_and_sent(grown, VILLAGE, "c")
    _behind(grown, VILLAGE, image)

    rise(village, grown[TOWNSHIP])
    fall(grown[TOWNSHIP], village)

    assert village.replica.status().outbox == 0
    assert village.diary() == [("c", "x.fact", 0)]
    grown.sync()
    assert grown[PROVINCE].facts() == {"a": 1, "b": 4, "c": 0}
    assert village.head(_own(village)) == 4


def test_a_transaction_in_parts_comes_back_in_parts(tree: Tree) -> None:
    tree.grow(PROVINCE)
    tree.grow(VILLAGE, limits=Limits(seal_records=2))
    village = tree[VILLAGE]
    image = save(village)
    village.write(UP, *(fact(f"f{number}", number) for number in range(5)))
    tree.sync()
    _behind(tree, VILLAGE, image)

    rise(village, tree[PROVINCE])
    fall(tree[PROVINCE], village, budget=1)

    assert village.facts() == {f"f{number}": number for number in range(5)}
    assert _kinds(village) == []


def test_a_restored_township_gets_back_its_own_and_what_passed_through(grown: Tree) -> None:
    township = grown[TOWNSHIP]
    township.replica.host(region=HOSTED, level="village")
    image = save(township)
    township.write(UP, fact("hosted", 1, region=HOSTED), origin=HOSTED)
    _written_and_sent(grown, VILLAGE, "village")
    _written_and_sent(grown, TOWNSHIP, "township")
    _written_and_sent(grown, TOWNSHIP, "told", route="down/all")
    _behind(grown, TOWNSHIP, image)

    assert rise(township, grown[COUNTY]) == []
    assert set(_kinds(township)) == {"ahead"}
    assert fall(grown[COUNTY], township) == []
    assert township.facts() == {"hosted": 1, "village": 0, "township": 0}
    grown.sync()
    assert township.facts() == {"hosted": 1, "village": 0, "township": 0, "told": 0}
    assert _kinds(township) == _kinds(grown[COUNTY]) == _kinds(grown[VILLAGE]) == []
    for region in (HOSTED, TOWNSHIP):
        _written_and_sent(grown, TOWNSHIP, f"new of {region}")
    assert grown[PROVINCE].replica.status().held == {}


def test_a_restored_root_gets_back_from_its_children_what_it_had_told_them(grown: Tree) -> None:
    province = grown[PROVINCE]
    _written_and_sent(grown, PROVINCE, "a", route="down/all")
    image = save(province)
    _written_and_sent(grown, PROVINCE, "b", "c", route="down/all")
    _behind(grown, PROVINCE, image)
    province.write("down/all", fact("d", 9, region=PROVINCE))

    county = grown[COUNTY]
    heads = county.replica.accept_welcome(province.replica.welcome(county.replica.hello()))
    assert _kinds(province) == ["ahead"]
    assert province.replica.seal().records == 0
    assert heads[_own(province, "down/all")].seq == 1
    assert rise(county, province) == []

    assert province.facts() == {"b": 0, "c": 1}
    assert _kinds(province) == []
    grown.sync()
    assert grown[VILLAGE].facts() == {"a": 0, "b": 0, "c": 1, "d": 9}
    assert province.replica.verify().holds


def test_a_restored_relay_gets_a_stream_back_from_below(grown: Tree) -> None:
    image = save(grown[TOWNSHIP])
    _written_and_sent(grown, COUNTY, "told", route="down/all")
    _behind(grown, TOWNSHIP, image)

    assert rise(grown[VILLAGE], grown[TOWNSHIP]) == []

    assert grown[TOWNSHIP].facts() == {"told": 0}
    assert _kinds(grown[TOWNSHIP]) == []


def test_a_peer_may_not_hand_back_what_nobody_misses(grown: Tree) -> None:
    _written_and_sent(grown, COUNTY, "told", route="down/all")
    village, township = grown[VILLAGE], grown[TOWNSHIP]
    epoch = _own(grown[COUNTY]).epoch
    segments = village.segments()

    taken = township.replica.take(
        segments, village.replica.chain_for({(COUNTY, epoch)}), from_node=VILLAGE
    )

    assert [one.code for one in taken.refused] == ["not_routed"]
