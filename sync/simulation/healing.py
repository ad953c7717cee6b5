"""After the play: every link whole, every clock right, everybody upgraded, and time enough."""

from sync.errors import SyncRefusal
from sync.line import LinkError
from sync.simulation.application import NEWEST
from sync.simulation.node import Node
from sync.simulation.people import People
from sync.simulation.tree import ABOVE, name_of
from sync.simulation.world import World

_ROUNDS = 30
_HOUR = 3600.0


def heal(world: World, people: People) -> list[str]:
    """Bring the network to rest; returns what would not heal."""
    _lift_everything(world)
    healer = _Healer(world, people)
    for _ in range(_ROUNDS):
        is_quiet = healer.round()
        if is_quiet:
            return healer.troubles
        world.pass_time(_HOUR)
    return [f"not at rest after {_ROUNDS} rounds over perfect links", *healer.troubles]


def living(world: World) -> list[Node]:
    """The nodes that take part, parents before their children."""
    nodes = [world.nodes[place] for place in world.plan.places if place in world.nodes]
    return [node for node in nodes if node.can_talk]


def _lift_everything(world: World) -> None:
    world.network.heal()
    world.cut_off.clear()
    world.skews.clear()
    for place, node in world.nodes.items():
        node.alter = None
        node.machine.never_fail()
        me = node.identity()
        if me and (place, me.epoch) in world.revoked and not node.is_gone:
            node.is_gone = True
            world.disk_lost(node)
        world.releases[place] = node.release = NEWEST
        if not node.is_gone:
            node.boot()


class _Healer:
    """Lets everybody talk until nobody has anything left to say."""

    def __init__(self, world: World, people: People) -> None:
        self._world = world
        self._people = people
        self._seen: dict[tuple[str, str], object] = {}
        self._rounds = 0
        self._failed: set[str] = set()
        self.troubles: list[str] = []

    def round(self) -> bool:
        """Push from the bottom up, pull from the top down; was there nothing to do?"""
        nodes = living(self._world)
        self.troubles = []
        self._rounds += 1
        before = [_position(node) for node in nodes]
        for node in reversed(nodes):
            self._talk(node, "push")
        for node in nodes:
            self._talk(node, "pull")
            self._people.decide(node)
            _retry_waiting(node)
        return before == [_position(node) for node in nodes]

    def _talk(self, node: Node, what: str) -> None:
        """One way over one link, unless neither end has changed since the last time."""
        parent = self._world.nodes.get(ABOVE.get(node.place, ""))
        is_troubled = node.place in self._failed or node.incarnation > 1
        is_troubled |= any(_is_troubled(end) for end in (node, parent) if end)
        if self._seen.get((node.place, what)) == self._both_ends(node) and not is_troubled:
            return
        try:
            if what == "push":
                node.push_all(with_session=self._rounds == 1 or is_troubled)
            else:
                node.pull_all()
        except (LinkError, SyncRefusal) as error:
            trouble = f"{name_of(node.place)} cannot {what} over a perfect link: {error}"
            self.troubles.append(trouble)
            self._failed.add(node.place)
            return
        self._failed.discard(node.place)
        self._seen[node.place, what] = self._both_ends(node)

    def _both_ends(self, node: Node) -> tuple[object, ...]:
        ends = [node, self._world.nodes[ABOVE[node.place]]] if node.has_parent else [node]
        return tuple(_position(end) for end in ends)


def _retry_waiting(node: Node) -> None:
    """As a node does every few minutes: each call tries some, those longest untried first."""
    for _ in range(node.machine.count("sync_held WHERE decided_at IS NULL AND kind = 'waiting'")):
        node.replica.retry_waiting()


_POSITION = """
    SELECT (SELECT count(*) || '/' || max(position) FROM sync_segment),
        (SELECT sum(head) || '/' || sum(applied) FROM sync_stream),
        (SELECT count(*) || '/' || count(decided_at) FROM sync_held),
        (SELECT count(*) FROM sync_outbox),
        (SELECT count(*) || '/' || count(closed_at) FROM sync_incident),
        (SELECT count(*) || '/' || max(epoch) FROM sync_private_key)
"""


def _position(node: Node) -> tuple[object, ...]:
    """Changes whenever anything was sealed, taken, applied, decided or healed."""
    return node.machine.row(_POSITION)


def _is_troubled(node: Node) -> bool:
    """Is something wrong here that the next session may mend, or must a child hear of it?"""
    open_ones = "closed_at IS NULL AND kind IN ('ahead', 'fork', 'cloned')"
    return (
        node.machine.count(f"sync_incident WHERE {open_ones}") > 0
        or node.machine.count("sync_aside") > 0
    )
