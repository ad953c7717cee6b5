"""One line is erased for good, everywhere; everything else is proved as before."""

import pytest
from sqlalchemy import select

from sync import Malformed, NotMember, Sealed, StreamId, canonical_line, store
from sync.merkle import leaf_hash
from sync.segment import GENESIS, pack, read_header, seal_segment, unpack_lines
from sync.tombstone import is_tombstone, tombstone
from tests.scenario.sync_tree import (
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
SECRET = "身份证号".encode()
LINE = (PROVINCE, COUNTY, TOWNSHIP, VILLAGE)


@pytest.fixture
def grown(tree: Tree) -> Tree:
    return _three_records(tree)


@pytest.fixture
def single(sqlite_tree: Tree) -> Tree:
    return _three_records(sqlite_tree)


def _three_records(tree: Tree) -> Tree:
    """Three records in one segment, the middle one of a person who may ask for its erasure."""
    tree.grow(*LINE)
    tree[VILLAGE].write(
        UP, fact("a", 1), fact("b", 2, who=SECRET.decode(), salt="9f2c"), fact("c", 3)
    )
    tree.sync()
    return tree


def name_of(place: Place) -> StreamId:
    me = place.replica.identity()
    assert me is not None
    return StreamId(place.region, me.epoch, UP)


def lines_at(place: Place) -> list[bytes]:
    """The lines of the first segment, as they lie on this disk."""
    sealed = place.segments()[0]
    return unpack_lines(sealed, read_header(sealed.header))


def erase_b(tree: Tree) -> None:
    tree[VILLAGE].replica.erase(name_of(tree[VILLAGE]), 2, reason="本人申请", by="li")


def test_it_is_gone_on_every_disk_and_all_proofs_stand(grown: Tree) -> None:
    name, before = name_of(grown[VILLAGE]), lines_at(grown[PROVINCE])
    erase_b(grown)
    grown.sync()

    for region in LINE:
        place = grown[region]
        assert lines_at(place) == [before[0], tombstone(before[1]), before[2]]
        assert all(SECRET not in part for sealed in place.segments() for part in _plain(sealed))
        verified = place.replica.verify()
        assert (verified.holds, verified.findings) == (True, [])
        for key in ("a", "c"):
            (proof,) = place.replica.trace("x.fact", key)
            assert proof.problems() == []
        erased = place.replica.prove(name, 2)
        assert (erased.problems(), erased.record.key) == ([], "")
        assert list(place.replica.trace("x.fact", "b")) == []
        (order,) = place.replica.trace("sync.erased", "/".join((*name, "2")))
        assert order.record.body["reason"] == "本人申请"
        assert order.record.body["leaf"] == leaf_hash(before[1]).hex()
    grown[VILLAGE].write(UP, fact("d", 4))
    grown.sync()
    assert grown[PROVINCE].facts() == {"a": 1, "b": 2, "c": 3, "d": 4}


def _plain(sealed: Sealed) -> list[bytes]:
    return [sealed.header, *unpack_lines(sealed, read_header(sealed.header))]


def test_who_comes_later_gets_the_tombstone_and_its_order(grown: Tree) -> None:
    """A relay that is set up anew reads the stream from its start."""
    erase_b(grown)
    grown.sync()
    grown.clock.forward(days=1)
    new = grown.seedling(COUNTY)
    code = grown[PROVINCE].replica.issue_join_code(region=COUNTY, level="county")
    admission = grown[PROVINCE].replica.admit(code, new.replica.apply_to_join(region=COUNTY))
    new.replica.adopt(
        admission.certificate, admission.chain, fingerprint=admission.root_fingerprint
    )
    grown.replace(COUNTY, new)
    assert rise(grown[TOWNSHIP], new) == []

    assert new.facts() == {"a": 1, "c": 3}
    assert lines_at(new) == lines_at(grown[VILLAGE])
    assert new.replica.verify().holds
    grown.clock.forward(days=2)
    new.replica.tend()
    assert new.replica.status().incidents == []


def test_a_relay_erases_nothing_by_itself_unseen(single: Tree) -> None:
    single[VILLAGE].write(UP, fact("x", 7), fact("y", 8))
    single[VILLAGE].replica.seal()
    rise(single[VILLAGE], single[TOWNSHIP])
    sealed = single[TOWNSHIP].segments()[-1]
    first, second = unpack_lines(sealed, read_header(sealed.header))
    cut = sealed._replace(body=pack([tombstone(first), second]))

    assert give(single[TOWNSHIP], single[COUNTY], [cut]).refused == []
    assert "x" not in single[COUNTY].facts()
    (finding,) = single[COUNTY].replica.verify().findings
    assert finding.seq == 4
    single.clock.forward(hours=25)
    single[COUNTY].replica.tend()
    (incident,) = single[COUNTY].replica.status().incidents
    assert (incident.kind, incident.peer, incident.seq) == ("withheld", TOWNSHIP, 4)


@pytest.mark.parametrize("left", [b"\x00", b"\x00" + b"0" * 64, b"\x00" + b"g" * 64])
def test_something_else_in_place_of_a_line_is_no_tombstone(single: Tree, left: bytes) -> None:
    single[VILLAGE].write(UP, fact("x", 7), fact("y", 8))
    single[VILLAGE].replica.seal()
    rise(single[VILLAGE], single[TOWNSHIP])
    sealed = single[TOWNSHIP].segments()[-1]
    second = unpack_lines(sealed, read_header(sealed.header))[1]
    refused = give(
        single[TOWNSHIP], single[COUNTY], [sealed._replace(body=pack([left, second]))]
    ).refused
    assert [one.code for one in refused] == ["malformed"]


def test_only_who_wrote_it_erases_it(single: Tree) -> None:
    name = name_of(single[VILLAGE])
    with pytest.raises(NotMember, match="签发"):
        single[TOWNSHIP].replica.erase(name, 2, reason="x", by="li")
    body = {**name._asdict(), "seq": 2, "leaf": "1" * 64, "reason": "x"}
    order = fact("o", 0, region=TOWNSHIP, kind="sync.erased")._replace(body=body)
    single[TOWNSHIP].write(UP, order)
    wrong_leaf = fact("w", 0, kind="sync.erased")._replace(body=body)
    single[VILLAGE].write(UP, wrong_leaf)
    single.sync()

    assert dict(single[COUNTY].held()) == {"o": "refused", "w": "refused"}
    assert not any(map(is_tombstone, lines_at(single[COUNTY])))


def test_it_is_erased_once_and_not_out_of_nothing(single: Tree) -> None:
    erase_b(single)
    with pytest.raises(Malformed, match="已经抹去"):
        erase_b(single)
    with pytest.raises(Malformed, match="没有这条记录"):
        single[VILLAGE].replica.erase(name_of(single[VILLAGE]), 9, reason="x", by="li")


def test_what_a_person_has_yet_to_decide_is_erased_after_that(single: Tree) -> None:
    village, county = single[VILLAGE], single[COUNTY]
    village.write(UP, fact("bad", -1, who=SECRET.decode()))
    single.sync()
    village.replica.erase(name_of(village), 4, reason="x", by="li")
    single.sync()
    assert dict(county.held())["bad"] == "refused"

    number = next(one.id for one in county.replica.held_records() if one.key == "bad")
    county.replica.reject(number, by="li", note="x")
    county.replica.tend()

    assert county.held() == []
    with county.engine.connect() as connection:
        lines = connection.scalars(select(store.held.c.line).where(store.held.c.key == "bad")).all()
    assert [is_tombstone(bytes(line)) for line in lines] == [True]
    assert county.replica.verify().holds


def test_a_tombstone_is_always_shorter_than_a_line() -> None:
    """So a body with tombstones never unpacks to more than the header says."""
    least = fact("", 0, region="")._replace(type="", at="", actor="", body={})
    assert len(tombstone(b"x")) < len(canonical_line(least))


def test_a_body_that_is_merely_shorter_is_refused(single: Tree) -> None:
    signer = single[VILLAGE].replica.signer()
    lines = [canonical_line(fact(key, 1)) for key in ("x", "y")]
    sealed = seal_segment(
        lines,
        stream=name_of(single[VILLAGE]),
        first=1,
        prev=GENESIS,
        types={"x.fact": 1},
        cont=False,
        sealed_at="2026-03-12T08:00:00.000Z",
        signer=signer,
    )
    with pytest.raises(Malformed, match="大小"):
        unpack_lines(sealed._replace(body=pack(lines[:1])), read_header(sealed.header))
