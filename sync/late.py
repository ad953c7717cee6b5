"""What comes back of an own stream after that stream has ended.

A node that was put back heard one child and went on under a new epoch; all who hold its old stream
know where that ends. Another child may hold more of the history before: nobody else has that, and
it cannot be added to the old stream any more. It is applied here, and said again under the new one.
"""

from collections.abc import Collection, Iterator, Sequence

from sqlalchemy import Connection, or_, select

from sync.aside import leaves_put_aside
from sync.incidents import FORK, note_incident
from sync.leaves import leaves_at, short_leaf
from sync.log import append
from sync.record import parse_lines
from sync.restoring import is_succeeded
from sync.routes import may_descend
from sync.segment import Header, StreamId
from sync.site import Site
from sync.store import outbox, segment
from sync.succession import ending_of, read_continuation
from sync.tombstone import is_tombstone

_LATE = "下级自第 {first} 条起另有 {lines} 条本节点曾写过的记录，已取回，将以新纪元重新发出"


def has_ended(connection: Connection, name: StreamId, *, head: int, from_node: str) -> bool:
    """Has this own stream ended for all it goes to, and is it here up to its end?"""
    if not may_descend(name.route, name.origin, child=from_node):
        return False
    text = ending_of(connection, name) if is_succeeded(connection, name) else None
    return text is not None and head >= read_continuation(text).seq


def known_here(site: Site, connection: Connection, header: Header) -> Collection[str]:
    """Lines of this author and route, from this number of the old stream on, that are here."""
    found = {leaf for _, leaf in leaves_put_aside(site, connection, header.origin, header.route)}
    found.update(_sealed(site, connection, header))
    waiting = connection.scalars(
        select(outbox.c.line).where(
            outbox.c.origin == header.origin, outbox.c.route == header.route
        )
    )
    found.update(short_leaf(site.vault.open(bytes(line))) for line in waiting)
    return found


def say_again(
    site: Site,
    connection: Connection,
    header: Header,
    lines: Sequence[bytes],
    *,
    known: Collection[str],
    peer: str,
) -> None:
    """Put what is not known here behind what waits to be sealed, and tell people."""
    new = [line for line in lines if not is_tombstone(line) and short_leaf(line) not in known]
    append(
        connection,
        origin=header.origin,
        route=header.route,
        txn=f"late-{header.epoch}",
        records=parse_lines(new),
        vault=site.vault,
        limits=site.limits,
    )
    detail = _LATE.format(first=header.first, lines=len(new))
    note_incident(site, connection, FORK, header.stream, seq=header.first, detail=detail, peer=peer)


def _sealed(site: Site, connection: Connection, header: Header) -> Iterator[str]:
    names = segment.c
    positions = connection.scalars(
        select(names.position).where(
            names.origin == header.origin,
            names.route == header.route,
            or_(
                names.epoch > header.epoch,
                (names.epoch == header.epoch) & (names.last >= header.first),
            ),
        )
    ).all()
    for position in positions:
        yield from leaves_at(site, connection, position)
