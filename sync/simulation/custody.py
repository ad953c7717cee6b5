"""Persons who move from one county to another, and in whose custody they are at every instant.

Three records `to/<county>`: the old county offers, the new one accepts, the old one releases. The
old one acts until it has committed the release, the new one once it has applied it. Each looks at
its own disk and at nothing else, as the desks of two counties do.
"""

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import select

from sync.simulation import application
from sync.simulation.clerk import Clerk
from sync.simulation.faults import Move
from sync.simulation.node import Node
from sync.simulation.tree import name_of
from sync.simulation.world import World

OFFER, ACCEPT, RELEASE = "offer", "accept", "release"


class _Said(NamedTuple):
    """What lies on a disk about a person: who said what."""

    person: str
    county: str
    step: str


class Custody:
    """Plays the moves of a plan, and watches them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._clerk = Clerk(world.oracle, world.random("custody"), bad=0.0)
        self._moves = {_person(each): each for each in world.plan.faults if isinstance(each, Move)}
        self._read: dict[str, tuple[object, set[_Said]]] = {}
        if self._moves:
            world.after_each.append(self._watch)

    def offer(self, fault: Move) -> None:
        """The old county begins; a day later if its machine is off."""
        node = self._world.nodes[fault.place]
        if node.can_talk:
            self._say(node, OFFER, fault.to, _person(fault))
        elif self._world.day() < self._world.plan.days:
            self._world.later(86_400.0, lambda: self.offer(fault), f"again: {fault}")

    def look(self, node: Node) -> None:
        """A county's desk does what is its turn."""
        if not any(node.place in {move.place, move.to} for move in self._moves.values()):
            return
        said = self._said_on(node)
        for person, move in self._moves.items():
            offered = _Said(person, move.place, OFFER) in said
            accepted = _Said(person, move.to, ACCEPT) in said
            released = _Said(person, move.place, RELEASE) in said
            if node.place == move.to and offered and not accepted:
                self._say(node, ACCEPT, move.place, person)
            elif node.place == move.place and offered and accepted and not released:
                self._say(node, RELEASE, move.to, person)

    def at_rest(self) -> Iterator[str]:
        """Every person is with exactly one county, and everything that was sent has come in."""
        for person, move in self._moves.items():
            who = [name_of(each) for each in self._custodians(person, move)]
            if len(who) != 1:
                yield f"one_custody: {person} is with {' and '.join(who) or 'nobody'}"
        for place in {move.place for move in self._moves.values()}:
            node = self._world.nodes[place]
            for each in node.replica.in_transit() if node.can_talk else ():
                yield f"one_custody: {name_of(place)}: {each.stream} not acknowledged"

    def _custodians(self, person: str, move: Move) -> list[str]:
        old, new = (self._said_on(self._world.nodes[each]) for each in (move.place, move.to))
        released = _Said(person, move.place, RELEASE)
        return [move.place] * (released not in old) + [move.to] * (released in new)

    def _watch(self) -> None:
        """Not both at any instant; but a disk that was put back may not know it yet."""
        world = self._world
        for person, move in self._moves.items():
            is_doubtful = move.place in world.put_back
            if not is_doubtful and len(self._custodians(person, move)) > 1:
                world.findings.append(f"one_custody: {person} was with two counties at once")
                world.after_each.remove(self._watch)
                return

    def _say(self, node: Node, step: str, to: str, person: str) -> None:
        if not node.run(step, lambda: self._clerk.say(node, step, to=to, person=person)):
            self._world.power_lost(node)

    def _said_on(self, node: Node) -> set[_Said]:
        """What a county has written or applied about persons who move."""
        version, known = self._read.get(node.place, (None, set()))
        if version != node.machine.version:
            known = self._read_anew(node)
            self._read[node.place] = node.machine.version, known
        return known

    def _read_anew(self, node: Node) -> set[_Said]:
        found = set()
        with node.machine.looked_into() as connection:
            for table in (application.own, application.applied):
                wanted = select(table.c.uid).where(table.c.route.startswith("to/"))
                for uid in connection.scalars(wanted):
                    entry = self._world.oracle.entry(uid)
                    if entry:
                        record = entry.record
                        found.add(_Said(record.body["person"], entry.log.origin, record.type))
        return found


def _person(move: Move) -> str:
    return f"p{move.day:.4f}"
