"""Reading stored segments back, in order and a page at a time, for proofs and searches."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Select, select

from sync.archive_store import body_of, is_archived
from sync.database import reading
from sync.errors import Unreadable
from sync.segment import Sealed, StreamId
from sync.site import Site
from sync.store import segment

_PAGE = 32


class Stored(NamedTuple):
    """A segment as it lies here.

    `body` of `sealed` is empty, and `has_body` false, when it cannot be read here now;
    `is_archived` when it lies in an archive, whether or not the file is at hand.
    """

    sealed: Sealed
    first: int
    last: int
    header_hash: bytes
    received_from: str | None
    has_body: bool
    is_archived: bool = False


def stored_segments(site: Site, name: StreamId, *, up_to: int, after: int = 0) -> Iterator[Stored]:
    """One stream, from the segments that begin after a number; short transactions, so that a long
    search holds nothing up.
    """
    while after < up_to:
        with reading(site.engine) as connection:
            page = connection.execute(
                _of(name)
                .where(segment.c.first > after, segment.c.first <= up_to)
                .order_by(segment.c.first)
                .limit(_PAGE)
            ).all()
            found = [_stored(site, connection, row) for row in page]
        if not page:
            return
        yield from found
        after = page[-1].first


def stored_at(site: Site, name: StreamId, seq: int) -> Stored | None:
    """The segment that holds one number."""
    with reading(site.engine) as connection:
        row = connection.execute(
            _of(name).where(segment.c.first <= seq).order_by(segment.c.first.desc()).limit(1)
        ).first()
        return _stored(site, connection, row) if row and row.last >= seq else None


def _of(name: StreamId) -> Select[Any]:
    return select(segment).where(
        segment.c.origin == name.origin,
        segment.c.epoch == name.epoch,
        segment.c.route == name.route,
    )


def _stored(site: Site, connection: Connection, row: Row[Any]) -> Stored:
    archived = row.body is None and is_archived(connection, row.position)
    body: bytes | None = b""
    with suppress(Unreadable):  # an empty body: unpacking it says that it is none
        if row.body is not None:
            body = site.vault.open(bytes(row.body))
        elif archived:
            body = body_of(site, connection, row.position)
        else:
            body = None
    return Stored(
        Sealed(bytes(row.header), bytes(row.signature), body or b""),
        row.first,
        row.last,
        bytes(row.header_hash),
        row.received_from,
        body is not None,
        archived,
    )
