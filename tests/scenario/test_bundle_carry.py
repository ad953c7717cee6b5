"""Bundles between replicas: what a stick carries, in any mixture with the network."""

import io
import random
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import select

from sync import SyncRefusal, store
from sync.bundle import check, look_at
from sync.bundle_manifest import Manifest
from sync.bundle_taking import take_in
from sync.errors import Untrusted
from sync.limits import Limits
from tests.scenario.bundle_sticks import carry_down, carry_up, insert, stick
from tests.scenario.sync_tree import (
    COUNTY,
    HOSTED,
    OTHER_VILLAGE,
    PROVINCE,
    TOWNSHIP,
    VILLAGE,
    Place,
    Tree,
    fact,
    fall,
    join,
    rise,
)

Line = tuple[Place, Place, Place, Place]


@pytest.fixture
def line(tree: Tree) -> Line:
    """Province, county, township and village."""
    province, county, township, village = tree.grow(PROVINCE, COUNTY, TOWNSHIP, VILLAGE)
    return province, county, township, village


@pytest.fixture
def pair(sqlite_tree: Tree) -> tuple[Place, Place]:
    """A township and a village."""
    township, village = sqlite_tree.grow(TOWNSHIP, VILLAGE)
    return township, village


def receipted(place: Place) -> dict[str, int]:
    """How far the parent has receipted, by route."""
    names = store.receipt.c
    with place.engine.connect() as connection:
        rows = connection.execute(select(names.route, names.seq))
        return {row.route: row.seq for row in rows}


def state(place: Place) -> dict[str, list[tuple[object, ...]]]:
    """Everything in a node's tables."""
    with place.engine.connect() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for table in store.metadata.sorted_tables
        }


def test_what_a_village_wrote_reaches_the_province_by_stick_alone(line: Line) -> None:
    province, county, township, village = line
    village.write("up/province", fact("a", 1), fact("b", 2))
    village.write("up/county", fact("c", 3))
    for lower, upper in ((village, township), (township, county), (county, province)):
        assert carry_up(lower, upper, lock=True).refused == []
    assert township.facts() == county.facts() == {"a": 1, "b": 2, "c": 3}
    assert province.facts() == {"a": 1, "b": 2}
    assert province.segments()[-1] == village.segments()[0]
    assert receipted(village) == {"up/province": 2, "up/county": 1}
    assert all(place.replica.verify().holds for place in line)


def test_what_the_province_decides_reaches_a_village_by_stick_alone(line: Line) -> None:
    province, county, township, village = line
    province.write("down/all", fact("policy", 7, region=PROVINCE))
    county.write(f"down/{VILLAGE}", fact("roster", 5))
    for upper, lower in ((province, county), (county, township), (township, village)):
        assert carry_down(upper, lower, lock=True).refused == []
    assert village.facts() == {"policy": 7, "roster": 5}
    assert village.replica.verify().holds


def test_the_next_stick_carries_only_what_is_new(line: Line) -> None:
    _, county, township, village = line
    county.write("down/all", fact("policy", 1, region=COUNTY))
    village.write("up/county", fact("a", 1))
    carry_down(county, township)
    assert carry_down(township, village).segments == 1
    assert carry_up(village, township).segments == 1
    assert len(look(stick(village), township).runs) == 0
    assert len(look(stick(township, to=VILLAGE), village).runs) == 0
    village.write("up/county", fact("a", 2))
    [run] = look(stick(village), township).runs
    assert (run.first, run.last) == (2, 2)


def look(data: bytes, reader: Place) -> Manifest:
    return check(reader.replica, io.BytesIO(data)).manifest


def test_a_parent_knows_from_the_network_where_a_stick_for_a_child_begins(
    pair: tuple[Place, Place],
) -> None:
    township, village = pair
    township.write("down/all", fact("p", 1, region=TOWNSHIP))
    township.replica.seal()
    fall(township, village)
    fall(township, village)  # the session after tells how far it got
    township.write("down/all", fact("p", 2, region=TOWNSHIP))
    [run] = look(stick(township, to=VILLAGE), village).runs
    assert (run.first, run.last) == (2, 2)


