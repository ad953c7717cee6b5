"""A node that missed two upgrades delivers and receives; what it cannot apply waits in order."""

import pytest

from sync import Handler, Handlers
from tests.scenario.sync_tree import (
    COUNTY,
    HANDLERS,
    PROVINCE,
    TOWNSHIP,
    VILLAGE,
    Place,
    Tree,
    fact,
    put_facts,
)

UP, DOWN = "up/province", "down/all"
UPCASTS = {1: lambda body: {"n": body["n"] * 10}, 2: lambda body: {"n": body["n"] * 10}}


def at_version(version: int) -> Handlers:
    """A program that understands `x.fact` up to a version; each step multiplies by ten."""
    steps = {step: cast for step, cast in UPCASTS.items() if step < version}
    return HANDLERS | {"x.fact": Handler(version, put_facts, upcasts=steps)}


OLD, MIDDLE, NEW = at_version(1), at_version(2), at_version(3)


@pytest.fixture
def mixed(tree: Tree) -> Tree:
    """The county, and the village below the upgraded township, missed two upgrades."""
    tree.grow(PROVINCE, handlers=NEW)
    tree.grow(COUNTY, handlers=OLD)
    tree.grow(TOWNSHIP, handlers=NEW)
    tree.grow(VILLAGE, handlers=OLD)
    return tree


def diary(place: Place, key: str) -> list[int]:
    return [n for found, _, n in place.diary() if found == key]


def test_old_programs_deliver_and_pass_on_what_they_do_not_understand(mixed: Tree) -> None:
    mixed[VILLAGE].write(UP, fact("v", 1))
    mixed[COUNTY].write(UP, fact("c", 2, region=COUNTY))
    mixed[TOWNSHIP].write(UP, fact("t", 3, region=TOWNSHIP, version=3))
    mixed[PROVINCE].write(DOWN, fact("law", 7, region=PROVINCE, version=3))
    mixed.sync()

    assert mixed[PROVINCE].facts() == {"v": 100, "c": 200, "t": 3}
    assert mixed[TOWNSHIP].facts() == {"v": 100, "law": 7}
    assert mixed[COUNTY].facts() == {"v": 1}
    assert mixed[COUNTY].held() == [("t", "newer"), ("law", "newer")]
    assert mixed[VILLAGE].held() == [("law", "newer")]
    assert all(place.replica.verify().holds for place in mixed.places.values())


def test_parked_records_apply_in_order_one_upgrade_at_a_time(mixed: Tree) -> None:
    province = mixed[PROVINCE]
    for n, version in ((1, 1), (2, 2), (3, 3), (4, 2), (5, 1)):
        province.write(DOWN, fact("law", n, region=PROVINCE, version=version))
    province.write(DOWN, fact("other", 9, region=PROVINCE))
    mixed.sync()

    assert diary(mixed[COUNTY], "law") == [1]
    assert mixed[COUNTY].facts()["other"] == 9
    assert [kind for _, kind in mixed[COUNTY].held()] == ["newer", "behind", "behind", "behind"]

    county = mixed.upgrade(COUNTY, MIDDLE)
    assert county.replica.retry_parked() == 1
    assert diary(county, "law") == [1, 2]
    assert [kind for _, kind in county.held()] == ["newer", "behind", "behind"]

    county = mixed.upgrade(COUNTY, NEW)
    assert county.replica.retry_parked() == 3
    assert diary(county, "law") == [1, 2, 3, 40, 500]
    assert county.held() == []
    assert county.facts() == {"law": 500, "other": 9}
    assert province.replica.status().held == {}


def test_both_ends_say_who_is_behind_and_what_waits(mixed: Tree) -> None:
    mixed[PROVINCE].write(DOWN, fact("law", 7, region=PROVINCE, version=3))
    mixed.sync()

    assert mixed[PROVINCE].replica.skews() == [(COUNTY, "child", "x.fact", 1, 3)]
    assert mixed[COUNTY].replica.skews() == [
        (PROVINCE, "parent", "x.fact", 3, 1),
        (TOWNSHIP, "child", "x.fact", 3, 1),
    ]
    assert mixed[COUNTY].replica.parked() == [("x.fact", 3, 1)]
    assert mixed[PROVINCE].replica.parked() == []

    mixed.upgrade(COUNTY, NEW).replica.retry_parked()
    mixed.sync()
    assert mixed[PROVINCE].replica.skews() == []
    assert mixed[COUNTY].replica.skews() == []


def test_a_type_only_one_of_two_tiers_knows_is_no_skew(tree: Tree) -> None:
    tree.grow(PROVINCE, handlers=HANDLERS | {"x.only": Handler(4, put_facts)})
    tree.grow(COUNTY)
    tree.sync()
    assert tree[COUNTY].replica.skews() == tree[PROVINCE].replica.skews() == []
