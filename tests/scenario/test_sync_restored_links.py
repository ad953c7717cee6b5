"""Restored backups and second machines over real HTTP, through `Link`."""

import pytest

from sync.client import LinkError
from tests.scenario.sync_disks import clone, restore, save
from tests.scenario.sync_links import linked, serving
from tests.scenario.sync_tree import PROVINCE, TOWNSHIP, Place, Tree, fact

UP = "up/province"


def test_one_call_to_sync_takes_back_and_goes_on(sqlite_tree: Tree) -> None:
    province, township = sqlite_tree.grow(PROVINCE, TOWNSHIP)
    with serving(province) as desk:
        image = save(township)
        _write(township, "a", "b")
        _sync(township, desk.url)
        restore(township, image)
        sqlite_tree.clock.forward(hours=1)
        _write(township, "c", seal=False)

        _sync(township, desk.url)

        assert township.facts() == {"a": 1, "b": 1}
        assert province.facts() == {"a": 1, "b": 1, "c": 1}
        assert township.replica.status().incidents == []


def test_one_call_to_sync_heals_a_fork(sqlite_tree: Tree) -> None:
    province, township = sqlite_tree.grow(PROVINCE, TOWNSHIP)
    with serving(province) as desk:
        image = save(township)
        _write(township, "a", "b")
        _sync(township, desk.url)
        restore(township, image)
        sqlite_tree.clock.forward(hours=1)
        _write(township, "c")
        _write(township, "d", seal=False)

        _sync(township, desk.url)

        assert province.facts() == {"a": 1, "b": 1, "c": 1, "d": 1}
        assert township.facts() == {"a": 1, "b": 1}
        assert township.replica.status().incidents == []
        assert {one.kind for one in township.replica.status().mended} == {"ahead", "fork"}
        _write(township, "e")
        _sync(township, desk.url)
        assert province.facts()["e"] == 1


def test_a_second_machine_learns_it_from_the_answer(sqlite_tree: Tree) -> None:
    province, township = sqlite_tree.grow(PROVINCE, TOWNSHIP)
    twin = clone(sqlite_tree, township)
    with serving(province) as desk:
        _sync(township, desk.url)

        with pytest.raises(LinkError, match="两台机器"):
            _sync(twin, desk.url)

    assert [one.kind for one in twin.replica.status().incidents] == ["cloned"]
    assert [one.kind for one in province.replica.status().incidents] == ["cloned"]


def _write(place: Place, *keys: str, seal: bool = True) -> None:
    for key in keys:
        place.write(UP, fact(key, 1, region=place.region))
        if seal:
            place.replica.seal()


def _sync(place: Place, url: str) -> None:
    with linked(place, url) as link:
        link.sync_once()
