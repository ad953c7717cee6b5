"""Where a record stands whose author, kinds and moment are known: no search through everything.

Headers of a stream are sealed one after the other, so the first that can hold what was written at
a moment is found by bisection; from there on only segments that hold such kinds are opened.
"""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection, select

from sync.database import reading
from sync.moment import stamp
from sync.record import Arrived, arrived_at, parse_line
from sync.segment import StreamId, read_header, unpack_lines
from sync.site import Site
from sync.store import segment, stream
from sync.stored import stored_segments
from sync.tombstone import is_tombstone

LOOKED_THROUGH = 200
"""So many segments of the kinds wanted are opened before a search is given up."""


def written_since(
    site: Site,
    *,
    origin: str,
    types: frozenset[str],
    since: datetime,
    route: str = "",
    limit: int | None = LOOKED_THROUGH,
) -> Iterator[Arrived]:
    """Records of some types an author wrote from a moment on, oldest first, stream by stream.

    `route` is what the names of the streams asked for begin with. Without a `limit` everything is
    read.

    What lies in an archive that is not at hand is passed over.
    """
    with reading(site.engine) as connection:
        rows = connection.execute(
            select(stream.c.epoch, stream.c.route, stream.c.head)
            .where(stream.c.origin == origin, stream.c.route.startswith(route, autoescape=True))
            .order_by(stream.c.route.desc(), stream.c.epoch)
        ).all()
        names = [StreamId(origin, row.epoch, row.route) for row in rows]
        begins = [_before(site, connection, name, since) for name in names]
    for name, first, row in zip(names, begins, rows, strict=True):
        opened = 0
        for stored in stored_segments(site, name, up_to=row.head, after=first - 1):
            header = read_header(stored.sealed.header, site.limits)
            if not stored.has_body or types.isdisjoint(header.types):
                continue
            opened += 1
            if limit is not None and opened > limit:
                break
            lines = unpack_lines(stored.sealed, header, site.limits)
            places = [n for n, line in enumerate(lines) if not is_tombstone(line)]
            for place in places:
                record = parse_line(lines[place])
                if record.type in types:
                    yield from arrived_at(
                        [record],
                        origin=name.origin,
                        epoch=name.epoch,
                        route=name.route,
                        first=header.first + place,
                    )


def _before(site: Site, connection: Connection, name: StreamId, since: datetime) -> int:
    """The first number of the last segment sealed before a moment; 1 when there is none.

    One earlier than needed: what is written in the moment of a sealing is never passed over.
    """
    newest = (
        select(segment.c.first, segment.c.header)
        .where(
            segment.c.origin == name.origin,
            segment.c.epoch == name.epoch,
            segment.c.route == name.route,
        )
        .order_by(segment.c.first.desc())
        .limit(1)
    )
    moment = stamp(since)
    low, high = 1, connection.scalar(newest) or 1
    while low < high:
        middle = (low + high + 1) // 2
        found = connection.execute(newest.where(segment.c.first <= middle)).first()
        if found and read_header(bytes(found.header), site.limits).sealed_at >= moment:
            high = max(low, found.first - 1)
        else:
            low = middle
    return connection.scalar(newest.where(segment.c.first <= low)) or 1
