"""Restored and then wrote: the same numbers twice. Both histories count, each record once."""

from dataclasses import replace

import pytest

from sync import Sealed, StreamId, Untrusted, canonical_line
from sync.database import reading
from sync.keyring import key_of
from sync.keys import FOR_SEGMENT, Signer
from sync.segment import GENESIS, read_header, seal_segment
from sync.succession import read_continuation
from tests.scenario.sync_disks import restore, save
from tests.scenario.sync_tree import (
    COUNTY,
    HOSTED,
    PROVINCE,
    TOWNSHIP,
    VILLAGE,
    Place,
    Tree,
    fact,
    fall,
    give,
    rise,
)

UP = "up/province"
ALL = {"a": 0, "b": 1, "mine": 7, "later": 8}


@pytest.fixture
def grown(tree: Tree) -> Tree:
    tree.grow(PROVINCE, COUNTY, TOWNSHIP, VILLAGE)
    return tree


def _fork(tree: Tree, region: str, *, route: str = UP, origin: str | None = None) -> Place:
    """A is in the backup; b was sent after it; `mine` was sealed after it was put back."""
    place, author = tree[region], origin or region
    place.write(route, fact("a", 0, region=author), origin=author)
    tree.sync()
    image = save(place)
    place.write(route, fact("b", 1, region=author), origin=author)
    tree.sync()
    restore(place, image)
    tree.clock.forward(hours=1)
    place.write(route, fact("mine", 7, region=author), origin=author)
    assert place.replica.seal().records == 1
    place.write(route, fact("later", 8, region=author), origin=author)
    return place


def _kinds(place: Place) -> set[str]:
    return {one.kind for one in place.replica.status().incidents}


def _mended(place: Place) -> set[str]:
    return {one.kind for one in place.replica.status().mended}


def _heal(child: Place, parent: Place) -> None:
    """Three sessions: it is seen and taken back, a new epoch is given, and it is used."""
    assert rise(child, parent) == []
    assert fall(parent, child) == []
    assert rise(child, parent) == []
    child.replica.seal()
    assert rise(child, parent) == []


def _epochs(place: Place, region: str, route: str = UP) -> list[tuple[str, int]]:
    """Epoch and head of each stream of a node on one route, the oldest epoch first."""
    streams = place.replica.status().streams
    return sorted(
        (one.epoch, one.head) for one in streams if (one.origin, one.route) == (region, route)
    )


def _first_header(place: Place, name: StreamId) -> Sealed:
    return next(
        sealed
        for sealed in place.segments()
        if (header := read_header(sealed.header)).stream == name and header.first == 1
    )


def test_what_was_sealed_under_given_numbers_goes_on_under_a_new_epoch(grown: Tree) -> None:
    village = _fork(grown, VILLAGE)
    township = grown[TOWNSHIP]

    assert rise(village, township) == []
    assert fall(township, village) == []
    assert _kinds(village) == {"fork"}
    assert village.replica.seal().records == 0
    assert village.diary() == [("b", "x.fact", 1)]

    assert rise(village, township) == []
    assert _kinds(township) == {"fork"}
    assert village.replica.seal().records == 2
    grown.sync()

    (old, before), (new, after) = _epochs(grown[PROVINCE], VILLAGE)
    assert (before, after) == (2, 2)
    assert grown[PROVINCE].facts() == grown[COUNTY].facts() == ALL
    assert [key for key, _, _ in grown[PROVINCE].diary()] == ["a", "b", "mine", "later"]
    assert village.diary() == [("b", "x.fact", 1)]
    for place in (village, township, grown[PROVINCE]):
        assert _kinds(place) == set()
        assert place.replica.verify().holds
    assert _mended(village) == {"ahead", "fork"}
    assert _mended(township) == {"fork"}
    name = StreamId(VILLAGE, new, UP)
    said = read_continuation(read_header(_first_header(grown[PROVINCE], name).header).continues)
    assert (said.old, said.seq, said.by) == (old, 2, TOWNSHIP)


