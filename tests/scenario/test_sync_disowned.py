"""Two children hold two histories of one parent: the one whose copy was put aside changes it."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, select, update

from sync.database import reading
from sync.store import aside, segment, succession
from tests.scenario.sync_disks import Image, restore, save
from tests.scenario.sync_snapshots import Facts, begin_with
from tests.scenario.sync_tree import (
    CITY,
    COUNTY,
    DIRECT_COUNTY,
    OTHER_TOWNSHIP,
    PROVINCE,
    TOWNSHIP,
    Place,
    Tree,
    fact,
    fall,
    give,
    rise,
)

ALL = {"before": 0, "first": 1, "both": 2, "second": 3, "after": 4}
NUMBERS = ALL | {"late": 5, "later": 6}


@pytest.fixture
def parted(tree: Tree) -> Tree:
    """`first` went to the city before the province was put back, `second` to the county after."""
    tree.grow(PROVINCE, CITY, DIRECT_COUNTY)
    _publish(tree, "before")
    tree[PROVINCE].replica.seal()
    for child in (CITY, DIRECT_COUNTY):
        fall(tree[PROVINCE], tree[child])
    _publish(tree, "both")  # lies in the outbox when the backup is made
    image = save(tree[PROVINCE])
    _publish(tree, "first")
    tree[PROVINCE].replica.seal()
    fall(tree[PROVINCE], tree[CITY])
    _lose_all_since(tree, image)
    fall(tree[PROVINCE], tree[DIRECT_COUNTY])
    return tree


def _publish(tree: Tree, *keys: str) -> None:
    records = [fact(key, NUMBERS[key], region=PROVINCE) for key in keys]
    tree[PROVINCE].write("down/all", *records)


def _lose_all_since(tree: Tree, image: Image) -> None:
    """The province is put back, and writes on before anybody has told it so."""
    restore(tree[PROVINCE], image)
    tree.clock.forward(hours=1)
    _publish(tree, "second")
    tree[PROVINCE].replica.seal()


def _hear(tree: Tree, child: str) -> None:
    """The first history comes back, the second goes on under a new epoch."""
    for _ in range(2):
        rise(tree[child], tree[PROVINCE])
        fall(tree[PROVINCE], tree[child])
        tree[PROVINCE].replica.seal()


def _talk(tree: Tree, child: str, parent: str = PROVINCE, *, times: int = 3) -> None:
    for _ in range(times):
        rise(tree[child], tree[parent])
        fall(tree[parent], tree[child])


def _open(place: Place) -> list[str]:
    return [one.kind for one in place.replica.status().incidents]


def _log(place: Place) -> list[tuple[str, int, bytes]]:
    with reading(place.engine) as connection:
        rows = connection.execute(
            select(segment.c.epoch, segment.c.first, segment.c.header_hash)
            .where(segment.c.origin == PROVINCE)
            .order_by(segment.c.epoch, segment.c.first)
        )
        return [(row.epoch, row.first, bytes(row.header_hash)) for row in rows]


def test_both_children_end_with_the_authors_history(parted: Tree) -> None:
    _hear(parted, CITY)
    _talk(parted, DIRECT_COUNTY)
    _publish(parted, "after")
    parted[PROVINCE].replica.seal()
    _talk(parted, CITY, times=1)
    _talk(parted, DIRECT_COUNTY, times=1)

    for place in (CITY, DIRECT_COUNTY):
        assert parted[place].facts() == ALL
        assert _log(parted[place]) == _log(parted[PROVINCE])
    for place in parted.places.values():
        assert _open(place) == []
        assert place.replica.verify().findings == []


def test_no_line_is_applied_twice(parted: Tree) -> None:
    _hear(parted, CITY)
    _talk(parted, DIRECT_COUNTY)

    applied = [key for key, _, _ in parted[DIRECT_COUNTY].diary()]
    assert sorted(applied) == ["before", "both", "first", "second"]


def test_what_was_put_aside_is_kept_as_evidence(parted: Tree) -> None:
    _hear(parted, CITY)
    before = _log(parted[DIRECT_COUNTY])
    _talk(parted, DIRECT_COUNTY)

    with reading(parted[DIRECT_COUNTY].engine) as connection:
        rows = connection.execute(select(aside)).all()
    assert [(row.first, row.last, row.missing) for row in rows] == [(2, 3, "[]")]
    assert before[1][1] == rows[0].first
    mended = parted[DIRECT_COUNTY].replica.status().mended
    assert [(one.kind, one.seq) for one in mended] == [("fork", 2)]


def test_those_below_change_theirs_too(tree: Tree) -> None:
    """The township has the second history from its county."""
    tree.grow(PROVINCE, CITY, COUNTY, TOWNSHIP, DIRECT_COUNTY)
    _publish(tree, "before")
    tree.sync()
    image = save(tree[PROVINCE])
    _publish(tree, "first")
    tree[PROVINCE].replica.seal()
    fall(tree[PROVINCE], tree[DIRECT_COUNTY])
    _lose_all_since(tree, image)
    for child, parent in ((CITY, PROVINCE), (COUNTY, CITY), (TOWNSHIP, COUNTY)):
        fall(tree[parent], tree[child])
    _hear(tree, DIRECT_COUNTY)
    for child, parent in ((CITY, PROVINCE), (COUNTY, CITY), (TOWNSHIP, COUNTY)):
        _talk(tree, child, parent)

    for place in tree.places.values():
        if place.region != PROVINCE:
            assert place.facts() == {"before": 0, "first": 1, "second": 3}
        assert _log(place) == _log(tree[PROVINCE])
        assert _open(place) == []


class _AsTheProvince(Facts):
    """A new machine gets what the province wrote."""

    def lines(self, connection: Connection, table: str, region: str) -> Iterator[bytes]:
        assert region == OTHER_TOWNSHIP
        return super().lines(connection, table, PROVINCE)


def test_a_new_machine_that_begins_with_that_state_applies_nothing_twice(tree: Tree) -> None:
    """Its county has applied the second history, and not yet got it under the new epoch."""
    tree.grow(PROVINCE, CITY, DIRECT_COUNTY, COUNTY)
    image = save(tree[PROVINCE])
    _publish(tree, "first")
    tree[PROVINCE].replica.seal()
    fall(tree[PROVINCE], tree[DIRECT_COUNTY])
    _lose_all_since(tree, image)
    fall(tree[PROVINCE], tree[CITY])
    fall(tree[CITY], tree[COUNTY])
    _hear(tree, DIRECT_COUNTY)
    _talk(tree, CITY)
    rise(tree[COUNTY], tree[CITY])
    rise(tree[COUNTY], tree[CITY])  # puts its copy aside, and has asked for nothing yet
    (new,) = tree.grow(OTHER_TOWNSHIP)
    begin_with(tree[COUNTY], new, source=_AsTheProvince())
    _talk(tree, COUNTY, CITY)
    _talk(tree, OTHER_TOWNSHIP, COUNTY)

    assert new.facts() == {"first": 1, "second": 3}
    assert [key for key, _, _ in new.diary()] == ["first"]


def test_what_comes_back_too_late_is_said_again(tree: Tree) -> None:
    """One child had heard less than the other when the province was put back, and speaks first."""
    tree.grow(PROVINCE, CITY, DIRECT_COUNTY)
    image = save(tree[PROVINCE])
    _publish(tree, "first")
    tree[PROVINCE].replica.seal()
    fall(tree[PROVINCE], tree[CITY])
    _publish(tree, "late")
    _publish(tree, "later")
    tree[PROVINCE].replica.seal()
    fall(tree[PROVINCE], tree[DIRECT_COUNTY])
    _lose_all_since(tree, image)
    _hear(tree, CITY)
    assert _open(tree[PROVINCE]) == []
    _talk(tree, DIRECT_COUNTY)
    tree[PROVINCE].replica.seal()
    _talk(tree, DIRECT_COUNTY)
    _talk(tree, CITY)

    known = {"first": 1, "second": 3, "late": 5, "later": 6}
    assert tree[PROVINCE].facts().keys() == known.keys() - {"second"}  # what comes back, applied
    for place in (CITY, DIRECT_COUNTY):
        assert tree[place].facts() == known
        assert sorted(key for key, _, _ in tree[place].diary()) == sorted(known)
        assert _log(tree[place]) == _log(tree[PROVINCE])
    for place in tree.places.values():
        assert _open(place) == []
        assert place.replica.verify().findings == []


def test_what_is_said_again_takes_no_number_from_what_is_written_meanwhile(tree: Tree) -> None:
    """Something waits to be sealed when a child's longer history comes back, too late."""
    tree.grow(PROVINCE, CITY, DIRECT_COUNTY)
    image = save(tree[PROVINCE])
    _publish(tree, "first")
    tree[PROVINCE].replica.seal()
    fall(tree[PROVINCE], tree[CITY])
    _publish(tree, "late")
    tree[PROVINCE].replica.seal()
    fall(tree[PROVINCE], tree[DIRECT_COUNTY])
    _lose_all_since(tree, image)
    _hear(tree, CITY)
    _publish(tree, "before")
    _talk(tree, DIRECT_COUNTY, times=1)
    _publish(tree, "after")
    tree[PROVINCE].replica.seal()
    _talk(tree, CITY)

    assert tree[CITY].facts() == {"first": 1, "second": 3, "late": 5, "before": 0, "after": 4}


