"""Restored from a backup: what a node wrote after it comes back from those who hold it.

Upwards streams come back from the parent, downwards streams from the children, streams that pass
through from either. Until its own are whole again a node seals nothing, so that no number is given
twice.

What comes back is applied like anything else: the tables were put back with the rest. Lines that
still lay in the outbox when the backup was made are in the tables already; they leave the outbox
and are not applied again.

When the node has already sealed other things under the same numbers (a fork), these leave their
numbers and go back into the outbox, in front: what others hold keeps its place. See `forks`.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Row, exists, func, select

from sync.aside import keep_aside
from sync.database import upsert
from sync.incidents import AHEAD, FORK, close_incidents, note_incident, open_streams
from sync.keyring import HOSTED, OWN, RETIRED
from sync.messages import TRAIL, TRAIL_DIGITS, Head
from sync.record import parse_lines
from sync.segment import (
    GENESIS,
    Header,
    Sealed,
    StreamId,
    is_whole,
    leaves_of,
    read_header,
    unpack_lines,
)
from sync.site import Site
from sync.snapshot_store import beginning, known_end, leaves_in
from sync.store import incident, outbox, private_key, receipt, segment, stream
from sync.tombstone import is_tombstone

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


def withdraw_written(
    site: Site, connection: Connection, header: Header, lines: Sequence[bytes]
) -> Collection[int]:
    """Take lines that came back out of the outbox; returns their numbers in the stream."""
    rows = connection.execute(
        select(outbox.c.id, outbox.c.line)
        .where(outbox.c.origin == header.origin, outbox.c.route == header.route)
        .order_by(outbox.c.id)
    ).all()
    if not rows:
        return ()
    places: dict[bytes, list[int]] = {}
    for seq, line in enumerate(lines, header.first):
        places.setdefault(line, []).append(seq)
    known: list[int] = []
    gone: list[int] = []
    for row in rows:
        waiting = places.get(site.vault.open(bytes(row.line)))
        if waiting:
            known.append(waiting.pop(0))
            gone.append(row.id)
    for number in gone:
        connection.execute(outbox.delete().where(outbox.c.id == number))
    return frozenset(known)


def make_room(site: Site, connection: Connection, header: Header, *, peer: str) -> bool:
    """Put what was sealed here under the numbers of `header` back into the outbox.

    Only what this node sealed itself and nobody has receipted: what others hold keeps its numbers.
    Returns whether it was done.
    """
    return set_aside(
        site, connection, header.stream, first=header.first, prev=header.prev, peer=peer
    )


def set_aside(
    site: Site, connection: Connection, name: StreamId, *, first: int, prev: str, peer: str
) -> bool:
    """Put all that was sealed here from this number on back into the outbox, as `make_room`."""
    rows = segments_from(connection, name, first)
    if not rows or any(row.received_from is not None or row.body is None for row in rows):
        return False
    if rows[0].first != first or _receipted(connection, name) >= first:
        return False
    lines = 0
    for row, txn in list(zip(rows, _transactions(site, rows), strict=True))[::-1]:
        lines += _unseal(site, connection, row, txn=txn)
    keep_aside(site, connection, rows)
    connection.execute(
        segment.delete().where(segment.c.position.in_([row.position for row in rows]))
    )
    _set_back(site, connection, name, last=first - 1, digest=prev)
    note_incident(
        site,
        connection,
        FORK,
        name,
        seq=first,
        detail=f"自第 {first} 条起另有 {lines} 条记录与已送出的同号，将以新纪元续写",
        peer=peer,
    )
    if is_succeeded(connection, name):
        # Seen late, when the node went on under a new epoch already: so will these.
        close_incidents(
            site, connection, FORK, origin=name.origin, epoch=name.epoch, route=name.route
        )
    return True


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


def segments_from(connection: Connection, name: StreamId, first: int) -> Sequence[Row[Any]]:
    """All segments of a stream that are held here and reach beyond this number, in order."""
    names = segment.c
    return connection.execute(
        select(segment)
        .where(
            names.origin == name.origin,
            names.epoch == name.epoch,
            names.route == name.route,
            names.last >= first,
        )
        .order_by(names.first)
    ).all()


def _receipted(connection: Connection, name: StreamId) -> int:
    names = receipt.c
    found = connection.scalar(
        select(func.max(names.seq)).where(
            names.origin == name.origin,
            names.epoch == name.epoch,
            names.route == name.route,
        )
    )
    return found or 0


def _transactions(site: Site, rows: Iterable[Row[Any]]) -> Iterator[str]:
    """A name for what is unsealed of each segment: one for all parts of a cut transaction."""
    txn, goes_on = "", False
    for row in rows:
        txn = txn if goes_on else f"unsealed-{bytes(row.header_hash).hex()[:24]}"
        goes_on = read_header(bytes(row.header), site.limits).cont
        yield txn


def _unseal(site: Site, connection: Connection, row: Row[Any], *, txn: str) -> int:
    """Put a segment's lines in front of the outbox."""
    header = read_header(bytes(row.header), site.limits)
    body = site.vault.open(bytes(row.body))
    whole = unpack_lines(Sealed(b"", b"", body), header, site.limits)
    # What was erased before anybody had it is not said at all.
    lines = [line for line in whole if not is_tombstone(line)]
    put_in_front(site, connection, header.stream, lines, txn=txn)
    return len(lines)


