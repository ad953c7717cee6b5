"""What a person must look at. An incident is written once, however often it is seen.

It is closed by what heals it, and opened again when the same thing happens once more.
"""

from sqlalchemy import Connection, bindparam, select

from sync.database import insert_new
from sync.segment import StreamId
from sync.site import Site
from sync.store import incident

FORK = "fork"
AHEAD = "ahead"
CLONED = "cloned"
UNAUTHORISED = "unauthorised"
REVOKED = "revoked"
UNREADABLE = "unreadable"
ALTERED = "altered"
WITHHELD = "withheld"
UNCHECKED = "unchecked"
LOST = "lost"
KINDS = (
    FORK, AHEAD, CLONED, UNAUTHORISED, REVOKED, UNREADABLE, ALTERED, WITHHELD, UNCHECKED, LOST,
)  # fmt: skip

ANY_STREAM = "*"
"""In place of a route: the incident is about a node and not about one of its streams."""

_OPEN = (
    select(incident.c.origin, incident.c.epoch, incident.c.route)
    .where(incident.c.kind == bindparam("of_kind"), incident.c.closed_at.is_(None))
    .distinct()
)


def note_incident(
    site: Site,
    connection: Connection,
    kind: str,
    name: StreamId,
    *,
    seq: int,
    detail: str,
    peer: str | None = None,
) -> None:
    """Write down that `name` went wrong at number `seq`."""
    row = {"kind": kind, "peer": peer, **name._asdict(), "seq": seq, "detail": detail}
    insert_new(connection, incident, [row | {"at": site.now()}])
    names = incident.c
    connection.execute(
        incident.update()
        .where(
            names.kind == kind,
            names.origin == name.origin,
            names.epoch == name.epoch,
            names.route == name.route,
            names.seq == seq,
            names.closed_at.is_not(None),
        )
        .values(closed_at=None, at=site.now(), detail=detail, peer=peer)
    )


def close_incidents(
    site: Site,
    connection: Connection,
    kind: str,
    *,
    origin: str,
    epoch: str | None = None,
    route: str | None = None,
    up_to: int | None = None,
    peer: str | None = None,
) -> None:
    """What was wrong is mended; what is not named is not asked for."""
    names = incident.c
    wanted = [names.kind == kind, names.origin == origin, names.closed_at.is_(None)]
    if epoch is not None:
        wanted.append(names.epoch == epoch)
    if route is not None:
        wanted.append(names.route == route)
    if up_to is not None:
        wanted.append(names.seq <= up_to)
    if peer is not None:
        wanted.append(names.peer == peer)
    connection.execute(incident.update().where(*wanted).values(closed_at=site.now()))


def open_streams(connection: Connection, kind: str) -> set[StreamId]:
    """The streams with which something of this kind is wrong now."""
    rows = connection.execute(_OPEN, {"of_kind": kind})
    return {StreamId(*row) for row in rows}
