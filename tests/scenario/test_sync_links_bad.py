"""Lines that die every few kilobytes, crawl or hesitate: there is progress, and nothing is lost."""

from dataclasses import replace
from random import Random

import pytest

from sync.wire import WireLimits
from tests.scenario.sync_bad_link import BadLink, bad_link
from tests.scenario.sync_links import PROMPT, QUICK, linked, running, serving, until
from tests.scenario.sync_tree import COUNTY, TOWNSHIP, VILLAGE, Place, Record, Tree, fact

PATIENT = replace(QUICK, attempts=12)


@pytest.fixture
def tree(sqlite_tree: Tree) -> Tree:
    """What is tried here lies before the database, so one kind will do."""
    return sqlite_tree


def noise(count: int, *, region: str = VILLAGE, seed: int = 1) -> list[Record]:
    """Records that do not compress, some 400 bytes each on the wire."""
    random = Random(seed)  # noqa: S311  # bytes to send, not a secret
    return [
        fact(f"{region}-{seed}-{n}", n, region=region, text=random.randbytes(200).hex())
        for n in range(count)
    ]


def same(one: Place, other: Place) -> bool:
    return one.segments() == other.segments()


def sync_over(tree: Tree, line: BadLink) -> None:
    with linked(tree[VILLAGE], line.url, PATIENT) as link:
        link.sync_once()


@pytest.mark.parametrize("whole", [True, False], ids=["one segment", "many segments"])
def test_a_line_that_dies_every_eight_kilobytes_carries_everything_up(
    tree: Tree, whole: bool
) -> None:
    tree.grow(TOWNSHIP, VILLAGE)
    records = noise(300)
    for batch in [records] if whole else [records[n : n + 5] for n in range(0, 300, 5)]:
        tree[VILLAGE].write("up/county", *batch)
        tree[VILLAGE].replica.seal()

    with serving(tree[TOWNSHIP]) as desk, bad_link(desk.port, cut_after=8_000) as line:
        sync_over(tree, line)
        assert line.cuts > 5
        assert line.carried > 60_000

    assert len(tree[TOWNSHIP].facts()) == 300
    assert same(tree[TOWNSHIP], tree[VILLAGE])


def test_a_line_that_dies_every_eight_kilobytes_carries_everything_down(tree: Tree) -> None:
    tree.grow(TOWNSHIP, VILLAGE)
    tree[TOWNSHIP].write("down/all", *noise(200, region=TOWNSHIP))
    for n in range(20):
        tree[TOWNSHIP].write(f"down/{VILLAGE}", *noise(4, seed=n + 2))
        tree[TOWNSHIP].replica.seal()

    with serving(tree[TOWNSHIP]) as desk, bad_link(desk.port, cut_after=8_000) as line:
        sync_over(tree, line)
        assert line.cuts > 5

    assert len(tree[VILLAGE].facts()) == 280
    assert same(tree[TOWNSHIP], tree[VILLAGE])


def test_a_slow_line_with_long_delays_carries_everything(tree: Tree) -> None:
    tree.grow(TOWNSHIP, VILLAGE)
    tree[VILLAGE].write("up/county", *noise(40))
    with (
        serving(tree[TOWNSHIP]) as desk,
        bad_link(desk.port, delay=0.002, rate=100_000) as line,
    ):
        sync_over(tree, line)
    assert same(tree[TOWNSHIP], tree[VILLAGE])


def test_a_link_that_is_kept_up_outlives_a_line_that_is_cut_again_and_again(tree: Tree) -> None:
    tree.grow(TOWNSHIP, VILLAGE)
    with (
        serving(tree[TOWNSHIP]) as desk,
        bad_link(desk.port) as line,
        running(tree[VILLAGE], line.url) as link,
    ):
        for n in range(10):
            tree[VILLAGE].write("up/county", *noise(20, seed=n))
            tree[TOWNSHIP].write("down/all", *noise(20, region=TOWNSHIP, seed=n))
            tree[TOWNSHIP].replica.seal()
            line.cut_all()
            line.down = n % 3 == 0
        line.down = False
        until(lambda: len(tree[TOWNSHIP].facts()) == 200)
        until(lambda: len(tree[VILLAGE].facts()) == 200)
        until(lambda: link.state().failures == 0)
    heads = {one.hash() for one in tree[TOWNSHIP].segments()}
    assert heads == {one.hash() for one in tree[VILLAGE].segments()}


def test_a_link_that_is_down_says_since_when_and_recovers_by_itself(tree: Tree) -> None:
    tree.grow(TOWNSHIP, VILLAGE)
    with (
        serving(tree[TOWNSHIP]) as desk,
        bad_link(desk.port) as line,
        running(tree[VILLAGE], line.url) as link,
    ):
        until(lambda: link.state().last_contact is not None)
        line.down = True
        line.cut_all()
        until(lambda: link.state().failures > 2)
        assert link.state().error_at is not None
        tree[VILLAGE].write("up/county", fact("later", 1))
        line.down = False
        until(lambda: "later" in tree[TOWNSHIP].facts())


def test_certificates_of_many_authors_do_not_choke_a_line_that_dies_every_eight_kilobytes(
    tree: Tree,
) -> None:
    tree.grow(COUNTY, TOWNSHIP)
    for number in range(30):
        hosted = str(int(VILLAGE) + number)
        tree[TOWNSHIP].replica.host(region=hosted, level="village")
        tree[TOWNSHIP].write("up/county", fact(hosted, number, region=hosted), origin=hosted)

    with (
        serving(tree[COUNTY]) as desk,
        bad_link(desk.port, cut_after=8_000) as line,
        linked(tree[TOWNSHIP], line.url, PATIENT) as link,
    ):
        link.sync_once()

    assert len(tree[COUNTY].facts()) == 30


def test_a_parent_that_takes_less_at_once_is_sent_less(tree: Tree) -> None:
    tree.grow(TOWNSHIP, VILLAGE)
    for n in range(30):
        tree[VILLAGE].write("up/county", *noise(4, seed=n))
        tree[VILLAGE].replica.seal()
    strict = replace(PROMPT, wire=WireLimits(body=9_000))
    with serving(tree[TOWNSHIP], strict) as desk, linked(tree[VILLAGE], desk.url, PATIENT) as link:
        link.sync_once()
    assert len(tree[TOWNSHIP].facts()) == 120


def test_a_link_that_is_told_to_stop_does_not_wait_for_its_pull(tree: Tree) -> None:
    """Both ends would wait for hours; this test would, too."""
    tree.grow(TOWNSHIP, VILLAGE)
    with (
        serving(tree[TOWNSHIP], replace(PROMPT, wait=10_000)) as desk,
        running(tree[VILLAGE], desk.url, replace(QUICK, wait=10_000)) as link,
    ):
        until(lambda: desk.is_waiting(VILLAGE))
    assert link.state().failures == 0
