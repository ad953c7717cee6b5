"""Taking segments in. One transaction each: all of it counts, or nothing of it happened.

bounds → chain, not revoked → signature → root (outside the transaction: they cost time, not
truth) → `first = head + 1` and `prev` = head's hash → authority of every record → handlers →
watermark → the segment itself, for relaying.

A transaction cut into several segments (`cont`) is kept as it arrives, so that a poor link makes
progress, and applied as one run when its last segment has come.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, exists, literal, select

from sync.apply import apply_records
from sync.blocks import Blocks, blocks_for
from sync.certificate import Author, Certificate
from sync.database import reading, upsert, writing
from sync.errors import Forked, NotRouted, OutOfOrder, Revoked, SyncRefusal, Untrusted
from sync.held import any_waiting, hold, retry_waiting
from sync.incidents import FORK, REVOKED, note_incident
from sync.keyring import Identity, require_identity
from sync.keys import FOR_SEGMENT, verifier
from sync.links import CHILD, PARENT, note_progress
from sync.log import segment_row
from sync.messages import Declined, Head, Taken
from sync.receipts import give_receipt
from sync.record import Arrived, Record, parse_lines
from sync.regions import strictly_inside
from sync.routes import may_descend, may_rise
from sync.segment import GENESIS, Header, Sealed, StreamId, read_header, unpack_lines
from sync.session import hash_at
from sync.site import Site
from sync.store import held, revocation, segment, stream
from sync.trust import (
    certificates_for,
    keep_certificates,
    newest_certificate,
    revocations,
    setup_of,
)

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
_anything_held = exists().where(held.c.decided_at.is_(None))
_one = select(literal(1).label("one")).subquery()
_PLACE = select(
    _stream_now.c.head,
    _stream_now.c.head_hash,
    _stream_now.c.applied,
    _revoked.label("is_revoked"),
    _anything_held.label("any_held"),
).select_from(_one.outerjoin(_stream_now, literal(1) == 1))

_INCIDENTS: Mapping[type[SyncRefusal], str] = {Forked: FORK, Revoked: REVOKED}


class _Peer(NamedTuple):
    """Who hands segments over, and which streams may come from there."""

    node: str
    level: str
    role: str
    me: Identity

    def check(self, header: Header) -> None:
        if self.role == PARENT:
            routed = may_descend(header.route, header.origin, child=self.me.node)
        else:
            routed = may_rise(header.route, header.origin, child=self.node, child_level=self.level)
        if not routed:
            raise NotRouted(
                "该记录流不应经此链路传来", origin=header.origin, route=header.route, peer=self.node
            )


class _Verified(NamedTuple):
    """A segment whose signature and root hold."""

    sealed: Sealed
    header: Header
    lines: Sequence[bytes]
    records: Sequence[Record]
    author: Author


class _Counts(NamedTuple):
    applied: int
    held: int

    def plus(self, other: "_Counts") -> "_Counts":
        return _Counts(self.applied + other.applied, self.held + other.held)


class _Place(NamedTuple):
    """Where a stream stands here when a segment comes."""

    head: int
    hash: str
    applied: int
    is_revoked: bool
    any_held: bool


def take(
    site: Site, sealed: Iterable[Sealed], certificates: Iterable[Certificate], *, from_node: str
) -> Taken:
    """Take segments from a peer, in order; what cannot be taken is returned with the reason.

    After a refusal the rest of the same stream is not looked at: it could only be out of order.

    Raises:
        Untrusted: the peer is neither the parent nor a child, or a certificate has no chain.
    """
    with writing(site.engine) as connection:
        peer = _peer(connection, from_node)
        keep_certificates(connection, certificates, fingerprint=peer.me.root_fingerprint)
    intake = _Intake(site, peer)
    for one in sealed:
        intake.take(one)
    return intake.close()


def _peer(connection: Connection, node: str) -> _Peer:
    me = require_identity(connection)
    known = newest_certificate(connection, node)
    if known is None:
        raise Untrusted("对方没有本网络的证书", node=node)
    if node == me.parent:
        return _Peer(node, known.level, PARENT, me)
    if strictly_inside(node, me.node):
        return _Peer(node, known.level, CHILD, me)
    raise Untrusted("对方既不是本节点的上级，也不在本级辖区之内", node=node)


class _Intake:
    """One call's worth of segments."""

    def __init__(self, site: Site, peer: _Peer) -> None:
        self._site = site
        self._peer = peer
        self._authors: dict[tuple[str, str], Certificate | None] = {}
        self._heads: dict[StreamId, int] = {}
        self._stopped: set[StreamId] = set()
        self._refused: list[Declined] = []
        self._segments = self._applied = self._held = 0

    def take(self, sealed: Sealed) -> None:
        header = None
        try:
            header = read_header(sealed.header, self._site.limits)
            if header.stream not in self._stopped:
                self._take(sealed, header)
        except SyncRefusal as refusal:
            self._decline(header, refusal)

    def close(self) -> Taken:
        """Try again what waits, and sign how far everything stands now."""
        with writing(self._site.engine) as connection:
            if self._segments:
                if any_waiting(connection):
                    self._applied += len(retry_waiting(self._site, connection).applied)
                note_progress(self._site, connection, self._peer.node, role=self._peer.role)
            watermarks = heads_of(connection, self._heads)
            receipt = None
            if watermarks:
                receipt = give_receipt(self._site, connection, watermarks, giver=self._peer.node)
        if self._segments:
            self._site.bell.ring()
        return Taken(watermarks, self._refused, receipt, self._segments, self._applied, self._held)

    def _take(self, sealed: Sealed, header: Header) -> None:
        self._peer.check(header)
        if header.last <= self._head(header.stream) and self._is_known(sealed, header):
            return
        verified = _verify(self._site, sealed, header, self._certificate(header))
        with writing(self._site.engine) as connection:
            place = _place(connection, header.stream)
            if _continues(connection, verified, place):
                counts = _apply(self._site, connection, verified, place)
                _store(self._site, connection, verified, place, from_node=self._peer.node)
                self._segments += 1
                self._applied += counts.applied
                self._held += counts.held
        self._heads[header.stream] = header.last

    def _head(self, name: StreamId) -> int:
        """How far the stream was held when this call began, and what came since."""
        if name not in self._heads:
            with reading(self._site.engine) as connection:
                self._heads[name] = _place(connection, name).head
        return self._heads[name]

    def _is_known(self, sealed: Sealed, header: Header) -> bool:
        with reading(self._site.engine) as connection:
            return hash_at(connection, header.stream, header.last) == sealed.hash().hex()

    def _certificate(self, header: Header) -> Certificate:
        setup = setup_of(header.stream)
        if setup not in self._authors:
            with reading(self._site.engine) as connection:
                self._authors[setup] = certificates_for(connection, {setup}).get(setup)
        found = self._authors[setup]
        if found is None:
            raise Untrusted("没有该记录流作者的证书", origin=header.origin, epoch=header.epoch)
        return found

    def _decline(self, header: Header | None, refusal: SyncRefusal) -> None:
        if header is None:
            self._refused.append(Declined("", "", "", 0, refusal.code, refusal.message))
            return
        self._stopped.add(header.stream)
        declined = Declined(*header.stream, header.first, refusal.code, refusal.message)
        self._refused.append(declined)
        kind = _INCIDENTS.get(type(refusal))
        if kind is None:
            return
        with writing(self._site.engine) as connection:
            note_incident(
                self._site,
                connection,
                kind,
                header.stream,
                seq=header.first,
                detail=refusal.message,
                peer=self._peer.node,
            )


