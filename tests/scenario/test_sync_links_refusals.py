"""Who may not speak on a link is not heard: each request and each answer is checked."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import httpx
import pytest

from sync import StreamId, Untrusted, store, wire, wording
from sync.client import Link
from sync.exchange import parent_of
from sync.line import LinkError
from sync.wire import Cargo
from tests.scenario.sync_links import (
    JOIN,
    PROMPT,
    PULL,
    QUICK,
    SEGMENTS,
    SESSION,
    Caller,
    Desk,
    calling,
    linked,
    serving,
    until,
)
from tests.scenario.sync_tree import (
    COUNTY,
    HOSTED,
    OTHER_TOWNSHIP,
    TOWNSHIP,
    VILLAGE,
    Tree,
    fact,
)


@pytest.fixture
def tree(sqlite_tree: Tree) -> Tree:
    """What is tried here lies before the database, so one kind will do."""
    return sqlite_tree


@pytest.fixture
def desk(tree: Tree) -> Iterator[Desk]:
    tree.grow(COUNTY, TOWNSHIP, VILLAGE)
    with serving(tree[TOWNSHIP]) as desk:
        yield desk


@pytest.fixture
def village(tree: Tree, desk: Desk) -> Iterator[Caller]:
    with calling(tree[VILLAGE], desk.url) as caller:
        yield caller


def problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    plain = answer.json()
    assert plain["status"] == answer.status_code
    assert plain["type"].endswith(plain["code"])
    return answer.status_code, plain["code"]


def test_a_correct_call_is_answered(village: Caller) -> None:
    assert village.pull().status_code == 200


def test_an_unsigned_request_is_refused(village: Caller) -> None:
    for method, path in (("POST", PULL), ("PUT", SEGMENTS), ("POST", JOIN)):
        answer = village.send(method, path, wire.encode(Cargo()), {})
        assert problem(answer) == (401, "unsigned")


def test_a_replayed_request_is_refused(village: Caller) -> None:
    assert village.pull(nonce="n" * 22).status_code == 200
    assert problem(village.pull(nonce="n" * 22)) == (401, "replayed")
    assert village.pull(nonce="m" * 22).status_code == 200


def test_a_stale_request_is_refused_and_learns_the_parents_clock(village: Caller) -> None:
    answer = village.pull(age=301)
    assert problem(answer) == (401, "stale")
    assert answer.json()["clock"] == "2026-03-12T08:00:00.000Z"
    assert "signature" in answer.headers


def test_a_signature_does_not_serve_for_another_body_or_another_call(village: Caller) -> None:
    body, other = wire.encode(Cargo({"n": 1})), wire.encode(Cargo({"n": 2}))
    assert problem(village.send("POST", PULL, other, village.sign("POST", PULL, body))) == (
        401,
        "digest",
    )
    assert problem(village.send("PUT", SEGMENTS, body, village.sign("POST", PULL, body))) == (
        401,
        "forged",
    )


def test_a_grandchild_a_stranger_and_a_hosted_village_may_not_call(
    tree: Tree, village: Caller
) -> None:
    tree.grow(OTHER_TOWNSHIP)
    tree[TOWNSHIP].replica.host(region=HOSTED, level="village")
    with serving(tree[COUNTY]) as above, calling(tree[VILLAGE], above.url) as grandchild:
        assert problem(grandchild.pull()) == (403, "untrusted")
    with calling(tree[OTHER_TOWNSHIP], village.url) as stranger:
        assert problem(stranger.pull()) == (403, "untrusted")


def test_a_revoked_child_may_not_call_any_more(tree: Tree, village: Caller) -> None:
    me = tree[VILLAGE].replica.identity()
    assert me
    tree[TOWNSHIP].replica.revoke(node=VILLAGE, epoch=me.epoch, reason="遗失", by="科长")
    assert problem(village.pull())[0] == 403


def test_bodies_are_bounded_before_they_are_read(tree: Tree) -> None:
    tree.grow(TOWNSHIP, VILLAGE)
    strict = replace(PROMPT, session_body=1000)
    with serving(tree[TOWNSHIP], strict) as desk, calling(tree[VILLAGE], desk.url) as caller:
        body = b"x" * 1001
        answer = caller.send("POST", PULL, body, caller.sign("POST", PULL, body))
        assert problem(answer) == (413, "too-large")
        chunked = caller.http.post(
            PULL, content=iter([body]), headers=caller.sign("POST", PULL, body)
        )
        assert problem(chunked) == (411, "length")


def test_what_cannot_be_read_is_a_problem_and_not_a_crash(village: Caller) -> None:
    for body in (b"", b"not a cargo", wire.encode(Cargo({"heads": 7}))):
        answer = village.send("POST", PULL, body, village.sign("POST", PULL, body))
        assert problem(answer) == (400, "malformed")


def test_a_parent_of_another_network_is_told_nothing(tree: Tree, desk: Desk) -> None:
    elsewhere = tree.sapling()
    elsewhere.grow(TOWNSHIP)
    tree[VILLAGE].write("up/county", fact("secret", 1))
    with (
        serving(elsewhere[TOWNSHIP]) as impostor,
        linked(tree[VILLAGE], impostor.url) as link,
        pytest.raises(Untrusted, match="根证书指纹"),
    ):
        link.sync_once()
    assert elsewhere[TOWNSHIP].facts() == {}


def test_an_impostor_that_shows_the_right_fingerprint_is_not_believed(tree: Tree) -> None:
    """It can copy what anybody may read; it cannot sign."""
    tree.grow(TOWNSHIP, VILLAGE)
    elsewhere = tree.sapling()
    elsewhere.grow(TOWNSHIP)
    me = tree[VILLAGE].replica.identity()
    assert me
    with elsewhere[TOWNSHIP].engine.begin() as connection:
        connection.execute(store.identity.update().values(root_fingerprint=me.root_fingerprint))
    with (
        serving(elsewhere[TOWNSHIP]) as impostor,
        linked(tree[VILLAGE], impostor.url) as link,
        pytest.raises(Untrusted, match="根证书指纹与加入时不同"),
    ):
        link.sync_once()


def _strip(answer: httpx.Response) -> None:
    answer.headers.pop("signature", None)


def _move_the_clock(answer: httpx.Response) -> None:
    said = answer.headers.get("signature-input", "")
    answer.headers["signature-input"] = said.replace("created=1", "created=2")


@pytest.mark.parametrize("spoil", [_strip, _move_the_clock])
def test_an_answer_that_was_changed_or_is_not_signed_is_not_believed(
    tree: Tree, desk: Desk, spoil: Callable[[httpx.Response], None]
) -> None:
    tree[TOWNSHIP].write("down/all", fact("law", 1, region=TOWNSHIP))
    tree[TOWNSHIP].replica.seal()
    client = httpx.Client(trust_env=False, event_hooks={"response": [spoil]})
    with (
        Link(tree[VILLAGE].replica, desk.url, client=lambda: client, limits=QUICK) as link,
        pytest.raises(Untrusted),
    ):
        link.sync_once()
    assert tree[VILLAGE].facts() == {}


def test_a_failure_is_shown_with_its_reason(tree: Tree, desk: Desk) -> None:
    desk.stop()
    with linked(tree[VILLAGE], desk.url) as link, pytest.raises(LinkError):
        link.sync_once()
    state = link.state()
    assert state.failures == QUICK.attempts
    assert state.last_error
    assert "无法连接上级" in state.last_error
    shown = tree[VILLAGE].replica.status().links[0]
    assert shown.peer == parent_of(tree[VILLAGE].replica)
    assert (shown.failures, shown.last_error) == (QUICK.attempts, state.last_error)


def test_a_node_without_a_parent_has_no_link(tree: Tree, desk: Desk) -> None:
    with linked(tree[COUNTY], desk.url) as link, pytest.raises(Untrusted):
        link.sync_once()


def test_a_parent_restored_from_before_a_child_joined_knows_it_again(
    tree: Tree, desk: Desk
) -> None:
    certificates = store.certificate
    tree[VILLAGE].write("up/county", fact("a", 1))
    with tree[TOWNSHIP].engine.begin() as connection:
        connection.execute(certificates.delete().where(certificates.c.node == VILLAGE))
        connection.execute(store.join_code.delete())

    with linked(tree[VILLAGE], desk.url) as link:
        link.sync_once()

    assert tree[TOWNSHIP].facts() == {"a": 1}


def test_a_stranger_is_not_let_in_by_showing_a_certificate_of_somebody_else(
    tree: Tree, desk: Desk
) -> None:
    tree.grow(OTHER_TOWNSHIP)
    body = wire.encode(wording.write_hello(tree[OTHER_TOWNSHIP].replica.hello()))
    with calling(tree[OTHER_TOWNSHIP], desk.url) as stranger:
        answer = stranger.send("POST", SESSION, body, stranger.sign("POST", SESSION, body))
    assert problem(answer) == (403, "untrusted")


def test_a_stream_that_was_refused_is_asked_for_again_after_a_while(tree: Tree) -> None:
    """Without a restart: whatever made the child refuse it may have been mended."""
    tree.grow(TOWNSHIP, VILLAGE)
    me = tree[TOWNSHIP].replica.identity()
    assert me
    often = replace(QUICK, session_every=0.3)
    with serving(tree[TOWNSHIP]) as desk, linked(tree[VILLAGE], desk.url, often) as link:
        link._pull._left_alone = {StreamId(TOWNSHIP, me.epoch, "down/all")}
        tree[TOWNSHIP].write("down/all", fact("law", 1, region=TOWNSHIP))
        tree[TOWNSHIP].replica.seal()
        assert link._pull.step().moved is False
        stop = threading.Event()
        thread = threading.Thread(target=link.run, args=(stop,))
        thread.start()
        try:
            until(lambda: "law" in tree[VILLAGE].facts())
        finally:
            stop.set()
            thread.join()
