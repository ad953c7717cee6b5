"""A history that its author has put aside, and what a child does that holds it.

A node whose disk was put back, and which was not told so before it spoke to a child, gives that
child a second history under numbers it had used. When the first one comes back, from another child,
the author puts the second aside and goes on under a new epoch (`forks`): its old streams end where
it then said they do, and the first child holds what nobody else does. Three steps:

1. The parent sees that the child's copy is not what the author says the stream is, and, if it is
   the author itself, that all in it is safe: what it did not have comes back first, is applied, and
   is said again under the new epoch (`landing`). It tells the child where the stream ends, in the
   author's countersigned words (`to_tell`).
2. The child puts its own copy aside, from where the two part, and asks for the author's from there
   on (`put_aside`). What it has applied stays applied.
3. A line that comes again, under its true number or under the new epoch, is known by its leaf and
   not applied a second time (`aside.leaves_put_aside`).
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy import Connection, delete, select

from sync.aside import keep_aside, streams_aside, was_put_aside
from sync.certificate import Certificate
from sync.comparing import parts
from sync.errors import Malformed, Untrusted
from sync.forks import check_vouched, end_old_stream
from sync.held import forget_open
from sync.incidents import FORK, close_incidents, note_incident, open_streams
from sync.messages import Ended, Head, Welcome
from sync.restoring import milestones, shared_with, writes_for
from sync.routes import may_descend
from sync.segment import StreamId
from sync.site import Site
from sync.snapshot_store import beginning_of
from sync.store import erased, segment, stream
from sync.succession import Continuation, ending_of, read_continuation
from sync.trust import chain_for
from sync.unsealing import segments_from

_PUT_ASIDE = "作者已放弃自第 {first} 条起的这段记录，本节点改取作者续写所依据的一段"


# The parent


def disputed(connection: Connection, child: str, theirs: Iterable[Head]) -> dict[StreamId, str]:
    """Streams of which a child holds what their author has put aside, and where the author says
    that they end.

    The author knows it by what it put aside itself; whoever passes it on, by having refused it.
    """
    forked = open_streams(connection, FORK)
    doubtful = forked | streams_aside(connection)
    found = {}
    for head in theirs:
        if head.stream not in doubtful:
            continue
        if not may_descend(head.route, head.origin, child=child):
            continue
        is_own = writes_for(connection, head.stream)
        if not (was_put_aside(connection, head) if is_own else head.stream in forked):
            continue
        text = ending_of(connection, head.stream)
        if text and parts(connection, head):
            found[head.stream] = text
    return found


def to_tell(
    connection: Connection, endings: Mapping[StreamId, str]
) -> tuple[list[Ended], list[Certificate]]:
    """What a child must hear of its copies of disputed streams, and who vouches for it."""
    told = [Ended(text, milestones(connection, [name])) for name, text in endings.items()]
    setups = {(name.origin, read_continuation(text).new) for name, text in endings.items()}
    return told, chain_for(connection, setups) if setups else []


# The child


def put_aside(site: Site, connection: Connection, told: Iterable[Ended]) -> None:
    """Give up the copies of streams that their author says are none of its own."""
    for ended in told:
        with suppress(Malformed, Untrusted):
            found = read_continuation(ended.continues)
            check_vouched(connection, found)
            _put_aside(site, connection, found, ended.milestones)


def close_agreed(site: Site, connection: Connection, answer: Welcome) -> None:
    """A parent that goes on under a new epoch found nothing wrong with these copies of its streams.

    A stick may have brought something else meanwhile, which it has put aside since.
    """
    told = {head.stream for head in answer.wanted}
    told |= {head.stream for each in answer.ended for head in each.milestones}
    for name in open_streams(connection, FORK) - told:
        if name.origin == answer.node and name.epoch < answer.epoch:
            close_incidents(site, connection, FORK, **name._asdict(), peer=answer.node)


def _put_aside(
    site: Site, connection: Connection, said: Continuation, theirs: Sequence[Head]
) -> None:
    name = said.old_stream
    shared = shared_with(connection, [head for head in theirs if head.stream == name]).get(name)
    if writes_for(connection, name) or shared is None:
        return
    first = shared.seq + 1
    if not _can_part(connection, name, shared.seq):
        return
    rows = segments_from(connection, name, first)
    applied = connection.scalar(select(stream.c.applied).where(*_of(stream, name))) or 0
    undecided = forget_open(connection, name, first=first)
    keep_aside(site, connection, rows, without=undecided, applied=applied)
    gone = [row.position for row in rows]
    connection.execute(delete(segment).where(segment.c.position.in_(gone)))
    connection.execute(delete(erased).where(*_of(erased, name), erased.c.seq >= first))
    _set_back(site, connection, name, shared, applied=min(applied, shared.seq))
    end_old_stream(site, connection, said)
    detail = _PUT_ASIDE.format(first=first)
    note_incident(site, connection, FORK, name, seq=first, detail=detail, peer=said.by)
    close_incidents(site, connection, FORK, **name._asdict())


def _can_part(connection: Connection, name: StreamId, after: int) -> bool:
    """Is all here that was held after this number, and is there any?

    Not when a snapshot brought what followed: then only a new beginning helps.
    """
    begun = beginning_of(connection, name)
    rows = segments_from(connection, name, after + 1)
    if not rows or rows[0].first != after + 1 or (begun and begun[0] > after):
        return False
    return all(row.body is not None for row in rows)


def _set_back(
    site: Site, connection: Connection, name: StreamId, shared: Head, *, applied: int
) -> None:
    there = {"head": shared.seq, "head_hash": bytes.fromhex(shared.hash), "applied": applied}
    connection.execute(
        stream.update().where(*_of(stream, name)).values(**there, moved_at=site.now())
    )


def _of(table: Any, name: StreamId) -> tuple[Any, ...]:
    columns = table.c
    return columns.origin == name.origin, columns.epoch == name.epoch, columns.route == name.route
