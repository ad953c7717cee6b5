"""The child's end of a link, over httpx: `Link` keeps a node in touch with its parent, `join` makes
it one of the parent's children.
"""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from random import Random, SystemRandom
from typing import Self

from sqlalchemy.exc import SQLAlchemyError

from sync.ahead import Work
from sync.backoff import Backoff, Budget
from sync.errors import SyncRefusal
from sync.exchange import Pull, Push, Step, note_contact, seal_what_is_written
from sync.http_post import HttpPost, MakeClient, plain_client
from sync.joining import Confirm, join_over
from sync.line import Line, LinkDown, LinkError, TurnedAway
from sync.linkstate import LinkState, Summary
from sync.messages import Admission
from sync.moment import stamp
from sync.peers import answering_parent, own_key
from sync.replica import Replica
from sync.wire import WIRE_LIMITS, WireLimits

__all__ = ["Link", "LinkDown", "LinkError", "LinkLimits", "LinkState", "Summary", "join"]

_log = logging.getLogger(__name__)
_CONTACT_EVERY = 60.0


@dataclass(frozen=True, slots=True)
class LinkLimits:
    """How a child behaves towards its parent. Times are seconds, sizes bytes; each is a setting."""

    smallest: int = 2 * 1024
    largest: int = 4 * 1024 * 1024
    first: int = 64 * 1024
    wait: float = 25.0
    patience: float = 60.0
    tick: float = 1.0
    session_every: float = 600.0
    first_retry: float = 1.0
    longest_retry: float = 300.0
    attempts: int = 8
    wire: WireLimits = WIRE_LIMITS

    def budget(self) -> Budget:
        return Budget(smallest=self.smallest, largest=self.largest, size=self.first)


LIMITS = LinkLimits()


def join(
    replica: Replica,
    url: str,
    code: str,
    *,
    region: str,
    confirm: Confirm,
    client: MakeClient = plain_client,
    limits: LinkLimits = LIMITS,
) -> Admission:
    """Become a child of the parent at `url`. See `joining.join_over`."""
    post = HttpPost(client(), url)
    try:
        return join_over(replica, post, code, region=region, confirm=confirm, limits=limits.wire)
    finally:
        post.close()


def line_to_parent(replica: Replica, post: HttpPost, limits: LinkLimits) -> Line:
    """Signed calls to the parent."""
    return Line(
        post=post,
        key=partial(own_key, replica),
        peer=lambda keyid, offered: answering_parent(replica, keyid, offered=offered),
        clock=replica.site.clock,
        limits=limits.wire,
        patience=limits.patience,
    )


