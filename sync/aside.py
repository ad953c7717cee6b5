"""Segments that no longer count, kept for good: what was sealed, or taken, of another history.

An author keeps here what it unsealed after it was put back (`unsealing`) and what a child gave back
too late for its old stream (`landing`); a child keeps what its author has put aside (`disowned`).
They show that two histories were signed, tell which lines are known when they come again, and which
copies hold what does not count.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, Row, select

from sync.leaves import stored_leaves
from sync.messages import Head
from sync.segment import Header, Sealed, StreamId
from sync.site import Site
from sync.store import aside


def keep_aside(
    site: Site,
    connection: Connection,
    rows: Sequence[Row[Any]],
    *,
    without: Collection[int] = (),
    applied: int | None = None,
) -> None:
    """Keep segments as they were stored; `without` and what follows `applied` was not applied."""
    kept = []
    for row in rows:
        numbers = range(row.first, row.last + 1)
        over = row.last if applied is None else applied
        missing = [seq for seq in numbers if seq in without or seq > over]
        name = StreamId(row.origin, row.epoch, row.route)
        stored = Sealed(bytes(row.header), bytes(row.signature), bytes(row.body))
        kept.append(_row(site, name, numbers, stored, missing))
    if kept:
        connection.execute(aside.insert(), kept)


def keep_late(site: Site, connection: Connection, sealed: Sealed, header: Header) -> None:
    """Keep a segment of an own stream that came back when the stream had ended before it."""
    stored = sealed._replace(body=site.vault.seal(sealed.body))
    numbers = range(header.first, header.last + 1)
    connection.execute(aside.insert(), [_row(site, header.stream, numbers, stored, ())])


def hash_aside(connection: Connection, name: StreamId, seq: int) -> set[str]:
    """The hashes of what was put aside and ends at this number of a stream."""
    names = aside.c
    headers = connection.scalars(select(names.header).where(*_of(name), names.last == seq))
    return {Sealed(bytes(header), b"", b"").hash().hex() for header in headers}


def was_put_aside(connection: Connection, head: Head) -> bool:
    """Does somebody hold exactly what was put aside here?"""
    return head.hash in hash_aside(connection, head.stream, head.seq)


def streams_aside(connection: Connection) -> set[StreamId]:
    """The streams of which something was put aside."""
    names = aside.c
    rows = connection.execute(select(names.origin, names.epoch, names.route).distinct())
    return {StreamId(*row) for row in rows}


def leaves_put_aside(
    site: Site, connection: Connection, origin: str, route: str
) -> Iterator[tuple[StreamId, str]]:
    """The lines of it that were applied here, by leaves as in a trail, the latest first."""
    names = aside.c
    rows = connection.execute(
        select(aside).where(names.origin == origin, names.route == route).order_by(names.id.desc())
    )
    for row in rows:
        name, missing = StreamId(origin, row.epoch, route), set(orjson.loads(row.missing))
        numbered = list(enumerate(stored_leaves(site, row.header, row.body), row.first))
        yield from ((name, leaf) for seq, leaf in numbered[::-1] if seq not in missing)


def _row(
    site: Site,
    name: StreamId,
    numbers: range,
    sealed: Sealed,
    missing: Iterable[int],
) -> dict[str, object]:
    """The body as it lies in the vault."""
    return {
        **name._asdict(),
        "first": numbers[0],
        "last": numbers[-1],
        **sealed._asdict(),
        "missing": orjson.dumps(list(missing)).decode(),
        "at": site.now(),
    }


def _of(name: StreamId) -> tuple[Any, ...]:
    names = aside.c
    return names.origin == name.origin, names.epoch == name.epoch, names.route == name.route
