"""To another region: up to the node above both, down to the end, and word that it came in.

A person who moves is in the custody of exactly one county at every instant: the old one until it
has written the release, the new one from then on. No county may act in between and none acts twice.
"""

from collections.abc import Sequence
from random import Random

import pytest
from sqlalchemy import Column, Connection, String, Table, select

from sync import Arrived, Handler, StreamId
from sync.database import upsert
from tests.scenario.sync_tree import (
    CITY,
    COUNTY,
    DIRECT_COUNTY,
    HANDLERS,
    PROVINCE,
    TOWNSHIP,
    Place,
    Tree,
    fact,
    fall,
    give,
    metadata,
    rise,
)

THERE = f"to/{DIRECT_COUNTY}"
BACK = f"to/{COUNTY}"
persons = Table(
    "persons",
    metadata,
    Column("person", String(40), primary_key=True),
    Column("county", String(40), primary_key=True),
    Column("state", String(10)),
)


def put_state(connection: Connection, arrived: Sequence[Arrived]) -> None:
    """Every node on the way keeps what it was told; only the two counties act on it."""
    rows = {
        (one.record.key, one.origin): {
            "person": one.record.key,
            "county": one.origin,
            "state": one.record.type.removeprefix("move."),
        }
        for one in arrived
    }
    upsert(connection, persons, list(rows.values()))


MOVING = HANDLERS | {
    f"move.{step}": Handler(1, put_state) for step in ("offer", "accept", "release")
}


@pytest.fixture
def grown(tree: Tree) -> Tree:
    tree.grow(PROVINCE, CITY, COUNTY, DIRECT_COUNTY, TOWNSHIP, handlers=MOVING)
    return tree


@pytest.fixture
def single(sqlite_tree: Tree) -> Tree:
    sqlite_tree.grow(PROVINCE, CITY, COUNTY, DIRECT_COUNTY, handlers=MOVING)
    return sqlite_tree


def said(place: Place, county: str, person: str = "p") -> str:
    """The last word of a county about a person, as a node knows it; empty when there is none."""
    with place.engine.connect() as connection:
        names = persons.c
        found = connection.scalar(
            select(names.state).where(names.person == person, names.county == county)
        )
    return found or ""


def say(place: Place, step: str, route: str) -> None:
    """In one transaction: the county's own word, and the record that carries it."""
    place.write(route, fact("p", 1, region=place.region, kind=f"move.{step}"))
    with place.engine.begin() as connection:
        upsert(connection, persons, [{"person": "p", "county": place.region, "state": step}])


def kinds(place: Place) -> list[tuple[str, str | None]]:
    return [(one.kind, one.peer) for one in place.replica.status().incidents]


def test_it_goes_up_and_down_to_its_end_and_word_of_that_comes_back(grown: Tree) -> None:
    old = grown[COUNTY]
    old.write(THERE, fact("p", 7, region=COUNTY))
    assert old.replica.in_transit() == []
    grown.sync()
    (waiting,) = old.replica.in_transit()
    assert (waiting.stream.route, waiting.first, waiting.head, waiting.taken) == (THERE, 1, 1, True)
    grown.sync()

    assert grown[DIRECT_COUNTY].facts() == grown[PROVINCE].facts() == {"p": 7}
    assert grown[CITY].facts() == {"p": 7}
    assert grown[TOWNSHIP].facts() == {}
    assert old.replica.in_transit() == []
    assert grown[DIRECT_COUNTY].replica.in_transit() == []
    grown.sync()
    streams = [one for one in grown[PROVINCE].replica.status().streams if one.route[:3] == "to/"]
    assert {(one.origin, one.route, one.head) for one in streams} == {
        (COUNTY, THERE, 1),
        (DIRECT_COUNTY, BACK, 1),
    }
    assert all(place.replica.verify().holds for place in grown.places.values())
    (proof,) = grown[DIRECT_COUNTY].replica.trace("x.fact", "p")
    assert (proof.stream.origin, proof.problems()) == (COUNTY, [])


def test_neither_goes_where_it_does_not_belong(single: Tree) -> None:
    single[COUNTY].write(THERE, fact("p", 7, region=COUNTY))
    single.sync()
    held = single[PROVINCE].segments()
    for giver, taker in ((PROVINCE, CITY), (CITY, COUNTY)):
        refused = give(single[giver], single[taker], held).refused
        assert {one.code for one in refused if one.route == THERE} <= {"not_routed"}


def test_what_the_end_does_not_acknowledge_within_a_day_names_who_took_it(single: Tree) -> None:
    """The province takes it and does not hand it down."""
    old = single[COUNTY]
    old.write(THERE, fact("p", 7, region=COUNTY))
    old.replica.seal()
    rise(old, single[CITY])
    rise(single[CITY], single[PROVINCE])
    single.clock.forward(hours=23)
    old.replica.tend()
    assert kinds(old) == []
    single.clock.forward(hours=2)
    old.replica.tend()
    assert kinds(old) == [("withheld", CITY)]

    single.sync()
    single.sync()
    assert kinds(old) == []
    assert [one.kind for one in old.replica.status().mended] == ["withheld"]


def test_nobody_but_the_end_says_that_it_came_in(single: Tree) -> None:
    old, name = single[COUNTY], StreamId(COUNTY, _epoch(single[COUNTY]), THERE)
    old.write(THERE, fact("p", 7, region=COUNTY))
    old.replica.seal()
    body = {**name._asdict(), "seq": 1}
    lie = fact("lie", 0, region=CITY, kind="sync.arrived")._replace(body=body)
    single[CITY].write(BACK, lie)
    single[CITY].replica.seal()
    fall(single[CITY], old)

    assert old.held() == [("lie", "refused")]
    assert len(old.replica.in_transit()) == 1


def _epoch(place: Place) -> str:
    me = place.replica.identity()
    assert me is not None
    return me.epoch


@pytest.mark.parametrize("seed", range(2))
def test_a_person_who_moves_is_in_one_custody_at_every_instant(single: Tree, seed: int) -> None:
    """Links that come and go in any order; each county acts when it knows enough to."""
    random = Random(seed)  # noqa: S311  # a schedule
    old, new = single[COUNTY], single[DIRECT_COUNTY]
    say(old, "offer", THERE)
    for _ in range(300):
        _step(random, single)
        if said(old, DIRECT_COUNTY) == "accept" and said(old, COUNTY) == "offer":
            say(old, "release", THERE)
        if said(new, COUNTY) == "offer" and not said(new, DIRECT_COUNTY):
            say(new, "accept", BACK)
        released = said(old, COUNTY) == "release"
        may_act = [not released, said(new, COUNTY) == "release"]
        assert sum(may_act) <= 1
        assert not (may_act[1] and not released)
        if may_act[1] and not old.replica.in_transit():
            break
    else:
        pytest.fail("the person never arrived")
    assert (said(new, COUNTY), said(old, DIRECT_COUNTY)) == ("release", "accept")


def _step(random: Random, tree: Tree) -> None:
    """One link somewhere comes up, and breaks before or after it was pulled from."""
    child = random.choice([CITY, COUNTY, DIRECT_COUNTY])
    parent = tree.parent(child)
    assert parent is not None
    tree[child].replica.seal()
    rise(tree[child], parent)
    if random.random() < 0.5:  # a coin
        fall(parent, tree[child])
