"""Parents that listen and children that call, over real sockets on loopback."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random

import uvicorn
from fastapi import FastAPI

from sync.client import Link, LinkLimits
from sync.gate import ServerLimits
from sync.server import SyncRouter, router
from tests.fixtures.ports import LOOPBACK
from tests.scenario.sync_tree import Place

QUICK = LinkLimits(tick=0.05, first_retry=0.01, longest_retry=0.2, wait=5)
PROMPT = ServerLimits(recheck=0.05, retry_after=0, wait=5)


class Desk:
    """A parent's server in a thread of this process."""

    def __init__(self, place: Place, limits: ServerLimits) -> None:
        self.routes: SyncRouter = router(place.replica, limits=limits, random=Random(1))  # noqa: S311  # jitter
        app = FastAPI()
        app.include_router(self.routes)
        app.add_api_route("/page", lambda: "a page")
        self._socket = socket.create_server((LOOPBACK, 0))
        self.port = int(self._socket.getsockname()[1])
        self.url = f"http://{LOOPBACK}:{self.port}"
        config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],))

    def start(self) -> None:
        self._thread.start()
        until(lambda: self._server.started)

    def stop(self) -> None:
        self._server.should_exit = True
        while self._thread.is_alive():
            self.routes.close()
            self._thread.join(timeout=0.1)
        self._socket.close()


@contextmanager
def serving(place: Place, limits: ServerLimits = PROMPT) -> Iterator[Desk]:
    """The place as a parent that can be called."""
    desk = Desk(place, limits)
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


def until(holds: Callable[[], bool], *, seconds: float = 60.0) -> None:
    """Wait for something that happens elsewhere; the time is only where waiting gives up."""
    give_up = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < give_up, "what was waited for did not happen"
        time.sleep(0.01)
