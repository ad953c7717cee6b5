"""One parent and many children: all wait without threads, all push at once, none is left behind."""

import threading
from contextlib import ExitStack
from dataclasses import replace

import httpx
import pytest

from sync import Replica
from sync.client import Link
from sync.gate import ServerLimits
from tests.scenario.sync_links import PROMPT, QUICK, calling, linked, running, serving, until
from tests.scenario.sync_tree import HANDLERS, TOWNSHIP, VILLAGE, Place, Tree, fact, join, may_write

WIDE = 30


@pytest.fixture
def tree(sqlite_tree: Tree) -> Tree:
    return sqlite_tree


def villages(tree: Tree) -> list[Place]:
    tree.grow(TOWNSHIP)
    found = []
    for number in range(WIDE):
        place = tree.seedling(str(int(VILLAGE) + number))
        join(tree[TOWNSHIP], place)
        found.append(place)
    return found


def test_thirty_pulls_wait_in_a_process_with_one_thread_and_all_hear_the_news(tree: Tree) -> None:
    children = villages(tree)
    narrow = ServerLimits(concurrent=1, recheck=60, wait=60)
    with ExitStack() as stack:
        desk = stack.enter_context(serving(tree[TOWNSHIP], narrow))
        callers = [stack.enter_context(calling(child, desk.url)) for child in children]
        answers: list[httpx.Response] = []
        threads = [
            threading.Thread(target=lambda c=caller: answers.append(c.pull(wait=60)))  # type: ignore[misc]
            for caller in callers
        ]
        for thread in threads:
            thread.start()
        until(lambda: all(desk.is_waiting(child.region) for child in children))
        assert not answers

        tree[TOWNSHIP].write("down/all", fact("law", 1, region=TOWNSHIP))
        tree[TOWNSHIP].replica.seal()
        for thread in threads:
            thread.join()

    assert [answer.status_code for answer in answers] == [200] * WIDE
    assert min(len(answer.content) for answer in answers) > 300


def test_thirty_children_that_push_at_once_are_all_served(tree: Tree) -> None:
    children = villages(tree)
    for child in children:
        for batch in range(4):
            child.write(
                "up/county",
                *(fact(f"{child.region}-{batch}-{n}", n, region=child.region) for n in range(20)),
            )
            child.replica.seal()
    crowded = replace(PROMPT, concurrent=2, queued=6)
    patient = replace(QUICK, attempts=100, first=4096)
    problems: list[Exception] = []

    def push(link: Link) -> None:
        try:
            link.sync_once()
        except Exception as error:  # noqa: BLE001  # what goes wrong in a thread is told below
            problems.append(error)

    with ExitStack() as stack:
        desk = stack.enter_context(serving(tree[TOWNSHIP], crowded))
        links = [stack.enter_context(linked(child, desk.url, patient)) for child in children]
        threads = [threading.Thread(target=push, args=(link,)) for link in links]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert problems == []
    assert len(tree[TOWNSHIP].facts()) == WIDE * 80


def test_what_another_process_sealed_is_noticed_without_its_bell(tree: Tree) -> None:
    """A command at the console, or a second worker: it shares the database, not the memory."""
    tree.grow(TOWNSHIP, VILLAGE)
    console = Replica(
        tree[TOWNSHIP].engine, authority=may_write, handlers=HANDLERS, clock=tree.clock
    )
    with serving(tree[TOWNSHIP]) as desk, running(tree[VILLAGE], desk.url):
        until(lambda: desk.is_waiting(VILLAGE))
        tree[TOWNSHIP].write("down/all", fact("law", 1, region=TOWNSHIP))
        console.seal()
        until(lambda: "law" in tree[VILLAGE].facts())


def test_a_child_that_only_listens_is_seen_to_be_there(tree: Tree) -> None:
    tree.grow(TOWNSHIP, VILLAGE)
    with serving(tree[TOWNSHIP]) as desk, calling(tree[VILLAGE], desk.url) as caller:
        assert caller.pull().status_code == 200
        until(lambda: [one.peer for one in tree[TOWNSHIP].replica.status().links] == [VILLAGE])
    [shown] = tree[TOWNSHIP].replica.status().links
    assert shown.last_contact == "2026-03-12T08:00:00.000Z"


def test_anybody_may_read_the_fingerprint_that_is_compared_by_telephone(tree: Tree) -> None:
    tree.grow(TOWNSHIP)
    with serving(tree[TOWNSHIP]) as desk:
        said = httpx.get(f"{desk.url}/sync/v1/root", trust_env=False).json()
    me = tree[TOWNSHIP].replica.identity()
    assert me
    assert (said["node"], said["root_fingerprint"]) == (TOWNSHIP, me.root_fingerprint)


def test_a_node_that_has_joined_nothing_says_so(tree: Tree) -> None:
    with serving(tree.seedling(TOWNSHIP)) as desk:
        answer = httpx.get(f"{desk.url}/sync/v1/root", trust_env=False)
    assert (answer.status_code, answer.json()["code"]) == (503, "not_member")