def test_a_child_knows_from_the_network_what_the_parent_has(pair: tuple[Place, Place]) -> None:
    township, village = pair
    village.write("up/county", fact("a", 1))
    village.replica.seal()
    rise(village, township)
    village.write("up/county", fact("a", 2))
    [run] = look(stick(village), township).runs
    assert (run.first, run.last) == (2, 2)
    carry_up(village, township)
    assert rise(village, township) == []
    assert township.facts() == {"a": 2}


def test_a_stick_put_in_twice_or_long_after_changes_nothing(pair: tuple[Place, Place]) -> None:
    township, village = pair
    village.write("up/county", fact("a", 1))
    old = stick(village)
    old_receipt_of_nothing = stick(township, to=VILLAGE, only_receipt=True)
    insert(township, old)
    village.write("up/county", fact("a", 2))
    carry_up(village, township)
    again = insert(township, old)
    assert (again.segments, again.known, again.applied, again.refused) == (0, 1, 0, [])
    insert(village, old_receipt_of_nothing)
    assert township.facts() == {"a": 2}
    assert receipted(village) == {"up/county": 2}
    village.write("up/county", fact("a", 3))
    carry_up(village, township)
    assert township.facts() == {"a": 3}
    assert township.replica.verify().holds
    assert village.replica.verify().holds


def test_an_old_receipt_does_not_take_back_a_newer_one(pair: tuple[Place, Place]) -> None:
    township, village = pair
    village.write("up/county", fact("a", 1))
    insert(township, stick(village))
    first = stick(township, to=VILLAGE, only_receipt=True)
    village.clock.forward(days=1)
    village.write("up/county", fact("a", 2))
    carry_up(village, township)
    insert(village, first)
    assert receipted(village) == {"up/county": 2}


def test_a_stick_that_came_before_the_one_it_builds_on_is_told_apart(
    pair: tuple[Place, Place],
) -> None:
    """Two sticks, the earlier one lost: nothing is skipped, and the next one begins before it."""
    township, village = pair
    village.write("up/county", fact("a", 1))
    insert(township, stick(village))
    receipt = stick(township, to=VILLAGE, only_receipt=True)
    insert(village, receipt)
    village.write("up/county", fact("b", 2))
    stick(village)  # lost
    village.write("up/county", fact("c", 3))
    assert carry_up(village, township).refused == []
    assert township.facts() == {"a": 1, "b": 2, "c": 3}


@dataclass
class Mixture:
    """Acts in an order of chance on three links, and what should have come of them."""

    tree: Tree
    chance: random.Random
    number: int = 0
    up: dict[str, int] = field(default_factory=dict)
    down: dict[str, int] = field(default_factory=dict)
    sticks: list[tuple[Place, bytes]] = field(default_factory=list)

    @property
    def links(self) -> list[tuple[Place, Place]]:
        """From the bottom up."""
        tree = self.tree
        return [
            (tree[TOWNSHIP], tree[VILLAGE]),
            (tree[COUNTY], tree[TOWNSHIP]),
            (tree[COUNTY], tree[OTHER_VILLAGE]),
        ]

    def act(self) -> None:
        parent, child = self.chance.choice(self.links)
        lock = self.chance.random() < 0.5
        match self.chance.randrange(5):
            case 0 | 1:
                self.write()
            case 2:
                child.replica.seal()
                assert rise(child, parent) == []
            case 3:
                parent.replica.seal()
                assert fall(parent, child) == []
            case 4:
                only = self.chance.random() < 0.3
                self.sticks.append((parent, stick(child, lock=lock, only_receipt=only)))
            case 5:
                self.sticks.append((child, stick(parent, to=child.region, lock=lock)))
            case _ if self.sticks:
                taker, data = self.chance.choice(self.sticks)  # some never, some again and again
                insert(taker, data)
        self.tree.clock.forward(minutes=self.chance.randrange(90))

    def write(self) -> None:
        self.number += 1
        place = self.chance.choice([VILLAGE, OTHER_VILLAGE, COUNTY])
        key = f"{place}-{self.number % 5}"
        route = "down/all" if place == COUNTY else "up/county"
        self.tree[place].write(route, fact(key, self.number, region=place))
        (self.down if place == COUNTY else self.up)[key] = self.number

    def heal(self) -> None:
        """One round of sticks, from the bottom to the top and back."""
        for parent, child in self.links:
            assert carry_up(child, parent).refused == []
        for parent, child in reversed(self.links):
            assert carry_down(parent, child).refused == []


