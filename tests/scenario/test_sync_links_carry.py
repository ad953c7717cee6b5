"""Records travel over real HTTP: up over three hops with receipts, down within the same breath."""

from contextlib import ExitStack
from dataclasses import replace

import pytest

from sync import JoinRefused
from sync.client import join
from sync.line import LinkError, NotGranted, TurnedAway
from tests.scenario.sync_links import PROMPT, linked, running, serving, until
from tests.scenario.sync_tree import (
    CITY,
    COUNTY,
    HOSTED,
    PROVINCE,
    TOWNSHIP,
    VILLAGE,
    Tree,
    fact,
)

BRANCH = (PROVINCE, CITY, COUNTY, TOWNSHIP, VILLAGE)


def test_a_fact_reaches_the_province_and_its_bytes_are_the_authors(tree: Tree) -> None:
    tree.grow(*BRANCH)
    tree[TOWNSHIP].replica.host(region=HOSTED, level="village")
    tree[VILLAGE].write("up/province", *(fact(f"v{n}", n) for n in range(300)))
    tree[TOWNSHIP].write("up/province", fact("h", 7, region=HOSTED), origin=HOSTED)

    for child, parent in reversed(list(zip(BRANCH[1:], BRANCH, strict=False))):
        with serving(tree[parent]) as desk, linked(tree[child], desk.url) as link:
            summary = link.sync_once()
            assert summary.pushed.segments >= 1
            assert not summary.pushed.refused

    assert tree[PROVINCE].facts() == {f"v{n}": n for n in range(300)} | {"h": 7}
    known = {one.hash() for one in tree[PROVINCE].segments()}
    assert {one.hash() for one in tree[VILLAGE].segments()} <= known


def test_receipts_are_kept_for_everything_that_was_pushed(tree: Tree) -> None:
    tree.grow(TOWNSHIP, VILLAGE)
    tree[VILLAGE].write("up/county", fact("a", 1))

    with serving(tree[TOWNSHIP]) as desk, linked(tree[VILLAGE], desk.url) as link:
        link.sync_once()
        assert link.sync_once().pushed.segments == 0

    [stream] = [one for one in tree[VILLAGE].replica.status().streams if one.route == "up/county"]
    assert (stream.head, stream.receipted) == (1, 1)


def test_policy_comes_down_to_every_tier_while_everybody_waits(tree: Tree) -> None:
    tree.grow(*BRANCH)
    with ExitStack() as stack:
        for child, parent in zip(BRANCH[1:], BRANCH, strict=False):
            desk = stack.enter_context(serving(tree[parent]))
            stack.enter_context(running(tree[child], desk.url))

        tree[PROVINCE].write("down/all", fact("rate", 26_000, region=PROVINCE))
        tree[PROVINCE].replica.seal()
        until(lambda: "rate" in tree[VILLAGE].facts())

        tree[VILLAGE].write("up/province", fact("known", 1))
        until(lambda: "known" in tree[PROVINCE].facts())

        tree[COUNTY].write("down/" + VILLAGE, fact("decision", 3, region=VILLAGE))
        until(lambda: "decision" in tree[VILLAGE].facts())

    assert "decision" not in tree[CITY].facts()


def test_a_node_joins_over_the_line_and_asking_again_changes_nothing(tree: Tree) -> None:
    tree.grow(TOWNSHIP)
    place = tree.seedling(VILLAGE)
    code = tree[TOWNSHIP].replica.issue_join_code(region=VILLAGE, level="village")
    asked: list[str] = []

    def confirm(fingerprint: str) -> bool:
        asked.append(fingerprint)
        return len(asked) > 1

    with serving(tree[TOWNSHIP]) as desk:
        with pytest.raises(JoinRefused, match="指纹"):
            join(place.replica, desk.url, code, region=VILLAGE, confirm=confirm)
        assert place.replica.identity() is None
        admission = join(place.replica, desk.url, code, region=VILLAGE, confirm=confirm)
        place.write("up/county", fact("a", 1))
        with linked(place, desk.url) as link:
            link.sync_once()

    me = tree[TOWNSHIP].replica.identity()
    assert me
    assert asked == [me.root_fingerprint] * 2
    assert admission.certificate.issuer == TOWNSHIP
    assert tree[TOWNSHIP].facts() == {"a": 1}


@pytest.mark.parametrize("wrong", ["nonsense", "0000-0000-0000-0000", ""])
def test_a_wrong_code_is_refused_in_plain_words(tree: Tree, wrong: str) -> None:
    tree.grow(TOWNSHIP)
    place = tree.seedling(VILLAGE)
    with (
        serving(tree[TOWNSHIP]) as desk,
        pytest.raises(NotGranted, match="加入码不存在") as refusal,
    ):
        join(place.replica, desk.url, wrong, region=VILLAGE, confirm=lambda _: True)
    assert (refusal.value.status, refusal.value.code) == (403, "join_refused")


def test_guessing_codes_is_slowed_down(tree: Tree) -> None:
    tree.grow(TOWNSHIP)
    place = tree.seedling(VILLAGE)
    seen = []
    with serving(tree[TOWNSHIP], replace(PROMPT, joins_per_minute=3)) as desk:
        for attempt in range(5):
            with pytest.raises(LinkError) as refusal:
                join(place.replica, desk.url, str(attempt), region=VILLAGE, confirm=lambda _: True)
            seen.append(type(refusal.value))
    assert seen == [NotGranted] * 3 + [TurnedAway] * 2