class Link:
    """This node's link to its parent. One per node; its methods may be called from any thread."""

    def __init__(
        self,
        replica: Replica,
        url: str,
        *,
        client: MakeClient = plain_client,
        limits: LinkLimits = LIMITS,
        wait_seconds: float | None = None,
        random: Random | None = None,
        timer: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if wait_seconds is not None:
            limits = replace(limits, wait=wait_seconds)
        self._replica = replica
        self._limits = limits
        self._random = random or SystemRandom()
        self._timer = timer
        self._sleep = sleep
        self._post = HttpPost(client(), url)
        self._line = line_to_parent(replica, self._post, limits)
        self._beside = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sync-ahead")
        self._push = Push(replica, self._line, timer, limits.budget(), self._start_beside)
        self._pull = Pull(replica, self._line, timer, limits.wait, limits.budget())
        self._opened_at: float | None = None
        self._pushed_up_to = -1
        self._contact_noted: float | None = None
        self._state = LinkState()

    def state(self) -> LinkState:
        """How the link does, as this process has seen it."""
        self._state.ahead_of_parent = -self._line.offset
        return self._state.copy()

    def sync_once(self) -> Summary:
        """Seal, push until nothing is left, pull until nothing is left, push what that caused.

        A broken call is repeated, up to `attempts` times in a row without progress.

        Raises:
            LinkError: the parent could not be reached any more, or said no.
            Untrusted, Malformed: what answers is not the parent.
        """
        summary = Summary()
        self._opened_at = None
        self._pull.start_afresh()
        for _ in range(2):
            self._repeat(self._push_step, summary.pushed)
            self._repeat(self._pull.step, summary.pulled)
            if not summary.pulled.segments:
                break
        summary.ahead_of_parent = -self._line.offset
        return summary

    def renew(self) -> str:
        """Ask the parent to renew this node's certificate; returns until when it is good.

        Raises:
            LinkError, Untrusted, Malformed: as `sync_once`.
        """
        return self._push.renew().not_after

    def run(self, stop: threading.Event) -> None:
        """Stay in touch until `stop` is set; it may take a second to notice."""
        turns = {"push": self._push_turn, "pull": self._pull_turn}
        threads = [
            threading.Thread(target=self._keep, args=(turn, stop), name=f"sync-{name}", daemon=True)
            for name, turn in turns.items()
        ]
        for thread in threads:
            thread.start()
        stop.wait()
        for thread in threads:
            while thread.is_alive():
                self._post.hang_up()
                thread.join(timeout=1.0)

    def close(self) -> None:
        """Give up the connections; the link must not be used afterwards."""
        self._post.close()
        self._beside.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start_beside(self, work: Work) -> Work:
        return self._beside.submit(work).result

    def _repeat(self, step: Callable[[], Step], count: Callable[[Step], None]) -> None:
        backoff = self._backoff()
        while True:
            try:
                done = step()
            except LinkError as error:
                self._note_failure(error)
                pause = pause_after(backoff, error)
                if backoff.failures >= self._limits.attempts:
                    raise
                self._sleep(pause)
                continue
            backoff.succeeded()
            self._note(done)
            if not done.moved:
                return
            count(done)

    def _keep(self, turn: Callable[[], bool], stop: threading.Event) -> None:
        """Take turns for ever: what goes wrong is noted, waited for and tried again."""
        backoff = self._backoff()
        while not stop.is_set():
            try:
                if turn():
                    backoff.succeeded()
                continue
            except (LinkError, SyncRefusal) as error:
                failure: Exception = error
            except Exception as error:  # noqa: BLE001  # the edge of a link: it must never end
                _log.exception("a turn on the link to the parent failed")
                failure = error
            if stop.is_set():
                return
            self._note_failure(failure)
            stop.wait(pause_after(backoff, failure))

    def _push_turn(self) -> bool:
        """Push once, or wait for something to push; whether the parent was spoken to."""
        heard = self._replica.bell.count
        newest = self._replica.newest()
        if newest == self._pushed_up_to and not self._is_session_due():
            seal_what_is_written(self._replica)
            self._replica.bell.wait(heard, self._limits.tick)
            return False
        step = self._push_step()
        self._note(step)
        if not step.moved:
            self._pushed_up_to = newest
        return True

    def _push_step(self) -> Step:
        if self._is_session_due():
            self._push.open_session()
            self._pull.start_afresh()
            self._opened_at = self._timer()
        step = self._push.step()
        # What is sealed goes first: while the parent takes it, another thread seals the rest.
        if step.moved or not seal_what_is_written(self._replica):
            return step
        return self._push.step()

    def _pull_turn(self) -> bool:
        """Wait for what comes down, and take it."""
        started = self._timer()
        step = self._pull.step(is_waiting=True)
        self._note(step)
        if not step.moved and self._timer() - started < self._limits.tick:
            # A parent that is about to stop lets everybody go at once.
            self._sleep(self._random.uniform(0, 2 * self._limits.tick))
        return True

    def _is_session_due(self) -> bool:
        since = self._opened_at
        if since is None or self._push.is_stale:
            return True
        return self._timer() - since >= self._limits.session_every

    def _backoff(self) -> Backoff:
        return Backoff(
            self._random, first=self._limits.first_retry, longest=self._limits.longest_retry
        )

    def _note(self, step: Step) -> None:
        self._state.heard(step, at=stamp(self._replica.site.clock()))
        now = self._timer()
        if step.moved:
            self._contact_noted = now  # receipts and takings note themselves
        elif self._contact_noted is None or now - self._contact_noted >= _CONTACT_EVERY:
            self._contact_noted = now
            note_contact(self._replica)
        for refused in step.refused:
            _log.warning("refused %s %s: %s", refused.origin, refused.route, refused.reason)

    def _note_failure(self, error: Exception) -> None:
        """Show it: in this process, and in the database unless that is what failed."""
        self._state.failed(str(error), at=stamp(self._replica.site.clock()))
        try:
            me = self._replica.identity()
            if me and me.parent:
                self._replica.note_failure(me.parent, str(error))
        except SQLAlchemyError:
            _log.exception("a failure of the link to the parent could not be written down")


def pause_after(backoff: Backoff, error: Exception) -> float:
    asked = error.retry_after if isinstance(error, TurnedAway) else None
    return backoff.failed(retry_after=asked)
