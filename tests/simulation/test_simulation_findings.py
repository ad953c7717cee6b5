"""What the simulator found in the engine, each as small as it can be told."""

from collections.abc import Sequence

import pytest
from sqlalchemy import Connection

from sync import Arrived, Handler, Limits, Refused, StreamId, store
from sync.exchange import seal_what_is_written
from sync.segment import read_header
from sync.snapshot_giving import make_offer
from sync.snapshot_taking import begin, keep_part, set_down
from tests.scenario.sync_disks import restore, save
from tests.scenario.sync_snapshots import Facts
from tests.scenario.sync_tree import (
    COUNTY,
    HANDLERS,
    HOSTED,
    PROVINCE,
    TOWNSHIP,
    VILLAGE,
    Place,
    Tree,
    fact,
    facts,
    fall,
    give,
    join,
    put_facts,
    rise,
)


def _put_naming_the_last(connection: Connection, arrived: Sequence[Arrived]) -> None:
    """Complain of the last bad record first; another kind of bad one is not even named."""
    bad = [one for one in arrived if one.record.body["n"] == -1]
    if bad:
        raise Refused("the last of them", bad[-1:])
    if any(one.record.body["n"] == -2 for one in arrived):
        raise ValueError("one of them")
    put_facts(connection, arrived)


PICKY = {**HANDLERS, "x.fact": Handler(1, _put_naming_the_last)}


def _written(tree: Tree, *numbers: tuple[str, int]) -> Place:
    tree.grow(PROVINCE, handlers=PICKY)
    tree.grow(VILLAGE)
    tree[VILLAGE].write("up/province", *(fact(key, n) for key, n in numbers))
    tree.sync()
    return tree[PROVINCE]


def test_earlier_records_do_not_wait_behind_a_later_one_that_was_named_first(tree: Tree) -> None:
    """Seeds 25, 43, 46, 56: good records of the same segment were held behind a later bad one."""
    province = _written(tree, ("a", 1), ("b", -2), ("a", 2), ("a", -1), ("a", 3))

    assert province.facts() == {"a": 2}
    assert province.held() == [("b", "refused"), ("a", "refused"), ("a", "behind")]


def test_of_two_bad_records_about_one_key_the_later_waits(tree: Tree) -> None:
    """Seed 58: the earlier one waited behind the later, and nobody was asked to decide it."""
    province = _written(tree, ("a", -2), ("a", 1), ("a", -1))

    assert province.held() == [("a", "refused"), ("a", "behind"), ("a", "behind")]


def test_many_bad_records_named_one_at_a_time_are_all_found(tree: Tree) -> None:
    """Each is set aside in its turn, however many there are: no call nests into the last."""
    province = _written(tree, *((f"f{n}", -1) for n in range(600)), ("good", 1))

    assert province.facts() == {"good": 1}
    assert len(province.replica.held_records(limit=1000)) == 600


def test_a_released_record_is_never_only_written_off(tree: Tree) -> None:
    """Seed 15: a record behind an earlier one was marked as released and was never applied.

    Two open refusals about one key do not come about any more; older databases may hold them.
    """
    province = _written(tree, ("a", -2), ("a", 1))
    with province.engine.begin() as connection:
        connection.execute(store.held.update().values(kind="refused"))
    later = province.replica.held_records()[1]

    with pytest.raises(Refused, match="较早"):
        province.replica.release(later.id, by="li")

    assert province.held() == [("a", "refused"), ("a", "refused")]
    assert province.facts() == {}


