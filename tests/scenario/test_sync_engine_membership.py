"""How a node becomes part of the network, and what a join code is good for."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from sync import Hello, JoinRefused, NotMember, Untrusted, root_fingerprint, store
from sync.certificate import certificate_from_json, verify_chain
from sync.messages import Applicant
from tests.scenario.sync_tree import (
    COUNTY,
    HOSTED,
    OTHER_TOWNSHIP,
    PROVINCE,
    TOWNSHIP,
    VILLAGE,
    Place,
    Tree,
    fact,
    join,
    rise,
)


@pytest.fixture
def county(tree: Tree) -> Place:
    tree.grow(PROVINCE, COUNTY)
    return tree[COUNTY]


def _code(county: Place, region: str = TOWNSHIP) -> str:
    return county.replica.issue_join_code(region=region, level="township")


def _applicant(place: Place, region: str = TOWNSHIP) -> Applicant:
    return place.replica.apply_to_join(region=region)


def test_a_node_that_joins_has_a_chain_to_the_root(tree: Tree, county: Place) -> None:
    stranger = tree.seedling(TOWNSHIP)
    admission = county.replica.admit(_code(county), _applicant(stranger))
    chain = [admission.certificate, *admission.chain]

    own = verify_chain(chain, admission.root_fingerprint)

    assert [link.node for link in chain] == [TOWNSHIP, COUNTY, PROVINCE]
    assert (own.level, own.issuer, own.held_by) == ("township", COUNTY, TOWNSHIP)
    root = tree[PROVINCE].replica.identity()
    assert root is not None
    assert root.root_fingerprint == root_fingerprint(chain[-1])
    assert certificate_from_json(own.as_json()) == own


def test_a_code_admits_one_key_and_the_same_key_as_often_as_it_asks(
    tree: Tree, county: Place
) -> None:
    code = _code(county)
    first, second = tree.seedling(TOWNSHIP), tree.seedling(TOWNSHIP)
    admission = county.replica.admit(code, _applicant(first))

    assert county.replica.admit(code.upper(), _applicant(first)) == admission
    with pytest.raises(JoinRefused, match="已经用过"):
        county.replica.admit(code, _applicant(second))


def test_a_code_is_good_for_its_time_only(tree: Tree, county: Place) -> None:
    code = county.replica.issue_join_code(
        region=TOWNSHIP, level="township", valid=timedelta(hours=2)
    )
    tree.clock.forward(hours=3)

    with pytest.raises(JoinRefused, match="过期"):
        county.replica.admit(code, _applicant(tree.seedling(TOWNSHIP)))


def test_an_invented_code_is_refused(tree: Tree, county: Place) -> None:
    with pytest.raises(JoinRefused, match="不存在"):
        county.replica.admit("aaaa-bbbb-cccc-dddd", _applicant(tree.seedling(TOWNSHIP)))


def test_the_code_and_not_the_child_says_where_it_belongs(tree: Tree, county: Place) -> None:
    stranger = tree.seedling(OTHER_TOWNSHIP)
    admission = county.replica.admit(_code(county), _applicant(stranger, OTHER_TOWNSHIP))

    assert admission.certificate.region == TOWNSHIP
    with pytest.raises(Untrusted, match="密钥"):
        stranger.replica.adopt(
            admission.certificate, admission.chain, fingerprint=admission.root_fingerprint
        )


def test_a_code_is_only_for_places_inside_the_issuer(county: Place) -> None:
    for region in (PROVINCE, COUNTY, "410123000000"):
        with pytest.raises(JoinRefused, match="辖区"):
            county.replica.issue_join_code(region=region, level="county")


def test_the_code_itself_is_not_stored(county: Place) -> None:
    code = _code(county)
    with county.engine.connect() as connection:
        (row,) = connection.execute(select(store.join_code)).all()
    assert code.replace("-", "") not in str(row)


def test_a_child_that_was_told_another_fingerprint_does_not_join(tree: Tree, county: Place) -> None:
    stranger = tree.seedling(TOWNSHIP)
    admission = county.replica.admit(_code(county), _applicant(stranger))

    with pytest.raises(Untrusted, match="指纹"):
        stranger.replica.adopt(admission.certificate, admission.chain, fingerprint="0" * 64)
    assert stranger.replica.identity() is None


def test_a_certificate_with_a_changed_word_does_not_hold(tree: Tree, county: Place) -> None:
    admission = county.replica.admit(_code(county), _applicant(tree.seedling(TOWNSHIP)))
    promoted = replace(admission.certificate, level="county")

    with pytest.raises(Untrusted, match="签名"):
        verify_chain([promoted, *admission.chain], admission.root_fingerprint)


def test_nobody_joins_twice(tree: Tree, county: Place) -> None:
    with pytest.raises(NotMember, match="已经加入"):
        county.replica.found(node=COUNTY, level="county")
    with pytest.raises(NotMember, match="已经加入"):
        county.replica.apply_to_join(region=COUNTY)


def test_who_has_not_joined_can_neither_write_nor_talk(tree: Tree) -> None:
    stranger = tree.seedling(TOWNSHIP)
    with pytest.raises(NotMember):
        stranger.replica.hello()
    with pytest.raises(Exception, match="名义"):
        stranger.write("up/province", fact("a", 1, region=TOWNSHIP))


def test_a_replaced_node_writes_under_a_new_epoch_and_the_old_stream_stands(
    tree: Tree, county: Place
) -> None:
    tree.grow(TOWNSHIP)
    tree[TOWNSHIP].write("up/province", fact("old", 1, region=TOWNSHIP))
    tree.sync()
    tree.clock.forward(days=1)

    new = tree.seedling(TOWNSHIP)
    join(county, new)
    tree.replace(TOWNSHIP, new)
    new.write("up/province", fact("new", 2, region=TOWNSHIP))
    tree.sync()

    assert county.facts() == tree[PROVINCE].facts() == {"old": 1, "new": 2}
    epochs = {
        one.epoch for one in tree[PROVINCE].replica.status().streams if one.origin == TOWNSHIP
    }
    assert len(epochs) == 2


def test_a_hosted_village_that_gets_its_own_machine_only_changes_its_epoch(tree: Tree) -> None:
    tree.grow(PROVINCE, TOWNSHIP)
    township = tree[TOWNSHIP]
    first = township.replica.host(region=HOSTED, level="village")
    assert township.replica.host(region=HOSTED, level="village") == first
    township.write("up/province", fact("hosted", 1, region=HOSTED), origin=HOSTED)
    tree.clock.forward(days=1)

    tree.grow(HOSTED)
    with pytest.raises(Exception, match="名义"):
        township.write("up/province", fact("late", 1, region=HOSTED), origin=HOSTED)
    tree[HOSTED].write("up/province", fact("own", 2, region=HOSTED))
    tree.sync()

    assert tree[PROVINCE].facts() == {"hosted": 1, "own": 2}
    streams = [one for one in tree[PROVINCE].replica.status().streams if one.origin == HOSTED]
    assert {one.head for one in streams} == {1}
    assert len({one.epoch for one in streams}) == 2


def test_a_parent_that_leads_to_another_root_is_refused(tree: Tree, county: Place) -> None:
    others = tree.sapling()
    others.grow(PROVINCE)
    answer = others[PROVINCE].replica.welcome

    with pytest.raises(Untrusted, match="指纹"):
        county.replica.accept_welcome(answer(county.replica.hello()))


def test_a_session_shows_who_is_behind_and_whose_clock_is_wrong(tree: Tree, county: Place) -> None:
    late = _hello_with_clock(county, minutes=-3)
    county.replica.accept_welcome(tree[PROVINCE].replica.welcome(late))

    (link,) = tree[PROVINCE].replica.status().links
    assert (link.peer, link.role, link.skew_ms) == (COUNTY, "child", -180_000)
    assert link.versions["x.fact"] == 1
    (up,) = county.replica.status().links
    assert (up.peer, up.role, up.failures) == (PROVINCE, "parent", 0)


def test_failures_of_a_link_are_counted_until_it_works_again(tree: Tree, county: Place) -> None:
    county.replica.note_failure(PROVINCE, "timed out")
    county.replica.note_failure(PROVINCE, "timed out")
    (link,) = county.replica.status().links
    assert (link.failures, link.last_error, link.last_progress) == (2, "timed out", None)

    county.write("up/province", fact("a", 1, region=COUNTY))
    county.replica.seal()
    assert rise(county, tree[PROVINCE]) == []
    (link,) = county.replica.status().links
    assert (link.failures, link.last_progress) == (0, "2026-03-12T08:00:00.000Z")


def _hello_with_clock(place: Place, *, minutes: int) -> Hello:
    said = place.replica.hello()
    place.clock.forward(minutes=minutes)
    wrong = place.replica.hello().clock
    place.clock.forward(minutes=-minutes)
    return said._replace(clock=wrong)


def test_a_village_under_another_township_is_no_child(tree: Tree, county: Place) -> None:
    tree.grow(TOWNSHIP, OTHER_TOWNSHIP, VILLAGE)

    with pytest.raises(Untrusted, match="辖区"):
        tree[OTHER_TOWNSHIP].replica.welcome(tree[VILLAGE].replica.hello())
