"""What goes into a bundle: what the receiver lacks, as far as it has shown what it holds."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from sqlalchemy import Connection, exists, func, or_, select

from sync.archive_store import archived
from sync.bundle_store import Shown, receipted_by, shown_by
from sync.certificate import Certificate
from sync.database import reading
from sync.errors import Untrusted
from sync.keyring import Identity
from sync.limits import MIB
from sync.messages import Head
from sync.outgoing import behind, next_segments, streams_down, streams_held, streams_up
from sync.restoring import held_elsewhere, milestones, shared_with
from sync.routes import DOWN_ALL, may_descend, may_rise
from sync.segment import Sealed, StreamId, read_header
from sync.session import standing_certificate
from sync.site import Site
from sync.store import segment
from sync.trust import newest_certificate

_AT_ONCE = 4 * MIB


class Run(NamedTuple):
    """Segments of one stream, from number `first` to `last`; `bytes` is their size on the wire."""

    stream: StreamId
    first: int
    last: int
    segments: int
    bytes: int


class Plan(NamedTuple):
    """One bundle before it is written.

    `heads` say how far this node holds what the receiver sends it, `back` are milestones of what
    it has lost and the receiver may have. `groups` go one after the other: what the receiver lost,
    what is for everybody, the rest. `beyond` are streams whose next segments are not here: they lie
    before the snapshot this node began with, and only the network brings them from elsewhere.
    """

    me: Identity
    receiver: Certificate
    heads: list[Head]
    back: list[Head]
    groups: list[list[Run]]
    beyond: list[StreamId] = []  # noqa: RUF012  # never changed

    @property
    def runs(self) -> list[Run]:
        return [run for group in self.groups for run in group]

    @property
    def bytes(self) -> int:
        """How large the segments are, in bytes."""
        return sum(run.bytes for run in self.runs)


def correspondent(connection: Connection, me: Identity, node: str) -> Certificate:
    """The certificate of a peer this node exchanges bundles with: its parent, or a direct child.

    Raises:
        Untrusted: it is neither, is hosted here, or its certificate was revoked.
    """
    found = newest_certificate(connection, node)
    is_child = found is not None and found.issuer == me.node and node != me.node
    if found is None or not (node == me.parent or is_child):
        raise Untrusted("数据包只在上级与直接下级之间传递", node=node)
    if found.held_by == me.node:
        raise Untrusted("该村由本节点托管，数据已经在本节点，不需要数据包", node=node)
    return standing_certificate(connection, node, found.epoch)


def ways(
    connection: Connection, me: Identity, peer: Certificate
) -> tuple[dict[StreamId, Head], dict[StreamId, Head]]:
    """Heads held here of what goes to a peer, and of what comes from it."""
    if peer.node == me.parent:
        goes = streams_up(connection, child=me.node, level=me.level)
        return goes, streams_down(connection, child=me.node)
    comes = streams_held(connection, child=peer.node, level=peer.level)
    return streams_down(connection, child=peer.node), comes


def goes_to(me: Identity, peer: Certificate, name: StreamId) -> bool:
    """Does this stream travel from this node to the peer?"""
    if peer.node == me.parent:
        return may_rise(name.route, name.origin, child=me.node, child_level=me.level)
    return may_descend(name.route, name.origin, child=peer.node)


def make_plan(
    connection: Connection, me: Identity, receiver: Certificate, *, with_segments: bool
) -> Plan:
    """Find what a peer lacks; without segments the bundle only tells what is held here."""
    goes, comes = ways(connection, me, receiver)
    lost = {name for name in held_elsewhere(connection) if goes_to(me, receiver, name)}
    groups: list[list[Run]] = []
    beyond: list[StreamId] = []
    if with_segments:
        said = shown_by(connection, receiver.node, epoch=receiver.epoch)
        returned = _runs(connection, _asked_back(connection, said, comes), comes)
        missing = behind(goes, _held_there(connection, me, receiver, said))
        for_all = {n: seq for n, seq in missing.items() if n.route == DOWN_ALL}
        rest = {n: seq for n, seq in missing.items() if n.route != DOWN_ALL}
        groups = [returned, _runs(connection, for_all, goes), _runs(connection, rest, goes)]
        found = {run.stream for group in groups for run in group}
        beyond = sorted(name for name in missing if name not in found)
    back = milestones(connection, lost)
    return Plan(me, receiver, list(comes.values()), back, groups, beyond)


def segments_of(site: Site, plan: Plan) -> Iterator[Sealed]:
    """The segments of a plan, some megabytes in memory at a time."""
    for group in plan.groups:
        left = {run.stream: run.first - 1 for run in group}
        ends = {run.stream: run.last for run in group}
        while left:
            with reading(site.engine) as connection:
                batch = next_segments(site, connection, left, budget=_AT_ONCE)
            if not batch:
                return
            for sealed in batch:
                header = read_header(sealed.header, site.limits)
                if header.stream not in left:
                    continue  # sealed since the plan was made
                yield sealed
                left[header.stream] = header.last
                if header.last >= ends[header.stream]:
                    del left[header.stream]


def _held_there(
    connection: Connection, me: Identity, receiver: Certificate, said: Shown
) -> dict[StreamId, Head]:
    if receiver.node != me.parent:
        return said.heads
    return said.heads | receipted_by(connection, receiver.node, since=said.at)


def _asked_back(
    connection: Connection, said: Shown, comes: Mapping[StreamId, Head]
) -> dict[StreamId, int]:
    shared = shared_with(connection, [head for head in said.back if head.stream in comes])
    return behind({name: comes[name] for name in shared}, shared)


def _runs(
    connection: Connection, after: Mapping[StreamId, int], heads: Mapping[StreamId, Head]
) -> list[Run]:
    found = (_run(connection, name, seq, heads[name].seq) for name, seq in sorted(after.items()))
    return [run for run in found if run]


def _run(connection: Connection, name: StreamId, after: int, last: int) -> Run | None:
    """What is here of a stream after a number; nothing when the next segment is not.

    It lies before the snapshot this node began with. What was archived is read from its file.
    """
    names = segment.c
    row = connection.execute(
        select(
            func.count().label("segments"),
            func.sum(names.bytes).label("bytes"),
            func.min(names.first).label("first"),
        ).where(
            names.origin == name.origin,
            names.epoch == name.epoch,
            names.route == name.route,
            names.first > after,
            names.last <= last,
            or_(names.body.is_not(None), exists().where(archived.c.position == names.position)),
        )
    ).one()
    if row.first != after + 1:
        return None
    return Run(name, after + 1, last, row.segments, int(row.bytes))