@pytest.mark.parametrize("seed", range(5))
def test_sticks_and_network_in_any_order_come_to_the_same(seed: int, tree: Tree) -> None:
    tree.grow(COUNTY, TOWNSHIP, VILLAGE, OTHER_VILLAGE)
    mixture = Mixture(tree, random.Random(seed))  # noqa: S311  # a seeded story
    for _ in range(50):
        mixture.act()
    mixture.heal()
    assert tree[COUNTY].facts() == mixture.up
    assert tree[VILLAGE].facts() == tree[OTHER_VILLAGE].facts() == mixture.down
    assert all(place.replica.verify().holds for place in tree.places.values())
    assert not any(place.replica.status().incidents for place in tree.places.values())
    assert not any(place.held() for place in tree.places.values())


def refused(taker: Place, data: bytes) -> str:
    """What is said of a bundle that is not taken; and nothing was changed."""
    before = state(taker)
    with pytest.raises(SyncRefusal) as refusal:
        insert(taker, data)
    assert state(taker) == before
    return refusal.value.message


def test_a_bundle_for_somebody_else_is_refused(sqlite_tree: Tree) -> None:
    county, _, village, other = sqlite_tree.grow(COUNTY, TOWNSHIP, VILLAGE, HOSTED)
    village.write("up/county", fact("a", 1))
    data = stick(village)
    assert "是给 410122100000 的，不是给本节点 410122000000 的" in refused(county, data)
    assert "不是给本节点" in refused(other, data)
    assert "不是给本节点" in refused(village, data)
    assert "只在上级与直接下级之间" in refused_export(county, VILLAGE)
    assert "只在上级与直接下级之间" in refused_export(village, HOSTED)
    assert "没有上级" in refused_export(county, "")


def refused_export(giver: Place, to: str) -> str:
    with pytest.raises(Untrusted) as refusal:
        stick(giver, to=to)
    return refusal.value.message


def test_a_village_that_is_hosted_needs_no_stick(sqlite_tree: Tree) -> None:
    [township] = sqlite_tree.grow(TOWNSHIP)
    township.replica.host(region=HOSTED, level="village")
    assert "由本节点托管" in refused_export(township, HOSTED)


def test_a_bundle_of_another_network_is_refused(sqlite_tree: Tree) -> None:
    _, village = sqlite_tree.grow(TOWNSHIP, VILLAGE)
    stranger, _ = sqlite_tree.sapling().grow(TOWNSHIP, VILLAGE)
    for lock in (False, True):
        village.write("up/county", fact("a", 1))
        assert "属于另一个网络" in refused(stranger, stick(village, lock=lock))


def test_a_locked_bundle_shows_only_who_it_is_for(sqlite_tree: Tree) -> None:
    township, village, other = sqlite_tree.grow(TOWNSHIP, VILLAGE, HOSTED)
    village.write("up/county", fact("very-particular", 1))
    [sealed] = segments_sealed(village)
    plain, locked = stick(village), stick(village, lock=True)
    assert sealed in plain
    assert sealed not in locked
    label = look_at(io.BytesIO(locked))
    assert (label.sender, label.receiver) == (VILLAGE, TOWNSHIP)
    with pytest.raises(Untrusted, match="没有打开它的密钥"):
        check(other.replica, io.BytesIO(locked))
    with pytest.raises(Untrusted, match="没有打开它的密钥"):
        check(village.replica, io.BytesIO(locked))  # not even by who wrote it
    insert(township, locked)
    assert township.facts() == {"very-particular": 1}


def segments_sealed(place: Place) -> list[bytes]:
    place.replica.seal()
    return [sealed.body for sealed in place.segments()]


def test_a_node_that_was_revoked_is_not_listened_to(pair: tuple[Place, Place]) -> None:
    township, village = pair
    village.write("up/county", fact("a", 1))
    data = stick(village)
    me = village.replica.identity()
    assert me is not None
    township.replica.revoke(node=VILLAGE, epoch=me.epoch, reason="失窃", by="li")
    township.replica.seal()
    assert "已被吊销" in refused(township, data)
    with pytest.raises(Untrusted, match="已被吊销"):
        stick(township, to=VILLAGE)


