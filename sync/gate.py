"""Who may come in now: a busy parent sheds load early, cheaply, and says when to come back.

Three things are bounded, so that pages stay responsive however many children call at once: bytes of
bodies being received (memory), engine calls at work (processor and the one writer), and requests
of each child (fairness: its second one of a kind waits at home).

Everything here but `close` runs on the event loop; the engine runs in threads of its own.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import ParamSpec, TypeVar

from anyio import CapacityLimiter, to_thread

from sync.limits import KIB, MIB
from sync.wire import WIRE_LIMITS, WireLimits

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """What one process grants its children. Sizes are bytes, times seconds; each is a setting.

    `concurrent` engine calls run at once and `queued` wait for them; beyond that 503. Waiting pulls
    hold no thread; they count only among `requests`, which bounds all there are at a time.
    `snapshots` stand ready at once, each until it was not asked for during `snapshot_idle`.
    """

    skew: int = 300
    wait: float = 25.0
    recheck: float = 1.0
    concurrent: int = 4
    queued: int = 96
    receiving: int = 64 * MIB
    requests: int = 2_000
    idle: float = 30.0
    longest: float = 300.0
    session_body: int = MIB + 64 * KIB
    join_body: int = 16 * KIB
    joins_per_minute: int = 30
    retry_after: float = 2.0
    snapshots: int = 8
    snapshot_idle: float = 600.0
    wire: WireLimits = WIRE_LIMITS


LIMITS = ServerLimits()


class Busy(Exception):  # noqa: N818  # not wrong, only too much
    """Come back later. `status` is 429 when this child does too much, 503 when all do."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code


class Place:
    """The place of one request. A waiting one is left when its event is set."""

    def __init__(self) -> None:
        self.leave = asyncio.Event()
        self.is_waiting = False

    @contextmanager
    def waiting(self) -> Iterator[None]:
        self.is_waiting = True
        try:
            yield
        finally:
            self.is_waiting = False


class Gate:
    """Counts what is going on in this process."""

    def __init__(self, limits: ServerLimits, random: Random) -> None:
        self._limits = limits
        self._random = random
        self._places: dict[tuple[str, str], Place] = {}
        self._inside = 0
        self._receiving = 0
        self._joins: list[float] = []
        self._engine = CapacityLimiter(limits.concurrent)
        self._look_up = CapacityLimiter(limits.concurrent)
        self._aside = CapacityLimiter(1)
        self._is_closed = False
        self._loop: asyncio.AbstractEventLoop | None = None

    def retry_after(self) -> int:
        """Whole seconds, spread, so that those sent away together do not come back together."""
        return 1 + round(self._random.uniform(0, 2 * self._limits.retry_after))

    @contextmanager
    def entering(self) -> Iterator[None]:
        """Room for one more request, from whomever.

        Raises:
            Busy: there are too many already.
        """
        if self._inside >= self._limits.requests:
            raise Busy(503, "busy", "too many requests are being answered")
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1

    @contextmanager
    def one_at_a_time(self, node: str, kind: str) -> Iterator[Place]:
        """One request of each kind per child; one that merely waits gives way to a newer one.

        A line that died silently leaves its long poll behind: the child must not be kept out by it.

        Raises:
            Busy: the earlier one is still at work.
        """
        earlier = self._places.get((node, kind))
        if earlier and not earlier.is_waiting:
            raise Busy(429, "one-at-a-time", f"a {kind} of this node is still being answered")
        if earlier:
            earlier.leave.set()
        self._loop = asyncio.get_running_loop()
        place = self._places[node, kind] = Place()
        if self._is_closed:
            place.leave.set()
        try:
            yield place
        finally:
            if self._places.get((node, kind)) is place:
                del self._places[node, kind]

    def close(self) -> None:
        """End every waiting pull, now and from now on. May be called from any thread."""
        self._is_closed = True
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._let_go)

    def _let_go(self) -> None:
        for place in self._places.values():
            place.leave.set()

    @contextmanager
    def receiving(self, size: int) -> Iterator[None]:
        """Room for a body of this size.

        Raises:
            Busy: the bodies being received take all there is.
        """
        if self._receiving + size > self._limits.receiving:
            raise Busy(503, "busy", "too many bytes are being received")
        self._receiving += size
        try:
            yield
        finally:
            self._receiving -= size

    def join_attempt(self, now: float) -> None:
        """Count an attempt to join: codes are long, and guessing is slow besides.

        Raises:
            Busy: there were too many within a minute.
        """
        self._joins = [at for at in self._joins if at > now - 60]
        if len(self._joins) >= self._limits.joins_per_minute:
            raise Busy(429, "joins", "too many attempts to join within a minute")
        self._joins.append(now)

    async def engine(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a call of the engine in a thread.

        Raises:
            Busy: too many wait for their turn already.
        """
        self.refuse_when_full()
        return await to_thread.run_sync(partial(call, *args, **kwargs), limiter=self._engine)

    async def look_up(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a short read in a thread, past whatever the engine is busy with."""
        return await to_thread.run_sync(partial(call, *args, **kwargs), limiter=self._look_up)

    async def aside(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run what nobody waits for, one at a time."""
        return await to_thread.run_sync(partial(call, *args, **kwargs), limiter=self._aside)

    def refuse_when_full(self) -> None:
        """Turn away early what would have to wait for the engine behind too many others.

        Raises:
            Busy: too many wait for their turn already.
        """
        waiting = self._engine.statistics().tasks_waiting
        if self._engine.available_tokens <= 0 and waiting >= self._limits.queued:
            raise Busy(503, "busy", "too many requests are being answered")
