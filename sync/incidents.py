"""What a person must look at. An incident is written once, however often it is seen."""

from sqlalchemy import Connection

from sync.database import insert_new
from sync.segment import StreamId
from sync.site import Site
from sync.store import incident

FORK = "fork"
AHEAD = "ahead"
UNAUTHORISED = "unauthorised"
REVOKED = "revoked"
UNREADABLE = "unreadable"


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
