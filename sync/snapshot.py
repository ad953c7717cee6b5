"""Snapshots: the state of one region instead of its history, as its parent gives it to a child.

A snapshot is a signed manifest and the parts it names by their hashes. A part is some rows of one
table, a canonical JSON line each, compressed. The engine's own part of it are tables, too
(`sync.heads` and others): how far each stream stood in the same transaction, so that the streams
go on from there. What the other tables mean, only the two ends know: `SnapshotSource` reads them,
`SnapshotSink` writes them.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, NamedTuple, Protocol

import orjson
import zstandard
from sqlalchemy import Connection

from sync.errors import Malformed, SyncRefusal
from sync.limits import MIB
from sync.messages import heads_from_json
from sync.moment import parse_stamp

FOR_SNAPSHOT = b"wuji/1 snapshot\n"
PART_BYTES = MIB
"""A part is closed once it holds so many bytes of lines."""

MOST_PART_BYTES = 4 * MIB
"""What a taker decompresses at most: a part that was closed, and one long line."""

MOST_PARTS = 50_000
_MOST_TABLES = 500
_NAME_CHARS = 100
_LEVEL = 3


class SnapshotUnfit(SyncRefusal):
    """The snapshot holds what this node has no place for; its streams tell it all the same."""

    code = "snapshot_unfit"


class SnapshotTable(NamedTuple):
    """A table by its name and its columns in the order of the values of a line."""

    name: str
    columns: Sequence[str]


class SnapshotSource(Protocol):
    """What a parent can give. Called from any thread."""

    def tables(self) -> Sequence[SnapshotTable]:
        """The tables in the order in which they must be written."""
        ...

    def lines(self, connection: Connection, table: str, region: str) -> Iterator[bytes]:
        """The rows of a table that concern a region, in key order, as canonical JSON arrays.

        Reads within the caller's transaction, in bounded memory.
        """
        ...


class SnapshotSink(Protocol):
    """Where a child puts it, within the caller's transaction."""

    def tables(self) -> Sequence[SnapshotTable]: ...

    def is_empty(self, connection: Connection) -> bool:
        """Is there nothing in these tables yet?"""
        ...

    def write(self, connection: Connection, table: str, rows: Sequence[Sequence[Any]]) -> None:
        """Set down rows, set-based."""
        ...

    def finish(self, connection: Connection) -> None:
        """All rows are there: what follows from them (counters, records of one's own)."""
        ...


class Part(NamedTuple):
    """What the manifest says of a part: hash, sizes, and how many rows of which table."""

    digest: str
    packed: int
    size: int
    table: str
    rows: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is signed. `heads` is the SHA-256 over the lines of `sync.heads`, one line feed each."""

    giver: str
    giver_epoch: str
    child: str
    child_epoch: str
    at: str
    alg: str
    heads: str
    tables: Sequence[SnapshotTable]
    parts: Sequence[Part]

    def canonical(self) -> bytes:
        plain = {name: getattr(self, name) for name in _TEXTS}
        plain["tables"] = [[table.name, list(table.columns)] for table in self.tables]
        plain["parts"] = [list(part) for part in self.parts]
        return orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)


_TEXTS = ("giver", "giver_epoch", "child", "child_epoch", "at", "alg", "heads")


def name_of(document: bytes) -> str:
    """A snapshot is named by the hash of its manifest."""
    return sha256(document).hexdigest()


def read_manifest(document: bytes) -> Manifest:
    """Read a manifest, refusing all that is not exactly one.

    Raises:
        Malformed: it is none.
    """
    try:
        plain = orjson.loads(document)
        tables = [_table(item) for item in plain["tables"]]
        parts = [_part(item) for item in plain["parts"]]
        manifest = Manifest(**{name: plain[name] for name in _TEXTS}, tables=tables, parts=parts)
        parse_stamp(manifest.at)
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise Malformed("快照清单无法读取", cause=str(error)) from error
    if len(tables) > _MOST_TABLES or len(parts) > MOST_PARTS:
        raise Malformed("快照清单过大", tables=len(tables), parts=len(parts))
    if manifest.canonical() != document:
        raise Malformed("快照清单不是规范写法")
    return manifest


def line_of(row: Sequence[Any]) -> bytes:
    """One row as it travels. Instants and days are ISO text, objects have their keys sorted."""
    return orjson.dumps(row, option=orjson.OPT_SORT_KEYS)


def packed_parts(table: str, lines: Iterable[bytes]) -> Iterator[tuple[Part, bytes]]:
    """Cut lines into parts and compress them."""
    compressor = zstandard.ZstdCompressor(level=_LEVEL)
    waiting: list[bytes] = []
    size = 0
    for line in lines:
        waiting.append(line)
        size += len(line) + 1
        if size >= PART_BYTES:
            yield _pack(compressor, table, waiting)
            waiting, size = [], 0
    if waiting:
        yield _pack(compressor, table, waiting)


def unpacked_rows(part: Part, packed: bytes) -> list[list[Any]]:
    """The rows of a part that is what the manifest says.

    Raises:
        Malformed: it is not.
    """
    check_part(part, packed)
    if part.size > MOST_PART_BYTES:
        raise Malformed("快照分片过大", size=part.size, limit=MOST_PART_BYTES)
    try:
        if zstandard.get_frame_parameters(packed).content_size != part.size:
            raise Malformed("快照分片大小与清单不符", size=part.size)
        body = zstandard.ZstdDecompressor().decompress(packed, allow_extra_data=False)
        rows: list[list[Any]] = orjson.loads(b"[" + body.replace(b"\n", b",") + b"]")
    except (zstandard.ZstdError, orjson.JSONDecodeError) as error:
        raise Malformed("快照分片无法读取", cause=str(error)) from error
    if len(rows) != part.rows or not all(type(row) is list for row in rows):
        raise Malformed("快照分片的行数与清单不符", rows=part.rows)
    return rows


def check_part(part: Part, packed: bytes) -> None:
    """Raises: Malformed: these bytes are not the ones the manifest names."""
    if sha256(packed).hexdigest() != part.digest:
        raise Malformed("快照分片与清单的散列值不符", table=part.table)


def heads_digest(lines: Iterable[bytes]) -> str:
    """The digest by which the manifest names the heads."""
    whole = sha256()
    for line in lines:
        whole.update(line + b"\n")
    return whole.hexdigest()


def _pack(
    compressor: zstandard.ZstdCompressor, table: str, lines: list[bytes]
) -> tuple[Part, bytes]:
    body = b"\n".join(lines)
    packed = compressor.compress(body)
    part = Part(sha256(packed).hexdigest(), len(packed), len(body), table, len(lines))
    return part, packed


def _table(item: Any) -> SnapshotTable:
    name, columns = item
    if not _is_name(name) or not isinstance(columns, list) or not all(map(_is_name, columns)):
        raise ValueError(f"no table: {item!r}")
    return SnapshotTable(name, columns)


def _part(item: Any) -> Part:
    digest, packed, size, table, rows = item
    counts = (packed, size, rows)
    # The hash is checked as the hash of a head is: 64 hex digits.
    heads_from_json([[table, table, table, 0, digest]])
    if not all(type(count) is int and 0 < count < 2**40 for count in counts):
        raise ValueError(f"no part: {item!r}")
    return Part(digest, packed, size, table, rows)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _NAME_CHARS
