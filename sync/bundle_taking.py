"""Taking a bundle in: through the same door as a push or a pull.

So it may come in any order, twice, or late, in any mixture with the network. Whoever has taken one
in writes one back: it tells how far things are held now, and carries, from a parent, the receipts.

Nothing is changed before the whole file was read once and its signature holds.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import BinaryIO

from sqlalchemy import Connection

from sync.bundle import Contents, check, look_at, open_bundle
from sync.bundle_file import BUNDLE_LIMITS, BundleLimits
from sync.bundle_manifest import Label
from sync.bundle_plan import correspondent, goes_to, ways
from sync.bundle_store import note_shown
from sync.certificate import Certificate
from sync.database import writing
from sync.errors import Untrusted
from sync.incidents import AHEAD, FORK, note_incident, open_streams
from sync.keyring import Identity, require_identity
from sync.limits import MIB
from sync.links import CHILD, PARENT, note_link
from sync.messages import Declined, Head
from sync.replica import Replica
from sync.restoring import writes_for
from sync.segment import Sealed, StreamId, read_header
from sync.trust import keep_certificates

_AT_ONCE = 4 * MIB
_LOST = "对方持有的记录多于本节点，本节点可能从旧备份恢复；正在取回"

Progress = Callable[[int, int], None]
"""(segments done, segments in all)"""


@dataclass
class Imported:
    """What came of a bundle. `known` counts segments that were here already."""

    contents: Contents
    segments: int = 0
    known: int = 0
    applied: int = 0
    held: int = 0
    refused: list[Declined] = field(default_factory=list)


def take_in(
    replica: Replica,
    source: BinaryIO,
    *,
    limits: BundleLimits = BUNDLE_LIMITS,
    progress: Progress = lambda _done, _all: None,
) -> Imported:
    """Take a bundle in; again is the same as once. Whatever dies, take it in again.

    Raises:
        Malformed, Untrusted: as `check`, or it is not for this node; nothing was changed.
    """
    _refuse_others(replica, look_at(source, limits=limits))
    contents = check(replica, source, limits=limits)
    _note(replica, contents)
    done = Imported(contents)
    intake = _Batches(replica, contents, done, progress)
    for sealed in open_bundle(replica, source, limits=limits).segments():
        intake.add(sealed)
    intake.flush()
    return done


@dataclass
class _Batches:
    """Hands segments to the engine a few megabytes at a time."""

    replica: Replica
    contents: Contents
    done: Imported
    progress: Progress
    _batch: list[Sealed] = field(default_factory=list)
    _bytes: int = 0
    _seen: int = 0
    _stopped: set[StreamId] = field(default_factory=set)

    def add(self, sealed: Sealed) -> None:
        self._batch.append(sealed)
        self._bytes += sealed.wire_bytes()
        if self._bytes >= _AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Take what was gathered. A stream of which something was refused is left alone."""
        limits = self.replica.site.limits
        wanted = [
            sealed
            for sealed in self._batch
            if read_header(sealed.header, limits).stream not in self._stopped
        ]
        taken = self.replica.take(wanted, (), from_node=self.contents.manifest.sender)
        self._stopped.update(StreamId(*refused[:3]) for refused in taken.refused)
        done = self.done
        done.segments += taken.segments
        done.applied += taken.applied
        done.held += taken.held
        done.refused += taken.refused
        if not self._stopped:
            done.known += len(wanted) - taken.segments
        self._seen += len(self._batch)
        self.progress(self._seen, self.contents.manifest.segments)
        self._batch, self._bytes = [], 0


def _refuse_others(replica: Replica, label: Label) -> None:
    me = replica.identity()
    if me is None or label.root != me.root_fingerprint:
        return  # said better by `check`
    if label.receiver != me.node:
        raise Untrusted(
            f"这个数据包是给 {label.receiver} 的，不是给本节点 {me.node} 的",
            receiver=label.receiver,
        )


def _note(replica: Replica, contents: Contents) -> None:
    """Keep certificates and receipts, and what the sender says of itself."""
    site, manifest = replica.site, contents.manifest
    with writing(site.engine) as connection:
        me = require_identity(connection)
        keep_certificates(connection, contents.certificates, fingerprint=me.root_fingerprint)
        peer = correspondent(connection, me, manifest.sender)
        if peer.epoch != manifest.sender_epoch:
            raise Untrusted("数据包是该节点重新入网以前写的，不再接受", sender=peer.node)
        role = PARENT if peer.node == me.parent else CHILD
        note_link(connection, peer.node, role=role, last_contact=site.now(), failures=0)
        note_shown(
            connection,
            peer.node,
            epoch=peer.epoch,
            at=manifest.at,
            heads=manifest.heads,
            back=manifest.back,
        )
        _note_losses(replica, connection, me, peer, manifest.heads)
    if role == CHILD:
        _renew(replica, peer)
    for receipt in manifest.receipts:
        replica.record_receipt(receipt)


def _renew(replica: Replica, child: Certificate) -> None:
    """A child without a line asks for its renewal by being heard of; the next bundle brings it."""
    with suppress(Untrusted):
        replica.renew(node=child.node, epoch=child.epoch)


def _note_losses(
    replica: Replica,
    connection: Connection,
    me: Identity,
    peer: Certificate,
    theirs: Iterable[Head],
) -> None:
    """A peer that holds more of what goes to it: this node was put back to an old state.

    It is only noted, never withdrawn: the bundle may be an old one.
    """
    ours, _ = ways(connection, me, peer)
    forked = open_streams(connection, FORK)
    for head in theirs:
        if head.stream in forked or not goes_to(me, peer, head.stream):
            continue
        if _holds_more(connection, ours.get(head.stream), head):
            note_incident(
                replica.site,
                connection,
                AHEAD,
                head.stream,
                seq=head.seq,
                detail=_LOST,
                peer=peer.node,
            )


def _holds_more(connection: Connection, known: Head | None, theirs: Head) -> bool:
    if known is None or theirs.seq > known.seq:
        return True
    is_other = theirs.seq == known.seq and theirs.hash != known.hash
    return is_other and writes_for(connection, theirs.stream)