def _verify(site: Site, sealed: Sealed, header: Header, author: Certificate) -> _Verified:
    if header.alg != author.alg:
        raise Untrusted("段头的签名算法与证书不同", alg=header.alg)
    if not verifier(author.alg, author.key)(sealed.signature, FOR_SEGMENT + sealed.header):
        raise Untrusted("段签名无效", origin=header.origin)
    lines = unpack_lines(sealed, header, site.limits)
    return _Verified(sealed, header, lines, parse_lines(lines), author.author)


def _place(connection: Connection, name: StreamId) -> _Place:
    row = connection.execute(_PLACE, name._asdict()).one()
    if row.head is None:
        return _Place(0, GENESIS, 0, bool(row.is_revoked), bool(row.any_held))
    head_hash = bytes(row.head_hash).hex()
    return _Place(row.head, head_hash, row.applied, bool(row.is_revoked), bool(row.any_held))


def _continues(connection: Connection, verified: _Verified, place: _Place) -> bool:
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
    if hash_at(connection, header.stream, header.last) == verified.sealed.hash().hex():
        return False
    raise Forked("同号的记录段与已收到的不同", first=header.first, last=header.last)


def _apply(site: Site, connection: Connection, verified: _Verified, place: _Place) -> _Counts:
    """Apply a segment, after what came before of the same transaction; nothing while it is open."""
    if verified.header.cont:
        return _Counts(0, 0)
    counts = _Counts(0, 0)
    if place.applied < place.head:
        for earlier in _waiting_for_end(site, connection, verified, place):
            counts = counts.plus(_apply_one(site, connection, earlier, any_held=True))
    any_held = place.any_held or counts.held > 0
    return counts.plus(_apply_one(site, connection, verified, any_held=any_held))


def _apply_one(
    site: Site, connection: Connection, verified: _Verified, *, any_held: bool
) -> _Counts:
    header, records, author = verified.header, verified.records, verified.author
    seqs = range(header.first, header.last + 1)
    arrived = [
        Arrived(record, header.origin, header.epoch, header.route, seq)
        for record, seq in zip(records, seqs, strict=True)
    ]
    keys = {record.key for record in records} if any_held else set()
    blocks = blocks_for(connection, keys) if any_held else Blocks()
    outcome = apply_records(site, connection, arrived, author_of=lambda _: author, blocks=blocks)
    hold(site, connection, outcome.unapplied, lambda one: verified.lines[one.seq - header.first])
    applied = len(outcome.applied)
    if blocks.waiting:
        applied += len(retry_waiting(site, connection, keys=blocks.waiting).applied)
    return _Counts(applied, len(outcome.unapplied))


def _waiting_for_end(
    site: Site, connection: Connection, verified: _Verified, place: _Place
) -> Iterator[_Verified]:
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
        yield _Verified(sealed, header, lines, parse_lines(lines), verified.author)


def _store(
    site: Site, connection: Connection, verified: _Verified, place: _Place, *, from_node: str
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
    moved = {
        **header.stream._asdict(),
        "head": header.last,
        "head_hash": sealed.hash(),
        "applied": place.applied if header.cont else header.last,
        "written_here": False,
        "moved_at": site.now(),
    }
    upsert(connection, stream, [moved])


def heads_of(connection: Connection, names: Iterable[StreamId]) -> list[Head]:
    """Where streams stand here; those not here at all are left out."""
    places = ((name, _place(connection, name)) for name in names)
    return [Head(*name, place.head, place.hash) for name, place in places if place.head]
