"""A replica: one node's end of the network, over one database. Each verb lives in its own module.

Its methods may be called from any thread. Each is its own transaction, except `append`, which
writes in the caller's.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, func, select

from sync import (
    arrivals,
    audit,
    built_in,
    checkpoints,
    erasing,
    finding,
    forks,
    held,
    intake,
    log,
    losing,
    membership,
    outgoing,
    receipts,
    renewing,
    restoring,
    revoking,
    session,
    skew,
    tracing,
)
from sync.archive_file import NO_ARCHIVES, Archives
from sync.bell import Bell
from sync.bundle_store import note_shown
from sync.certificate import Author, Certificate
from sync.database import reading, writing
from sync.errors import Archived, Unauthorised
from sync.handlers import Authority, Handlers, OnNotice
from sync.keyring import HOSTED, OWN, Identity, find_key, identity_of, require_identity, signing_key
from sync.keys import Signer
from sync.limits import LIMITS, Limits
from sync.links import PARENT, note_failure
from sync.messages import Admission, Applicant, Head, Hello, Receipt, Taken, Welcome
from sync.meter import Meter
from sync.moment import Clock, Entropy, entropy, wall_clock
from sync.record import Arrived, Record
from sync.routes import DOWN_ALL, may_rise
from sync.segment import Sealed, StreamId
from sync.site import Site, silent
from sync.status import HeldRecord, Status, held_records, status
from sync.store import segment
from sync.trust import Setup, certificate_for, chain_for
from sync.vault import PLAIN, Vault


class Replica:
    """Everything a node does to take part. Give it the same arguments at every start."""

    def __init__(
        self,
        engine: Engine,
        *,
        authority: Authority,
        handlers: Handlers,
        limits: Limits = LIMITS,
        clock: Clock = wall_clock,
        vault: Vault = PLAIN,
        on_notice: OnNotice = silent,
        entropy: Entropy = entropy,
        archives: Archives = NO_ARCHIVES,
    ) -> None:
        self.site = Site(
            engine=engine,
            authority=built_in.with_own_rules(authority),
            handlers={**handlers, **built_in.handlers(lambda: self.site)},
            limits=limits,
            clock=clock,
            vault=vault,
            on_notice=on_notice,
            entropy=entropy,
            archives=archives,
        )
        self._authors: dict[str, Author] = {}

    @property
    def bell(self) -> Bell:
        """Rings in this process when something was sealed or taken."""
        return self.site.bell

    @property
    def meter(self) -> Meter:
        """What went over each link in this process."""
        return self.site.meter

    # Membership

    def identity(self) -> Identity | None:
        """Who this node is, once it was founded or has joined."""
        with reading(self.site.engine) as connection:
            return identity_of(connection)

    def found(self, *, node: str, level: str) -> Certificate:
        """Become the root of a new network. See `membership.found`."""
        return membership.found(self.site, node=node, level=level)

    def issue_join_code(self, *, region: str, level: str, valid: timedelta | None = None) -> str:
        """A code with which one node joins once. See `membership.issue_join_code`."""
        return membership.issue_join_code(self.site, region=region, level=level, valid=valid)

    def apply_to_join(self, *, region: str) -> Applicant:
        """Make the key to join with. See `membership.apply_to_join`."""
        return membership.apply_to_join(self.site, region=region)

    def apply_after(self, *, region: str, after: str) -> Applicant:
        """Apply under an epoch later than that of an earlier machine."""
        return membership.apply_after(self.site, region=region, after=after)

    def admit(self, code: str, applicant: Applicant) -> Admission:
        """Certify a child that knows a join code. See `membership.admit`."""
        admission = membership.admit(self.site, code, applicant)
        self._authors.pop(admission.certificate.node, None)
        return admission

    def adopt(self, own: Certificate, chain: Sequence[Certificate], *, fingerprint: str) -> None:
        """Become what a parent certified. See `membership.adopt`."""
        membership.adopt(self.site, own, chain, fingerprint=fingerprint)

    def host(self, *, region: str, level: str) -> Certificate:
        """Hold key and streams of a place without a machine. See `membership.host`."""
        return membership.host(self.site, region=region, level=level)

    def revoke(self, *, node: str, epoch: str, reason: str, by: str) -> None:
        """Withdraw a certificate from here on. See `revoking.revoke`."""
        revoking.revoke(self.site, node=node, epoch=epoch, reason=reason, by=by)

    def renew(self, *, node: str, epoch: str, by_person: bool = False) -> list[Certificate]:
        """A child's certificate for longer, and the chain above it. See `renewing.renew`."""
        return renewing.renew(self.site, node=node, epoch=epoch, by_person=by_person)

    def is_renewal_due(self, *, now: datetime) -> bool:
        """Is it time to ask the parent for a renewal, by the parent's clock?"""
        return renewing.own_is_due(self.site, now=now)

    def keep_renewed(self, offered: Iterable[Certificate]) -> Certificate:
        """Take the parent's answer to that. See `renewing.keep_renewed`."""
        return renewing.keep_renewed(self.site, offered)

    def certificates(self) -> list[renewing.Standing]:
        """How the certificates of this node, of those above and of its children stand."""
        return renewing.overview(self.site)

    def signer(self) -> Signer:
        """This node's own key, to sign requests with."""
        with reading(self.site.engine) as connection:
            return signing_key(self.site, connection, require_identity(connection).node).signer

    def certificate_of(self, node: str, epoch: str) -> Certificate | None:
        """A certificate that is kept here; whether it holds today, `valid_peer` says."""
        with reading(self.site.engine) as connection:
            return certificate_for(connection, node, epoch)

    def valid_peer(self, node: str, epoch: str) -> Certificate:
        """The certificate of a peer that calls now. See `session.peer_certificate`."""
        with reading(self.site.engine) as connection:
            return session.peer_certificate(self.site, connection, node, epoch)

    def chain_for(self, setups: Collection[Setup]) -> list[Certificate]:
        """Certificates of these (node, epoch) and of all above them, the root last."""
        with reading(self.site.engine) as connection:
            return chain_for(connection, setups)

    # Writing

    def append(
        self,
        connection: Connection,
        *,
        origin: str,
        route: str,
        txn: str,
        records: Sequence[Record],
    ) -> None:
        """Write records in the caller's transaction; `txn` names it, one name per commit.

        Raises:
            Unauthorised: the origin may not write one of them.
            NotMember: this node does not write for that origin.
            NotCanonical: one of them is no record.
        """
        author = self._author(connection, origin)
        for kind, region in {(record.type, record.region) for record in records}:
            reason = self.site.authority(author, route, kind, region)
            if reason:
                raise Unauthorised(reason, origin=origin, type=kind, region=region)
        log.append(
            connection,
            origin=origin,
            route=route,
            txn=txn,
            records=records,
            vault=self.site.vault,
            limits=self.site.limits,
        )

    def erase(self, stream: StreamId, seq: int, *, reason: str, by: str) -> None:
        """Erase one line written here, and order everybody who holds it to. See `erasing.erase`."""
        erasing.erase(self.site, stream, seq, reason=reason, by=by)

    def seal(self) -> log.Sealing:
        """Seal everything that is committed; returns how much that was."""
        segments = records = 0
        while True:
            step = log.seal_step(self.site)
            if not step.segments:
                return log.Sealing(segments, records)
            segments += step.segments
            records += step.records

    # The link to the parent, from the child's end

    def hello(self) -> Hello:
        """Open a session with the parent. See `session.hello`."""
        return session.hello(self.site)

    def accept_welcome(self, answer: Welcome) -> dict[StreamId, Head]:
        """Take the parent's answer: how far it holds our streams. See `session.accept_welcome`."""
        return session.accept_welcome(self.site, answer)

    def outgoing(
        self,
        parent_heads: Mapping[StreamId, Head],
        *,
        budget: int,
        without: Collection[StreamId] = (),
    ) -> list[Sealed]:
        """What the parent lacks, in order, up to `budget` bytes; at least one if there is any.

        `without` names streams the parent refused: they are left alone until the next session.
        """
        with reading(self.site.engine) as connection:
            me = require_identity(connection)
            ours = outgoing.streams_up(connection, child=me.node, level=me.level)
            # Of what comes down, only streams the parent asked to have back.
            came_down = outgoing.streams_down(connection, child=me.node)
            ours |= {name: came_down[name] for name in parent_heads if name in came_down}
            missing = outgoing.behind(ours, parent_heads)
            wanted = {name: seq for name, seq in missing.items() if name not in without}
            return outgoing.next_segments(self.site, connection, wanted, budget=budget)

    def heads_from_above(self) -> list[Head]:
        """How far this node holds what comes down to it: sent with every pull."""
        with reading(self.site.engine) as connection:
            me = require_identity(connection)
            return list(outgoing.streams_down(connection, child=me.node).values())

    def wants_session(self) -> bool:
        """Has this node something to ask of its parent: a new epoch after a fork?"""
        with reading(self.site.engine) as connection:
            me = identity_of(connection)
            return me is not None and forks.needs_successor(connection, me)

    def heads_to_take_back(self) -> list[Head]:
        """Milestones of the streams of which the parent holds more: sent with every pull."""
        with reading(self.site.engine) as connection:
            names = restoring.held_elsewhere(connection)
            if not names:
                return []
            me = require_identity(connection)
            rising = {
                name
                for name in names
                if may_rise(name.route, name.origin, child=me.node, child_level=me.level)
            }
            return restoring.milestones(connection, rising)

    def record_receipt(self, receipt: Receipt) -> list[Head]:
        """Check and keep the parent's receipt; returns the heads it speaks of."""
        return list(receipts.keep_receipt(self.site, receipt).heads)

    def note_failure(self, peer: str, error: str, *, role: str = PARENT) -> None:
        """A call to a peer failed: counted and shown until one succeeds."""
        self.site.meter.failed(peer)
        with writing(self.site.engine) as connection:
            note_failure(self.site, connection, peer, role=role, error=error)

    # The links to children, from the parent's end

    def welcome(self, said: Hello) -> Welcome:
        """Answer a child that opens a session. See `session.welcome`."""
        answer = session.welcome(self.site, said)
        with writing(self.site.engine) as connection:
            note_shown(connection, said.node, epoch=said.epoch, at=said.clock, heads=said.heads)
            losing.give_up(self.site, connection)
        return answer

    def pull_for(
        self, child: str, heads: Iterable[Head], *, budget: int, back: Sequence[Head] = ()
    ) -> list[Sealed]:
        """What a child lacks of what concerns it: `down/all` first, the rest in order.

        Before that what it once sent up itself and no longer has, after the latest of the
        milestones `back` that is the same here.

        Raises:
            Archived: what it lacks lies in an archive that is not at hand.
        """
        held_there = {head.stream: head for head in heads}
        with reading(self.site.engine) as connection:
            if back and (found := self._sent_once(connection, child, back, budget=budget)):
                return found
            ours = outgoing.streams_down(connection, child=child)
            missing = outgoing.behind(ours, held_there)
            lacked = sum(ours[name].seq - seq for name, seq in missing.items())
            self.site.meter.lacks(child, lacked)
            chosen: list[Sealed] = []
            away: Archived | None = None
            for first in (True, False):
                part = {n: s for n, s in missing.items() if (n.route == DOWN_ALL) == first}
                left = budget - sum(sealed.wire_bytes() for sealed in chosen)
                if part and (left > 0 or not chosen):
                    try:
                        chosen += outgoing.next_segments(self.site, connection, part, budget=left)
                    except Archived as refusal:
                        away = refusal
            if away and not chosen:
                raise away
            return chosen

    def _sent_once(
        self, connection: Connection, child: str, back: Sequence[Head], *, budget: int
    ) -> list[Sealed]:
        level = outgoing.level_of(connection, child)
        ours = outgoing.streams_held(connection, child=child, level=level)
        asked = [head for head in back if head.stream in ours]
        shared = restoring.shared_with(connection, asked)
        missing = outgoing.behind({name: ours[name] for name in shared}, shared)
        return outgoing.next_segments(self.site, connection, missing, budget=budget)

    # Both ends

    def take(
        self, sealed: Iterable[Sealed], certificates: Iterable[Certificate], *, from_node: str
    ) -> Taken:
        """Take segments from a peer. See `intake.take`."""
        return intake.take(self.site, sealed, certificates, from_node=from_node)

    def newest(self) -> int:
        """A number that grows whenever something was sealed or taken, by any process."""
        with reading(self.site.engine) as connection:
            return connection.scalar(select(func.max(segment.c.position))) or 0

    def has_news(self, since: int) -> bool:
        """Was anything sealed or taken since `newest()` gave this number? Costs one index look."""
        return self.newest() > since

    # Held records

    def retry_parked(self) -> int:
        """After an upgrade: apply what is now understood. Returns how many records that were."""
        return held.retry_parked(self.site)

    def tend(self) -> None:
        """What a running node does every minute, and nobody waits for.

        Tries again what waits for a cause, renews certificates of keys that are held here, writes
        checkpoints to those below, and looks for what is late: records sent to other regions, and
        orders for lines that came without content.
        """
        self.retry_waiting()
        renewing.renew_held(self.site)
        checkpoints.write_checkpoints(self.site)
        arrivals.note_late(self.site)
        erasing.note_unordered(self.site)

    def checked(self) -> list[checkpoints.Checked]:
        """How far nodes above hold this node's streams, by their own word."""
        with reading(self.site.engine) as connection:
            return checkpoints.checked(connection)

    def in_transit(self) -> list[arrivals.InTransit]:
        """What was written here for other regions and is not acknowledged there yet."""
        with reading(self.site.engine) as connection:
            return arrivals.in_transit(connection)

    def retry_waiting(self) -> int:
        """Try records again that wait for a cause. Returns how many went through."""
        with writing(self.site.engine) as connection:
            return len(held.retry_waiting(self.site, connection).applied)

    def release(self, number: int, *, by: str, note: str = "") -> None:
        """A person lets a refused record through after mending its cause. See `held.release`."""
        held.release(self.site, number, by=by, note=note)

    def reject(self, number: int, *, by: str, note: str) -> None:
        """A person decides that a refused record shall not be applied. See `held.reject`."""
        held.reject(self.site, number, by=by, note=note)

    # Looking at it

    def status(self) -> Status:
        """Links, streams, what waits, what went wrong: the network page."""
        return status(self.site)

    def skews(self) -> list[skew.Skew]:
        """Which direct peers understand other versions of a record type than this node."""
        with reading(self.site.engine) as connection:
            return skew.skews(connection, self.site.handlers)

    def parked(self) -> list[skew.Parked]:
        """What waits here for an upgrade of this node."""
        with reading(self.site.engine) as connection:
            return skew.parked(connection)

    def held_records(self, *, after: int = 0, limit: int = 100) -> list[HeldRecord]:
        """Open held records, a page at a time."""
        return held_records(self.site, after=after, limit=limit)

    def verify(self, progress: audit.Progress | None = None) -> audit.Verification:
        """Check every chain, signature, root and receipt held here. See `audit`."""
        return audit.verify(self.site, progress)

    def archives_away(self) -> list[str]:
        """Archives whose files are not at hand, so that nothing in them is found."""
        return tracing.archives_away(self.site)

    def search(self, *, key: str, record_type: str | None = None) -> Iterator[tracing.Found]:
        """All records about a key. See `tracing.search`."""
        return tracing.search(self.site, key=key, record_type=record_type)

    def written_since(
        self,
        *,
        origin: str,
        types: frozenset[str],
        since: datetime,
        route: str = "",
        limit: int | None = finding.LOOKED_THROUGH,
    ) -> Iterator[Arrived]:
        """Records of some types an author wrote from a moment on. See `finding`."""
        return finding.written_since(
            self.site, origin=origin, types=types, since=since, route=route, limit=limit
        )

    def prove(self, stream: StreamId, seq: int) -> tracing.Trace:
        """The proof of one record. See `tracing.trace`."""
        return tracing.trace(self.site, stream, seq)

    def trace(self, record_type: str, key: str) -> Iterator[tracing.Trace]:
        """The proof of every record of a type about a key; `str()` of one is for people."""
        for found in self.search(key=key, record_type=record_type):
            yield self.prove(found.stream, found.seq)

    def _author(self, connection: Connection, origin: str) -> Author:
        known = self._authors.get(origin)
        if known is None:
            key = find_key(self.site, connection, origin, kinds=(OWN, HOSTED))
            certificate = certificate_for(connection, origin, key.epoch) if key else None
            if certificate is None:
                raise Unauthorised("本节点不能以该节点的名义写记录", origin=origin)
            known = self._authors[origin] = certificate.author
        return known
