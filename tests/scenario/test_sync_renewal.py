"""Certificates are renewed by the link before they run out; who was away too long is told."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from sync import LIMITS, Certificate, Untrusted, wire
from sync.certificate import sign_certificate
from sync.client import Link, LinkError
from sync.errors import Expired
from sync.http_signatures import sign_request
from sync.moment import parse_stamp
from sync.peers import MessageKey, key_name, own_key
from sync.wire import Cargo
from tests.scenario.sync_links import Caller, calling, linked, running, serving, until
from tests.scenario.sync_tree import (
    COUNTY,
    HOSTED,
    OTHER_VILLAGE,
    PROVINCE,
    TOWNSHIP,
    VILLAGE,
    Place,
    Tree,
    fact,
)

RENEW = "/sync/v1/renew"
NOTHING = wire.encode(Cargo({}))
VALID = LIMITS.certificate_valid.days
DUE = VALID - LIMITS.renew_before.days + 1


@pytest.fixture
def grown(tree: Tree) -> Tree:
    tree.grow(PROVINCE, TOWNSHIP, VILLAGE)
    return tree


@pytest.fixture
def single(sqlite_tree: Tree) -> Tree:
    """The same over one kind of database: what is refused here is refused before it is asked."""
    sqlite_tree.grow(PROVINCE, TOWNSHIP, VILLAGE)
    return sqlite_tree


def own(place: Place) -> Certificate:
    me = place.replica.identity()
    assert me is not None
    found = place.replica.certificate_of(me.node, me.epoch)
    assert found is not None
    return found


def known(at: Place, of: Place) -> Certificate:
    """What one node keeps of another's certificate."""
    found = at.replica.certificate_of(of.region, own(of).epoch)
    assert found is not None
    return found


def days_left(place: Place) -> int:
    return (parse_stamp(own(place).not_after) - place.clock()).days


@contextmanager
def to_parent(tree: Tree, region: str) -> Iterator[Link]:
    parent = tree.parent(region)
    assert parent is not None
    with serving(parent) as desk, linked(tree[region], desk.url) as link:
        yield link


def revoke(tree: Tree, region: str) -> None:
    tree[TOWNSHIP].replica.revoke(node=region, epoch=own(tree[region]).epoch, reason="x", by="li")


def test_a_certificate_is_renewed_by_the_link_in_good_time(grown: Tree) -> None:
    village, first = grown[VILLAGE], own(grown[VILLAGE])
    grown.clock.forward(days=DUE)

    with to_parent(grown, VILLAGE) as link:
        link.sync_once()

    renewed = own(village)
    assert (renewed.epoch, renewed.key, renewed.not_before) == (
        first.epoch,
        first.key,
        first.not_before,
    )
    assert days_left(village) == VALID
    assert known(grown[TOWNSHIP], village) == renewed


def test_before_its_time_nothing_is_issued(single: Tree) -> None:
    first = own(single[VILLAGE])
    single.clock.forward(days=DUE - 3)

    with to_parent(single, VILLAGE) as link:
        link.sync_once()
        link.renew()

    assert own(single[VILLAGE]) == first
    assert known(single[TOWNSHIP], single[VILLAGE]) == first


def test_a_running_link_renews_by_itself_and_the_chain_above_comes_with_it(single: Tree) -> None:
    single.clock.forward(days=DUE)
    with to_parent(single, TOWNSHIP) as link:
        link.sync_once()
    with serving(single[TOWNSHIP]) as desk, running(single[VILLAGE], desk.url):
        until(lambda: days_left(single[VILLAGE]) == VALID)

    above = known(single[VILLAGE], single[TOWNSHIP])
    assert above == own(single[TOWNSHIP])
    single.clock.forward(days=VALID - 10)
    with to_parent(single, TOWNSHIP) as link:
        link.sync_once()
    single[VILLAGE].write("up/province", fact("a", 1))
    with to_parent(single, VILLAGE) as link:
        link.sync_once()
    assert single[TOWNSHIP].facts() == {"a": 1}