def test_lines_sealed_a_second_time_are_not_said_twice(grown: Tree) -> None:
    village = grown[VILLAGE]
    village.write(UP, fact("a", 1))
    village.write(UP, fact("a", 2, kind="x.step"))
    image = save(village)
    grown.sync()
    restore(village, image)
    grown.clock.forward(hours=1)
    assert village.replica.seal().records == 2

    _heal(village, grown[TOWNSHIP])
    grown.sync()

    assert grown[PROVINCE].facts() == {"a": 3}
    assert village.diary() == []
    assert village.replica.status().outbox == 0
    village.write(UP, fact("b", 5))
    grown.sync()
    assert grown[PROVINCE].facts() == {"a": 3, "b": 5}
    assert [head for _, head in _epochs(grown[PROVINCE], VILLAGE)] == [2, 1]


def test_a_shorter_history_above_keeps_its_numbers_too(grown: Tree) -> None:
    village = _fork(grown, VILLAGE)
    for number in range(3):
        village.write(UP, fact(f"more{number}", number))
        village.replica.seal()

    _heal(village, grown[TOWNSHIP])
    grown.sync()

    assert grown[PROVINCE].facts() == ALL | {f"more{number}": number for number in range(3)}
    assert [head for _, head in _epochs(grown[PROVINCE], VILLAGE)] == [2, 5]


def test_the_root_goes_on_by_itself_and_keeps_its_fingerprint(grown: Tree) -> None:
    before = grown[PROVINCE].replica.identity()
    province = _fork(grown, PROVINCE, route="down/all")

    assert rise(grown[COUNTY], province) == []
    province.replica.seal()
    grown.sync()

    after = province.replica.identity()
    assert before is not None
    assert after is not None
    assert after.root_fingerprint == before.root_fingerprint
    assert after.epoch > before.epoch
    assert grown[VILLAGE].facts() == ALL
    assert _kinds(province) == set()
    assert all(place.replica.verify().holds for place in grown.places.values())


def test_a_township_goes_on_for_a_village_it_hosts(grown: Tree) -> None:
    grown[TOWNSHIP].replica.host(region=HOSTED, level="village")
    township = _fork(grown, TOWNSHIP, origin=HOSTED)

    assert rise(township, grown[COUNTY]) == []
    assert fall(grown[COUNTY], township) == []
    assert township.replica.seal().records == 2
    grown.sync()

    assert grown[PROVINCE].facts() == ALL
    assert _kinds(township) == set()
    assert len(_epochs(grown[PROVINCE], HOSTED)) == 2


def test_what_a_township_tells_its_villages_goes_on_under_an_epoch_of_its_parent(
    grown: Tree,
) -> None:
    township = _fork(grown, TOWNSHIP, route="down/all")

    assert rise(grown[VILLAGE], township) == []
    assert township.replica.seal().records == 0
    _heal(township, grown[COUNTY])
    grown.sync()

    assert grown[VILLAGE].facts() == ALL
    assert [head for _, head in _epochs(grown[VILLAGE], TOWNSHIP, "down/all")] == [2, 2]
    assert _kinds(township) == set()


def test_who_took_the_second_history_applies_nothing_twice(grown: Tree) -> None:
    """A child that never had the first one gets it, and goes on with what is new."""
    grown.grow(HOSTED)
    township, other = grown[TOWNSHIP], grown[HOSTED]
    township.write("down/all", fact("a", 0, region=TOWNSHIP))
    grown.sync()
    image = save(township)
    township.write("down/all", fact("b", 1, region=TOWNSHIP))
    township.replica.seal()
    fall(township, grown[VILLAGE])
    restore(township, image)
    grown.clock.forward(hours=1)
    township.write("down/all", fact("mine", 7, region=TOWNSHIP))
    township.replica.seal()
    fall(township, other)

    rise(grown[VILLAGE], township)
    _heal(township, grown[COUNTY])
    township.write("down/all", fact("later", 8, region=TOWNSHIP))
    township.replica.seal()
    for _ in range(2):
        fall(township, grown[VILLAGE])
        rise(other, township)
        fall(township, other)

    assert grown[VILLAGE].facts() == other.facts() == ALL
    assert [key for key, _, _ in other.diary()] == ["a", "mine", "b", "later"]
    assert _kinds(township) == set()
    township.write("down/all", fact("next", 9, region=TOWNSHIP))
    assert township.replica.seal().records == 1


