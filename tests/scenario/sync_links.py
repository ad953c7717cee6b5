"""Parents that listen and children that call, over real sockets on loopback."""

import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from sync import wire, wording
from sync.client import Link, LinkLimits
from sync.gate import ServerLimits
from sync.http_signatures import sign_request
from sync.peers import own_key
from sync.server import SyncRouter, router
from sync.snapshot import SnapshotSource
from sync.wire import Cargo
from sync.wording import PullRequest
from tests.fixtures.ports import LOOPBACK
from tests.scenario.sync_tree import Place

PULL, SEGMENTS, SESSION, JOIN = (
    f"/sync/v1/{name}" for name in ("pull", "segments", "session", "join")
)

QUICK = LinkLimits(tick=0.05, first_retry=0.01, longest_retry=0.2, wait=5)
PROMPT = ServerLimits(recheck=0.05, retry_after=0, wait=5)


class Desk:
    """A parent's server in a thread of this process."""

    def __init__(
        self, place: Place, limits: ServerLimits, snapshots: SnapshotSource | None = None
    ) -> None:
        self.shedding: list[tuple[int, int]] = []
        self.routes: SyncRouter = router(
            place.replica,
            limits=limits,
            random=Random(1),  # noqa: S311  # jitter
            snapshots=snapshots,
        )
        app = FastAPI()
        app.include_router(self.routes)
        app.add_api_route("/page", lambda: "a page")
        app.add_middleware(_Shedding, desk=self)
        self._socket = socket.create_server((LOOPBACK, 0))
        self.port = int(self._socket.getsockname()[1])
        self.url = f"http://{LOOPBACK}:{self.port}"
        config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],))

    def start(self) -> None:
        self._thread.start()
        until(lambda: self._server.started)

    def is_waiting(self, node: str) -> bool:
        """Does a pull of this child wait for news?"""
        place = self.routes._gate._places.get((node, "pull"))
        return place is not None and place.is_waiting

    def is_answering(self, node: str, kind: str) -> bool:
        """Is a request of this kind and child being received or answered?"""
        return (node, kind) in self.routes._gate._places

    def close_links(self) -> None:
        """As a node does when it is asked to stop."""
        self.routes.close()

    def stop(self) -> None:
        self._server.should_exit = True
        while self._thread.is_alive():
            self.routes.close()
            self._thread.join(timeout=0.1)
        self._socket.close()


@contextmanager
def served(app: FastAPI, routes: SyncRouter) -> Iterator[str]:
    """Any application that holds these routes, in a thread of this process; its address."""
    listening = socket.create_server((LOOPBACK, 0))
    server = uvicorn.Server(
        uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off")
    )
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    until(lambda: server.started)
    try:
        yield f"http://{LOOPBACK}:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        while thread.is_alive():
            routes.close()
            thread.join(timeout=0.1)
        listening.close()


class _Shedding:
    """A proxy before the parent that sheds pushes: (status, Retry-After) for each of the next."""

    def __init__(self, app: ASGIApp, desk: Desk) -> None:
        self.app = app
        self.desk = desk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer: ASGIApp = self.app
        if scope.get("path") == SEGMENTS and self.desk.shedding:
            status, after = self.desk.shedding.pop(0)
            answer = Response(status_code=status, headers={"retry-after": str(after)})
        await answer(scope, receive, send)


@contextmanager
def serving(
    place: Place, limits: ServerLimits = PROMPT, snapshots: SnapshotSource | None = None
) -> Iterator[Desk]:
    """The place as a parent that can be called."""
    desk = Desk(place, limits, snapshots)
    desk.start()
    try:
        yield desk
    finally:
        desk.stop()


@contextmanager
def linked(place: Place, url: str, limits: LinkLimits = QUICK) -> Iterator[Link]:
    """The place's link to the parent at an address, not running yet."""
    link = Link(place.replica, url, limits=limits, random=Random(1))  # noqa: S311  # jitter
    try:
        yield link
    finally:
        link.close()


@contextmanager
def running(place: Place, url: str, limits: LinkLimits = QUICK) -> Iterator[Link]:
    """The place's link, kept up in the background."""
    with linked(place, url, limits) as link:
        stop = threading.Event()
        thread = threading.Thread(target=link.run, args=(stop,))
        thread.start()
        try:
            yield link
        finally:
            stop.set()
            thread.join()


class Caller:
    """A child that makes single calls, and can be told to make them wrongly."""

    def __init__(self, place: Place, url: str) -> None:
        self.place = place
        self.url = url
        self.http = httpx.Client(base_url=url, trust_env=False, timeout=60)

    def sign(
        self, method: str, path: str, body: bytes, *, nonce: str | None = None, age: int = 0
    ) -> dict[str, str]:
        return sign_request(
            method,
            path,
            "",
            body,
            key=own_key(self.place.replica),
            created=int(self.place.clock().timestamp()) - age,
            nonce=nonce or secrets.token_urlsafe(16),
        )

    def send(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> httpx.Response:
        return self.http.request(method, path, content=body, headers=headers)

    def pull(self, *, wait: int = 0, **signing: Any) -> httpx.Response:
        """One correct pull, but for what `signing` says otherwise."""
        body = wire.encode(wording.write_pull(PullRequest([], 10_000, wait)))
        return self.send("POST", PULL, body, self.sign("POST", PULL, body, **signing))

    def push(self, cargo: Cargo) -> httpx.Response:
        body = wire.encode(cargo)
        return self.send("PUT", SEGMENTS, body, self.sign("PUT", SEGMENTS, body))


@contextmanager
def calling(place: Place, url: str) -> Iterator[Caller]:
    caller = Caller(place, url)
    with caller.http:
        yield caller


def until(holds: Callable[[], bool], *, seconds: float = 60.0) -> None:
    """Wait for something that happens elsewhere; the time is only where waiting gives up."""
    give_up = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < give_up, "what was waited for did not happen"
        time.sleep(0.01)