def leaves_at(site: Site, connection: Connection, position: int) -> list[str]:
    """How a trail names the lines of a stored segment: the first digits of each leaf.

    None of them when its body lies in an archive.
    """
    names = segment.c
    row = connection.execute(
        select(names.header, names.body).where(names.position == position)
    ).one()
    if row.body is None:
        return []
    said = read_header(bytes(row.header), site.limits)
    body = site.vault.open(bytes(row.body))
    lines = unpack_lines(Sealed(b"", b"", body), said, site.limits)
    leaves = leaves_of(lines, whole=is_whole(said, lines))
    return [leaf.hex()[:TRAIL_DIGITS] for leaf in leaves]


def leaves_before(site: Site, connection: Connection, name: StreamId) -> Iterator[str]:
    """The newest lines held of the same author and route under earlier epochs, by their leaves."""
    begun, names = beginning.c, segment.c
    trails = connection.scalars(
        select(begun.trail).where(
            begun.origin == name.origin, begun.epoch < name.epoch, begun.route == name.route
        )
    )
    for trail in trails:
        yield from leaves_in(trail)
    rows = connection.execute(
        select(names.position, names.first, names.last)
        .where(names.origin == name.origin, names.epoch < name.epoch, names.route == name.route)
        .order_by(names.epoch.desc(), names.first.desc())
        .limit(TRAIL)
    ).all()
    found = 0
    for row in rows:
        if found >= TRAIL:
            break
        found += row.last + 1 - row.first
        yield from leaves_at(site, connection, row.position)


def put_in_front(
    site: Site, connection: Connection, name: StreamId, lines: Sequence[bytes], *, txn: str
) -> None:
    """Put lines of a stream before all others of the outbox, in their order."""
    if not lines:
        return
    front = min(0, connection.scalar(select(func.min(outbox.c.id))) or 0) - len(lines)
    records = parse_lines(lines)
    connection.execute(
        outbox.insert(),
        [
            {
                "id": front + index,
                "txn": txn,
                "origin": name.origin,
                "route": name.route,
                "type": record.type,
                "version": record.version,
                "line": site.vault.seal(line),
            }
            for index, (line, record) in enumerate(zip(lines, records, strict=True))
        ],
    )


def _set_back(
    site: Site, connection: Connection, name: StreamId, *, last: int, digest: str
) -> None:
    row = {
        **name._asdict(),
        "head": last,
        "head_hash": bytes.fromhex(digest),
        "applied": last,
        "written_here": True,
        "moved_at": site.now(),
    }
    upsert(connection, stream, [row])
