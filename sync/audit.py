"""`verify`: check everything this node holds, offline and in bounded memory.

Every stream from its first header: numbers without gaps, each header naming the one before it,
the signature under a chain that ends at the root this node joined under, the lines under the root;
the watermark at the end of it all. Then every receipt against the stream it speaks of.

What was archived is read from its file when that is at hand; when it is not, header, signature and
chain are checked all the same, and `archived` says how many there are.

A stream that came with a snapshot begins where the snapshot says; that the parent said so, its
signature shows. Once the history before was filled in, it must end in the hash that was promised.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import Row, func, select

from sync.certificate import Certificate, verify_chain
from sync.comparing import hash_at
from sync.database import reading
from sync.erasing import is_ordered
from sync.errors import SyncRefusal
from sync.forks import check_continuation
from sync.keyring import require_identity
from sync.keys import FOR_SEGMENT, verifier
from sync.messages import Receipt
from sync.receipts import check_receipt
from sync.segment import GENESIS, Header, StreamId, is_whole, read_header, unpack_lines
from sync.site import Site
from sync.snapshot import heads_digest, line_of, name_of, read_manifest
from sync.snapshot_store import beginning_of, gaps_of
from sync.snapshot_taking import begun_with, check_manifest, taken_snapshots
from sync.store import receipt, segment, stream
from sync.stored import Stored, stored_segments
from sync.tombstone import is_tombstone
from sync.trust import chain_for

Progress = Callable[[int, int], None]
"""(segments done, segments in all)"""

_MOST = 1_000


class Finding(NamedTuple):
    """Something that does not hold."""

    origin: str
    epoch: str
    route: str
    seq: int
    reason: str


class Verification(NamedTuple):
    """What was looked at, and what did not hold (the first thousand of it)."""

    streams: int
    segments: int
    records: int
    receipts: int
    archived: int
    findings: list[Finding]
    begun: int = 0

    @property
    def holds(self) -> bool:
        return not self.findings


def verify(site: Site, progress: Progress | None = None) -> Verification:
    """Check all streams and receipts; `progress` is called after every segment."""
    return _Audit(site, progress or (lambda _done, _total: None)).run()


class _Audit:
    def __init__(self, site: Site, progress: Progress) -> None:
        self._site = site
        self._progress = progress
        self._total = 0
        self._segments = self._records = self._archived = self._begun = 0
        self._findings: list[Finding] = []

    def run(self) -> Verification:
        with reading(self._site.engine) as connection:
            fingerprint = require_identity(connection).root_fingerprint
            heads = connection.execute(select(stream).order_by(stream.c.origin)).all()
            self._total = connection.scalar(select(func.count()).select_from(segment)) or 0
        for row in heads:
            name = StreamId(row.origin, row.epoch, row.route)
            author = self._author(name, fingerprint)
            if author:
                self._stream(name, author, row.head, bytes(row.head_hash))
        receipts = sum(1 for _ in self._receipts())
        self._snapshots(fingerprint)
        return Verification(
            len(heads),
            self._segments,
            self._records,
            receipts,
            self._archived,
            self._findings,
            self._begun,
        )

    def _author(self, name: StreamId, fingerprint: str) -> Certificate | None:
        with reading(self._site.engine) as connection:
            chain = chain_for(connection, {(name.origin, name.epoch)})
        try:
            return verify_chain(chain, fingerprint)
        except SyncRefusal as refusal:
            self._find(name, 0, refusal.message)
            return None

    def _stream(self, name: StreamId, author: Certificate, head: int, head_hash: bytes) -> None:
        seq, before = 0, GENESIS
        begun, begun_hash = self._beginning(name)
        with reading(self._site.engine) as connection:
            # What is lost is named, and the chain goes on from the hash of its last header.
            gaps = {each.first: each for each in gaps_of(connection, name)}
        for stored in stored_segments(self._site, name, up_to=head):
            if seq < begun < stored.first:
                seq, before = begun, begun_hash
            if (lost := gaps.get(seq + 1)) and lost.last < stored.first:
                seq, before = lost.last, lost.hash
            try:
                self._segment(name, stored, author, seq=seq, before=before)
            except SyncRefusal as refusal:
                self._find(name, stored.first, refusal.message)
            seq, before = stored.last, stored.sealed.hash().hex()
            self._segments += 1
            self._progress(self._segments, self._total)
            if seq == begun and before != begun_hash:
                self._find(name, seq, "补回的历史与快照所说的不同")
        if seq < begun:
            seq, before = begun, begun_hash
        if lost := gaps.get(seq + 1):
            seq, before = lost.last, lost.hash
        if (seq, before) != (head, head_hash.hex()):
            self._find(name, seq, "记录流的末尾与水位不符")

    def _beginning(self, name: StreamId) -> tuple[int, str]:
        """Where a stream began that came with a snapshot; else at 0."""
        with reading(self._site.engine) as connection:
            found = beginning_of(connection, name)
        if found is None:
            return 0, GENESIS
        self._begun += 1
        return found[0], found[1].hex()

    def _snapshots(self, fingerprint: str) -> None:
        """The parent signed each snapshot, and the streams begin where it said."""
        with reading(self._site.engine) as connection:
            for name, document, signature in taken_snapshots(connection):
                of_giver = StreamId("", "", name)
                try:
                    manifest = read_manifest(document)
                    giver = check_manifest(connection, manifest, document, signature)
                    of_giver = StreamId(giver.node, giver.epoch, "snapshot")
                    verify_chain(chain_for(connection, {(giver.node, giver.epoch)}), fingerprint)
                except SyncRefusal as refusal:
                    self._find(of_giver, 0, refusal.message)
                    continue
                lines = (line_of(list(head)) for head in begun_with(connection, name))
                if name != name_of(document) or heads_digest(lines) != manifest.heads:
                    self._find(of_giver, 0, "记录流的起点与快照清单不符")

    def _segment(
        self, name: StreamId, stored: Stored, author: Certificate, *, seq: int, before: str
    ) -> None:
        header = read_header(stored.sealed.header, self._site.limits)
        check = verifier(author.alg, author.key)
        if header.stream != name or (header.first, header.last) != (stored.first, stored.last):
            self._find(name, stored.first, "段头与存放位置不符")
        if header.first != seq + 1 or header.prev != before:
            self._find(name, stored.first, "记录流在此断开")
        if stored.sealed.hash() != stored.header_hash:
            self._find(name, stored.first, "段头的散列值与登记的不同")
        if header.continues:
            self._check_continuation(name, header)
        if not check(stored.sealed.signature, FOR_SEGMENT + stored.sealed.header):
            self._find(name, stored.first, "段签名无效")
        self._archived += stored.is_archived
        if stored.has_body:
            lines = unpack_lines(stored.sealed, header, self._site.limits)
            self._records += len(lines)
            if not is_whole(header, lines):
                self._tombstones(name, header, lines)
        elif not stored.is_archived:
            self._find(name, stored.first, "内容不在，也没有归档")

    def _tombstones(self, name: StreamId, header: Header, lines: Sequence[bytes]) -> None:
        """Whose line is gone, its author must have said so."""
        with reading(self._site.engine) as connection:
            for seq, line in enumerate(lines, header.first):
                if is_tombstone(line) and not is_ordered(connection, name, seq):
                    self._find(name, seq, "记录没有内容，作者也没有抹去的命令")

    def _receipts(self) -> Iterator[Row[str, str, str, str]]:
        with reading(self._site.engine) as connection:
            rows = connection.execute(select(receipt).execution_options(yield_per=100))
            for row in rows:
                name = StreamId(row.origin, row.epoch, row.route)
                given = Receipt(bytes(row.document), bytes(row.signature))
                try:
                    said = {head.stream: head for head in check_receipt(connection, given).heads}
                except SyncRefusal as refusal:
                    self._find(name, row.seq, refusal.message)
                else:
                    digest = hash_at(connection, name, row.seq)
                    if name not in said or said[name][3:] != (row.seq, digest):
                        self._find(name, row.seq, "回执与本节点的记录流不符")
                yield row

    def _check_continuation(self, name: StreamId, header: Header) -> None:
        try:
            with reading(self._site.engine) as connection:
                check_continuation(connection, header)
        except SyncRefusal as refusal:
            self._find(name, header.first, refusal.message)

    def _find(self, name: StreamId, seq: int, reason: str) -> None:
        if len(self._findings) < _MOST:
            self._findings.append(Finding(*name, seq, reason))
