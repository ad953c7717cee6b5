"""Taking segments in, a few to a transaction: all of one counts, or nothing of it happened.

bounds → chain, not revoked → signature → root (outside the transaction: they cost time, not
truth) → `first = head + 1` and `prev` = head's hash → authority of every record → handlers →
watermark → the segment itself, for relaying.

A transaction cut into several segments (`cont`) is kept as it arrives, so that a poor link makes
progress, and applied as one run when its last segment has come.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from sync.certificate import Certificate
from sync.comparing import hash_at
from sync.database import reading, writing
from sync.errors import (
    Altered,
    Forked,
    Malformed,
    NotCanonical,
    NotRouted,
    Revoked,
    SyncRefusal,
    Untrusted,
)
from sync.held import any_waiting, retry_waiting
from sync.incidents import ALTERED, ANY_STREAM, FORK, REVOKED, UNREADABLE, note_incident
from sync.keyring import Identity, require_identity
from sync.landing import Counts, Verified, heads_of, land, place_of, verify_segment
from sync.links import CHILD, PARENT, note_progress
from sync.messages import Declined, Taken
from sync.meter import IN
from sync.receipts import give_receipt
from sync.regions import strictly_inside
from sync.restoring import agrees, held_elsewhere
from sync.routes import may_descend, may_rise
from sync.segment import Header, Sealed, StreamId, read_header
from sync.site import Site
from sync.trust import (
    certificates_for,
    keep_certificates,
    newest_certificate,
    setup_of,
    unknown_certificates,
)

_INCIDENTS: Mapping[type[SyncRefusal], str] = {
    Forked: FORK,
    Revoked: REVOKED,
    NotCanonical: UNREADABLE,
    Altered: ALTERED,
    Malformed: ALTERED,
}


class _Peer(NamedTuple):
    """Who hands segments over, and which streams may come from there."""

    node: str
    level: str
    role: str
    me: Identity
    missed: Collection[StreamId]

    def check(self, header: Header) -> None:
        if not (self._is_routed(header) or self.comes_back(header)):
            raise NotRouted(
                "该记录流不应经此链路传来", origin=header.origin, route=header.route, peer=self.node
            )

    def comes_back(self, header: Header) -> bool:
        """Is this of a stream the peer once had from here, and holds more of?"""
        if header.stream not in self.missed:
            return False
        if self.role == PARENT:
            me = self.me
            return may_rise(header.route, header.origin, child=me.node, child_level=me.level)
        return may_descend(header.route, header.origin, child=self.node)

    def _is_routed(self, header: Header) -> bool:
        if self.role == PARENT:
            return may_descend(header.route, header.origin, child=self.me.node)
        return may_rise(header.route, header.origin, child=self.node, child_level=self.level)


def take(
    site: Site, sealed: Iterable[Sealed], certificates: Iterable[Certificate], *, from_node: str
) -> Taken:
    """Take segments from a peer, in order; what cannot be taken is returned with the reason.

    After a refusal the rest of the same stream is not looked at: it could only be out of order.

    Raises:
        Untrusted: the peer is neither the parent nor a child, or a certificate has no chain.
    """
    with reading(site.engine) as connection:
        peer = _peer(connection, from_node)
        new = unknown_certificates(connection, certificates)
    if new:
        with writing(site.engine) as connection:
            keep_certificates(connection, new, fingerprint=peer.me.root_fingerprint)
    intake = _Intake(site, peer)
    for one in sealed:
        intake.take(one)
    return intake.close()


def _peer(connection: Connection, node: str) -> _Peer:
    me = require_identity(connection)
    known = newest_certificate(connection, node)
    if known is None:
        raise Untrusted("对方没有本网络的证书", node=node)
    missed = held_elsewhere(connection)
    if node == me.parent:
        return _Peer(node, known.level, PARENT, me, missed)
    if strictly_inside(node, me.node):
        return _Peer(node, known.level, CHILD, me, missed)
    raise Untrusted("对方既不是本节点的上级，也不在本级辖区之内", node=node)


class _Landed(NamedTuple):
    """A segment that was set down; `counts` is None when it was here already."""

    verified: Verified
    counts: Counts | None


class _Intake:
    """One call's worth of segments.

    What is checked is gathered and set down together: a commit costs as much as some hundred
    records. One that is refused takes no other with it: then each is set down by itself.
    """

    def __init__(self, site: Site, peer: _Peer) -> None:
        self._site = site
        self._peer = peer
        self._authors: dict[tuple[str, str], Certificate | None] = {}
        self._heads: dict[StreamId, int] = {}
        self._ready: list[Verified] = []
        self._ready_records = self._ready_bytes = 0
        self._stopped: set[StreamId] = set()
        self._refused: list[Declined] = []
        self._segments = self._applied = self._held = 0

    def take(self, sealed: Sealed) -> None:
        header = None
        try:
            header = read_header(sealed.header, self._site.limits)
            if header.stream not in self._stopped:
                self._check(sealed, header)
        except SyncRefusal as refusal:
            self._land()  # an incident is written down by itself, after what came before
            self._decline(header, refusal)

    def close(self) -> Taken:
        """Try again what waits, and sign how far everything stands now."""
        self._land()
        # Also when nothing came: the call before may have died between taking and trying again.
        self._retry_waiting()
        with reading(self._site.engine) as connection:
            watermarks = heads_of(connection, self._heads)
            receipt = None
            if watermarks:
                receipt = give_receipt(self._site, connection, watermarks, giver=self._peer.node)
        if self._segments:
            self._site.bell.ring()
        self._site.meter.refused(self._peer.node, self._refused)
        return Taken(watermarks, self._refused, receipt, self._segments, self._applied, self._held)

    def _check(self, sealed: Sealed, header: Header) -> None:
        """All that needs no lock; what passes waits to be set down."""
        self._peer.check(header)
        if header.last <= self._head(header.stream) and self._is_known(sealed, header):
            return
        verified = verify_segment(self._site, sealed, header, self._certificate(header))
        self._ready.append(verified)
        self._ready_records += len(verified.records)
        self._ready_bytes += header.size
        limits = self._site.limits
        if self._ready_records >= limits.take_records or self._ready_bytes >= limits.take_bytes:
            self._land()

    def _land(self) -> None:
        """Set down what is ready: in one transaction, or, if one is refused, each in its own."""
        ready, self._ready = self._ready, []
        self._ready_records = self._ready_bytes = 0
        if not ready:
            return
        try:
            self._set_down(ready)
        except SyncRefusal as refusal:
            if len(ready) == 1:
                self._decline(ready[0].header, refusal)
                return
            for verified in ready:
                if verified.header.stream not in self._stopped:
                    self._set_down_alone(verified)

    def _set_down_alone(self, verified: Verified) -> None:
        try:
            self._set_down([verified])
        except SyncRefusal as refusal:
            self._decline(verified.header, refusal)

    def _set_down(self, ready: Sequence[Verified]) -> None:
        """All of them, or none and the refusal of the first that cannot be taken."""
        with writing(self._site.engine) as connection:
            landed = [self._land_one(connection, verified) for verified in ready]
            if not self._segments and any(each.counts is not None for each in landed):
                note_progress(self._site, connection, self._peer.node, role=self._peer.role)
        for each in landed:
            self._note(each)

    def _land_one(self, connection: Connection, verified: Verified) -> _Landed:
        counts = land(
            self._site,
            connection,
            verified,
            from_node=self._peer.node,
            comes_back=verified.header.stream in self._peer.missed,
        )
        return _Landed(verified, counts)

    def _note(self, landed: _Landed) -> None:
        header, counts = landed.verified.header, landed.counts
        if counts is not None:
            self._segments += 1
            self._site.meter.carried(self._peer.node, IN, [landed.verified.sealed])
            self._applied += counts.applied
            self._held += counts.held
        self._heads[header.stream] = header.last

    def _retry_waiting(self) -> None:
        with reading(self._site.engine) as connection:
            if not any_waiting(connection):
                return
        with writing(self._site.engine) as connection:
            self._applied += len(retry_waiting(self._site, connection).applied)

    def _head(self, name: StreamId) -> int:
        """How far the stream was held when this call began, and what came since."""
        if name not in self._heads:
            with reading(self._site.engine) as connection:
                self._heads[name] = place_of(connection, name).head
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
            if header.stream in self._peer.missed:
                # What the peer holds does not go with what is here: it will not come back.
                agrees(self._site, connection, header.stream, self._peer.node)
            # Anybody may invent numbers and routes for what is not signed: one note for all.
            is_proved = kind != ALTERED
            name = header.stream if is_proved else header.stream._replace(route=ANY_STREAM)
            note_incident(
                self._site,
                connection,
                kind,
                name,
                seq=header.first if is_proved else 0,
                detail=refusal.message,
                peer=self._peer.node,
            )
