"""What two ends of a link hold of the same streams: who lacks the end, and where they differ."""

from collections.abc import Collection, Iterable

from sqlalchemy import Connection, select

from sync.incidents import AHEAD, FORK, close_incidents, note_incident, open_streams
from sync.keyring import Identity
from sync.messages import Head
from sync.outgoing import streams_down, streams_up
from sync.restoring import agrees, held_elsewhere, seals, shared_with, writes_for
from sync.routes import may_descend, may_rise
from sync.segment import StreamId
from sync.site import Site
from sync.snapshot_store import known_end, stands_for
from sync.store import segment, stream

_DIFFERENCES = {
    # Restored from an old backup: what the others hold comes back from them first.
    AHEAD: "对方持有的记录多于本节点，本节点可能从旧备份恢复；正在取回",
    FORK: "对方持有的同号记录与本节点不同",
}


def agreeing(
    site: Site, connection: Connection, me: Identity, theirs: Iterable[Head]
) -> dict[StreamId, Head]:
    ours = streams_up(connection, child=me.node, level=me.level)
    missed = held_elsewhere(connection)
    agreed: dict[StreamId, Head] = {}
    for head in theirs:
        known = ours.get(head.stream)
        kind = _compare(site, connection, known, head, peer=me.parent)
        if kind is None and head.stream in missed:
            agrees(site, connection, head.stream, me.parent)
        # Of a stream that differs nothing is sent until the next session.
        agreed[head.stream] = known if kind == FORK and known else head
    for name in missed - agreed.keys():
        if may_rise(name.route, name.origin, child=me.node, child_level=me.level):
            agrees(site, connection, name, me.parent)  # it was put back itself, to before all that
    return agreed


def more_below(
    site: Site,
    connection: Connection,
    child: str,
    theirs: Iterable[Head],
    *,
    without: Collection[StreamId] = (),
) -> set[StreamId]:
    """Streams going down of which a child holds more, or something else, than this node.

    `without` are those of which it is known that what it holds does not count.
    """
    ours = streams_down(connection, child=child)
    missed, forked = held_elsewhere(connection), open_streams(connection, FORK)
    differing: set[StreamId] = set()
    said: set[StreamId] = set()
    for head in theirs:
        said.add(head.stream)
        if head.stream in without or not may_descend(head.route, head.origin, child=child):
            continue
        kind = _compare(site, connection, ours.get(head.stream), head, peer=child)
        if kind is not None:
            differing.add(head.stream)
            continue
        if head.stream in missed:
            agrees(site, connection, head.stream, child)
        if head.stream in forked and not seals(connection, head.stream):
            close_incidents(site, connection, FORK, **head.stream._asdict(), peer=child)
    for name in missed - said:
        if may_descend(name.route, name.origin, child=child):
            agrees(site, connection, name, child)  # another machine, or put back to before all that
    return differing & held_elsewhere(connection)


def wanted_below(
    connection: Connection, me: Identity, wanted: Iterable[Head]
) -> dict[StreamId, Head]:
    """From where on the parent needs streams back that came down from it."""
    coming_down = [h for h in wanted if may_descend(h.route, h.origin, child=me.node)]
    return shared_with(connection, coming_down)


def _compare(
    site: Site, connection: Connection, known: Head | None, head: Head, *, peer: str | None
) -> str | None:
    """What is wrong between what is held here and elsewhere, if anything; it is written down.

    An own stream that differs is one of which the others hold more: theirs comes back first, and
    shows where the two part (`unsealing.make_room`).
    """
    kind = _difference(connection, known, head)
    if kind is None:
        return None
    noted = kind
    if kind == FORK and writes_for(connection, head.stream):
        if head.stream in open_streams(connection, FORK):
            return FORK  # it is known, and theirs is not what counts
        noted = AHEAD
    detail = _DIFFERENCES[noted]
    note_incident(site, connection, noted, head.stream, seq=head.seq, detail=detail, peer=peer)
    return kind


def parts(connection: Connection, head: Head) -> bool:
    """Is what somebody else holds of a stream another history than what is held here?"""
    return _difference(connection, _held(connection, head.stream), head) is not None


def _held(connection: Connection, name: StreamId) -> Head | None:
    names = stream.c
    row = connection.execute(
        select(names.head, names.head_hash).where(
            names.origin == name.origin, names.epoch == name.epoch, names.route == name.route
        )
    ).first()
    return Head(*name, row.head, bytes(row.head_hash).hex()) if row else None


def _difference(connection: Connection, known: Head | None, head: Head) -> str | None:
    if known is None or head.seq > known.seq:
        return AHEAD
    if head.seq == known.seq:
        return None if head.hash == known.hash else FORK
    found = hash_at(connection, head.stream, head.seq)
    if found is None and stands_for(connection, head.stream, head.seq):
        return None  # before the snapshot this node began with: it cannot tell
    return None if found == head.hash else FORK


def hash_at(connection: Connection, name: StreamId, seq: int) -> str | None:
    """The hash of the header that ends here, if one does, or a snapshot or gap says so."""
    names = segment.c
    row = connection.execute(
        select(names.last, names.header_hash)
        .where(
            names.origin == name.origin,
            names.epoch == name.epoch,
            names.route == name.route,
            names.first <= seq,
        )
        .order_by(names.first.desc())
        .limit(1)
    ).first()
    if row and row.last == seq:
        return bytes(row.header_hash).hex()
    return known_end(connection, name, seq)
