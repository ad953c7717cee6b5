"""A relay that keeps something back, or changes it, is noticed and named within a day."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from sync import LIMITS, StreamId, Unauthorised
from sync.messages import Head
from tests.scenario.sync_tree import (
    CITY,
    COUNTY,
    PROVINCE,
    TOWNSHIP,
    VILLAGE,
    Place,
    Tree,
    fact,
    give,
    rise,
)

UP = "up/province"
LINE = (PROVINCE, CITY, COUNTY, TOWNSHIP, VILLAGE)
DAY, STEP = 24, 4
Kept = Callable[[StreamId], bool]
FAR = Head("", "", "", 2**60, "0" * 64)


@dataclass
class Day:
    """Hours in a network whose county may keep back what it passes up, or down."""

    tree: Tree
    up: Kept = lambda _: False
    down: Kept = lambda _: False
    cut: Collection[str] = field(default_factory=set)
    hour: int = 0

    def hours(self, count: int) -> None:
        """At every look signs of life, and what may be passed on is passed on."""
        for _ in range(0, count, STEP):
            self.hour += STEP
            self.tree.clock.forward(hours=STEP)
            for region in LINE[1:]:
                alive = fact(f"alive{region}", self.hour, region=region)
                self.tree[region].write(UP, alive)
            for region in LINE:
                self.tree[region].replica.tend()
                self.tree[region].replica.seal()
            for child, parent in pairwise(LINE[::-1]):
                if child not in self.cut:
                    self._rise(child, parent)
            for parent, child in pairwise(LINE):
                if child not in self.cut:
                    self._fall(parent, child)

    def _rise(self, child: str, parent: str) -> None:
        below, above = self.tree[child], self.tree[parent]
        heads = below.replica.accept_welcome(above.replica.welcome(below.replica.hello()))
        without = {name for name in _streams(below) if self.up(name)} if child == COUNTY else ()
        while segments := below.replica.outgoing(heads, budget=1 << 20, without=without):
            taken = give(below, above, segments)
            assert taken.refused == []
            assert taken.receipt
            heads |= {head.stream: head for head in below.replica.record_receipt(taken.receipt)}

    def _fall(self, parent: str, child: str) -> None:
        above, below = self.tree[parent], self.tree[child]
        kept = [name for name in _streams(above) if self.down(name)] if parent == COUNTY else []
        while True:
            held = below.replica.heads_from_above()
            held += [Head(*name, FAR.seq, FAR.hash) for name in kept]
            segments = above.replica.pull_for(child, held, budget=1 << 20)
            if not segments:
                return
            assert give(above, below, segments).refused == []


def _streams(place: Place) -> list[StreamId]:
    return [StreamId(one.origin, one.epoch, one.route) for one in place.replica.status().streams]


def complaints(place: Place) -> set[tuple[str, str | None]]:
    return {(one.kind, one.peer) for one in place.replica.status().incidents}


@pytest.fixture
def day(sqlite_tree: Tree) -> Day:
    sqlite_tree.grow(*LINE)
    return Day(sqlite_tree)


def test_an_honest_network_has_nothing_to_complain_of(day: Day) -> None:
    day.hours(DAY)
    assert [complaints(day.tree[region]) for region in LINE] == [set()] * len(LINE)
    checked = {one.by: one for one in day.tree[VILLAGE].replica.checked()}
    assert set(checked) == {PROVINCE}
    assert checked[PROVINCE].stream.origin == VILLAGE
    every = LIMITS.checkpoint_every.total_seconds() / 3600
    assert checked[PROVINCE].seq >= (DAY - 2 * every) / STEP


def test_a_relay_that_keeps_the_end_of_a_stream_is_named_by_the_one_below_it(tree: Tree) -> None:
    """The village names the township, the township the county: the highest one is right."""
    tree.grow(*LINE)
    day = Day(tree)
    day.hours(12)
    day.up = lambda name: name.origin == VILLAGE
    day.hours(DAY)

    assert complaints(tree[TOWNSHIP]) == {("withheld", COUNTY)}
    assert complaints(tree[VILLAGE]) == {("withheld", TOWNSHIP)}
    assert complaints(tree[COUNTY]) == complaints(tree[CITY]) == set()
    (told,) = tree[TOWNSHIP].replica.status().incidents
    assert f"上级 {COUNTY} 已收下第" in told.detail
    assert told.origin == VILLAGE

    day.up = lambda _: False
    day.hours(12)
    assert [complaints(tree[region]) for region in LINE] == [set()] * len(LINE)
    assert [one.kind for one in tree[TOWNSHIP].replica.status().mended] == ["withheld"]


def test_a_relay_that_keeps_policy_back_is_named(day: Day) -> None:
    day.hours(12)
    day.tree[PROVINCE].write("down/all", fact("law", 1, region=PROVINCE))
    day.down = lambda name: name.route == "down/all"
    day.hours(DAY)

    assert complaints(day.tree[TOWNSHIP]) == {("withheld", COUNTY)}
    assert "law" not in day.tree[VILLAGE].facts()
    day.down = lambda _: False
    day.hours(12)
    assert complaints(day.tree[TOWNSHIP]) == complaints(day.tree[VILLAGE]) == set()
    assert day.tree[VILLAGE].facts()["law"] == 1


def test_a_relay_that_keeps_the_checkpoints_back_is_named_for_that(day: Day) -> None:
    day.hours(12)
    day.up = lambda name: name.origin == VILLAGE
    day.down = lambda name: name.origin == PROVINCE
    day.hours(DAY + 12)

    assert complaints(day.tree[TOWNSHIP]) == {("unchecked", COUNTY)}
    assert complaints(day.tree[VILLAGE]) == {("unchecked", TOWNSHIP)}
    assert complaints(day.tree[COUNTY]) == set()
    day.up = day.down = lambda _: False
    day.hours(12)
    assert [complaints(day.tree[region]) for region in LINE] == [set()] * len(LINE)


def test_weeks_without_a_line_are_nobodys_fault(day: Day) -> None:
    day.hours(12)
    day.cut = {COUNTY}
    day.hours(DAY)
    day.tree.clock.forward(days=20)
    day.hours(2)
    day.cut = set()
    day.hours(12)
    assert [complaints(day.tree[region]) for region in LINE] == [set()] * len(LINE)


def test_a_segment_changed_on_the_way_names_who_handed_it_over(day: Day) -> None:
    tree = day.tree
    tree[VILLAGE].write(UP, fact("a", 1))
    tree[VILLAGE].replica.seal()
    (sealed,) = tree[VILLAGE].segments()
    rise(tree[VILLAGE], tree[TOWNSHIP])
    other = bytes([sealed.signature[0] ^ 1]) + sealed.signature[1:]
    for lie in (sealed._replace(signature=other), sealed._replace(body=sealed.body[:-1])):
        taken = give(tree[TOWNSHIP], tree[COUNTY], [lie])
        assert len(taken.refused) == 1
    assert complaints(tree[COUNTY]) == {("altered", TOWNSHIP)}
    assert len(tree[COUNTY].replica.status().incidents) == 1
    assert tree[COUNTY].facts() == {}


def test_the_end_that_holds_another_history_is_named_by_the_author(day: Day) -> None:
    """As when the checkpoint's author was put back, or lies."""
    tree = day.tree
    tree[VILLAGE].write(UP, fact("a", 1))
    tree.sync()
    me = tree[VILLAGE].replica.identity()
    assert me is not None
    head = [VILLAGE, me.epoch, UP, 1, "1" * 64]
    body = {"up": [head], "down": []}
    lie = fact(VILLAGE, 0, kind="sync.checkpoint")._replace(body=body)
    tree[PROVINCE].write(f"down/{VILLAGE}", lie)
    tree.sync()
    assert complaints(tree[VILLAGE]) == {("altered", PROVINCE)}


def test_nobody_writes_a_checkpoint_about_those_above(day: Day) -> None:
    body = {"up": [], "down": []}
    about = fact("x", 0, region=COUNTY, kind="sync.checkpoint")._replace(body=body)
    with pytest.raises(Unauthorised, match="上级"):
        day.tree[TOWNSHIP].write(f"down/{VILLAGE}", about)


def test_a_checkpoint_that_says_nothing_is_held_and_stops_nobody(day: Day) -> None:
    empty = fact("x", 0, kind="sync.checkpoint")
    day.tree[PROVINCE].write(f"down/{VILLAGE}", empty, fact("after", 1))
    day.tree.sync()
    assert day.tree[VILLAGE].held() == [("x", "refused")]
    assert day.tree[VILLAGE].facts() == {"after": 1}


def test_it_goes_on_where_it_was_cut_and_fills_no_day_twice(day: Day) -> None:
    day.hours(STEP)
    province = day.tree[PROVINCE].replica
    day.tree.clock.forward(hours=9)
    province.tend()
    before = province.status().outbox
    province.tend()
    assert (before, province.status().outbox) == (3, 3)  # county, township, village
