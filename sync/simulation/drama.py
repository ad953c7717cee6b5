"""Playing a plan: every fault of it becomes something that happens in the world."""

from collections.abc import Callable
from functools import partial
from typing import Any

from sqlalchemy import select

from sync.errors import JoinRefused, Untrusted
from sync.incidents import ALTERED, FORK, LOST, REVOKED, UNAUTHORISED
from sync.messages import Applicant
from sync.moment import stamp
from sync.segment import StreamId
from sync.simulation import faults
from sync.simulation.crimes import CrookedHands, stolen_segment
from sync.simulation.custody import Custody
from sync.simulation.faults import Fault
from sync.simulation.machine import Image
from sync.simulation.node import Node
from sync.simulation.oracle import Branch
from sync.simulation.snapshots import set_snapshot_down, take_snapshot
from sync.simulation.sticks import Sticks
from sync.simulation.tree import ABOVE, LEVELS, ancestors, name_of
from sync.simulation.world import World
from sync.store import stream

_HOUR = 3600.0
_PATIENT_DAYS = 60


class Drama:
    """Brings a plan's faults upon a world."""

    def __init__(self, world: World, custody: Custody) -> None:
        self._world = world
        self._custody = custody
        self._random = world.random("drama")
        self._snapshots = world.random("snapshots")
        self._images: dict[Fault, tuple[Node, Image, Branch]] = {}
        self.skipped: list[Fault] = []
        """Faults for which the moment was wrong: nothing to steal, or written in between."""

    def schedule(self) -> None:
        """Put every fault into the world's queue."""
        plays: dict[type[Fault], Callable[[Any], None]] = {
            faults.Partition: self._partition,
            faults.Crash: self._crash,
            faults.WrongClock: self._wrong_clock,
            faults.Upgrade: self._upgrade,
            faults.Trespass: self._trespass,
            faults.CrookedRelay: self._crooked_relay,
            faults.StolenKey: self._stolen_key,
            faults.Revocation: self._revocation,
            faults.Replacement: self._replacement,
            faults.Settlement: self._settlement,
            faults.LateJoin: self._late_join,
            faults.Restore: self._restore,
            faults.Stick: Sticks(self._world).send,
            faults.Move: self._custody.offer,
        }
        for fault in self._world.plan.faults:
            self._world.at_day(fault.day, partial(plays[type(fault)], fault), str(fault))
            if isinstance(fault, faults.Restore):
                self._world.at_day(fault.saved, partial(self._save, fault), f"{fault} (saved)")

    @property
    def late(self) -> set[str]:
        """Places whose machines are set up only later."""
        planned = self._world.plan.faults
        return {fault.place for fault in planned if isinstance(fault, faults.LateJoin)}

    def _again(self, play: Callable[[Any], None], fault: Fault, hours: float = 6.0) -> None:
        self._world.later(hours * _HOUR, partial(play, fault), f"again: {fault}")

    def _running(self, place: str) -> Node | None:
        node = self._world.nodes.get(place)
        return node if node and node.can_talk else None

    def _run(self, node: Node, doing: str, what: Callable[[], object]) -> bool:
        if node.run(doing, what):
            return True
        self._world.power_lost(node)
        return False

    # What passes

    def _partition(self, fault: faults.Partition) -> None:
        self._world.cut_off[fault.place] = fault.until * 24 * _HOUR

    def _crash(self, fault: faults.Crash) -> None:
        node = self._running(fault.place)
        if node:
            node.machine.fail_after(fault.statements)
            self._world.outages[fault.place] = fault.hours

    def _wrong_clock(self, fault: faults.WrongClock) -> None:
        world = self._world
        world.skews[fault.place] = fault.hours * _HOUR

        def set_right() -> None:
            world.skews.pop(fault.place, None)

        world.at_day(fault.until, set_right, "a clock is set")

    def _upgrade(self, fault: faults.Upgrade) -> None:
        self._world.releases[fault.place] = fault.release
        self._world.upgrade(fault.place)

    def _trespass(self, fault: faults.Trespass) -> None:
        node = self._running(fault.place)
        if node is None:
            self.skipped.append(fault)
            return
        self._run(node, "trespass", lambda: self._world.clerk.trespass(node, fault))
        for place in self._world.plan.places:
            self._world.lasting_incidents.add((place, UNAUTHORISED, fault.place))

    def _crooked_relay(self, fault: faults.CrookedRelay) -> None:
        node = self._running(fault.place)
        if node is None:
            self.skipped.append(fault)
            return
        node.alter = node.replica.alter = CrookedHands(node, self._random)
        world = self._world
        neighbours = [each for each in world.plan.places if ABOVE.get(each) == fault.place]
        for place in (ABOVE[fault.place], *neighbours):
            world.lasting_incidents |= {(place, ALTERED, each) for each in world.plan.places}

        def stop() -> None:
            node.alter = node.replica.alter = None

        self._world.at_day(fault.until, stop, f"{name_of(fault.place)} is honest again")

    def _stolen_key(self, fault: faults.StolenKey) -> None:
        victim, parent = self._running(fault.place), self._running(ABOVE[fault.place])
        stolen = victim and parent and self._second_history(victim, parent, gap=fault.gap)
        if not victim or not parent or not stolen:
            self.skipped.append(fault)
            return
        self._world.lasting_incidents.add((parent.place, FORK, victim.place))
        self._run(
            parent,
            "serve segments",
            lambda: parent.replica.take([stolen], [], from_node=victim.place),
        )

    def _second_history(self, victim: Node, parent: Node, *, gap: int) -> Any:
        columns = stream.c
        with victim.machine.looked_into():
            me, signer = victim.replica.identity(), victim.replica.signer()
        with parent.machine.looked_into() as connection:
            rows = connection.execute(
                select(columns.route, columns.head)
                .where(columns.origin == victim.place, columns.epoch == (me.epoch if me else ""))
                .order_by(columns.route)
            ).all()
        rows = [row for row in rows if row.route.startswith("up/")]
        if not me or not rows:
            return None
        route, head = self._random.choice(rows)
        name = StreamId(victim.place, me.epoch, route)
        at = stamp(victim.replica.site.clock())
        return stolen_segment(signer, name, first=head + 1 + gap, at=at)

    # What lasts

    def _revocation(self, fault: faults.Revocation) -> None:
        world = self._world
        node, by = world.nodes.get(fault.place), self._running(fault.by)
        me = node and node.identity()
        if not node or not by or not me:
            if world.day() < world.plan.days:
                self._again(self._revocation, fault)
            return
        heads = world.heads_at(by, fault.place, me.epoch)
        key = (fault.place, me.epoch)

        def revoked() -> None:
            world.revoked[key] = (fault.by, [node.branch], heads)

        def revoke() -> None:
            by.machine.when_committed(revoked)
            by.replica.revoke(node=fault.place, epoch=me.epoch, reason="stolen", by="officer")

        try:
            self._run(by, "revoke", revoke)
        except Untrusted:  # nothing that node wrote has come this far: it is not known here yet
            world.note(f"{name_of(by.place)} does not know {name_of(fault.place)}")
        if key not in world.revoked:
            if world.day() < world.plan.days:
                self._again(self._revocation, fault)
            return
        for place in ancestors(fault.place):
            world.lasting_incidents.add((place, REVOKED, fault.place))
        if fault.is_replaced:
            days = self._random.uniform(0.5, 4.0)
            world.later(days * 24 * _HOUR, partial(self._replacement, fault), f"replaces {fault}")

    def _replacement(self, fault: Fault) -> None:
        world = self._world
        old = world.nodes[fault.place]
        old.is_gone = True
        world.disk_lost(old)
        world.lost.append(old)
        self._new_machine(fault, incarnation=old.incarnation + 1)

    def _settlement(self, fault: faults.Settlement) -> None:
        self._new_machine(fault, incarnation=2)

    def _late_join(self, fault: faults.LateJoin) -> None:
        self._new_machine(fault, incarnation=1)

    def _new_machine(self, fault: Fault, *, incarnation: int) -> None:
        node = self._world.set_up(fault.place, incarnation=incarnation)
        self._join(fault, node, code="")

    def _join(self, fault: Fault, node: Node, *, code: str) -> None:
        """Ask the parent until it has answered; the code may have been lost, or be too old."""
        world = self._world
        parent = self._running(ABOVE[fault.place])
        again = partial(self._join, fault, node)
        if parent is None or not node.is_running:
            world.boot(node)
            world.later(_HOUR, partial(again, code=code), f"again: {fault}")
            return
        applicants: list[Applicant] = []
        place, level = fault.place, LEVELS[fault.place]

        def ask() -> None:
            nonlocal code
            code = code or parent.replica.issue_join_code(region=place, level=level)
            parent.machine.when_committed(lambda: world.moved_out(place))
            admission = parent.replica.admit(code, applicants[0])
            admissions.append(admission)

        admissions: list[Any] = []
        self._run(
            node, "apply", lambda: applicants.append(node.replica.apply_to_join(region=place))
        )
        try:
            if applicants:
                self._run(parent, "admit", ask)
        except JoinRefused as refusal:
            world.note(f"{name_of(place)} is not admitted: {refusal.message}")
            code = ""
        if admissions:
            self._run(node, "adopt", lambda: _adopt(node, admissions[0]))
            self._begin(node, parent)
        if not node.can_talk and world.day() < world.plan.days + _PATIENT_DAYS:
            is_kept = self._random.random() < 0.5  # noqa: PLR2004
            hours = 1.0 if is_kept else 24 * 4.0
            world.later(hours * _HOUR, partial(again, code=code * is_kept), f"again: {fault}")

    def _begin(self, node: Node, parent: Node) -> None:
        """Half of the new machines begin with a snapshot; power may go before it counts."""
        if not node.can_talk or self._snapshots.random() < 0.5:  # noqa: PLR2004
            return
        taken: list[bool] = []
        self._run(parent, "snapshot", lambda: taken.append(take_snapshot(parent, node)))
        parent.gave_snapshot_at = self._world.day()
        if any(taken) and self._run(node, "begin", lambda: set_snapshot_down(node)):
            self._world.note(f"{name_of(node.place)} begins with a snapshot")

    # Disks

    def _save(self, fault: faults.Restore) -> None:
        node = self._running(fault.place)
        if node:
            branch = self._world.oracle.new_branch(node.branch)
            self._images[fault] = (node, node.machine.image(), branch)

    def _restore(self, fault: faults.Restore) -> None:
        saved = self._images.pop(fault, None)
        if saved is None or self._running(fault.place) is not saved[0]:
            self.skipped.append(fault)
            return
        node, image, branch = saved
        if node.gave_snapshot_at > fault.saved:
            # The child that began with it has this node's state, and not the segments to give back.
            self._expect_losses(node)
        self._expect_hosts_to_differ(node, fault.saved)
        self._world.disk_lost(node, image)
        me = node.identity()
        if me and (node.place, me.epoch) in self._world.revoked:
            self._world.revoked[node.place, me.epoch][1].append(branch)  # it writes on in vain
        node.branch = branch
        node.machine.restore(image)
        undone = (fault.saved, self._world.day())
        self._world.put_back.setdefault(node.place, []).append(undone)
        self._world.forget_unsaid(node)
        self._world.restart(node)

    def _expect_losses(self, node: Node) -> None:
        """What only a state in a child is left of, is told at both ends and to all it went to."""
        places = self._world.plan.places
        below = [each for each in places if ABOVE.get(each) == node.place]
        authors = [node.place, *below]  # those it hosted, too
        self._world.lasting_incidents |= {(each, LOST, of) for each in places for of in authors}

    def _expect_hosts_to_differ(self, node: Node, saved: float) -> None:
        """What it had sealed for a village it hosted, it seals again; the village has the first."""
        for place, day in self._world.settled_at.items():
            if ABOVE[place] == node.place and day > saved:
                self._world.lasting_incidents.add((place, FORK, place))


def _adopt(node: Node, admission: Any) -> None:
    node.replica.adopt(
        admission.certificate, admission.chain, fingerprint=admission.root_fingerprint
    )
    node.boot()
