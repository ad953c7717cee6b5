"""A new node begins with its parent's state, and its streams go on from there."""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from random import Random

import pytest
from sqlalchemy import select

import sync
from sync.regions import contains
from sync.segment import StreamId
from sync.snapshot import PART_BYTES, name_of
from sync.snapshot_giving import Offer, make_offer
from sync.snapshot_store import snapshot, snapshot_part
from sync.snapshot_taking import arriving, begin, can_begin, keep_part, set_down
from tests.scenario.sync_bad_link import bad_link
from tests.scenario.sync_links import PROMPT, Desk, serving
from tests.scenario.sync_snapshots import COLUMNS, Facts, fetch, rows_of
from tests.scenario.sync_tree import (
    COUNTY,
    HANDLERS,
    OTHER_VILLAGE,
    PROVINCE,
    TOWNSHIP,
    VILLAGE,
    Place,
    Tree,
    fact,
    fall,
    join,
)

UP, DOWN = "up/county", f"down/{VILLAGE}"
OPEN: list[Offer] = []


@pytest.fixture(autouse=True)
def closed_offers() -> Iterator[None]:
    """An offer holds a file open."""
    yield
    while OPEN:
        OPEN.pop().close()


def giving(place: Place, source: Facts | None = None) -> AbstractContextManager[Desk]:
    """The place as a parent that gives snapshots."""
    return serving(place, PROMPT, source or Facts())


@pytest.fixture
def village(tree: Tree) -> Place:
    """A village that has written and received, below a county and a township."""
    tree.grow(PROVINCE, COUNTY, TOWNSHIP, VILLAGE)
    for number in range(5):
        tree[VILLAGE].write(UP, fact(f"mine-{number}", number))
        tree[COUNTY].write(DOWN, fact(f"decided-{number}", 100 + number))
    tree[PROVINCE].write("down/all", fact("policy", 1, region=PROVINCE))
    tree[PROVINCE].write(f"down/{OTHER_VILLAGE}", fact("elsewhere", 7, region=OTHER_VILLAGE))
    tree.sync()
    return tree[VILLAGE]


def burned(tree: Tree, region: str = VILLAGE) -> Place:
    """A new machine for the same region, joined with a new epoch."""
    tree.clock.forward(minutes=5)
    place = tree.seedling(region)
    parent = tree.parent(region)
    assert parent is not None
    join(parent, place)
    tree.replace(region, place)
    return place


def offered(tree: Tree, child: Place, source: Facts | None = None) -> Offer:
    parent = tree.parent(child.region)
    me = child.replica.identity()
    assert parent is not None
    assert me is not None
    certificate = parent.replica.certificate_of(me.node, me.epoch)
    assert certificate is not None
    OPEN.append(make_offer(parent.replica.site, source or Facts(), certificate))
    return OPEN[-1]


def take_all(child: Place, offer: Offer) -> None:
    found = begin(child.replica.site, offer.document, offer.signature, Facts())
    for number in found.missing:
        packed = offer.part(number)
        assert packed is not None
        found = keep_part(child.replica.site, found, number, packed)
    set_down(child.replica.site, Facts())


def test_a_burned_village_comes_back_with_all_it_ever_sent(tree: Tree, village: Place) -> None:
    village.write(UP, fact("never-sent", 1))
    new = burned(tree)
    with giving(tree[TOWNSHIP]) as desk:
        done = fetch(new, desk.url)
    assert done is not None
    assert done.rows == 10
    assert rows_of(new) == rows_of(tree[TOWNSHIP], VILLAGE)
    assert "never-sent" not in new.facts()
    assert {key for key in new.facts() if key.startswith("mine")} == {f"mine-{n}" for n in range(5)}


def test_nothing_outside_the_region_is_given(tree: Tree, village: Place) -> None:
    new = burned(tree, TOWNSHIP)
    take_all(new, offered(tree, new))
    assert "elsewhere" in tree[COUNTY].facts()
    assert "elsewhere" not in new.facts()
    assert all(contains(TOWNSHIP, row[1]) for row in rows_of(new))
    origins = {one.route for one in new.replica.status().streams}
    assert f"down/{OTHER_VILLAGE}" not in origins


