"""A world: nodes, a clock, a network, and a queue of what happens next."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from heapq import heappop, heappush
from random import Random
from typing import NamedTuple, Self

from sqlalchemy import select

from sync import wire
from sync.errors import SyncRefusal
from sync.exchange import parent_of
from sync.incidents import CLONED
from sync.line import Reply
from sync.simulation import application
from sync.simulation.clerk import Clerk
from sync.simulation.disk import uids_in, uids_on
from sync.simulation.machine import Image, Machine, borrowed_machines
from sync.simulation.network import Network, VirtualPost
from sync.simulation.node import Node
from sync.simulation.oracle import Branch, Oracle
from sync.simulation.plan import Plan
from sync.simulation.tree import ABOVE, LEVELS, PROVINCE, name_of
from sync.store import metadata, revocation, stream

_DAY = 86_400.0
_BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
_CHRONICLE = 4000


class _Event(NamedTuple):
    at: float
    number: int
    what: str
    then: Callable[[], None]


class World:
    """Everything there is while a plan is played. Use as a context manager: machines go back."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.now = 0.0
        self.oracle = Oracle()
        self.nodes: dict[str, Node] = {}
        self.lost: list[Node] = []
        """Machines that burned down."""
        self.hosts = {place: ABOVE[place] for place in plan.hosted}
        self.skews: dict[str, float] = {}
        self.cut_off: dict[str, float] = {}
        """Place → until when (in seconds) its link is cut."""
        self.outages: dict[str, float] = {}
        """Place → hours its next loss of power lasts."""
        self.releases = dict(plan.releases)
        self.chronicle: list[str] = []
        self.after_each: list[Callable[[], None]] = []
        """What is looked at after everything that happens."""
        self.settled_at: dict[str, float] = {}
        """Place → on which day it was given a machine of its own."""
        self.put_back: dict[str, list[tuple[float, float]]] = {}
        """Place → from which day to which its disk was put back, each time it was."""
        self.findings: list[str] = []
        """What was seen to be wrong already while the plan was played."""
        self.revoked: dict[tuple[str, str], tuple[str, list[Branch], dict[str, int]]] = {}
        """(place, epoch) → who revoked it, what it wrote, and how far its streams stood there."""
        self.lasting_incidents: set[tuple[str, str, str]] = set()
        """(place, kind, origin) of what the plan caused and only people can close."""
        self.clerk = Clerk(self.oracle, self.random("clerk"), bad=plan.bad)
        self.network = Network(self, self.random("network"), plan.weather)
        self._queue: list[_Event] = []
        self._numbers = 0
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._machines = self._stack.enter_context(borrowed_machines())
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def random(self, purpose: str) -> Random:
        """Chance for one purpose: what one part draws does not disturb the others."""
        return Random(f"{self.plan.seed}/{purpose}")  # noqa: S311  # a simulation, not a secret

    # Time

    def day(self) -> float:
        return self.now / _DAY

    def clock(self, place: str) -> datetime:
        """What the clock on a wall there shows, right or wrong."""
        return _BEGIN + timedelta(seconds=self.now + self.skews.get(place, 0.0))

    def at_day(self, day: float, then: Callable[[], None], what: str) -> None:
        """Have something happen on a day, or now if that day is past."""
        self.later(max(0.0, day * _DAY - self.now), then, what)

    def later(self, seconds: float, then: Callable[[], None], what: str) -> None:
        self._numbers += 1
        heappush(self._queue, _Event(self.now + seconds, self._numbers, what, then))

    def pass_time(self, seconds: float) -> None:
        self.now += seconds

    def play(self, *, until_day: float) -> None:
        """Let everything happen that is due until then."""
        self._play(until_day * _DAY)

    def play_out(self) -> None:
        """Let everything happen that is still to come: late messages, boots, joins."""
        while self._queue:
            self._play(self._queue[0].at)

    def _play(self, until: float) -> None:
        while self._queue and self._queue[0].at <= until:
            event = heappop(self._queue)
            self.now = max(self.now, event.at)
            if event.what:
                self.note(event.what)
            event.then()
            for look in list(self.after_each):
                look()
        self.now = max(self.now, until)

    def note(self, what: str) -> None:
        """Write down what happened, for those who look for the cause of a failure."""
        if len(self.chronicle) < _CHRONICLE:
            self.chronicle.append(f"day {self.day():7.3f}  {what}")

    # Nodes

    def build(self, *, without: set[str]) -> None:
        """Found the network and let every place with a machine join, but those `without`."""
        for place in self.plan.places:
            if place in self.hosts:
                host = self.nodes[self.hosts[place]].replica
                host.host(region=place, level=LEVELS[place])
            elif place not in without:
                self.set_up(place)
                self.join(place)

    def set_up(self, place: str, *, incarnation: int = 1) -> Node:
        """Put a new machine with an empty database at a place, and switch it on."""
        machine = self._machines()
        machine.restore(_template())
        node = Node(
            place,
            machine,
            plan=self.plan,
            clock=partial(self.clock, place),
            timer=lambda: self.now,
            random=self.random(f"{place}/{incarnation}"),
            post=VirtualPost(self.network, place),
            tell=self.clerk.tell,
            branch=self.oracle.new_branch(),
        )
        node.release = self.releases[place]
        node.incarnation = incarnation
        self.nodes[place] = node
        node.boot()
        return node

    def join(self, place: str) -> None:
        """Make a machine part of the network, while nothing can go wrong yet."""
        node, level = self.nodes[place], LEVELS[place]
        if place == PROVINCE:
            node.replica.found(node=place, level=level)
        else:
            parent = self.nodes[ABOVE[place]].replica
            code = parent.issue_join_code(region=place, level=level)
            admission = parent.admit(code, node.replica.apply_to_join(region=place))
            node.replica.adopt(
                admission.certificate, admission.chain, fingerprint=admission.root_fingerprint
            )
        node.boot()

    # What the network asks

    def is_cut_off(self, child: str) -> bool:
        return self.cut_off.get(child, 0.0) > self.now

    def comes_late(self, child: str, path: str, *, sent: float) -> None:
        """A session that a disk asked for before it was put back looks like a second machine's,
        and only people can tell. What is signed says when it was, and is refused as too old.
        """
        was_put_back = any(sent <= day for _, day in self.put_back.get(child, ()))
        if path.endswith("/session") and was_put_back and not self.plan.is_signed:
            self.lasting_incidents.add((ABOVE[child], CLONED, child))

    def reach_parent(
        self, child: str, method: str, path: str, *, headers: Mapping[str, str], body: bytes
    ) -> Reply | None:
        """Have the parent of a place serve a request; its power may go meanwhile."""
        parent = self.nodes[ABOVE[child]]
        if not parent.can_talk:
            return None
        replies: list[Reply] = []

        def serve() -> None:
            replies.append(parent.desk.answer(method, path, headers=headers, body=body))

        if not parent.run(f"serve {path.rpartition('/')[2]}", serve):
            self.power_lost(parent)
        return replies[0] if replies else None

    def hand_down(self, child: str, body: bytes) -> None:
        """An old answer of the parent reaches a child once more, as a bundle might."""
        node = self.nodes.get(child)
        if node is None or not node.can_talk or self.plan.is_signed:
            return

        def take() -> None:
            try:
                cargo = wire.decode(body)
                node.replica.take(
                    cargo.segments, cargo.certificates, from_node=parent_of(node.replica)
                )
            except SyncRefusal as refusal:
                self.note(f"{name_of(child)} refuses an old answer: {refusal.code}")

        if not node.run("take again", take):
            self.power_lost(node)

    def power_lost(self, node: Node) -> None:
        """Come back after a while."""
        hours = self.outages.pop(node.place, 0.5)
        self.note(f"{name_of(node.place)} loses power while it does: {node.doing}")
        self.later(hours * 3600, partial(self.boot, node), f"{name_of(node.place)} boots")

    def boot(self, node: Node) -> None:
        """Switch a machine on, unless it is on or gone."""
        if not node.is_running and not node.is_gone and not node.run("boot", node.boot):
            self.power_lost(node)

    def restart(self, node: Node) -> None:
        """Start the program of a running machine anew."""
        if not node.run("boot", node.boot):
            self.power_lost(node)

    # Who is who

    def upgrade(self, place: str) -> None:
        """Install the release this place has now; a machine that is off starts it later."""
        node = self.nodes.get(place)
        if node is None or node.is_gone:
            return
        node.release = self.releases[place]
        if node.is_running:
            self.restart(node)

    def moved_out(self, place: str) -> None:
        """A hosted village was given a machine: nobody else writes for it any more."""
        self.hosts.pop(place, None)
        self.settled_at.setdefault(place, self.day())

    def writer_of(self, place: str) -> Node | None:
        """The running node that writes for a place, its own or its host's."""
        node = self.nodes.get(self.hosts.get(place, place))
        return node if node and node.can_talk else None

    def disk_lost(self, node: Node, image: Image | None = None) -> None:
        """What was on this disk only, and is not in the image it is put back to, may be gone."""
        survivors = uids_in(image) if image else set()
        for other in self.nodes.values():
            if other is not node and not other.is_gone:
                with other.machine.looked_into() as connection:
                    survivors |= uids_on(connection)
        self.oracle.lose_all_but(survivors)

    def forget_unsaid(self, node: Node) -> None:
        """What this node withdrew, and nobody had heard of when its disk was put back, stands."""
        known: set[tuple[str, str]] = set()
        for other in (each for each in self.nodes.values() if not each.is_gone):
            with other.machine.looked_into() as connection:
                rows = connection.execute(select(revocation.c.node, revocation.c.epoch))
                known |= {(row.node, row.epoch) for row in rows}
        for key in [key for key, (by, *_) in self.revoked.items() if by == node.place]:
            if key not in known:
                del self.revoked[key]

    def heads_at(self, node: Node, origin: str, epoch: str) -> dict[str, int]:
        """How far a node holds the streams of one set-up, by route."""
        columns = stream.c
        with node.machine.looked_into() as connection:
            rows = connection.execute(
                select(columns.route, columns.head).where(
                    columns.origin == origin, columns.epoch == epoch
                )
            )
            return {row.route: row.head for row in rows}


_images: list[Image] = []


def _template() -> Image:
    """An empty database with all tables, made once per process."""
    if not _images:
        machine = Machine()
        metadata.create_all(machine.engine)
        application.metadata.create_all(machine.engine)
        _images.append(machine.image())
    return _images[0]