def test_a_refused_line_of_the_history_put_aside_comes_again(parted: Tree) -> None:
    """It was not applied, so it is not known: under the new epoch it is judged anew."""
    county = parted[DIRECT_COUNTY]
    parted[PROVINCE].write("down/all", fact("bad", -1, region=PROVINCE))
    parted[PROVINCE].replica.seal()
    fall(parted[PROVINCE], county)
    assert county.held() == [("bad", "refused")]
    _hear(parted, CITY)
    _talk(parted, DIRECT_COUNTY)

    assert county.held() == [("bad", "refused")]
    assert parted[CITY].held() == [("bad", "refused")]


def test_a_word_that_nobody_vouched_for_changes_nothing(parted: Tree) -> None:
    _hear(parted, CITY)
    with parted[PROVINCE].engine.begin() as connection:
        text = connection.scalar(select(succession.c.continues)) or ""
        forged = text.replace('"seq":', '"seq":1')
        connection.execute(update(succession).values(continues=forged))
    before = _log(parted[DIRECT_COUNTY])
    answer = parted[PROVINCE].replica.welcome(parted[DIRECT_COUNTY].replica.hello())
    assert [each.continues for each in answer.ended] == [forged]
    parted[DIRECT_COUNTY].replica.accept_welcome(answer)

    assert _log(parted[DIRECT_COUNTY]) == before


def test_what_a_stick_brought_of_the_second_history_is_forgotten_when_it_is_mended(
    tree: Tree,
) -> None:
    """Seed 1637: nothing is left to say under the new epoch, and the village still shows a fork."""
    tree.grow(PROVINCE, CITY)
    province, city = tree[PROVINCE], tree[CITY]
    _publish(tree, "both")
    image = save(province)
    province.replica.seal()
    fall(province, city)
    restore(province, image)
    tree.clock.forward(hours=1)
    province.replica.seal()  # the same line under the same number, sealed at another hour
    give(province, city, province.segments())
    assert _open(city) == ["fork"]

    _hear(tree, CITY)
    _talk(tree, CITY)

    assert _open(city) == _open(province) == []
    assert [key for key, _, _ in city.diary()] == ["both"]
