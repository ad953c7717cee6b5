"""Bundles: what a link would carry, carried on a stick, whenever the plan says so.

A stick may come days later than what the link brought meanwhile, may come twice, and may be damaged
on the way: then it must be refused and change nothing.
"""

from collections.abc import Callable
from functools import partial
from io import BytesIO
from typing import NamedTuple

from sync.bundle import export, plan_export
from sync.bundle_taking import take_in
from sync.errors import SyncRefusal
from sync.incidents import FORK
from sync.simulation.faults import Stick
from sync.simulation.node import Node
from sync.simulation.tree import ABOVE, name_of
from sync.simulation.world import World

_DAY = 86_400.0
_CONTENT = """
    SELECT (SELECT count(*) FROM sync_segment), (SELECT count(*) FROM sync_held),
        (SELECT count(*) FROM sync_certificate), (SELECT count(*) FROM sync_receipt)
"""


class _Stick(NamedTuple):
    """What was written, by whom, for whom and on which day."""

    giver: str
    taker: str
    day: float
    content: bytes


class Sticks:
    """Writes bundles at one end of a link and takes them in at the other."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._random = world.random("sticks")

    def send(self, fault: Stick) -> None:
        """Write a bundle, and have it arrive."""
        places = (fault.place, ABOVE[fault.place])
        giver, taker = places if fault.is_up else places[::-1]
        node = self._running(giver)
        if node is None:
            return
        stick = BytesIO()
        if not self._run(node, "export", partial(self._write, node, taker, fault, stick)):
            return
        written = _Stick(giver, taker, self._world.day(), stick.getvalue())
        for days in (fault.days, *([fault.days + 1.0] if fault.is_twice else [])):
            arrive = partial(self._arrive, written, fault)
            self._world.later(days * _DAY, arrive, f"a stick reaches {name_of(taker)}")

    def _write(self, node: Node, taker: str, fault: Stick, stick: BytesIO) -> None:
        try:
            export(node.replica, plan_export(node.replica, to=taker), stick, lock=fault.is_locked)
        except SyncRefusal as refusal:
            self._world.note(f"{name_of(node.place)} writes no bundle: {refusal.code}")
            stick.truncate(0)

    def _arrive(self, stick: _Stick, fault: Stick) -> None:
        node = self._running(stick.taker)
        if node is None or not stick.content:
            return
        self._expect_forks(stick)
        if fault.is_damaged:
            self._run(node, "import", partial(self._take_damaged, node, stick.content))
        self._run(node, "import", partial(self._take, node, stick.content))

    def _expect_forks(self, stick: _Stick) -> None:
        """What its giver wrote before its disk was put back may meet what it wrote afterwards."""
        world = self._world
        undone = world.put_back.get(stick.giver, ())
        if any(saved < stick.day <= restored for saved, restored in undone):
            hosted = [place for place, host in world.hosts.items() if host == stick.giver]
            authors = (stick.giver, *hosted)
            world.lasting_incidents |= {(stick.taker, FORK, each) for each in authors}

    def _take(self, node: Node, written: bytes) -> bool:
        try:
            take_in(node.replica, BytesIO(written))
        except SyncRefusal as refusal:
            self._world.note(f"{name_of(node.place)} refuses a bundle: {refusal.code}")
            return False
        return True

    def _take_damaged(self, node: Node, written: bytes) -> None:
        at = self._random.randrange(len(written))
        flipped = written[:at] + bytes([written[at] ^ 1]) + written[at + 1 :]
        damaged = self._random.choice([written[:at], flipped])
        before = node.machine.row(_CONTENT)
        if self._take(node, damaged) or node.machine.row(_CONTENT) != before:
            self._world.findings.append(f"a damaged bundle changed {name_of(node.place)}")

    def _running(self, place: str) -> Node | None:
        node = self._world.nodes.get(place)
        return node if node and node.can_talk else None

    def _run(self, node: Node, doing: str, what: Callable[[], object]) -> bool:
        if not node.is_running:
            return False
        if node.run(doing, what):
            return True
        self._world.power_lost(node)
        return False