def test_streams_go_on_from_it_and_verify_passes(tree: Tree, village: Place) -> None:
    old = village.replica.identity()
    assert old is not None
    new = burned(tree)
    take_all(new, offered(tree, new))
    new.write(UP, fact("mine-5", 5))
    tree[COUNTY].write(DOWN, fact("decided-5", 105))
    tree.sync()
    assert new.facts()["decided-5"] == 105
    assert tree[COUNTY].facts()["mine-5"] == 5
    found = new.replica.verify()
    assert found.findings == []
    assert found.begun >= 3
    begun = {(one.origin, one.route): one.begun for one in new.replica.status().streams}
    assert begun[COUNTY, DOWN] == 5
    assert new.replica.status().incidents == []
    assert tree[TOWNSHIP].replica.status().incidents == []
    assert new.head(StreamId(VILLAGE, old.epoch, UP)) == 5


def test_a_township_passes_on_what_its_villages_send_after_it(tree: Tree, village: Place) -> None:
    new = burned(tree, TOWNSHIP)
    take_all(new, offered(tree, new))
    village.write(UP, fact("later", 1))
    tree.sync()
    assert tree[COUNTY].facts()["later"] == 1
    assert new.facts()["later"] == 1
    assert new.replica.verify().findings == []
    assert village.replica.status().incidents == []


def test_it_is_one_state_while_the_parent_goes_on_writing(tree: Tree, village: Place) -> None:
    township = tree[TOWNSHIP]
    new = burned(tree)
    source = Facts()

    def meanwhile() -> None:
        """Another transaction lands in the middle of the reading, once."""
        source.reading = lambda: None
        village_stream(tree, "decided-late")

    source.reading = meanwhile
    offer = offered(tree, new, source)
    assert "decided-late" in township.facts()
    take_all(new, offer)
    assert "decided-late" not in new.facts()
    fall(township, new)
    assert new.facts()["decided-late"] == 1
    assert rows_of(new) == rows_of(township, VILLAGE)


