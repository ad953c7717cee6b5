"""Proving an archive: every byte signed by who archived it, every segment by its author.

The same checks as `audit` makes in the live store, and that both tell the same history.
"""

from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple

from sync.archive_file import Manifest, Reader, Run
from sync.certificate import Certificate, verify_chain
from sync.comparing import hash_at
from sync.database import reading
from sync.errors import SyncRefusal, Untrusted
from sync.keyring import require_identity
from sync.keys import FOR_ARCHIVE, FOR_SEGMENT, verifier
from sync.segment import Header, Sealed, StreamId, read_header, unpack_lines
from sync.site import Site
from sync.trust import Setup

Progress = Callable[[int, int], None]
_MOST = 1_000


class Finding(NamedTuple):
    """Something in an archive that does not hold."""

    stream: StreamId
    seq: int
    reason: str


class ArchiveProof(NamedTuple):
    """What was looked at, and what did not hold."""

    manifest: Manifest
    segments: int
    records: int
    findings: list[Finding]

    @property
    def holds(self) -> bool:
        return not self.findings


def prove_archive(
    site: Site, source: BinaryIO, progress: Progress = lambda _done, _all: None
) -> ArchiveProof:
    """Check an archive from its first byte to its last, one segment in memory at a time.

    Raises:
        Malformed: it is no archive, or is cut short.
    """
    reader = Reader(source, site.limits)
    manifest, certificates = reader.head()
    with reading(site.engine) as connection:
        fingerprint = require_identity(connection).root_fingerprint
    proof = _Proof(site, manifest, {(c.node, c.epoch): c for c in certificates}, fingerprint)
    total = sum(run.segments for run in manifest.runs)
    for stored in reader.segments():
        proof.segment(stored)
        progress(proof.segments, total)
    proof.end(*reader.signature())
    return ArchiveProof(manifest, proof.segments, proof.records, proof.findings)


class _Proof:
    def __init__(
        self,
        site: Site,
        manifest: Manifest,
        certificates: dict[Setup, Certificate],
        fingerprint: str,
    ) -> None:
        self._site = site
        self._manifest = manifest
        self._certificates = certificates
        self._fingerprint = fingerprint
        self._authors: dict[Setup, Certificate] = {}
        self._runs: Iterator[Run] = iter(manifest.runs)
        self._run: Run | None = None
        self._seq = 0
        self._before = ""
        self.segments = self.records = 0
        self.findings: list[Finding] = []

    def segment(self, stored: Sealed) -> None:
        """Check one segment against its author, its place in the run and the live store."""
        self.segments += 1
        try:
            header = read_header(stored.header, self._site.limits)
        except SyncRefusal as refusal:
            self._find(StreamId("", "", ""), self._seq, refusal.message)
            return
        self._place(header)
        try:
            self._check(stored, header)
        except SyncRefusal as refusal:
            self._find(header.stream, header.first, refusal.message)
        self._seq, self._before = header.last, stored.hash().hex()

    def end(self, digest: bytes, signature: bytes) -> None:
        """Check the end of the last run, and who signed the whole."""
        self._close_run()
        for run in self._runs:
            self._find(run.stream, run.first, "清单中的段没有写入")
        setup = (self._manifest.node, self._manifest.epoch)
        try:
            key = self._author(setup)
        except SyncRefusal as refusal:
            self._find(StreamId(*setup, "archive"), 0, refusal.message)
            return
        if not verifier(key.alg, key.key)(signature, FOR_ARCHIVE + digest):
            self._find(StreamId(*setup, "archive"), 0, "归档文件的签名无效")

    def _place(self, header: Header) -> None:
        if self._run is None or header.stream != self._run.stream:
            self._close_run()
            self._run = next(self._runs, None)
            if self._run is None or header.stream != self._run.stream:
                self._find(header.stream, header.first, "段不在清单之中")
                return
            self._seq, self._before = self._run.first - 1, self._run.prev
        if header.first != self._seq + 1 or header.prev != self._before:
            self._find(header.stream, header.first, "记录流在此断开")

    def _close_run(self) -> None:
        run = self._run
        if run and (self._seq, self._before) != (run.last, run.end):
            self._find(run.stream, self._seq, "记录流的末尾与清单不符")

    def _check(self, stored: Sealed, header: Header) -> None:
        author = self._author((header.origin, header.epoch))
        if not verifier(author.alg, author.key)(stored.signature, FOR_SEGMENT + stored.header):
            self._find(header.stream, header.first, "段签名无效")
        opened = stored._replace(body=self._site.vault.open(stored.body))
        self.records += len(unpack_lines(opened, header, self._site.limits))
        with reading(self._site.engine) as connection:
            here = hash_at(connection, header.stream, header.last)
        if here != stored.hash().hex():
            self._find(header.stream, header.first, "与本节点保留的段头不同")

    def _author(self, setup: Setup) -> Certificate:
        if setup not in self._authors:
            chain, here = [], self._certificates.get(setup)
            while here is not None and here not in chain:
                chain.append(here)
                here = self._certificates.get((here.issuer, here.issuer_epoch))
            if not chain:
                raise Untrusted("归档文件里没有该作者的证书", node=setup[0])
            self._authors[setup] = verify_chain(chain, self._fingerprint)
        return self._authors[setup]

    def _find(self, name: StreamId, seq: int, reason: str) -> None:
        if len(self.findings) < _MOST:
            self.findings.append(Finding(name, seq, reason))