def test_a_fork_that_shows_after_the_new_epoch_began_is_mended_as_well(tree: Tree) -> None:
    """Seed 152: a second stream had parted, too, but its taker called only later.

    What was sealed went out under the new epoch as it should, and the incident stayed for ever.
    """
    tree.grow(PROVINCE, COUNTY, TOWNSHIP, VILLAGE)
    county, township, village = tree[COUNTY], tree[TOWNSHIP], tree[VILLAGE]
    down = f"down/{VILLAGE}"
    image = save(township)
    for route in ("up/province", down):
        township.write(route, fact(f"sent {route}", 1))
    tree.sync()
    restore(township, image)
    tree.clock.forward(hours=1)
    for route in ("up/province", down):
        township.write(route, fact(f"mine {route}", 2))
    township.replica.seal()
    for _ in range(3):
        rise(township, county)
        fall(county, township)
    assert "fork" in {one.kind for one in township.replica.status().mended}

    for _ in range(3):
        rise(village, township)
        township.replica.seal()
        fall(township, village)

    assert village.facts() == {f"sent {down}": 1, f"mine {down}": 2}
    assert [one.kind for one in township.replica.status().incidents] == []


def test_a_successor_named_below_does_not_widen_what_was_revoked_above(tree: Tree) -> None:
    """Seed 2: the county revoked a village, the township gave its place to another machine.

    What the township said of the old machine's streams then counted at the county, too, and it took
    what the revoked machine had written and the county had not held when it revoked it.
    """
    tree.grow(PROVINCE, COUNTY, TOWNSHIP, VILLAGE)
    county, township, village = tree[COUNTY], tree[TOWNSHIP], tree[VILLAGE]
    village.write("up/county", fact("known", 1))
    tree.sync()
    village.write("up/province", fact("too late", 2))
    village.replica.seal()
    rise(village, township)
    old = village.replica.identity()
    assert old is not None
    county.replica.revoke(node=VILLAGE, epoch=old.epoch, reason="stolen", by="li")
    tree.clock.forward(hours=1)
    join(township, tree.seedling(VILLAGE))
    township.replica.seal()

    for _ in range(3):
        rise(township, county)

    assert county.facts() == {"known": 1}
    assert county.head(StreamId(VILLAGE, old.epoch, "up/province")) == 0


def _begin_with_snapshot(parent: Place, child: Place) -> None:
    me = child.replica.identity()
    known = me and parent.replica.certificate_of(me.node, me.epoch)
    assert known is not None
    offer = make_offer(parent.replica.site, Facts(), known)
    try:
        found = begin(child.replica.site, offer.document, offer.signature, Facts())
        for number in found.missing:
            packed = offer.part(number)
            assert packed is not None
            found = keep_part(child.replica.site, found, number, packed)
        set_down(child.replica.site, Facts())
    finally:
        offer.close()


def test_a_snapshot_gives_what_a_host_wrote_and_holds_what_it_refused(tree: Tree) -> None:
    """Seeds 292, 400: takers refused what a township wrote for the village it hosted.

    The village's own machine begins with the township's state, in which it counts; the simulator
    expected it to be refused there, too. What the township itself refused comes as held.
    """
    tree.grow(COUNTY, TOWNSHIP)
    county, township = tree[COUNTY], tree[TOWNSHIP]
    township.replica.host(region=VILLAGE, level="village")
    township.write("up/county", fact("mine", -1), origin=VILLAGE)
    with township.engine.begin() as connection:
        row = {"key": "mine", "region": VILLAGE, "n": -1, "origin": VILLAGE, "seq": 1}
        connection.execute(facts.insert(), [row])
    county.write(f"down/{VILLAGE}", fact("yours", -1), fact("good", 2))
    tree.sync()
    tree.clock.forward(hours=1)
    village = tree.seedling(VILLAGE)
    join(township, village)

    _begin_with_snapshot(township, village)
    tree.places[VILLAGE] = village
    tree.sync()

    assert village.facts() == {"mine": -1, "good": 2}
    assert village.held() == township.held() == [("yours", "refused")]
    assert county.held() == [("mine", "refused")]


