"""Records that are nowhere any more: their author gave a child a snapshot, and was put back.

The child has what they led to, not the segments; so they cannot come back (`restoring`), and no
number may be given twice. Three steps, each at a session:

1. The parent asks for them; the child writes down that only their state is here (`note_states`).
2. It proves that with the snapshot's manifest, which the parent itself signed (`proofs_for`). The
   trail in it tells which lines of the parent the state contains, and so what it has sealed since
   it was put back (`note_proofs`).
3. Once every other child was heard, since any of them may hold the segments, the parent gives the
   range up (`give_up`). What it sealed since leaves its numbers and goes on under a new epoch, as
   after a fork, behind a record `sync.lost`: that range of the old stream, the hash of its last
   header, and who has the state. Takers that never got so far go on behind the range.

The incident `lost` stays at the author and at the holder: people must know what lies there only.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy import Connection, Row, func, select

from sync.bundle_store import shown_by
from sync.certificate import Certificate
from sync.comparing import hash_at
from sync.database import upsert
from sync.errors import Malformed, Untrusted
from sync.incidents import AHEAD, FORK, LOST, close_incidents, note_incident, open_streams
from sync.keyring import Identity, require_identity
from sync.leaves import leaves_at
from sync.lost_ranges import GIVEN_UP, declaration, go_behind, note_lost
from sync.messages import TRAIL_DIGITS, Head, Reach, State
from sync.moment import parse_stamp
from sync.record import canonical_line
from sync.restoring import held_elsewhere, is_succeeded, reached, writes_for
from sync.routes import may_descend
from sync.segment import GENESIS, StreamId
from sync.site import Site
from sync.snapshot import heads_digest, line_of, read_manifest
from sync.snapshot_store import (
    beginning,
    beginning_of,
    gaps_of,
    leaves_in,
    stands_for,
    state_elsewhere,
)
from sync.snapshot_taking import begun_with, check_manifest, taken_snapshots
from sync.store import incident, link, segment
from sync.trust import children_of
from sync.unsealing import put_in_front, segments_from, set_aside

_ASKED = "上级要取回至第 {seq} 条；它们随快照到达，本机只有结果，没有原件"
_ONLY_HERE = "上级只有至第 {has} 条；至第 {seq} 条的结果随快照到达本机，原件已无处可取"


# The child with the state


def note_states(
    site: Site,
    connection: Connection,
    me: Identity,
    theirs: Iterable[Head],
    shared: Mapping[StreamId, Head],
) -> None:
    """Write down of which streams the parent lacks what here came with a snapshot.

    `theirs` is how far it holds what rises from here, `shared` from where on it wants back what
    came down from it.
    """
    if me.parent is None:
        return
    begun = _begun(connection)
    wanted = {name: _ASKED.format(seq=seq) for name, seq in _unservable(connection, shared).items()}
    held = {head.stream: head.seq for head in theirs}
    for name, seq in begun.items():
        has = held.get(name, 0)
        if not may_descend(name.route, name.origin, child=me.node) and has < seq:
            wanted[name] = _ONLY_HERE.format(has=has, seq=seq)
    for name in open_streams(connection, LOST) - set(wanted):
        if not _is_declared(connection, name):
            close_incidents(site, connection, LOST, **name._asdict(), peer=me.parent)
    for name, detail in wanted.items():
        seq = begun[name]
        note_incident(site, connection, LOST, name, seq=seq, detail=detail, peer=me.parent)


def proofs_for(connection: Connection, me: Identity) -> list[State]:
    """What this node shows a parent that asked for what is here as a state only."""
    asked = {
        name
        for name in open_streams(connection, LOST)
        if may_descend(name.route, name.origin, child=me.node)
        and not _is_declared(connection, name)
    }
    if not asked:
        return []
    return [
        State(document, signature, list(begun_with(connection, name)))
        for name, document, signature in taken_snapshots(connection)
        if any(head.stream in asked for head in begun_with(connection, name))
    ]


def _unservable(connection: Connection, shared: Mapping[StreamId, Head]) -> dict[StreamId, int]:
    """Streams of which the parent wants what only a snapshot brought, and up to where it did."""
    found = {}
    for name, head in shared.items():
        begun = beginning_of(connection, name)
        if begun is None or head.seq >= begun[0]:
            continue
        if not _begins_at(connection, name, head.seq + 1):
            found[name] = begun[0]
    return found


def _begins_at(connection: Connection, name: StreamId, first: int) -> bool:
    names = segment.c
    found = select(names.position).where(
        names.origin == name.origin,
        names.epoch == name.epoch,
        names.route == name.route,
        names.first == first,
    )
    return connection.execute(found).first() is not None


def _begun(connection: Connection) -> dict[StreamId, int]:
    rows = connection.execute(select(beginning))
    return {StreamId(row.origin, row.epoch, row.route): row.seq for row in rows}


def _is_declared(connection: Connection, name: StreamId) -> bool:
    """Has the author said so itself?"""
    return bool(gaps_of(connection, name))


# The parent


def note_proofs(
    site: Site, connection: Connection, child: Certificate, states: Iterable[State]
) -> None:
    """Keep what a child proved: up to where it has the state of streams that are written here."""
    missed = held_elsewhere(connection) if states else set()
    proved: list[Reach] = []
    for state in states:
        with suppress(Malformed, Untrusted):
            proved += _proved(connection, child, state)
    lost = [h for h in proved if h.stream in missed and writes_for(connection, h.stream)]
    upsert(connection, state_elsewhere, [_row(site, child.node, head) for head in lost])


def give_up(site: Site, connection: Connection) -> None:
    """Go on without what nobody can give back any more, once everybody was heard."""
    missed = held_elsewhere(connection)
    if not missed:
        return
    me = require_identity(connection)
    for name in sorted(missed):
        rows = _states_of(connection, name)
        if rows and writes_for(connection, name) and _all_heard(site, connection, me, name, rows):
            _give_up(site, connection, me, name, rows[0])


def _proved(connection: Connection, child: Certificate, state: State) -> Sequence[Reach]:
    """The heads of a state this node gave, by its own signature.

    Raises:
        Malformed, Untrusted: it did not give that to this child.
    """
    manifest = read_manifest(state.document)
    check_manifest(connection, manifest, state.document, state.signature)
    me = require_identity(connection)
    if (manifest.giver, manifest.child) != (me.node, child.node):
        raise Untrusted("快照不是本节点给它的", child=child.node)
    if heads_digest(line_of(list(head)) for head in state.heads) != manifest.heads:
        raise Malformed("快照的流位置与清单不符")
    return state.heads


def _row(site: Site, peer: str, head: Reach) -> dict[str, object]:
    return {
        "peer": peer,
        **head.stream._asdict(),
        "seq": head.seq,
        "head_hash": bytes.fromhex(head.hash),
        "trail": head.trail,
        "at": site.now(),
    }


def _states_of(connection: Connection, name: StreamId) -> Sequence[Row[Any]]:
    """Who has the state of a stream beyond what is held here, the nearest first."""
    names = state_elsewhere.c
    rows = connection.execute(
        select(state_elsewhere)
        .where(names.origin == name.origin, names.epoch == name.epoch, names.route == name.route)
        .order_by(names.seq, names.peer)
    ).all()
    return [row for row in rows if hash_at(connection, name, row.seq) != row.head_hash.hex()]


def _all_heard(
    site: Site,
    connection: Connection,
    me: Identity,
    name: StreamId,
    states: Sequence[Row[Any]],
) -> bool:
    """Has every child to which the stream goes been heard since, and has none more to give?

    One that holds other numbers than this node, and has proved nothing, may have the segments.
    """
    since = connection.scalar(
        select(func.min(incident.c.at)).where(
            incident.c.kind == AHEAD,
            incident.c.origin == name.origin,
            incident.c.epoch == name.epoch,
            incident.c.route == name.route,
            incident.c.closed_at.is_(None),
        )
    )
    if since is None:
        return False
    if site.clock() - parse_stamp(since) > site.limits.give_up_after:
        return True
    proved = {row.peer for row in states}
    for child in children_of(connection, me.node):
        if not may_descend(name.route, name.origin, child=child.node):
            continue
        heard = connection.scalar(select(link.c.last_contact).where(link.c.peer == child.node))
        if heard is None or heard < since:
            return False
        shown = shown_by(connection, child.node, epoch=child.epoch).heads.get(name)
        if shown and child.node not in proved and not _is_known(connection, shown):
            return False
    return True


def _is_known(connection: Connection, shown: Head) -> bool:
    found = hash_at(connection, shown.stream, shown.seq)
    return found == shown.hash or stands_for(connection, shown.stream, shown.seq)


def _give_up(
    site: Site,
    connection: Connection,
    me: Identity,
    name: StreamId,
    state: Row[Any],
) -> None:
    parting = _parting(site, connection, name, state)
    if parting is None:
        return  # too long ago to tell what was sealed since: a person must
    after, digest = parting
    first, last, holder = after + 1, state.seq, state.peer
    if segments_from(connection, name, first):
        if not set_aside(site, connection, name, first=first, prev=digest, peer=holder):
            return
    else:
        detail = GIVEN_UP.format(first=first, last=last, holder=holder)
        note_incident(site, connection, FORK, name, seq=first, detail=detail, peer=holder)
        if is_succeeded(connection, name):
            close_incidents(site, connection, FORK, **name._asdict())
    ending = state.head_hash.hex()
    go_behind(site, connection, name, first=first, last=last, ending=ending, holder=holder)
    note_lost(site, connection, name, first=first, last=last, holder=holder, peer=holder)
    reached(site, connection, name, last)
    record = declaration(
        site, name, first=first, last=last, ending=ending, holder=holder, by=me.node
    )
    line = canonical_line(record)
    put_in_front(site, connection, name, [line], txn=f"lost-{ending[:24]}")


def _parting(
    site: Site, connection: Connection, name: StreamId, state: Row[Any]
) -> tuple[int, str] | None:
    """The last number held here that the state contains, and its hash; None when that is unknown.

    Segments are compared line by line: one that was sealed anew from the outbox of a backup tells
    the same. The last one never counts, for its hash is another.
    """
    leaves = dict(enumerate(leaves_in(state.trail)[::-1], state.seq + 1 - _lines_in(state.trail)))
    covered = min(leaves, default=state.seq + 1)
    before = {each.last: each.hash for each in gaps_of(connection, name)} | {0: GENESIS}
    found = (covered - 1, before[covered - 1]) if covered - 1 in before else None
    for row in segments_from(connection, name, covered):
        here = leaves_at(site, connection, row.position)
        numbered = enumerate(here, row.first)
        if not here or row.last >= state.seq:
            break
        if any(seq >= covered and leaves.get(seq) != leaf for seq, leaf in numbered):
            break
        found = row.last, bytes(row.header_hash).hex()
    return found


def _lines_in(trail: str) -> int:
    return len(trail) // TRAIL_DIGITS