def test_the_old_machine_of_a_village_is_not_listened_to(sqlite_tree: Tree) -> None:
    township, village = sqlite_tree.grow(TOWNSHIP, VILLAGE)
    village.write("up/county", fact("a", 1))
    data = stick(village)
    sqlite_tree.clock.forward(days=1)
    new = sqlite_tree.seedling(VILLAGE)
    join(township, new)
    assert "重新入网以前" in refused(township, data)


def test_a_stick_pulled_out_half_way_is_put_in_again(sqlite_tree: Tree) -> None:
    """The process dies between any two segments: what was taken stays, the rest comes later."""
    [township] = sqlite_tree.grow(TOWNSHIP)
    [village] = sqlite_tree.grow(VILLAGE, limits=Limits(seal_records=1))
    for n in range(5):
        village.write("up/county", fact(f"k{n}", n))
    data = stick(village)
    for whole in range(5):
        with pytest.raises(OSError, match="stick"):
            take_in(township.replica, Unplugged(data, after=whole))
        assert township.replica.verify().holds
    done = insert(township, data)
    assert done.refused == []
    assert township.facts() == {f"k{n}": n for n in range(5)}
    assert township.diary() == [(f"k{n}", "x.fact", n) for n in range(5)]


class Unplugged(io.BytesIO):
    """A file that can be read once, and on the second reading only so many segments far."""

    def __init__(self, data: bytes, *, after: int) -> None:
        super().__init__(data)
        self._starts = 0
        self._left = after

    def seek(self, offset: int, whence: int = 0, /) -> int:
        self._starts += 1
        return super().seek(offset, whence)

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        if self._starts > 2 and data[:1] == b"S" and len(data) == 5:
            if not self._left:
                raise OSError("the stick is gone")
            self._left -= 1
        return data


def test_what_a_restored_village_lost_comes_back_by_stick(
    sqlite_tree: Tree, tmp_path: Path
) -> None:
    township, village = sqlite_tree.grow(TOWNSHIP, VILLAGE)
    village.write("up/county", fact("a", 1))
    carry_up(village, township)
    copy = state_of_disk(village, tmp_path / "backup.sqlite")
    village.write("up/county", fact("b", 2))
    carry_up(village, township)
    put_back(village, copy)
    # The parent's word shows the loss; until its own are back the village seals nothing.
    insert(village, stick(township, to=VILLAGE, only_receipt=True))
    assert [one.kind for one in village.replica.status().incidents] == ["ahead"]
    village.write("up/county", fact("c", 3))
    assert village.replica.seal().records == 0
    insert(township, stick(village))
    assert insert(village, stick(township, to=VILLAGE)).segments == 1
    assert carry_up(village, township).refused == []
    assert township.facts() == {"a": 1, "b": 2, "c": 3}
    assert village.facts() == {"b": 2}
    assert village.replica.verify().holds


def state_of_disk(place: Place, copy: Path) -> Path:
    file = place.engine.url.database
    assert file
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("VACUUM INTO ?", (str(copy),))
    return copy


def put_back(place: Place, copy: Path) -> None:
    file = place.engine.url.database
    assert file
    place.engine.dispose()
    for suffix in ("-wal", "-shm"):
        Path(file + suffix).unlink(missing_ok=True)
    Path(file).write_bytes(copy.read_bytes())


def test_what_a_restored_township_lost_comes_back_by_stick(
    sqlite_tree: Tree, tmp_path: Path
) -> None:
    township, village = sqlite_tree.grow(TOWNSHIP, VILLAGE)
    carry_up(village, township)
    copy = state_of_disk(township, tmp_path / "backup.sqlite")
    village.write("up/county", fact("a", 1))
    carry_up(village, township)
    township.write("down/all", fact("p", 1, region=TOWNSHIP))
    carry_down(township, village)
    put_back(township, copy)
    township.clock.forward(hours=1)
    insert(village, stick(township, to=VILLAGE))  # what it holds now, which is less
    insert(township, stick(village))
    assert township.facts() == {"a": 1}
    assert [one.kind for one in township.replica.status().incidents] == ["ahead"]
    insert(village, stick(township, to=VILLAGE))  # asks for what it wrote itself
    insert(township, stick(village))
    assert township.replica.status().incidents == []
    township.write("down/all", fact("q", 2, region=TOWNSHIP))
    assert carry_down(township, village).refused == []
    assert village.facts() == {"p": 1, "q": 2}
    assert township.replica.verify().holds
