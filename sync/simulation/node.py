"""One node: a machine, the program that runs on it now, and its link to the parent.

What the program keeps in memory (sessions, budgets, half a segment, nonces) goes with the power;
`boot` starts a fresh one over whatever the machine's disk holds.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from random import Random
from typing import Any

from sqlalchemy import Connection, select

from sync.backoff import Budget
from sync.errors import SyncRefusal
from sync.exchange import Pull, Push, seal_what_is_written
from sync.handlers import Notice
from sync.keyring import Identity, identity_of
from sync.line import Line, LinkError, Post
from sync.moment import Entropy
from sync.peers import answering_parent, own_key
from sync.replica import Replica
from sync.segment import Sealed
from sync.simulation import application
from sync.simulation.application import NEWEST
from sync.simulation.desk import Desk
from sync.simulation.machine import Machine, PowerFailureError
from sync.simulation.network import BareLine
from sync.simulation.oracle import Branch
from sync.simulation.plan import Plan
from sync.simulation.tree import ABOVE
from sync.store import segment

_STEPS = 6
_SMALLEST = 2048

Tell = Callable[[Connection, "Node", Notice], None]
Alter = Callable[[list[Sealed]], list[Sealed]]


class RelayReplica(Replica):
    """The real replica; what it hands on may pass through crooked hands first."""

    alter: Alter | None = None

    def outgoing(self, *args: Any, **how: Any) -> list[Sealed]:
        """What the parent lacks, as these hands pass it on."""
        return self._handed(super().outgoing(*args, **how))

    def pull_for(self, *args: Any, **how: Any) -> list[Sealed]:
        """What a child lacks, as these hands pass it on."""
        return self._handed(super().pull_for(*args, **how))

    def _handed(self, chosen: list[Sealed]) -> list[Sealed]:
        return self.alter(chosen) if self.alter else chosen


class Node:
    """A place with a machine."""

    def __init__(
        self,
        place: str,
        machine: Machine,
        *,
        plan: Plan,
        clock: Callable[[], datetime],
        timer: Callable[[], float],
        random: Random,
        post: Post,
        tell: Tell,
        branch: Branch,
    ) -> None:
        self.place = place
        self.branch = branch
        self.machine = machine
        self.release = NEWEST
        self.incarnation = 1
        self.is_running = False
        self.is_gone = False
        self.gave_snapshot_at = -1.0
        """On which day it last gave a snapshot."""
        self.given: Any = None
        """The disk of its parent (`Disk`) when it gave the snapshot this node began with."""
        self.alter: Alter | None = None
        self.crashes: dict[str, int] = {}
        self._plan = plan
        self._clock = clock
        self._timer = timer
        self._random = random
        self._entropy: Entropy = random.randbytes
        self._post = post
        self._tell = tell
        self.doing = ""
        self._is_member = False

    def boot(self) -> None:
        """Start the program over what the disk holds, as a service does."""
        self.machine.switch_on()
        self.replica = RelayReplica(
            self.machine.engine,
            authority=application.may_write,
            handlers=application.handlers(self.place, self.release),
            limits=self._plan.limits,
            clock=self._clock,
            entropy=self._entropy,
            on_notice=lambda connection, notice: self._tell(connection, self, notice),
        )
        self.replica.alter = self.alter
        self.is_running = True
        me = self.replica.identity()
        self._is_member = me is not None
        if me is None:
            return
        self.desk = Desk(self.replica, is_signed=self._plan.is_signed)
        make = Line if self._plan.is_signed else BareLine
        line = make(
            post=self._post,
            key=partial(own_key, self.replica),
            peer=lambda keyid, offered: answering_parent(self.replica, keyid, offered=offered),
            clock=self._clock,
        )
        self.push = Push(self.replica, line, self._timer, self._budget())
        self.pull = Pull(self.replica, line, self._timer, 0.0, self._budget())
        self._has_session = False
        self.replica.retry_parked()

    def content(self) -> bytes:
        """What tells two runs of a seed apart: every header that is stored here, in its order."""
        found = select(segment.c.header_hash).order_by(segment.c.position)
        with self.machine.looked_into() as connection:
            return b"".join(connection.scalars(found))

    def identity(self) -> Identity | None:
        """Who the node is, seen from outside."""
        with self.machine.looked_into() as connection:
            return identity_of(connection)

    def run(self, doing: str, what: Callable[[], object]) -> bool:
        """Do something on this machine; False when the power went meanwhile."""
        self.doing = doing
        try:
            what()
        except PowerFailureError:
            self.fail()
            return False
        return True

    def fail(self) -> None:
        """The power is gone, and with it all that was only in memory."""
        self.is_running = False
        self.crashes[self.doing] = self.crashes.get(self.doing, 0) + 1

    @property
    def can_talk(self) -> bool:
        """Is it on, and part of the network?"""
        return self.is_running and self._is_member and not self.is_gone

    def turn(self) -> None:
        """What a link does in one go: seal, push a few times, pull a few times."""
        try:
            self._exchange(_STEPS)
        except (LinkError, SyncRefusal) as error:
            me = self.replica.identity()
            if me and me.parent:
                self.replica.note_failure(me.parent, str(error))

    def push_all(self, *, with_session: bool) -> None:
        """Everything upwards, over a link that does not fail.

        Raises:
            LinkError, SyncRefusal: it did.
        """
        while self.seal():
            pass
        if self.has_parent:
            if with_session or not self._has_session or self.push.is_stale:
                self._open_session()
            while self.push.step().moved:
                pass

    def pull_all(self) -> None:
        """Everything downwards, over a link that does not fail.

        Raises:
            LinkError, SyncRefusal: it did.
        """
        if self.has_parent:
            while self.pull.step().moved:
                pass

    def seal(self) -> bool:
        """Seal the next of what is written; was there any?"""
        self.doing = "seal"
        return seal_what_is_written(self.replica)

    @property
    def has_parent(self) -> bool:
        return self.place in ABOVE

    def _exchange(self, steps: int) -> None:
        self.seal()
        if not self.has_parent:
            return
        if not self._has_session or self.push.is_stale or self._random.random() < 0.3:  # noqa: PLR2004
            self._open_session()
        for doing, step in (("push", self.push.step), ("pull", self.pull.step)):
            self.doing = doing
            for _ in range(steps):
                if not step().moved:
                    break

    def _open_session(self) -> None:
        self.doing = "session"
        self.push.open_session()
        self.pull.start_afresh()
        self._has_session = True

    def _budget(self) -> Budget:
        return Budget(smallest=_SMALLEST, size=self._plan.budget)
