"""A new machine takes a node's place: it begins from above, and the old one is told so."""

from datetime import timedelta

import pytest

from sync import JoinRefused, StreamId, Untrusted
from sync.client import LinkError, join
from sync.errors import Cloned
from tests.scenario.sync_links import linked, serving
from tests.scenario.sync_tree import (
    PROVINCE,
    TOWNSHIP,
    VILLAGE,
    Clock,
    Place,
    Tree,
    fact,
    give,
    level_of,
    rise,
)

UP = "up/province"


@pytest.fixture
def grown(tree: Tree) -> Tree:
    tree.grow(PROVINCE, TOWNSHIP, VILLAGE)
    return tree


@pytest.fixture
def single(sqlite_tree: Tree) -> Tree:
    sqlite_tree.grow(PROVINCE, TOWNSHIP, VILLAGE)
    return sqlite_tree


def replace_machine(tree: Tree, region: str, *, clock: Clock | None = None) -> Place:
    """The old machine's replacement, joined by a code of the parent over a socket."""
    parent = tree.parent(region)
    assert parent is not None
    tree.clock, right = clock or tree.clock, tree.clock
    new = tree.seedling(region)
    tree.clock = right
    code = parent.replica.issue_join_code(region=region, level=level_of(region))
    with serving(parent) as desk:
        join(new.replica, desk.url, code, region=region, confirm=lambda _: True)
    tree.replace(region, new)
    return new


def epoch(place: Place) -> str:
    me = place.replica.identity()
    assert me is not None
    return me.epoch


def test_the_old_machine_is_refused_and_told_why_and_its_streams_end_everywhere(
    grown: Tree,
) -> None:
    old = grown[VILLAGE]
    old.write(UP, fact("sent", 1))
    grown.sync()
    old.write(UP, fact("never sent", 2))
    old.replica.seal()
    grown.clock.forward(hours=1)
    new = replace_machine(grown, VILLAGE)
    new.write(UP, fact("after", 3))
    grown.sync()

    with (
        serving(grown[TOWNSHIP]) as desk,
        linked(old, desk.url) as link,
        pytest.raises(LinkError, match="由另一台机器接替"),
    ):
        link.sync_once()
    assert [one.kind for one in old.replica.status().incidents] == ["cloned"]
    late = old.segments()[-1:]
    for node in (TOWNSHIP, PROVINCE):
        assert grown[node].facts() == {"sent": 1, "after": 3}
        with pytest.raises(Untrusted, match="旧密钥"):
            grown[node].replica.valid_peer(VILLAGE, epoch(old))
    refused = give(grown[TOWNSHIP], grown[PROVINCE], late).refused
    assert [one.code for one in refused] == ["revoked"]
    assert all(place.replica.verify().holds for place in grown.places.values())


def test_until_the_new_machine_has_joined_the_old_one_works_on(single: Tree) -> None:
    single[TOWNSHIP].replica.issue_join_code(region=VILLAGE, level="village")
    single[VILLAGE].write(UP, fact("a", 1))
    single.sync()
    assert single[PROVINCE].facts() == {"a": 1}


@pytest.mark.parametrize("days", [-9000, 9000])
def test_a_clock_wrong_by_years_keeps_no_new_machine_out(single: Tree, days: int) -> None:
    """Epochs sort by the clock of the machine that made them, unless one was wrong."""
    first = replace_machine(single, VILLAGE, clock=_off(single, days))
    second = replace_machine(single, VILLAGE, clock=_off(single, -days))
    assert epoch(second) > epoch(first)
    second.write(UP, fact("a", 1))
    second.replica.seal()
    assert rise(second, single[TOWNSHIP]) == []
    with pytest.raises(Cloned, match="接替"):
        rise(first, single[TOWNSHIP])


def _off(tree: Tree, days: int) -> Clock:
    return Clock(tree.clock.now + timedelta(days=days))


def test_an_invented_order_of_joining_is_not_believed(single: Tree) -> None:
    stranger = single.seedling("410122100202")
    stranger.replica.apply_to_join(region="410122100202")
    for after in ("", "z" * 15, "0" * 14, "0" * 16, "0" * 14 + "u"):
        with pytest.raises(Exception, match="次序"):
            stranger.replica.apply_after(region="410122100202", after=after)


def test_a_code_that_was_used_replaces_nobody_a_second_time(single: Tree) -> None:
    code = single[TOWNSHIP].replica.issue_join_code(region=VILLAGE, level="village")
    first, second = single.seedling(VILLAGE), single.seedling(VILLAGE)
    with serving(single[TOWNSHIP]) as desk:
        join(first.replica, desk.url, code, region=VILLAGE, confirm=lambda _: True)
        with pytest.raises(LinkError, match="已经用过"):
            join(second.replica, desk.url, code, region=VILLAGE, confirm=lambda _: True)
    assert epoch(first) > epoch(single[VILLAGE])


def test_another_fingerprint_than_was_read_out_and_nobody_joins(single: Tree) -> None:
    code = single[TOWNSHIP].replica.issue_join_code(region=VILLAGE, level="village")
    stranger = single.seedling(VILLAGE)
    shown: list[str] = []

    def no(fingerprint: str) -> bool:
        shown.append(fingerprint)
        return False

    with serving(single[TOWNSHIP]) as desk:
        with pytest.raises(JoinRefused, match="指纹"):
            join(stranger.replica, desk.url, code, region=VILLAGE, confirm=no)
        assert stranger.replica.identity() is None
        join(stranger.replica, desk.url, code, region=VILLAGE, confirm=lambda found: found in shown)
    me = single[PROVINCE].replica.identity()
    assert me is not None
    assert shown == [me.root_fingerprint]


def test_the_children_of_a_replaced_township_go_on_with_the_new_machine(single: Tree) -> None:
    """They were certified by the old one, and bring what it knew of them."""
    single[VILLAGE].write(UP, fact("before", 1))
    single.sync()
    single.clock.forward(hours=1)
    new = replace_machine(single, TOWNSHIP)
    single[VILLAGE].write(UP, fact("after", 2))
    single[VILLAGE].replica.seal()
    with serving(new) as desk, linked(single[VILLAGE], desk.url) as link:
        link.sync_once()
    new.write("down/all", fact("law", 3, region=TOWNSHIP))
    single.sync()

    assert single[PROVINCE].facts() == {"before": 1, "after": 2}
    assert single[VILLAGE].facts() == {"law": 3}
    name = StreamId(VILLAGE, epoch(single[VILLAGE]), UP)
    assert new.head(name) == single[PROVINCE].head(name) == 2
