"""Where a parent keeps the snapshots its children are fetching. Runs in threads; knows no HTTP.

One is made at a time, in a thread of its own, since a county's takes minutes: a child asks again
until its own is ready. One that nobody has asked for in a while is given up.
"""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from threading import Event, Lock

from sync import wire
from sync.certificate import Certificate
from sync.gate import Busy, ServerLimits
from sync.limits import KIB
from sync.replica import Replica
from sync.snapshot import SnapshotSource
from sync.snapshot_giving import Offer, make_offer
from sync.snapshot_wording import (
    GONE,
    MAKING,
    NONE,
    READY,
    Answer,
    read_inquiry,
    read_part_request,
    write_answer,
)
from sync.wire import Cargo

_HEADROOM = 64 * KIB


@dataclass
class _Standing:
    """What stands ready, or is being made, for one child."""

    epoch: str
    made: "Future[Offer]"
    used_at: float
    is_begun: bool = False

    @property
    def offer(self) -> Offer | None:
        done = self.made.done() and not self.made.cancelled() and self.made.exception() is None
        return self.made.result() if done else None

    @property
    def has_failed(self) -> bool:
        return self.made.done() and self.offer is None

    def close(self) -> None:
        if not self.made.cancel() and (offer := self.offer):
            offer.close()


class SnapshotDesk:
    """The snapshots of one parent. Without a source it has none to give."""

    def __init__(
        self,
        replica: Replica,
        source: SnapshotSource | None,
        limits: ServerLimits,
        *,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._replica = replica
        self._source = source
        self._limits = limits
        self._timer = timer
        self._lock = Lock()
        self._standing: dict[str, _Standing] = {}
        self._closed = Event()
        self._maker: ThreadPoolExecutor | None = None

    def ask(self, child: Certificate, body: bytes) -> "tuple[bytes, Future[Offer] | None]":
        """The answer for now, and what to wait for when it is not ready.

        Raises:
            Busy: too many children are fetching one.
        """
        inquiry = read_inquiry(wire.decode(body, self._limits.wire))
        if self._source is None or self._closed.is_set():
            return _answer(Answer(NONE)), None
        with self._lock:
            if inquiry.done:
                self._drop(child.node)
                return _answer(Answer(NONE)), None
            standing = self._for(child, inquiry.snapshot)
            if offer := standing.offer:
                return _answer(Answer(READY, offer.document, offer.signature)), None
            return _answer(Answer(MAKING)), standing.made

    def part(self, child: Certificate, body: bytes) -> bytes:
        """Some bytes of a part."""
        asked = read_part_request(wire.decode(body, self._limits.wire))
        with self._lock:
            standing = self._standing.get(child.node)
            offer = standing.offer if standing and standing.epoch == child.epoch else None
            if standing is None or offer is None or offer.name != asked.snapshot:
                return wire.encode(Cargo({"state": GONE}))
            standing.used_at, standing.is_begun = self._timer(), True
            packed = offer.part(asked.number)
        if packed is None or asked.offset >= len(packed):
            return wire.encode(Cargo({"state": GONE}))
        size = max(KIB, min(asked.budget, self._limits.wire.body - _HEADROOM))
        found = wire.cut(packed, offset=asked.offset, size=size)
        return wire.encode(Cargo({"state": READY}, part=found))

    def close(self) -> None:
        """Give everything up; what is being made is broken off. May be called from any thread."""
        self._closed.set()
        with self._lock:
            for node in list(self._standing):
                self._drop(node)
            if self._maker:
                self._maker.shutdown(wait=False, cancel_futures=True)

    def _for(self, child: Certificate, name: str) -> _Standing:
        """The one being made or fetched; a child that does not know it any more gets a new one."""
        self._drop_idle()
        found = self._standing.get(child.node)
        if found and not found.has_failed and found.epoch == child.epoch:
            offer = found.offer
            if offer is None or offer.name == name or not found.is_begun:
                found.used_at = self._timer()
                return found
        self._drop(child.node)
        if len(self._standing) >= self._limits.snapshots:
            raise Busy(503, "snapshots", "too many snapshots are being fetched")
        standing = _Standing(child.epoch, self._make(child), self._timer())
        self._standing[child.node] = standing
        return standing

    def _make(self, child: Certificate) -> "Future[Offer]":
        if self._maker is None:
            self._maker = ThreadPoolExecutor(1, thread_name_prefix="sync-snapshot")
        assert self._source is not None  # noqa: S101  # narrows for mypy
        site, wanted = self._replica.site, partial(_is_clear, self._closed)
        return self._maker.submit(make_offer, site, self._source, child, is_wanted=wanted)

    def _drop(self, node: str) -> None:
        if standing := self._standing.pop(node, None):
            standing.close()

    def _drop_idle(self) -> None:
        latest = self._timer() - self._limits.snapshot_idle
        for node, standing in list(self._standing.items()):
            if standing.made.done() and standing.used_at < latest:
                self._drop(node)


def _is_clear(event: Event) -> bool:
    return not event.is_set()


def _answer(answer: Answer) -> bytes:
    return wire.encode(write_answer(answer))
