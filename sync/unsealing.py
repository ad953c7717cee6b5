"""Unsealing: what was sealed under numbers that others know for something else goes back.

When a node that was put back has already sealed other things under the same numbers (a fork), these
leave their numbers and go back into the outbox, in front: what others hold keeps its place. See
`restoring`, `forks`. Lines that come back, and still lie in the outbox, leave it.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, select

from sync.aside import keep_aside
from sync.database import upsert
from sync.incidents import FORK, close_incidents, note_incident
from sync.record import parse_lines
from sync.restoring import is_succeeded
from sync.segment import (
    Header,
    Sealed,
    StreamId,
    read_header,
    unpack_lines,
)
from sync.site import Site
from sync.store import outbox, receipt, segment, stream
from sync.tombstone import is_tombstone


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
    if gone:
        one = outbox.delete().where(outbox.c.id == bindparam("number"))
        connection.execute(one, [{"number": number} for number in gone])
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


def _receipted(connection: Connection, name: StreamId) -> int:
    """How far others have receipted what is here: a receipt may be for another history."""
    names, stored = receipt.c, segment.c
    same = (
        (stored.origin == names.origin)
        & (stored.epoch == names.epoch)
        & (stored.route == names.route)
        & (stored.header_hash == names.head_hash)
    )
    found = connection.scalar(
        select(func.max(names.seq))
        .select_from(receipt.join(segment, same))
        .where(
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
