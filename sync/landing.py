"""Setting one segment down: does it hold, does it come next, apply it, move the watermark.

All of `land` happens in the caller's transaction; `verify_segment` needs none, and is done before,
since it costs time while a lock would be held.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, exists, literal, select

from sync.apply import apply_records
from sync.arrivals import acknowledge
from sync.aside import hash_aside, keep_late, leaves_put_aside
from sync.blocks import Blocks, blocks_for
from sync.certificate import Author, Certificate
from sync.comparing import hash_at
from sync.database import upsert
from sync.erasing import note_tombstones
from sync.errors import Altered, Forked, OutOfOrder, Revoked, Untrusted
from sync.forks import check_continuation, end_old_stream
from sync.held import hold, retry_waiting
from sync.keyring import require_identity
from sync.keys import FOR_SEGMENT, verifier
from sync.late import has_ended, known_here, say_again
from sync.leaves import leaves_before, short_leaf
from sync.log import segment_row
from sync.messages import TRAIL, Head
from sync.record import Record, arrived_at, parse_lines
from sync.restoring import reached, writes_for
from sync.routes import TO
from sync.segment import GENESIS, Header, Sealed, StreamId, is_whole, read_header, unpack_lines
from sync.site import Site
from sync.snapshot_store import stands_for
from sync.store import aside, held, revocation, segment, stream
from sync.tombstone import NOTHING_LEFT, read_lines
from sync.trust import (
    revocations,
)
from sync.unsealing import make_room, withdraw_written

_stream_now = (
    select(stream.c.head, stream.c.head_hash, stream.c.applied)
    .where(
        stream.c.origin == bindparam("origin"),
        stream.c.epoch == bindparam("epoch"),
        stream.c.route == bindparam("route"),
    )
    .subquery()
)
_revoked = exists().where(
    revocation.c.node == bindparam("origin"), revocation.c.epoch == bindparam("epoch")
)
_goes_on = exists().where(
    revocation.c.node == bindparam("origin"), revocation.c.successor == bindparam("epoch")
)
_put_aside = exists().where(
    aside.c.origin == bindparam("origin"), aside.c.route == bindparam("route")
)
_anything_held = exists().where(held.c.decided_at.is_(None))
_one = select(literal(1).label("one")).subquery()
_PLACE = select(
    _stream_now.c.head,
    _stream_now.c.head_hash,
    _stream_now.c.applied,
    _revoked.label("is_revoked"),
    _anything_held.label("any_held"),
    _goes_on.label("goes_on"),
    _put_aside.label("any_aside"),
).select_from(_one.outerjoin(_stream_now, literal(1) == 1))


class Verified(NamedTuple):
    """A segment whose signature and root hold."""

    sealed: Sealed
    header: Header
    lines: Sequence[bytes]
    records: Sequence[Record]
    author: Author
    has_tombstones: bool = False


class Counts(NamedTuple):
    """Records applied, and records held."""

    applied: int
    held: int

    def plus(self, other: "Counts") -> "Counts":
        return Counts(self.applied + other.applied, self.held + other.held)


class Place(NamedTuple):
    """Where a stream stands here when a segment comes."""

    head: int
    hash: str
    applied: int
    is_revoked: bool
    any_held: bool
    goes_on: bool
    any_aside: bool


def verify_segment(site: Site, sealed: Sealed, header: Header, author: Certificate) -> Verified:
    """Check signature and root, and read the lines.

    Raises:
        Untrusted: the author did not sign this.
        Malformed, NotCanonical: the body is not what the header says, or holds no records.
    """
    if header.alg != author.alg:
        raise Untrusted("段头的签名算法与证书不同", alg=header.alg)
    if not verifier(author.alg, author.key)(sealed.signature, FOR_SEGMENT + sealed.header):
        raise Altered("段签名无效", origin=header.origin)
    lines = unpack_lines(sealed, header, site.limits)
    return _verified(sealed, header, lines, author.author)


def _verified(sealed: Sealed, header: Header, lines: list[bytes], author: Author) -> Verified:
    if is_whole(header, lines):
        return Verified(sealed, header, lines, parse_lines(lines), author)
    return Verified(sealed, header, lines, read_lines(lines), author, has_tombstones=True)


def place_of(connection: Connection, name: StreamId) -> Place:
    """Where a stream stands here; at 0 when it is not here at all."""
    row = connection.execute(_PLACE, name._asdict()).one()
    if row.head is None:
        return Place(0, GENESIS, 0, *map(bool, row[3:]))
    return Place(row.head, bytes(row.head_hash).hex(), row.applied, *map(bool, row[3:]))


def land(
    site: Site,
    connection: Connection,
    verified: Verified,
    *,
    from_node: str,
    comes_back: bool = False,
) -> Counts | None:
    """Apply a segment that comes next and keep it; None when it is here already.

    `comes_back`: it is of a stream that others hold more of (`restoring`).

    Raises:
        OutOfOrder: something before it is missing, or it is another history (`Forked`).
        Revoked: its author's certificate was revoked before it.
    """
    name = verified.header.stream
    place = place_of(connection, name)
    ours = comes_back and writes_for(connection, name)
    if ours and has_ended(connection, name, head=place.head, from_node=from_node):
        return _rescue(site, connection, verified, peer=from_node)
    if ours and _parts_here(connection, verified, place):
        make_room(site, connection, verified.header, peer=from_node)
        place = place_of(connection, name)
    if not _continues(connection, verified, place):
        return None
    if not ours and (ended := check_continuation(connection, verified.header)):
        end_old_stream(site, connection, ended)
    counts = _apply(site, connection, verified, place, ours=ours)
    _store(site, connection, verified, place, from_node=from_node, ours=ours)
    if name.route.startswith(TO) and not (comes_back or verified.header.cont):
        acknowledge(site, connection, require_identity(connection), verified.header)
    if comes_back:
        reached(site, connection, name, verified.header.last)
    return counts


def _rescue(site: Site, connection: Connection, verified: Verified, *, peer: str) -> Counts | None:
    """Take what is in a segment that came back when its stream had ended: say it once more.

    Its lines are applied like all that comes back, and go into the outbox; the segment itself is
    put aside, and the child that gave it will hear that it does not count (`disowned`).
    """
    header, name = verified.header, verified.header.stream
    if _is_here(connection, verified):
        return None
    counts = Counts(0, 0)
    if verified.sealed.hash().hex() not in hash_aside(connection, name, header.last):
        before = {hash_at(connection, name, header.first - 1) if header.first > 1 else GENESIS}
        if header.prev not in before | hash_aside(connection, name, header.first - 1):
            raise Forked("记录段与已收到的历史不相连", first=header.first)
        known = known_here(site, connection, header)
        counts = _apply_one(site, connection, verified, any_held=True, ours=False, known=known)
        say_again(site, connection, header, verified.lines, known=known, peer=peer)
        keep_late(site, connection, verified.sealed, header)
    reached(site, connection, name, header.last)
    return counts


def _parts_here(connection: Connection, verified: Verified, place: Place) -> bool:
    """Is this segment where our history and that of the others part?"""
    header = verified.header
    if header.first > place.head or _is_here(connection, verified):
        return False
    before = hash_at(connection, header.stream, header.first - 1) if header.first > 1 else GENESIS
    return before == header.prev


def _is_here(connection: Connection, verified: Verified) -> bool:
    header = verified.header
    found = hash_at(connection, header.stream, header.last)
    if found is None:
        return stands_for(connection, header.stream, header.last)
    return found == verified.sealed.hash().hex()


def _continues(connection: Connection, verified: Verified, place: Place) -> bool:
    """Does the segment come next? False when it is here already; all else is refused."""
    header = verified.header
    if place.is_revoked:
        stands = revocations(connection, header.origin, header.epoch)
        if stands and stands.forbids(header.route, header.last):
            raise Revoked("作者的证书已被吊销", origin=header.origin, last=header.last)
    if header.first > place.head + 1:
        raise OutOfOrder("前面的记录段还没有收到", expected=place.head + 1, first=header.first)
    if header.first == place.head + 1:
        if header.prev != place.hash:
            raise Forked("记录段与已收到的历史不相连", first=header.first)
        return True
    if _is_here(connection, verified):
        return False
    raise Forked("同号的记录段与已收到的不同", first=header.first, last=header.last)


def _apply(
    site: Site, connection: Connection, verified: Verified, place: Place, *, ours: bool
) -> Counts:
    """Apply a segment, after what came before of the same transaction; nothing while it is open."""
    if verified.header.cont:
        return Counts(0, 0)
    counts = Counts(0, 0)
    known = _said_before(site, connection, verified.header, place)
    if place.applied < place.head:
        for earlier in _waiting_for_end(site, connection, verified, place):
            counts = counts.plus(
                _apply_one(site, connection, earlier, any_held=True, ours=ours, known=known)
            )
    any_held = place.any_held or counts.held > 0
    return counts.plus(
        _apply_one(site, connection, verified, any_held=any_held, ours=ours, known=known)
    )


def _apply_one(
    site: Site,
    connection: Connection,
    verified: Verified,
    *,
    any_held: bool,
    ours: bool,
    known: Collection[str],
) -> Counts:
    header, records, author = verified.header, verified.records, verified.author
    arrived = arrived_at(
        records,
        origin=header.origin,
        epoch=header.epoch,
        route=header.route,
        first=header.first,
    )
    if verified.has_tombstones:
        arrived = [one for one in arrived if one.record is not NOTHING_LEFT]
    if ours:
        written = withdraw_written(site, connection, header, verified.lines)
        arrived = [one for one in arrived if one.seq not in written]
    if known:
        leaves = [short_leaf(line) for line in verified.lines]
        arrived = [one for one in arrived if leaves[one.seq - header.first] not in known]
    keys = {record.key for record in records} if any_held else set()
    blocks = blocks_for(connection, keys) if any_held else Blocks()
    outcome = apply_records(site, connection, arrived, author_of=lambda _: author, blocks=blocks)
    hold(site, connection, outcome.unapplied, lambda one: verified.lines[one.seq - header.first])
    applied = len(outcome.applied)
    if blocks.waiting:
        applied += len(retry_waiting(site, connection, keys=blocks.waiting).applied)
    return Counts(applied, len(outcome.unapplied))


def _said_before(
    site: Site, connection: Connection, header: Header, place: Place
) -> Collection[str]:
    """What of the beginning of a new epoch may be here already, by the leaves of its lines.

    An author that was put back says again what went out under the old epoch and nobody gave back
    (`forks`, `losing`). That may have come here as a record, or with the state of a snapshot, or in
    a history that was put aside since (`disowned`).
    """
    known: set[str] = set()
    if place.any_aside:
        aside = leaves_put_aside(site, connection, header.origin, header.route)
        known.update(leaf for _, leaf in aside)
    if (header.continues or place.goes_on) and header.first <= TRAIL:
        known.update(leaves_before(site, connection, header.stream))
    return known


def _waiting_for_end(
    site: Site, connection: Connection, verified: Verified, place: Place
) -> Iterator[Verified]:
    """The earlier segments of the transaction that this one ends, one at a time."""
    name = verified.header.stream
    names = segment.c
    positions = connection.scalars(
        select(names.position)
        .where(
            names.origin == name.origin,
            names.epoch == name.epoch,
            names.route == name.route,
            names.first > place.applied,
        )
        .order_by(names.first)
    ).all()
    for position in positions:
        row = connection.execute(select(segment).where(names.position == position)).one()
        header = read_header(bytes(row.header), site.limits)
        body = site.vault.open(bytes(row.body))
        sealed = Sealed(bytes(row.header), bytes(row.signature), body)
        lines = unpack_lines(sealed, header, site.limits)
        yield _verified(sealed, header, lines, verified.author)


def _store(
    site: Site,
    connection: Connection,
    verified: Verified,
    place: Place,
    *,
    from_node: str,
    ours: bool,
) -> None:
    header, sealed = verified.header, verified.sealed
    row = segment_row(
        site,
        sealed,
        header.stream,
        first=header.first,
        last=header.last,
        received_from=from_node,
    )
    connection.execute(segment.insert(), [row])
    if verified.has_tombstones:
        note_tombstones(site, connection, header, verified.lines)
    moved = {
        **header.stream._asdict(),
        "head": header.last,
        "head_hash": sealed.hash(),
        "applied": place.applied if header.cont else header.last,
        "written_here": ours,
        "moved_at": site.now(),
    }
    upsert(connection, stream, [moved])


def heads_of(connection: Connection, names: Iterable[StreamId]) -> list[Head]:
    """Where streams stand here; those not here at all are left out."""
    places = ((name, place_of(connection, name)) for name in names)
    return [Head(*name, place.head, place.hash) for name, place in places if place.head]
