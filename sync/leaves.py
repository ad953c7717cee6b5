"""Lines by their leaves: how two nodes, or two histories, tell that they hold the same line."""

from collections.abc import Iterator

from sqlalchemy import Connection, select

from sync.messages import TRAIL, TRAIL_DIGITS
from sync.segment import (
    Sealed,
    StreamId,
    is_whole,
    leaves_of,
    read_header,
    unpack_lines,
)
from sync.site import Site
from sync.snapshot_store import beginning, leaves_in
from sync.store import segment
from sync.tombstone import leaf_of


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
    return stored_leaves(site, row.header, row.body)


def stored_leaves(site: Site, header: bytes, body: bytes) -> list[str]:
    """The same of a segment as it lies in a table, its body in the vault."""
    said = read_header(bytes(header), site.limits)
    opened = Sealed(b"", b"", site.vault.open(bytes(body)))
    lines = unpack_lines(opened, said, site.limits)
    leaves = leaves_of(lines, whole=is_whole(said, lines))
    return [leaf.hex()[:TRAIL_DIGITS] for leaf in leaves]


def short_leaf(line: bytes) -> str:
    """How a trail names one line, or what is left of it."""
    return leaf_of(line).hex()[:TRAIL_DIGITS]


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
