"""Restored from a backup: what a node wrote after it comes back from those who hold it.

Upwards streams come back from the parent, downwards streams from the children, streams that pass
through from either. Until its own are whole again a node seals nothing, so that no number is given
twice.

What comes back is applied like anything else: the tables were put back with the rest. Lines that
still lay in the outbox when the backup was made are in the tables already; they leave the outbox
and are not applied again.

When the node has already sealed other things under the same numbers (a fork), these leave their
numbers and go back into the outbox, in front: what others hold keeps its place. See `unsealing`,
`forks`.
"""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, exists, select

from sync.incidents import AHEAD, FORK, close_incidents, open_streams
from sync.keyring import HOSTED, OWN, RETIRED
from sync.messages import Head
from sync.segment import (
    GENESIS,
    StreamId,
)
from sync.site import Site
from sync.snapshot_store import known_end
from sync.store import incident, private_key, segment, stream

_STEPS_BACK = 40


def is_held(connection: Connection) -> bool:
    """Must sealing wait: are own streams not whole again, or forked and not yet succeeded?"""
    names, keys = incident.c, private_key.c
    mine = exists().where(keys.node == names.origin, keys.kind.in_((OWN, HOSTED)))
    this_setup = exists().where(
        keys.node == names.origin, keys.epoch == names.epoch, keys.kind.in_((OWN, HOSTED))
    )
    wrong = ((names.kind == AHEAD) & mine) | ((names.kind == FORK) & this_setup)
    found = select(names.id).where(names.kind.in_((AHEAD, FORK)), names.closed_at.is_(None), wrong)
    return connection.execute(found.limit(1)).first() is not None


def writes_for(connection: Connection, name: StreamId) -> bool:
    """Is this a stream of a set-up whose key lies here?"""
    return _has_key(connection, name, (OWN, HOSTED, RETIRED))


def seals(connection: Connection, name: StreamId) -> bool:
    """Does this stream go on here: does the key of its set-up lie here, not succeeded yet?"""
    return _has_key(connection, name, (OWN, HOSTED))


def is_succeeded(connection: Connection, name: StreamId) -> bool:
    """Did its author, whose key lies here, go on under a later epoch?"""
    return _has_key(connection, name, (RETIRED,))


def _has_key(connection: Connection, name: StreamId, kinds: Sequence[str]) -> bool:
    keys = private_key.c
    mine = select(keys.node).where(
        keys.node == name.origin, keys.epoch == name.epoch, keys.kind.in_(kinds)
    )
    return connection.execute(mine).first() is not None


def held_elsewhere(connection: Connection) -> set[StreamId]:
    """The streams of which somebody holds more than this node, as far as it was told."""
    return open_streams(connection, AHEAD)


def milestones(connection: Connection, names: Iterable[StreamId]) -> list[Head]:
    """How far streams are held here, and at ever larger steps back: some of it the others share."""
    found: list[Head] = []
    for name in sorted(names):
        found += _milestones(connection, name)
    return found


def shared_with(connection: Connection, theirs: Iterable[Head]) -> dict[StreamId, Head]:
    """The latest of the milestones that is the same here; number 0 when none is."""
    shared: dict[StreamId, Head] = {}
    for head in theirs:
        best = shared.setdefault(head.stream, Head(*head.stream, 0, GENESIS))
        if head.seq > best.seq and _is_held_at(connection, head):
            shared[head.stream] = head
    return shared


def reached(site: Site, connection: Connection, name: StreamId, seq: int) -> None:
    """A stream has come back up to here."""
    close_incidents(
        site, connection, AHEAD, origin=name.origin, epoch=name.epoch, route=name.route, up_to=seq
    )


def agrees(site: Site, connection: Connection, name: StreamId, peer: str | None) -> None:
    """A peer that held more of a stream no longer does."""
    close_incidents(
        site, connection, AHEAD, origin=name.origin, epoch=name.epoch, route=name.route, peer=peer
    )


def _milestones(connection: Connection, name: StreamId) -> list[Head]:
    row = connection.execute(
        select(stream.c.head, stream.c.head_hash).where(
            stream.c.origin == name.origin,
            stream.c.epoch == name.epoch,
            stream.c.route == name.route,
        )
    ).first()
    if row is None or not row.head:
        return [Head(*name, 0, GENESIS)]
    found = [Head(*name, row.head, bytes(row.head_hash).hex())]
    names = segment.c
    step = 1
    while len(found) < _STEPS_BACK:
        earlier = connection.execute(
            select(names.last, names.header_hash)
            .where(
                names.origin == name.origin,
                names.epoch == name.epoch,
                names.route == name.route,
                names.last <= row.head - step,
                names.first <= row.head - step,
            )
            .order_by(names.first.desc())
            .limit(1)
        ).first()
        if earlier is None:
            break
        if earlier.last < found[-1].seq:
            found.append(Head(*name, earlier.last, bytes(earlier.header_hash).hex()))
        step *= 2
    return found


def _is_held_at(connection: Connection, head: Head) -> bool:
    names = segment.c
    row = connection.execute(
        select(names.header_hash)
        .where(
            names.origin == head.origin,
            names.epoch == head.epoch,
            names.route == head.route,
            names.first <= head.seq,
        )
        .order_by(names.first.desc())
        .limit(1)
    ).first()
    # The hash is of a header that names its last number: no other can be meant.
    if row is not None and bytes(row.header_hash).hex() == head.hash:
        return True
    return known_end(connection, head.stream, head.seq) == head.hash