def test_what_is_unsealed_of_a_cut_transaction_stays_one(tree: Tree) -> None:
    """Seed 5027: each of its segments went out again as a transaction of its own."""
    tree.grow(PROVINCE)
    tree.grow(VILLAGE, limits=Limits(seal_records=2))
    province, village = tree[PROVINCE], tree[VILLAGE]
    image = save(village)
    village.write("up/province", fact("sent", 0))
    tree.sync()
    restore(village, image)
    tree.clock.forward(hours=1)
    village.write("up/province", *(fact(f"f{number}", number) for number in range(5)))
    village.replica.seal()

    for _ in range(4):
        rise(village, province)
        fall(province, village)
        village.replica.seal()
    rise(village, province)

    headers = [read_header(one.header) for one in province.segments()]
    assert [(one.first, one.last, one.cont) for one in headers if one.origin == VILLAGE] == [
        (1, 1, False),
        (1, 2, True),
        (3, 4, True),
        (5, 5, False),
    ]


def test_a_fork_of_which_everything_came_back_is_healed_as_well(tree: Tree) -> None:
    """Seed 2576: nothing was left to seal, so the host never went on, and the incident stayed."""
    tree.grow(PROVINCE, COUNTY, TOWNSHIP)
    county, township = tree[COUNTY], tree[TOWNSHIP]
    township.replica.host(region=HOSTED, level="village")
    township.write("up/county", fact("a", 1, region=HOSTED), origin=HOSTED)
    image = save(township)
    tree.sync()
    restore(township, image)
    tree.clock.forward(hours=1)
    township.replica.seal()

    rise(township, county)
    fall(county, township)
    assert township.replica.status().outbox == 0
    assert [one.kind for one in township.replica.status().incidents] == ["fork"]
    seal_what_is_written(township.replica)

    assert [one.kind for one in township.replica.status().incidents] == []
    tree.sync()
    assert len(county.diary()) == 1


def test_what_was_refused_of_a_history_put_aside_is_no_fork_any_more(tree: Tree) -> None:
    """Seed 2312 at depth 2: a village still had a session open when its township was put back.

    It refused what did not go with what it held, rightly; the incident stayed for ever.
    """
    tree.grow(PROVINCE, COUNTY, TOWNSHIP, VILLAGE)
    county, township, village = tree[COUNTY], tree[TOWNSHIP], tree[VILLAGE]
    down = f"down/{VILLAGE}"
    image = save(township)
    township.write(down, fact("sent", 1))
    tree.sync()
    restore(township, image)
    tree.clock.forward(hours=1)
    for key in ("x", "y"):
        township.write(down, fact(key, 2))
        township.replica.seal()
    second = [one for one in township.segments() if read_header(one.header).route == down][1:]
    assert [one.code for one in give(township, village, second).refused] == ["forked"]

    for _ in range(3):
        rise(village, township)
        rise(township, county)
        fall(county, township)
        township.replica.seal()
        fall(township, village)

    assert village.facts() == {"sent": 1, "x": 2, "y": 2}
    assert [one.kind for one in village.replica.status().incidents] == []


def test_a_receipt_for_the_first_history_does_not_keep_the_second(tree: Tree) -> None:
    """Seed 4951: a stick had brought the parent's receipt for what the child had lost.

    So the child took its second history for receipted, kept its numbers, and stayed forked.
    """
    tree.grow(PROVINCE, COUNTY, TOWNSHIP, VILLAGE)
    village, township = tree[VILLAGE], tree[TOWNSHIP]
    village.write("up/county", fact("a", 1))
    tree.sync()
    image = save(village)
    village.write("up/county", fact("b", 2))
    village.replica.seal()
    heads = village.replica.accept_welcome(township.replica.welcome(village.replica.hello()))
    taken = give(village, township, village.replica.outgoing(heads, budget=1 << 20))
    assert taken.receipt is not None
    restore(village, image)
    tree.clock.forward(hours=1)
    village.write("up/county", fact("mine", 3))
    village.replica.seal()
    village.replica.record_receipt(taken.receipt)

    for _ in range(3):
        rise(village, township)
        fall(township, village)
        village.replica.seal()
    tree.sync()

    assert tree[COUNTY].facts() == {"a": 1, "b": 2, "mine": 3}
    assert [one.kind for one in village.replica.status().incidents] == []