def test_a_new_epoch_may_be_asked_for_again_when_the_answer_was_lost(grown: Tree) -> None:
    village = _fork(grown, VILLAGE)
    township = grown[TOWNSHIP]
    rise(village, township)
    fall(township, village)
    asked = village.replica.hello()

    lost = township.replica.welcome(asked)
    again = township.replica.welcome(village.replica.hello())

    mine = [c for c in again.certificates if c.node == VILLAGE]
    assert mine == [c for c in lost.certificates if c.node == VILLAGE]
    village.replica.accept_welcome(again)
    village.replica.seal()
    grown.sync()
    assert grown[PROVINCE].facts() == ALL
    with pytest.raises(Untrusted, match="旧密钥"):
        township.replica.welcome(asked)
    assert _kinds(township) == set()


def test_a_new_epoch_is_not_given_while_the_histories_differ(grown: Tree) -> None:
    village = _fork(grown, VILLAGE)
    township = grown[TOWNSHIP]
    rise(village, township)
    fall(township, village)
    asked = village.replica.hello()
    short = [head._replace(seq=1, hash="1" * 64) for head in asked.ends]

    answer = township.replica.welcome(asked._replace(ends=short))

    assert answer.continues == []
    assert [c for c in answer.certificates if c.node == VILLAGE] == []


def test_nothing_is_taken_any_more_after_the_end_of_the_old_stream(grown: Tree) -> None:
    village = _fork(grown, VILLAGE)
    township = grown[TOWNSHIP]
    _heal(village, township)
    old, _ = _epochs(township, VILLAGE)[0]
    name = StreamId(VILLAGE, old, UP)
    last = next(
        s
        for s in township.segments()
        if (h := read_header(s.header)).stream == name and h.last == 2
    )

    late = _sealed_by(village, name, first=3, prev=last.hash().hex())

    assert [one.code for one in give(village, township, [late]).refused] == ["revoked"]


def _sealed_by(
    place: Place, name: StreamId, *, first: int, prev: str, continues: str = ""
) -> Sealed:
    sealed = seal_segment(
        [canonical_line(fact("late", 1))],
        stream=name,
        first=first,
        prev=prev,
        types={"x.fact": 1},
        cont=False,
        sealed_at="2026-03-12T08:00:00.000Z",
        signer=place.replica.signer(),
        continues=continues,
    )
    key = _key_of(place, name.epoch)
    return sealed._replace(signature=key.sign(FOR_SEGMENT + sealed.header))


def _key_of(place: Place, epoch: str) -> Signer:
    with reading(place.engine) as connection:
        return key_of(place.replica.site, connection, place.region, epoch).signer


def test_a_continuation_nobody_vouches_for_is_refused(grown: Tree) -> None:
    village = _fork(grown, VILLAGE)
    township = grown[TOWNSHIP]
    rise(village, township)
    fall(township, village)
    rise(village, township)
    _, (new, _) = [*_epochs(township, VILLAGE), (_epoch_of(village), 0)]
    village.replica.seal()
    first = _first_header(village, StreamId(VILLAGE, new, UP))
    said = read_continuation(read_header(first.header).continues)

    own = said._replace(seq=1, hash="1" * 64).countersigned(village.replica.signer())
    other = said._replace(by=PROVINCE, signature="00" * 64)
    for lie in (own, other, said._replace(seq=1)):
        forged = _sealed_by(
            village, StreamId(VILLAGE, new, UP), first=1, prev=GENESIS, continues=lie.text()
        )
        assert [one.code for one in give(village, township, [forged]).refused] == ["untrusted"]
    assert give(village, township, [first]).refused == []


def _epoch_of(place: Place) -> str:
    me = place.replica.identity()
    assert me is not None
    return me.epoch


def test_a_header_without_a_continuation_is_written_as_ever(grown: Tree) -> None:
    grown[VILLAGE].write(UP, fact("a", 1))
    grown[VILLAGE].replica.seal()
    (sealed,) = grown[VILLAGE].segments()

    header = read_header(sealed.header)

    assert b"continues" not in sealed.header
    assert header.canonical() == replace(header, continues="").canonical() == sealed.header
