"""Reading stored segments back, in order and a page at a time, for proofs and searches."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple

from sqlalchemy import Row, Select, select

from sync.database import reading
from sync.errors import Unreadable
from sync.segment import Sealed, StreamId
from sync.site import Site
from sync.store import segment

_PAGE = 32


class Stored(NamedTuple):
    """A segment as it lies here. `body` of `sealed` is empty when it was archived."""

    sealed: Sealed
    first: int
    last: int
    header_hash: bytes
    received_from: str | None
    has_body: bool


def stored_segments(site: Site, name: StreamId, *, up_to: int) -> Iterator[Stored]:
    """One stream from its start; short transactions, so that a long search holds nothing up."""
    after = 0
    while after < up_to:
        with reading(site.engine) as connection:
            page = connection.execute(
                _of(name)
                .where(segment.c.first > after, segment.c.first <= up_to)
                .order_by(segment.c.first)
                .limit(_PAGE)
            ).all()
        if not page:
            return
        for row in page:
            yield _stored(site, row)
        after = page[-1].first


def stored_at(site: Site, name: StreamId, seq: int) -> Stored | None:
    """The segment that holds one number."""
    with reading(site.engine) as connection:
        row = connection.execute(
            _of(name).where(segment.c.first <= seq).order_by(segment.c.first.desc()).limit(1)
        ).first()
    return _stored(site, row) if row and row.last >= seq else None


def _of(name: StreamId) -> Select[Any]:
    return select(segment).where(
        segment.c.origin == name.origin,
        segment.c.epoch == name.epoch,
        segment.c.route == name.route,
    )


def _stored(site: Site, row: Row[Any]) -> Stored:
    body = b""
    if row.body is not None:
        with suppress(Unreadable):  # an empty body: unpacking it says that it is none
            body = site.vault.open(bytes(row.body))
    return Stored(
        Sealed(bytes(row.header), bytes(row.signature), body),
        row.first,
        row.last,
        bytes(row.header_hash),
        row.received_from,
        row.body is not None,
    )
