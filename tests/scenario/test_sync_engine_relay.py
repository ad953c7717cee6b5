"""Records travel as far as their route says, and no further, over any number of hops."""

from sync import StreamId
from sync.segment import read_header
from tests.scenario.sync_tree import (
    CITY,
    COUNTY,
    DIRECT_COUNTY,
    HOSTED,
    OTHER_TOWNSHIP,
    OTHER_VILLAGE,
    PROVINCE,
    TOWNSHIP,
    VILLAGE,
    Tree,
    fact,
)

EVERYBODY = (
    PROVINCE,
    CITY,
    COUNTY,
    DIRECT_COUNTY,
    TOWNSHIP,
    VILLAGE,
    OTHER_TOWNSHIP,
    OTHER_VILLAGE,
)


def _who_knows(tree: Tree, key: str) -> set[str]:
    return {region for region, place in tree.places.items() if key in place.facts()}


def test_a_fact_climbs_four_hops_to_the_root_with_the_bytes_its_author_signed(tree: Tree) -> None:
    tree.grow(*EVERYBODY)
    tree[VILLAGE].write("up/province", fact("a", 1))

    tree.sync()

    assert _who_knows(tree, "a") == {TOWNSHIP, COUNTY, CITY, PROVINCE}
    assert tree[PROVINCE].segments() == tree[VILLAGE].segments()


def test_what_is_for_the_county_stops_there(tree: Tree) -> None:
    tree.grow(*EVERYBODY)
    tree[VILLAGE].write("up/county", fact("a", 1))

    tree.sync()

    assert _who_knows(tree, "a") == {TOWNSHIP, COUNTY}


def test_what_is_for_all_reaches_every_node_below_its_author(tree: Tree) -> None:
    tree.grow(*EVERYBODY)
    tree[PROVINCE].write("down/all", fact("law", 1, region=PROVINCE))
    tree[COUNTY].write("down/all", fact("rule", 1, region=COUNTY))

    tree.sync()

    assert _who_knows(tree, "law") == set(EVERYBODY) - {PROVINCE}
    assert _who_knows(tree, "rule") == {TOWNSHIP, VILLAGE, OTHER_TOWNSHIP, OTHER_VILLAGE}


def test_what_is_for_one_village_is_seen_only_on_the_way_to_it(tree: Tree) -> None:
    tree.grow(*EVERYBODY)
    tree[COUNTY].write(f"down/{VILLAGE}", fact("decision", 1))

    tree.sync()

    assert _who_knows(tree, "decision") == {TOWNSHIP, VILLAGE}


def test_a_hosted_village_writes_under_its_own_name_with_its_own_key(tree: Tree) -> None:
    tree.grow(PROVINCE, COUNTY, TOWNSHIP)
    certificate = tree[TOWNSHIP].replica.host(region=HOSTED, level="village")
    tree[TOWNSHIP].write("up/province", fact("a", 1, region=HOSTED), origin=HOSTED)

    tree.sync()

    header = read_header(tree[PROVINCE].segments()[0].header)
    assert header.stream == StreamId(HOSTED, certificate.epoch, "up/province")
    assert (certificate.issuer, certificate.held_by) == (TOWNSHIP, TOWNSHIP)
    assert certificate.key != tree[TOWNSHIP].replica.signer().key
    assert tree[PROVINCE].facts() == {"a": 1}


def test_policy_comes_before_what_was_decided_under_it(tree: Tree) -> None:
    tree.grow(PROVINCE, COUNTY, TOWNSHIP)
    tree[COUNTY].write(f"down/{TOWNSHIP}", fact("decision", 1, region=TOWNSHIP))
    tree[COUNTY].replica.seal()
    tree[COUNTY].write("down/all", fact("policy", 1, region=COUNTY))
    tree[COUNTY].replica.seal()

    segments = tree[COUNTY].replica.pull_for(TOWNSHIP, [], budget=1 << 20)

    assert [read_header(one.header).route for one in segments] == ["down/all", f"down/{TOWNSHIP}"]


def test_a_link_that_carries_one_segment_a_call_still_gets_everything_across(tree: Tree) -> None:
    tree.grow(PROVINCE, COUNTY)
    for number in range(7):
        tree[COUNTY].write("up/province", fact(f"f{number}", number, region=COUNTY))
        tree[COUNTY].replica.seal()

    first = tree[COUNTY].replica.outgoing({}, budget=1)
    tree.sync()

    assert len(first) == 1
    assert len(tree[PROVINCE].facts()) == 7


def test_a_pull_costs_nothing_when_there_is_nothing_new(tree: Tree) -> None:
    tree.grow(PROVINCE, COUNTY)
    tree[PROVINCE].write("down/all", fact("law", 1, region=PROVINCE))
    tree.sync()
    newest = tree[PROVINCE].replica.newest()

    assert not tree[PROVINCE].replica.has_news(newest)
    assert not tree[PROVINCE].replica.pull_for(
        COUNTY, tree[COUNTY].replica.heads_from_above(), budget=1 << 20
    )

    tree[PROVINCE].write("down/all", fact("law2", 1, region=PROVINCE))
    heard = tree[PROVINCE].replica.bell.count
    tree[PROVINCE].replica.seal()
    assert tree[PROVINCE].replica.has_news(newest)
    assert tree[PROVINCE].replica.bell.wait(heard, timeout=0) == heard + 1
