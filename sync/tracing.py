"""`trace`: the proof of one record, from its line through the tree to the root's key.

What is shown can be checked by anyone who knows the root's fingerprint and has nothing else: the
line, some ten hashes, one signed header and the certificates above it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import orjson
from sqlalchemy import select

from sync.archive_store import archive_of, archives
from sync.certificate import Certificate, verify_chain
from sync.database import reading
from sync.errors import Archived, Malformed, SyncRefusal
from sync.keyring import require_identity
from sync.keys import FOR_SEGMENT, verifier
from sync.merkle import inclusion_proof, proves
from sync.record import Record, parse_line
from sync.segment import (
    Header,
    Sealed,
    StreamId,
    is_whole,
    leaves_of,
    read_header,
    unpack_lines,
)
from sync.site import Site
from sync.store import stream
from sync.stored import stored_at, stored_segments
from sync.tombstone import NOTHING_LEFT, is_tombstone, leaf_of
from sync.trust import chain_for


class Found(NamedTuple):
    """Where a record stands: its stream and number there."""

    stream: StreamId
    seq: int
    record: Record


@dataclass(frozen=True, slots=True)
class Trace:
    """One record and everything that proves it to who knows the root's `fingerprint`."""

    stream: StreamId
    seq: int
    record: Record
    line: bytes
    proof: Sequence[bytes]
    header: Header
    sealed: Sealed
    chain: Sequence[Certificate]
    received_from: str | None
    fingerprint: str

    @property
    def leaf(self) -> str:
        """The hash of the line, where the path to the root begins; hexadecimal."""
        return leaf_of(self.line).hex()

    def __str__(self) -> str:
        """The path in words, for a terminal."""
        problems = self.problems()
        steps = " → ".join(f"{link.node}（{link.level}）" for link in self.chain)
        lines = [
            f"{self.record.type} {self.record.key}",
            f"  写于 {self.record.at}，{self.record.actor}，区划 {self.record.region}",
            f"  流 {self.stream.origin} {self.stream.route}（{self.stream.epoch}）第 {self.seq} 条",
            f"  段 {self.header.first}–{self.header.last}，封于 {self.header.sealed_at}",
            f"  根 {self.header.root[:16]}…，路径 {len(self.proof)} 个散列值",
            f"  来自 {self.received_from or '本节点'}；证书 {steps}",
            *(f"  ✗ {problem}" for problem in problems),
            *([] if problems else ["  ✓ 路径、签名和证书链全部成立"]),
        ]
        return "\n".join(lines)

    def problems(self) -> list[str]:
        """What does not hold, checked from what is shown alone; empty for a good proof."""
        problems = []
        leaf, root = leaf_of(self.line), bytes.fromhex(self.header.root)
        size = self.header.last - self.header.first + 1
        if not proves(leaf, self.seq - self.header.first, size, self.proof, root):
            problems.append("记录不在段头的根之下")
        if self.header.canonical() != self.sealed.header or self.header.stream != self.stream:
            problems.append("段头与签名的内容不同")
        try:
            author = verify_chain(self.chain, self.fingerprint)
        except SyncRefusal as refusal:
            return [*problems, refusal.message]
        if (author.node, author.epoch) != (self.stream.origin, self.stream.epoch):
            problems.append("证书不是该记录流作者的")
        signed = FOR_SEGMENT + self.sealed.header
        if not verifier(author.alg, author.key)(self.sealed.signature, signed):
            problems.append("段签名无效")
        return problems


def search(site: Site, *, key: str, record_type: str | None = None) -> Iterator[Found]:
    """All records about a key, stream by stream. Reads everything that may hold one.

    What lies in an archive that is not at hand cannot be looked at: see `archives_away`.
    """
    needle = orjson.dumps(key)
    with reading(site.engine) as connection:
        heads = connection.execute(
            select(stream.c.origin, stream.c.epoch, stream.c.route, stream.c.head)
        ).all()
    for *name, head in heads:
        for stored in stored_segments(site, StreamId(*name), up_to=head):
            header = read_header(stored.sealed.header, site.limits)
            if not stored.has_body or (record_type and record_type not in header.types):
                continue
            for offset, line in enumerate(unpack_lines(stored.sealed, header, site.limits)):
                if needle not in line:
                    continue
                record = parse_line(line)
                if record.key == key and record_type in {None, record.type}:
                    yield Found(header.stream, header.first + offset, record)


def archives_away(site: Site) -> list[str]:
    """Archives made here whose files are not at hand: a search says nothing of what is in them."""
    with reading(site.engine) as connection:
        names = [kept.name for kept in archives(connection)]
    away = []
    for name in names:
        found = site.archives.open(name)
        if found is None:
            away.append(name)
        else:
            found.close()
    return away


def trace(site: Site, name: StreamId, seq: int) -> Trace:
    """Prove one record; of one that was erased, that it stood there.

    Raises:
        Malformed: it is not here.
        Archived: its segment lies in an archive that is not at hand.
    """
    stored = stored_at(site, name, seq)
    if stored and stored.is_archived and not stored.has_body:
        with reading(site.engine) as connection:
            file = archive_of(connection, name, seq)
        raise Archived(
            f"这条记录已归档在 {file}，请把文件放回归档文件夹", stream=name, archive=file
        )
    if stored is None or not stored.has_body:
        raise Malformed("本节点没有这条记录的内容", origin=name.origin, seq=seq)
    header = read_header(stored.sealed.header, site.limits)
    lines = unpack_lines(stored.sealed, header, site.limits)
    index = seq - header.first
    whole = is_whole(header, lines)
    proof = inclusion_proof(leaves_of(lines, whole=whole), index)
    with reading(site.engine) as connection:
        fingerprint = require_identity(connection).root_fingerprint
        chain = chain_for(connection, {(name.origin, name.epoch)})
    return Trace(
        stream=name,
        seq=seq,
        record=NOTHING_LEFT if is_tombstone(lines[index]) else parse_line(lines[index]),
        line=lines[index],
        proof=proof,
        header=header,
        sealed=stored.sealed,
        chain=chain,
        received_from=stored.received_from,
        fingerprint=fingerprint,
    )