def village_stream(tree: Tree, key: str) -> None:
    """The county decides something about the village, and the township takes it."""

    def work() -> None:
        tree[COUNTY].write(DOWN, fact(key, 1))
        tree[COUNTY].replica.seal()
        assert fall(tree[COUNTY], tree[TOWNSHIP]) == []

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def test_an_interrupted_one_goes_on_where_it_stopped(tree: Tree, village: Place) -> None:
    for number in range(3):
        long = "x" * (PART_BYTES // 2)
        tree[COUNTY].write(DOWN, fact(f"{number}-{long}"[:200], number))
    tree.sync()
    new = burned(tree)
    seen: list[tuple[int, int]] = []

    def cut(done: int, all_: int) -> None:
        seen.append((done, all_))
        if done == 2 and len(seen) == 3:
            raise ConnectionError("the line is cut")

    with giving(tree[TOWNSHIP]) as desk:
        with pytest.raises(ConnectionError):
            fetch(new, desk.url, progress=cut)
        assert rows_of(new) == []
        half = arriving(new.replica.site)
        assert half is not None
        assert len(half.here) == 2
        done = fetch(new, desk.url, progress=cut)
    assert done is not None
    assert seen[3] == (2, seen[0][1])
    assert rows_of(new) == rows_of(tree[TOWNSHIP], VILLAGE)
    with new.engine.connect() as connection:
        assert connection.execute(select(snapshot_part)).all() == []


def test_a_parent_that_was_restarted_gives_another_one(tree: Tree, village: Place) -> None:
    new = burned(tree)
    offer = offered(tree, new)
    found = begin(new.replica.site, offer.document, offer.signature, Facts())
    packed = offer.part(0)
    assert packed is not None
    keep_part(new.replica.site, found, 0, packed)
    tree.clock.forward(minutes=1)
    with giving(tree[TOWNSHIP]) as desk:
        assert fetch(new, desk.url) is not None
    assert rows_of(new) == rows_of(tree[TOWNSHIP], VILLAGE)


def test_a_part_that_was_tampered_with_is_refused(tree: Tree, village: Place) -> None:
    new = burned(tree)
    offer = offered(tree, new)
    found = begin(new.replica.site, offer.document, offer.signature, Facts())
    last = found.missing[-1]
    packed = bytearray(offer.part(last) or b"")
    packed[-1] ^= 1
    with pytest.raises(sync.Malformed):
        keep_part(new.replica.site, found, last, bytes(packed))
    assert arriving(new.replica.site) == found


def test_one_that_was_tampered_with_on_the_disk_changes_nothing(tree: Tree, village: Place) -> None:
    new = burned(tree)
    offer = offered(tree, new)
    found = begin(new.replica.site, offer.document, offer.signature, Facts())
    for number in found.missing:
        found = keep_part(new.replica.site, found, number, offer.part(number) or b"")
    with new.engine.begin() as connection:
        last = max(found.here)
        connection.execute(
            snapshot_part.update().where(snapshot_part.c.number == last).values(body=b"other")
        )
    with pytest.raises(sync.Malformed):
        set_down(new.replica.site, Facts())
    assert rows_of(new) == []
    assert list(new.replica.status().streams) == []


def test_a_manifest_of_somebody_else_is_refused(tree: Tree, village: Place) -> None:
    new = burned(tree)
    offer = offered(tree, new)
    other = offer.document.replace(b"facts", b"fatcs")
    site = new.replica.site
    with pytest.raises(sync.Untrusted):
        begin(site, other, offer.signature, Facts())
    of_sibling = offered(tree, tree.grow(OTHER_VILLAGE)[0])
    with pytest.raises(sync.Untrusted):
        begin(site, of_sibling.document, of_sibling.signature, Facts())
    assert arriving(site) is None


def test_tables_this_program_does_not_know_are_left_to_the_streams(
    tree: Tree, village: Place
) -> None:
    new = burned(tree)
    source = Facts((*COLUMNS[:4], "other"))
    with giving(tree[TOWNSHIP], source) as desk, pytest.raises(sync.SyncRefusal) as refused:
        fetch(new, desk.url)
    assert refused.value.code == "snapshot_unfit"
    tree.sync()
    assert new.facts()["decided-4"] == 104


def test_a_parent_without_a_source_offers_none(tree: Tree, village: Place) -> None:
    new = burned(tree)
    with serving(tree[TOWNSHIP]) as desk:
        assert fetch(new, desk.url) is None
    assert can_begin(new.replica.site, Facts())


def test_a_node_that_has_taken_anything_begins_no_more(tree: Tree, village: Place) -> None:
    assert not can_begin(village.replica.site, Facts())
    offer = offered(tree, village)
    found = begin(village.replica.site, offer.document, offer.signature, Facts())
    for number in found.missing:
        found = keep_part(village.replica.site, found, number, offer.part(number) or b"")
    before = rows_of(village)
    with pytest.raises(sync.NotMember):
        set_down(village.replica.site, Facts())
    assert rows_of(village) == before


def test_what_the_parent_holds_back_is_held_here_too(tree: Tree, village: Place) -> None:
    unknown = fact("later-type", 1, kind="x.new")
    tree[COUNTY].write(DOWN, unknown)
    tree.sync()
    assert tree[TOWNSHIP].held() == [("later-type", "unknown")]
    new = burned(tree)
    take_all(new, offered(tree, new))
    assert new.held() == [("later-type", "unknown")]
    upgraded = tree.upgrade(VILLAGE, {**HANDLERS, "x.new": HANDLERS["x.fact"]})
    assert upgraded.replica.retry_parked() == 1
    assert new.facts()["later-type"] == 1


def test_the_heads_that_were_promised_are_checked_for_ever(tree: Tree, village: Place) -> None:
    new = burned(tree)
    take_all(new, offered(tree, new))
    with new.engine.begin() as connection:
        document = bytes(connection.execute(select(snapshot.c.manifest)).scalar_one())
        changed = document.replace(name_of(b"")[:2].encode(), b"00", 1)
        connection.execute(snapshot.update().values(manifest=changed + b" "))
    assert [one.reason for one in new.replica.verify().findings]


def test_an_abandoned_offer_is_given_up(tree: Tree, village: Place) -> None:
    """What stands in the temporary file of the parent goes with the child that is done."""
    new = burned(tree)
    with giving(tree[TOWNSHIP]) as desk:
        assert fetch(new, desk.url) is not None
        assert desk.routes._snapshots._standing == {}


def test_a_line_that_dies_every_eight_kilobytes_carries_it(tree: Tree, village: Place) -> None:
    random = Random(1)  # noqa: S311  # bytes to send, not a secret
    keys = [random.randbytes(90).hex() for _ in range(300)]
    tree[COUNTY].write(DOWN, *(fact(key, 1) for key in keys))
    tree.sync()
    new = burned(tree)
    with giving(tree[TOWNSHIP]) as desk, bad_link(desk.port, cut_after=8_000) as line:
        assert fetch(new, line.url) is not None
        assert line.cuts > 2
    assert rows_of(new) == rows_of(tree[TOWNSHIP], VILLAGE)
