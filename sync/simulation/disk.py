"""What lies on a node's disk, read with code of its own: the engine does not vouch for itself."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson
import zstandard
from sqlalchemy import Connection, Table, func, select

from sync.segment import StreamId
from sync.simulation import application
from sync.simulation.application import Standing
from sync.simulation.machine import Image
from sync.simulation.node import Node
from sync.snapshot_store import beginning, gap
from sync.store import aside, held, incident, outbox, private_key, receipt, segment, stream


class Line(NamedTuple):
    """A line of a stored segment. `uid` is "" for the engine's own; `cont`: its segment's mark."""

    uid: str
    seq: int
    raw: bytes
    is_last: bool
    cont: bool


class Book(NamedTuple):
    """Everything a node holds of one stream: its lines, and the hash of the header ending at."""

    lines: list[Line]
    ends: dict[int, str]
    begun: int

    @property
    def headers(self) -> list[str]:
        return list(self.ends.values())

    @property
    def last(self) -> int:
        return self.lines[-1].seq if self.lines else self.begun


class Disk:
    """One node's database as it stands."""

    def __init__(self, node: Node) -> None:
        self.node = node
        with node.machine.looked_into() as connection:
            self._read(connection)

    def _read(self, connection: Connection) -> None:
        self.streams = {
            StreamId(row.origin, row.epoch, row.route): row for row in _rows(connection, stream)
        }
        self.books = _books(connection)
        for name in self.streams:
            self.books.setdefault(name, Book([], {}, 0))
        self.applied = {row.uid: row for row in _rows(connection, application.applied)}
        self.own = {row.uid for row in _rows(connection, application.own)}
        self.states = {
            (row.type, row.key): Standing(row.value, row.total, row.records)
            for row in _rows(connection, application.state)
        }
        self.held = {
            uid_of(row.line): row.kind for row in _rows(connection, held) if row.decided_at is None
        }
        self.incidents = [row for row in _rows(connection, incident) if row.closed_at is None]
        self.receipts = _rows(connection, receipt)
        self.gaps: dict[StreamId, list[tuple[int, int]]] = defaultdict(list)
        for row in _rows(connection, gap):
            self.gaps[StreamId(row.origin, row.epoch, row.route)].append((row.first, row.last))
        self.put_aside = {
            uid_of(line) for row in _rows(connection, aside) for line in _lines(row.body)
        }
        self.setups = {(row.node, row.epoch) for row in _rows(connection, private_key)}
        self.unsealed = connection.scalar(select(func.count()).select_from(outbox)) or 0

    @property
    def place(self) -> str:
        return self.node.place


def uids_on(connection: Connection) -> set[str]:
    """Every record on a disk, sealed or not."""
    found = {uid_of(line) for line in connection.scalars(select(outbox.c.line))}
    for body in connection.scalars(select(segment.c.body)):
        found |= {uid_of(line) for line in _lines(body)}
    return found


def uids_in(image: Image) -> set[str]:
    """The same of a copy of a disk."""
    found = {uid_of(line) for (line,) in image.execute("SELECT line FROM sync_outbox")}
    for (body,) in image.execute("SELECT body FROM sync_segment"):
        found |= {uid_of(line) for line in _lines(body)}
    return found


def uid_of(line: bytes) -> str:
    return str(orjson.loads(line)["body"].get("uid", ""))


def _lines(body: bytes) -> list[bytes]:
    return zstandard.ZstdDecompressor().decompress(body).split(b"\n")


def _rows(connection: Connection, table: Table) -> list[Any]:
    return list(connection.execute(select(table)).all())


def _books(connection: Connection) -> dict[StreamId, Book]:
    begun = {StreamId(*row[:3]): row.seq for row in _rows(connection, beginning)}
    books: dict[StreamId, Book] = {}
    names = segment.c
    rows = connection.execute(
        select(segment).order_by(names.origin, names.epoch, names.route, names.first)
    )
    for row in rows:
        name = StreamId(row.origin, row.epoch, row.route)
        book = books.setdefault(name, Book([], {}, begun.get(name, 0)))
        book.ends[row.last] = row.header_hash.hex()
        book.lines.extend(_numbered(row.header, row.body))
    for name, seq in begun.items():
        books.setdefault(name, Book([], {}, seq))
    return books


def _numbered(header: bytes, body: bytes) -> Iterator[Line]:
    said = orjson.loads(header)
    lines = _lines(body)
    for offset, raw in enumerate(lines):
        is_last = offset == len(lines) - 1
        yield Line(uid_of(raw), said["first"] + offset, raw, is_last, said["cont"])


def by_log(books: dict[StreamId, Book]) -> dict[tuple[str, str], list[tuple[StreamId, Book]]]:
    """The streams of each place and route, in the order of their epochs."""
    found: dict[tuple[str, str], list[tuple[StreamId, Book]]] = defaultdict(list)
    for name, book in sorted(books.items()):
        found[name.origin, name.route].append((name, book))
    return found
