"""A busy parent sheds load, stays responsive to pages, and children come back when told to."""

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from random import Random
from typing import Self

import httpx
import pytest
from sqlalchemy import Connection

from sync import Arrived, Handler, wire
from sync.client import Link
from sync.gate import ServerLimits
from sync.line import TurnedAway
from sync.wire import Cargo
from tests.scenario.sync_links import (
    PROMPT,
    QUICK,
    SEGMENTS,
    Caller,
    calling,
    linked,
    serving,
    until,
)
from tests.scenario.sync_tree import (
    HANDLERS,
    TOWNSHIP,
    VILLAGE,
    Tree,
    fact,
    join,
    put_facts,
)

SECOND_VILLAGE = "410122100202"
NARROW = ServerLimits(recheck=0.05, retry_after=0, concurrent=1, queued=0)


@contextmanager
def half_sent(caller: Caller, port: int, body: bytes) -> Iterator[socket.socket]:
    """A push whose body stops in the middle: its line is slow."""
    headers = caller.sign("PUT", SEGMENTS, body)
    lines = [f"PUT {SEGMENTS} HTTP/1.1", "host: parent", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.sendall("\r\n".join([*lines, "", ""]).encode() + body[: len(body) // 2])
        yield line


def test_a_second_request_of_a_kind_is_told_to_come_back(tree: Tree) -> None:
    tree.grow(TOWNSHIP, VILLAGE)
    body = wire.encode(Cargo())
    with serving(tree[TOWNSHIP]) as desk, calling(tree[VILLAGE], desk.url) as caller:
        with half_sent(caller, desk.port, body) as slow:
            until(lambda: desk.is_answering(VILLAGE, "segments"))
            answer = caller.push(Cargo())
            assert answer.status_code == 429
            assert answer.json()["code"] == "one-at-a-time"
            assert int(answer.headers["retry-after"]) >= 1
            assert caller.pull().status_code == 200
            slow.sendall(body[len(body) // 2 :])
            assert b"200 OK" in slow.recv(100)
        until(lambda: caller.push(Cargo()).status_code == 200)


def test_a_broken_line_frees_the_childs_place_at_once(tree: Tree) -> None:
    tree.grow(TOWNSHIP, VILLAGE)
    with serving(tree[TOWNSHIP]) as desk, calling(tree[VILLAGE], desk.url) as caller:
        with half_sent(caller, desk.port, b"x" * 1000):
            until(lambda: desk.is_answering(VILLAGE, "segments"))
            assert caller.push(Cargo()).status_code == 429
        until(lambda: caller.push(Cargo()).status_code == 200)


def test_a_body_that_does_not_come_is_given_up(tree: Tree) -> None:
    tree.grow(TOWNSHIP, VILLAGE)
    impatient = replace(PROMPT, idle=0.2)
    with (
        serving(tree[TOWNSHIP], impatient) as desk,
        calling(tree[VILLAGE], desk.url) as caller,
        half_sent(caller, desk.port, b"x" * 1000) as slow,
    ):
        assert b"408 Request Timeout" in slow.recv(100)


def test_a_newer_pull_takes_the_place_of_one_that_waits(tree: Tree) -> None:
    tree.grow(TOWNSHIP, VILLAGE)
    with serving(tree[TOWNSHIP]) as desk, calling(tree[VILLAGE], desk.url) as caller:
        earlier: list[httpx.Response] = []
        thread = threading.Thread(target=lambda: earlier.append(caller.pull(wait=30)))
        thread.start()
        until(lambda: desk.is_waiting(VILLAGE))
        assert caller.pull().status_code == 200
        thread.join(timeout=20)
        assert [answer.status_code for answer in earlier] == [200]


class Turnstile:
    """A handler that lets nobody through until it is opened."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.entered = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.opened.set()

    def apply(self, connection: Connection, arrived: Sequence[Arrived]) -> None:
        self.entered.set()
        assert self.opened.wait(60)
        put_facts(connection, arrived)


def test_a_parent_at_work_sheds_load_and_answers_pages_and_pulls(tree: Tree) -> None:
    turnstile = Turnstile()
    slow = {**HANDLERS, "x.fact": Handler(1, turnstile.apply)}
    tree.grow(TOWNSHIP, handlers=slow)
    tree.grow(VILLAGE)
    second = tree.seedling(SECOND_VILLAGE)
    join(tree[TOWNSHIP], second)
    tree[VILLAGE].write("up/county", fact("a", 1))
    with (
        serving(tree[TOWNSHIP], NARROW) as desk,
        linked(tree[VILLAGE], desk.url) as link,
        calling(second, desk.url) as other,
        turnstile,
    ):
        pushing = threading.Thread(target=link.sync_once)
        pushing.start()
        assert turnstile.entered.wait(30)
        answer = other.push(Cargo())
        assert (answer.status_code, answer.json()["code"]) == (503, "busy")
        assert int(answer.headers["retry-after"]) >= 1
        assert httpx.get(f"{desk.url}/page", trust_env=False).json() == "a page"
        assert other.pull().status_code == 200
        turnstile.opened.set()
        pushing.join()
        assert other.push(Cargo()).status_code == 200
    assert tree[TOWNSHIP].facts() == {"a": 1}


def test_retry_after_is_honoured_and_nothing_is_lost(tree: Tree) -> None:
    tree.grow(TOWNSHIP, VILLAGE)
    tree[VILLAGE].write("up/county", fact("a", 1))
    slept: list[float] = []
    with (
        serving(tree[TOWNSHIP]) as desk,
        Link(
            tree[VILLAGE].replica,
            desk.url,
            limits=QUICK,
            random=Random(1),  # noqa: S311  # jitter
            sleep=slept.append,
        ) as link,
    ):
        desk.shedding = [(429, 7), (503, 9)]
        link.sync_once()
    assert [int(seconds) for seconds in slept] == [7, 9]
    assert tree[TOWNSHIP].facts() == {"a": 1}


def test_a_parent_that_stays_busy_is_reported_and_not_hammered(tree: Tree) -> None:
    tree.grow(TOWNSHIP, VILLAGE)
    tree[VILLAGE].write("up/county", fact("a", 1))
    full = replace(PROMPT, receiving=10)
    with (
        serving(tree[TOWNSHIP], full) as desk,
        linked(tree[VILLAGE], desk.url, replace(QUICK, attempts=1)) as link,
        pytest.raises(TurnedAway, match="上级繁忙") as busy,
    ):
        link.sync_once()
    assert busy.value.retry_after >= 1
    assert tree[VILLAGE].replica.status().links[0].failures == 1


def test_closing_lets_everybody_who_waits_go(tree: Tree) -> None:
    tree.grow(TOWNSHIP, VILLAGE)
    with serving(tree[TOWNSHIP]) as desk, calling(tree[VILLAGE], desk.url) as caller:
        answers: list[httpx.Response] = []
        thread = threading.Thread(target=lambda: answers.append(caller.pull(wait=30)))
        thread.start()
        until(lambda: desk.is_waiting(VILLAGE))
        desk.close_links()
        thread.join(timeout=20)
    assert [answer.status_code for answer in answers] == [200]