def test_who_was_away_past_its_end_is_renewed_first_and_loses_nothing(grown: Tree) -> None:
    grown[VILLAGE].write("up/province", fact("a", 1))
    grown.clock.forward(days=DUE)
    with to_parent(grown, TOWNSHIP) as link:
        link.sync_once()
    grown.clock.forward(days=VALID - DUE + 40)

    with to_parent(grown, VILLAGE) as link:
        link.sync_once()

    assert days_left(grown[VILLAGE]) == VALID
    assert grown[TOWNSHIP].facts() == {"a": 1}


def test_who_was_away_for_very_long_is_told_and_let_in_after_a_person_decided(single: Tree) -> None:
    village, township = single[VILLAGE], single[TOWNSHIP]
    village.write("up/province", fact("a", 1))
    single.clock.forward(days=DUE)
    with to_parent(single, TOWNSHIP) as link:
        link.sync_once()
    single.clock.forward(days=VALID - DUE + LIMITS.renew_late.days + 10)

    with (
        to_parent(single, VILLAGE) as link,
        pytest.raises(LinkError, match=f"wuji renew {VILLAGE}"),
    ):
        link.sync_once()
    assert [one.state for one in township.replica.certificates() if one.role == "child"] == [
        "expired"
    ]
    township.replica.renew(node=VILLAGE, epoch=own(village).epoch, by_person=True)
    with to_parent(single, VILLAGE) as link:
        link.sync_once()

    assert township.facts() == {"a": 1}
    assert days_left(village) == VALID
    assert {one.state for one in village.replica.certificates()} == {"valid"}


def test_a_parent_whose_own_certificate_ran_out_vouches_for_nobody(single: Tree) -> None:
    first = own(single[VILLAGE])
    single.clock.forward(days=VALID + 5)
    township = single[TOWNSHIP].replica

    with to_parent(single, VILLAGE) as link, pytest.raises(LinkError, match="本节点的证书已过期"):
        link.sync_once()
    with pytest.raises(Expired, match="先与上级同步"):
        township.host(region=HOSTED, level="village")
    assert own(single[VILLAGE]) == first

    with to_parent(single, TOWNSHIP) as link:
        link.sync_once()
    with to_parent(single, VILLAGE) as link:
        link.sync_once()
    assert days_left(single[VILLAGE]) == VALID


def test_a_child_believes_no_parent_that_has_run_out(single: Tree) -> None:
    """The township renews the village on the last day, and then runs out itself."""
    single.clock.forward(days=DUE)
    with to_parent(single, VILLAGE) as link:
        link.sync_once()
    single.clock.forward(days=VALID - DUE + 5)

    with (
        to_parent(single, VILLAGE) as link,
        pytest.raises(Untrusted, match=f"{TOWNSHIP} 的证书已于"),
    ):
        link.sync_once()


@pytest.mark.parametrize("days", [-9000, 800])
def test_a_clock_wrong_by_years_neither_hinders_nor_hastens_it(single: Tree, days: float) -> None:
    """The parent's clock counts; a village's own may say what it likes."""
    village, first = single[VILLAGE], own(single[VILLAGE])
    wrong = single.clock.now + timedelta(days=days)
    object.__setattr__(village.replica.site, "clock", lambda: wrong)
    with to_parent(single, VILLAGE) as link:
        link.sync_once()
    assert own(village) == first

    single.clock.forward(days=DUE)
    with to_parent(single, VILLAGE) as link:
        link.sync_once()
    assert (parse_stamp(own(village).not_after) - single.clock()).days == VALID


def _signed(caller: Caller, key: MessageKey) -> dict[str, str]:
    created = int(caller.place.clock().timestamp())
    return sign_request("POST", RENEW, "", NOTHING, key=key, created=created, nonce="n" * 22)


