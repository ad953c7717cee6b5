"""The links of a node: when each peer was last heard, when anything last moved, what went wrong.

Silence is the news: the age of the last progress is shown, however long it gets.
"""

from collections.abc import Mapping

import orjson
from sqlalchemy import Connection, select

from sync.site import Site
from sync.store import link

PARENT, CHILD = "parent", "child"


def note_link(connection: Connection, peer: str, *, role: str, **changes: object) -> None:
    """Write what is known of a peer; columns not named stay as they are."""
    fresh = {"peer": peer, "role": role, "failures": 0}
    known = connection.execute(select(link.c.peer).where(link.c.peer == peer)).first()
    if known is None:
        connection.execute(link.insert().values(fresh))
    connection.execute(link.update().where(link.c.peer == peer).values(**changes))


def note_contact(
    site: Site,
    connection: Connection,
    peer: str,
    *,
    role: str,
    epoch: str,
    versions: Mapping[str, int],
    skew_ms: int,
) -> None:
    """A session was opened."""
    note_link(
        connection,
        peer,
        role=role,
        epoch=epoch,
        last_contact=site.now(),
        versions=orjson.dumps(dict(versions), option=orjson.OPT_SORT_KEYS).decode(),
        skew_ms=skew_ms,
        failures=0,
    )


def note_progress(site: Site, connection: Connection, peer: str, *, role: str) -> None:
    """Something moved over the link."""
    now = site.now()
    note_link(connection, peer, role=role, last_contact=now, last_progress=now, failures=0)


def note_failure(site: Site, connection: Connection, peer: str, *, role: str, error: str) -> None:
    """A call failed; the next one that succeeds sets the count of failures back to 0."""
    note_link(
        connection,
        peer,
        role=role,
        failures=link.c.failures + 1,
        last_error=error[:500],
        error_at=site.now(),
    )
