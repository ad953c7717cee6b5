"""What a taker refuses: forged, replayed, truncated, re-ordered, over-sized, foreign, forked."""

from dataclasses import replace
from datetime import timedelta

import pytest
import zstandard
from sqlalchemy import select

from sync import Limits, Malformed, Sealed, Untrusted, append, canonical_line, store
from sync.keys import FOR_SEGMENT, signer
from sync.segment import decode, encode, read_header, seal_segment
from tests.scenario.sync_tree import (
    COUNTY,
    OTHER_TOWNSHIP,
    OTHER_VILLAGE,
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


@pytest.fixture
def pair(tree: Tree) -> tuple[Place, Place]:
    """A village and its township; the village has sealed three segments."""
    tree.grow(PROVINCE, TOWNSHIP, VILLAGE)
    village = tree[VILLAGE]
    for number in range(3):
        village.write("up/province", fact(f"f{number}", number))
        village.replica.seal()
    return village, tree[TOWNSHIP]


def _codes(village: Place, taker: Place, *segments: Sealed) -> list[str]:
    return [one.code for one in give(village, taker, segments).refused]


def _incidents(place: Place) -> list[str]:
    return [one.kind for one in place.replica.status().incidents]


def test_a_segment_whose_header_was_changed_is_refused(pair: tuple[Place, Place]) -> None:
    village, township = pair
    first = village.segments()[0]
    forged = replace(read_header(first.header), sealed_at="2026-03-13T08:00:00.000Z").canonical()

    assert _codes(village, township, first._replace(header=forged)) == ["untrusted"]
    assert township.facts() == {}


def test_a_segment_signed_with_another_key_is_refused(pair: tuple[Place, Place]) -> None:
    village, township = pair
    first = village.segments()[0]
    stranger = signer("ed25519", bytes(32))
    forged = first._replace(signature=stranger.sign(FOR_SEGMENT + first.header))

    assert _codes(village, township, forged) == ["untrusted"]


def test_a_signature_made_for_another_purpose_is_refused(pair: tuple[Place, Place]) -> None:
    village, township = pair
    first = village.segments()[0]
    own = village.replica.signer()

    forged = first._replace(signature=own.sign(b"wuji/1 receipt\n" + first.header))

    assert _codes(village, township, forged) == ["untrusted"]


def test_a_line_that_was_changed_on_the_way_is_refused(pair: tuple[Place, Place]) -> None:
    village, township = pair
    first = village.segments()[0]
    body = zstandard.decompress(first.body).replace(b'"n":0', b'"n":9')

    assert _codes(village, township, first._replace(body=zstandard.compress(body))) == ["malformed"]


def test_the_same_segments_again_are_success_with_nothing_done(pair: tuple[Place, Place]) -> None:
    village, township = pair
    segments = village.segments()

    first = give(village, township, segments)
    again = give(village, township, segments)

    assert (first.segments, first.applied, again.segments, again.applied) == (3, 3, 0, 0)
    assert again.refused == []
    assert again.watermarks == first.watermarks
    assert len(township.diary()) == 3


def test_a_segment_out_of_order_waits_for_the_one_before_it(pair: tuple[Place, Place]) -> None:
    village, township = pair
    one, two, three = village.segments()

    assert _codes(village, township, two) == ["out_of_order"]
    assert township.facts() == {}
    assert _codes(village, township, one, three, two) == ["out_of_order"]
    assert township.facts() == {"f0": 0}
    assert _codes(village, township, two, three) == []


def test_a_truncated_body_is_refused(pair: tuple[Place, Place]) -> None:
    village, township = pair
    first = village.segments()[0]

    assert _codes(village, township, first._replace(body=first.body[:-4])) == ["malformed"]
    with pytest.raises(Malformed, match="截断"):
        decode(encode(first)[:-1])


def test_bytes_after_the_body_are_refused(pair: tuple[Place, Place]) -> None:
    village, township = pair
    first = village.segments()[0]

    assert _codes(village, township, first._replace(body=first.body + b"x")) == ["malformed"]


def test_what_would_grow_too_large_is_refused_before_it_is_decompressed(
    pair: tuple[Place, Place],
) -> None:
    village, township = pair
    first = village.segments()[0]
    bomb = zstandard.compress(bytes(50_000_000))

    assert len(bomb) < 10_000
    assert _codes(village, township, first._replace(body=bomb)) == ["malformed"]


def test_more_records_or_bytes_than_the_taker_allows_are_refused(tree: Tree) -> None:
    tree.grow(PROVINCE, COUNTY, TOWNSHIP, limits=Limits(segment_records=2, segment_bytes=400))
    (village,) = tree.grow(VILLAGE)
    village.write("up/province", *(fact(f"f{n}", n) for n in range(3)))
    village.write("up/county", fact("long", 1, text="x" * 400))
    village.replica.seal()

    assert _codes(village, tree[TOWNSHIP], *village.segments()) == ["malformed", "malformed"]


def test_another_history_under_the_same_numbers_is_an_incident(pair: tuple[Place, Place]) -> None:
    village, township = pair
    give(village, township, village.segments())
    header = read_header(village.segments()[1].header)
    clone = seal_segment(
        [canonical_line(fact("other", 1))],
        stream=header.stream,
        first=2,
        prev=header.prev,
        types={"x.fact": 1},
        cont=False,
        sealed_at=header.sealed_at,
        signer=village.replica.signer(),
    )

    assert _codes(village, township, clone) == ["forked"]
    assert _codes(village, township, clone) == ["forked"]
    assert _incidents(township) == ["fork"]
    assert township.facts() == {"f0": 0, "f1": 1, "f2": 2}


def test_a_segment_that_names_another_past_is_an_incident(pair: tuple[Place, Place]) -> None:
    village, township = pair
    header = read_header(village.segments()[0].header)
    clone = seal_segment(
        [canonical_line(fact("other", 1))],
        stream=header.stream,
        first=1,
        prev="f" * 64,
        types={"x.fact": 1},
        cont=False,
        sealed_at=header.sealed_at,
        signer=village.replica.signer(),
    )

    assert _codes(village, township, clone) == ["forked"]
    assert _incidents(township) == ["fork"]


def test_a_child_may_not_hand_up_streams_of_another_branch(
    tree: Tree, pair: tuple[Place, Place]
) -> None:
    village, _ = pair
    tree.grow(OTHER_TOWNSHIP)
    certificates = village.replica.chain_for(_setups(village))

    taken = tree[PROVINCE].replica.take(village.segments(), certificates, from_node=OTHER_TOWNSHIP)

    assert {one.code for one in taken.refused} == {"not_routed"}
    assert tree[PROVINCE].facts() == {}


def test_a_child_may_not_send_what_only_comes_down(tree: Tree) -> None:
    tree.grow(PROVINCE, COUNTY, TOWNSHIP, VILLAGE)
    tree[TOWNSHIP].write("down/all", fact("law", 1, region=TOWNSHIP))
    tree[TOWNSHIP].replica.seal()

    assert _codes(tree[TOWNSHIP], tree[COUNTY], *tree[TOWNSHIP].segments()) == ["not_routed"]


def test_a_parent_may_not_send_what_is_for_somebody_else(tree: Tree) -> None:
    tree.grow(PROVINCE, COUNTY, TOWNSHIP, OTHER_TOWNSHIP)
    tree[COUNTY].write(f"down/{OTHER_VILLAGE}", fact("secret", 1, region=OTHER_VILLAGE))
    tree[COUNTY].replica.seal()

    assert _codes(tree[COUNTY], tree[TOWNSHIP], *tree[COUNTY].segments()) == ["not_routed"]


def test_an_author_without_a_certificate_is_refused(pair: tuple[Place, Place]) -> None:
    village, township = pair
    with township.engine.begin() as connection:
        connection.execute(store.certificate.delete().where(store.certificate.c.node == VILLAGE))
    with pytest.raises(Untrusted, match="证书"):
        township.replica.take(village.segments(), [], from_node=VILLAGE)


def test_a_certificate_of_another_network_is_refused(tree: Tree, pair: tuple[Place, Place]) -> None:
    _, township = pair
    others = tree.sapling()
    others.grow(PROVINCE, COUNTY, TOWNSHIP, VILLAGE)
    foreign = others[VILLAGE]
    foreign.write("up/province", fact("f", 1))
    foreign.replica.seal()

    with pytest.raises(Untrusted, match="指纹"):
        give(foreign, township, foreign.segments())
    assert township.facts() == {}


def test_a_record_beyond_its_authors_authority_is_refused_by_the_writer(tree: Tree) -> None:
    tree.grow(PROVINCE, COUNTY, TOWNSHIP, VILLAGE)

    with pytest.raises(Exception, match="村级不能写这类记录"):
        tree[VILLAGE].write("up/province", fact("a", 1, kind="x.secret"))
    with pytest.raises(Exception, match="不能写"):
        tree[VILLAGE].write("up/province", fact("a", 1, region=OTHER_VILLAGE))
    with tree[VILLAGE].engine.connect() as connection:
        assert connection.execute(select(store.outbox)).all() == []


def test_a_record_beyond_its_authors_authority_is_refused_by_relay_and_taker(tree: Tree) -> None:
    """A village whose program was tampered with: nobody applies it, and the stream goes on."""
    tree.grow(PROVINCE, COUNTY, TOWNSHIP, VILLAGE)
    village = tree[VILLAGE]

    with village.engine.begin() as connection:
        append(  # not through the replica, which would refuse
            connection,
            origin=VILLAGE,
            route="up/province",
            txn="t",
            records=[fact("a", 1, kind="x.secret"), fact("b", 2, region=OTHER_VILLAGE)],
        )
    village.write("up/province", fact("c", 3))

    tree.sync()

    for region in (TOWNSHIP, COUNTY, PROVINCE):
        place = tree[region]
        assert place.facts() == {"c": 3}
        assert place.held() == [("a", "refused"), ("b", "refused")]
        assert _incidents(place) == ["unauthorised", "unauthorised"]
        assert [notice.record.key for notice in place.notices] == ["a", "b"]


def test_what_a_revoked_node_wrote_later_is_refused_and_what_came_before_stays(tree: Tree) -> None:
    tree.grow(PROVINCE, COUNTY, TOWNSHIP, VILLAGE)
    village = tree[VILLAGE]
    village.write("up/province", fact("before", 1))
    tree.sync()
    me = village.replica.identity()
    assert me is not None

    tree[COUNTY].replica.revoke(node=VILLAGE, epoch=me.epoch, reason="电脑被盗", by="county/li")
    tree[COUNTY].replica.seal()
    rise(tree[COUNTY], tree[PROVINCE])
    fall(tree[COUNTY], tree[TOWNSHIP])
    village.write("up/province", fact("after", 2))
    village.replica.seal()

    assert _codes(village, tree[TOWNSHIP], *village.segments()) == ["revoked"]
    with pytest.raises(Untrusted, match="吊销"):
        tree[TOWNSHIP].replica.welcome(village.replica.hello())
    for region in (TOWNSHIP, COUNTY, PROVINCE):
        assert tree[region].facts() == {"before": 1}
    assert _incidents(tree[TOWNSHIP]) == ["revoked"]


def test_only_those_above_a_node_may_revoke_it(tree: Tree) -> None:
    tree.grow(PROVINCE, COUNTY, TOWNSHIP, OTHER_TOWNSHIP)
    me = tree[OTHER_TOWNSHIP].replica.identity()
    assert me is not None

    with pytest.raises(Untrusted, match="本级辖区"):
        tree[TOWNSHIP].replica.revoke(node=OTHER_TOWNSHIP, epoch=me.epoch, reason="x", by="y")


def test_a_caller_whose_certificate_ran_out_is_turned_away(tree: Tree) -> None:
    tree.grow(PROVINCE, COUNTY)
    tree.clock.now += timedelta(days=800)

    with pytest.raises(Untrusted, match="到期"):
        tree[PROVINCE].replica.welcome(tree[COUNTY].replica.hello())


def _setups(place: Place) -> set[tuple[str, str]]:
    me = place.replica.identity()
    assert me is not None
    return {(me.node, me.epoch)}
