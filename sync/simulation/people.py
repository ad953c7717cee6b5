"""People at their desks: they write, their nodes talk, and somebody decides what was refused."""

from functools import partial

from sqlalchemy import select

from sync.record import parse_line
from sync.simulation import application
from sync.simulation.custody import Custody
from sync.simulation.node import Node
from sync.simulation.oracle import REJECTED, RELEASED, Entry
from sync.simulation.tree import name_of
from sync.simulation.world import World
from sync.store import held

_HOUR = 3600.0
_DECISIONS = 5
_SEALS_AT_ONCE = 0.3
_TURNS = 4  # of each link, on the average, over a whole plan


class People:
    """Everything that happens in an ordinary life."""

    def __init__(self, world: World, custody: Custody) -> None:
        self._world = world
        self._custody = custody
        self._random = world.random("people")

    def schedule(self) -> None:
        """Put an ordinary life into the world's queue."""
        world, days = self._world, self._world.plan.days
        for _ in range(world.plan.writes):
            place = self._random.choice(world.plan.places)
            then = partial(self._write, place)
            world.at_day(self._random.uniform(0, days), then, "")
        for place in world.plan.places:
            world.at_day(self._pause(), partial(self._turn, place), "")
        for _ in range(_DECISIONS):
            then = partial(self._decide_somewhere, self._random.choice(world.plan.places))
            world.at_day(self._random.uniform(0, days), then, "")

    def _pause(self) -> float:
        """Days until a link's next turn."""
        return self._random.expovariate(_TURNS / self._world.plan.days)

    def _write(self, place: str) -> None:
        world = self._world
        node = world.writer_of(place)
        if node is None:
            return
        if not node.run("write", lambda: world.clerk.write(node, place)) or (
            self._random.random() < _SEALS_AT_ONCE and not node.run("seal", node.seal)
        ):
            world.power_lost(node)

    def _turn(self, place: str) -> None:
        world = self._world
        node = world.nodes.get(place)
        if node and node.can_talk:
            if node.run("turn", node.turn):
                self._custody.look(node)
            else:
                world.power_lost(node)
        if world.day() < world.plan.days:
            world.later(self._pause() * 24 * _HOUR, partial(self._turn, place), "")

    def _decide_somewhere(self, place: str) -> None:
        node = self._world.nodes.get(place)
        if node and node.can_talk and not node.run("decide", lambda: self.decide(node)):
            self._world.power_lost(node)

    def decide(self, node: Node) -> int:
        """Have a person look at all that was refused here; returns how much was decided."""
        self._custody.look(node)
        decided = 0
        for number, uid in _refused(node):
            entry = self._world.oracle.entry(uid)
            if entry and self._decide(node, number, entry):
                decided += 1
        return decided

    def _decide(self, node: Node, number: int, entry: Entry) -> bool:
        if entry.fate == RELEASED:
            with node.machine.engine.begin() as connection:
                application.mend(connection, entry.uid)
            node.replica.release(number, by="officer")
        elif entry.fate == REJECTED:
            node.replica.reject(number, by="officer", note=f"not at {name_of(node.place)}")
        else:
            return False
        return True


def _refused(node: Node) -> list[tuple[int, str]]:
    """(number, uid) of what is refused and open."""
    with node.machine.looked_into() as connection:
        rows = connection.execute(
            select(held.c.id, held.c.line)
            .where(held.c.kind == "refused", held.c.decided_at.is_(None))
            .order_by(held.c.id)
        ).all()
    return [(row.id, str(parse_line(row.line).body.get("uid", ""))) for row in rows]