def test_nobody_renews_for_another_and_no_call_counts_twice(single: Tree) -> None:
    single.grow(OTHER_VILLAGE)  # below the township of another region code: joined to the province
    single.clock.forward(days=DUE)
    mine = own_key(single[OTHER_VILLAGE].replica)
    name = key_name(VILLAGE, own(single[VILLAGE]).epoch)
    before = known(single[TOWNSHIP], single[VILLAGE])
    with serving(single[TOWNSHIP]) as desk, calling(single[VILLAGE], desk.url) as caller:
        in_its_name = _signed(caller, MessageKey(name, mine.signer))
        forged = caller.send("POST", RENEW, NOTHING, in_its_name)
        foreign = caller.send("POST", RENEW, NOTHING, _signed(caller, mine))
        assert known(single[TOWNSHIP], single[VILLAGE]) == before

        headers = caller.sign("POST", RENEW, NOTHING)
        once = caller.send("POST", RENEW, NOTHING, headers)
        again = caller.send("POST", RENEW, NOTHING, headers)

    assert (forged.status_code, forged.json()["code"]) == (401, "forged")
    assert foreign.status_code == 403
    assert (once.status_code, again.status_code) == (200, 401)
    assert again.json()["code"] == "replayed"
    assert known(single[TOWNSHIP], single[VILLAGE]) != before


def test_a_revoked_node_is_not_renewed_by_anybody(single: Tree) -> None:
    revoke(single, VILLAGE)
    single.clock.forward(days=DUE)
    with serving(single[TOWNSHIP]) as desk, calling(single[VILLAGE], desk.url) as caller:
        answer = caller.send("POST", RENEW, NOTHING, caller.sign("POST", RENEW, NOTHING))

    assert answer.status_code == 403
    with pytest.raises(Untrusted, match="吊销"):
        single[TOWNSHIP].replica.renew(
            node=VILLAGE, epoch=own(single[VILLAGE]).epoch, by_person=True
        )


def test_a_parent_cannot_give_a_set_up_another_key(single: Tree) -> None:
    """The other key would sign in the village's name, under numbers that are the village's."""
    village = single[VILLAGE].replica
    stolen = own_key(single[TOWNSHIP].replica).signer
    later = replace(own(single[VILLAGE]), key=stolen.key, not_after="2099-01-01T00:00:00.000Z")
    lie = sign_certificate(later, stolen)

    with pytest.raises(Untrusted, match="换了密钥"):
        village.keep_renewed([lie, *village.chain_for({(TOWNSHIP, own(single[TOWNSHIP]).epoch)})])


def test_the_root_and_hosted_places_are_renewed_where_their_keys_are(grown: Tree) -> None:
    province, township = grown[PROVINCE], grown[TOWNSHIP]
    township.replica.host(region=HOSTED, level="village")
    township.replica.tend()
    (hosted,) = [one for one in township.replica.certificates() if one.role == "hosted"]
    grown.clock.forward(days=DUE)
    with to_parent(grown, TOWNSHIP) as link:
        link.sync_once()
    township.replica.tend()
    (renewed,) = [one for one in township.replica.certificates() if one.role == "hosted"]
    assert (renewed.epoch, renewed.state) == (hosted.epoch, "valid")
    assert renewed.until > hosted.until

    root = own(province)
    object.__setattr__(province.replica.site, "clock", lambda: parse_stamp(root.not_after))
    province.replica.tend()
    assert own(province).key == root.key
    assert own(province).not_after > root.not_after
    assert province.replica.verify().holds


def test_a_revoked_child_stands_as_such_in_the_overview(single: Tree) -> None:
    single.grow(COUNTY)
    revoke(single, VILLAGE)
    states = {one.node: (one.role, one.state) for one in single[TOWNSHIP].replica.certificates()}
    assert states == {
        TOWNSHIP: ("own", "valid"),
        PROVINCE: ("above", "valid"),
        VILLAGE: ("child", "revoked"),
    }
