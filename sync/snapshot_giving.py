"""The parent's end: read the state of a child's region in one transaction, and keep it in parts.

The parts lie in a temporary file, sealed in the vault, until the child has them all or has not
asked for a while; nothing is written to the database. A parent that is restarted meanwhile makes
another snapshot.
"""

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from itertools import islice
from threading import Lock
from typing import Any, BinaryIO, NamedTuple

from sqlalchemy import Connection, Engine, select

from sync import log
from sync.aside import leaves_put_aside, streams_aside
from sync.certificate import Certificate
from sync.comparing import hash_at
from sync.keyring import Identity, require_identity, signing_key
from sync.leaves import leaves_at
from sync.messages import TRAIL, Head, Reach
from sync.outgoing import streams_down, streams_held
from sync.restoring import writes_for
from sync.routes import may_descend
from sync.segment import GENESIS, StreamId
from sync.site import Site
from sync.snapshot import (
    FOR_SNAPSHOT,
    Manifest,
    Part,
    SnapshotSource,
    SnapshotTable,
    line_of,
    name_of,
    packed_parts,
)
from sync.snapshot_store import beginning_of
from sync.store import held, outbox, revocation, segment, stream
from sync.trust import chain_for

HEADS = SnapshotTable("sync.heads", Reach._fields)
CERTIFICATES = SnapshotTable("sync.certificates", ("certificate",))
REVOCATIONS = SnapshotTable("sync.revocations", tuple(revocation.c.keys()))
_NOT_HANDED_ON = {"id", "held_at", "tried_at", "decided_at", "decision", "decided_by", "note"}
HELD = SnapshotTable("sync.held", tuple(c.name for c in held.c if c.name not in _NOT_HANDED_ON))
OWN_TABLES = (HEADS, CERTIFICATES, REVOCATIONS, HELD)
_TRIES = 5
_PAGE = 1_000


class Stopped(Exception):  # noqa: N818  # a wish, not an error
    """The making of a snapshot was broken off."""


class _Place(NamedTuple):
    start: int
    length: int


class Offer:
    """A snapshot that a child can fetch: its signed manifest, and the parts in a file."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._file: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115  # it lives as long as the offer
        self._lock = Lock()
        self._places: list[_Place] = []
        self.parts: list[Part] = []
        self.document = self.signature = b""

    @property
    def name(self) -> str:
        return name_of(self.document)

    def add(self, part: Part, packed: bytes) -> None:
        sealed = self._site.vault.seal(packed)
        start = self._file.seek(0, 2)
        self._file.write(sealed)
        self._places.append(_Place(start, len(sealed)))
        self.parts.append(part)

    def part(self, number: int) -> bytes | None:
        """The packed bytes of a part; None when there is none of that number."""
        if not 0 <= number < len(self._places):
            return None
        place = self._places[number]
        with self._lock:
            self._file.seek(place.start)
            sealed = self._file.read(place.length)
        return self._site.vault.open(sealed)

    def close(self) -> None:
        self._file.close()


def make_offer(
    site: Site,
    source: SnapshotSource,
    child: Certificate,
    *,
    is_wanted: Callable[[], bool] = lambda: True,
) -> Offer:
    """Read everything that concerns a child, in one transaction.

    Raises:
        Stopped: it is not wanted any more.
    """
    offer = Offer(site)
    try:
        with _undisturbed(site) as connection:
            _fill(site, connection, source, child, offer=offer, is_wanted=is_wanted)
    except BaseException:
        offer.close()
        raise
    return offer


def _fill(
    site: Site,
    connection: Connection,
    source: SnapshotSource,
    child: Certificate,
    *,
    offer: Offer,
    is_wanted: Callable[[], bool],
) -> None:
    me = require_identity(connection)
    heads = heads_for(connection, child)
    heads_hash = sha256()

    def told() -> Iterator[bytes]:
        for head in heads:
            line = line_of([*head, trail_of(site, connection, head)])
            heads_hash.update(line + b"\n")
            yield line

    for table, lines in (
        (HEADS, told()),
        (CERTIFICATES, _certificates(connection, heads, child)),
        (REVOCATIONS, _revocations(connection)),
        (HELD, _held(site, connection, heads)),
        *((table, source.lines(connection, table.name, child.region)) for table in source.tables()),
    ):
        for part, packed in packed_parts(table.name, lines):
            if not is_wanted():
                raise Stopped
            offer.add(part, packed)
    tables = (*OWN_TABLES, *source.tables())
    _sign(site, connection, me, child, offer, tables=tables, heads=heads_hash.hexdigest())


def _sign(
    site: Site,
    connection: Connection,
    me: Identity,
    child: Certificate,
    offer: Offer,
    *,
    tables: Iterable[SnapshotTable],
    heads: str,
) -> None:
    key = signing_key(site, connection, me.node)
    offer.document = Manifest(
        giver=me.node,
        giver_epoch=key.epoch,
        child=child.node,
        child_epoch=child.epoch,
        at=site.now(),
        alg=key.signer.alg,
        heads=heads,
        tables=tuple(tables),
        parts=offer.parts,
    ).canonical()
    offer.signature = key.signer.sign(FOR_SNAPSHOT + offer.document)


def heads_for(connection: Connection, child: Certificate) -> list[Head]:
    """How far the state of each stream that concerns a child reaches here, in order of names.

    A transaction that is still arriving does not count: its stream stands before it.
    """
    found = streams_down(connection, child=child.node)
    found |= streams_held(connection, child=child.node, level=child.level)
    names = stream.c
    rows = connection.execute(
        select(names.origin, names.epoch, names.route, names.applied).where(
            names.applied < names.head
        )
    )
    applied = {(row.origin, row.epoch, row.route): row.applied for row in rows}
    heads = []
    for name, head in sorted(found.items()):
        seq = applied.get(name, head.seq)
        if seq == head.seq:
            heads.append(head)
        elif seq > 0:
            begun = beginning_of(connection, name)
            digest = hash_at(connection, name, seq) or (begun[1].hex() if begun else "")
            heads.append(Head(*name, seq, digest))
    # Of these nothing is here again yet; they are named for their trails.
    empty = sorted(streams_aside(connection) - found.keys())
    passing = [name for name in empty if may_descend(name.route, name.origin, child=child.node)]
    return [*heads, *(Head(*name, 0, GENESIS) for name in passing)]


def trail_of(site: Site, connection: Connection, head: Head) -> str:
    """The newest lines up to here of a stream this node writes, by their leaves.

    Should this node lose them, this tells which of its lines the state given away contains. Of
    other streams: what the state contains of a history that was put aside, and may come again.
    """
    if not writes_for(connection, head.stream):
        aside = leaves_put_aside(site, connection, head.origin, head.route)
        known = (leaf for name, leaf in aside if name == head.stream)
        return "".join(islice(known, TRAIL))
    found: list[str] = []
    names = segment.c
    rows = connection.execute(
        select(names.position, names.last)
        .where(
            names.origin == head.origin,
            names.epoch == head.epoch,
            names.route == head.route,
            names.last <= head.seq,
        )
        .order_by(names.first.desc())
        .limit(TRAIL)
    ).all()
    for position, last in rows:
        leaves = leaves_at(site, connection, position) if len(found) < TRAIL else []
        if not leaves or last != head.seq - len(found):
            break
        found += leaves[::-1]
    return "".join(found[:TRAIL])


@contextmanager
def _undisturbed(site: Site) -> Iterator[Connection]:
    """A transaction that sees one state, with as little as may be written and not yet sealed.

    What is sealed later is told again, and changes nothing: handlers may be called twice.
    """
    for attempt in range(_TRIES):
        while log.seal_step(site).segments:
            pass
        with reading_one_state(site.engine) as connection:
            waits = connection.execute(select(outbox.c.id).limit(1)).first() is not None
            if waits and attempt < _TRIES - 1:
                continue
            yield connection
            return


@contextmanager
def reading_one_state(engine: Engine) -> Iterator[Connection]:
    """A transaction in which everything is as it was at its first statement."""
    if engine.dialect.name == "postgresql":
        engine = engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
    with engine.connect() as connection, connection.begin():
        yield connection


def _certificates(
    connection: Connection, heads: Iterable[Head], child: Certificate
) -> Iterator[bytes]:
    setups = {(head.origin, head.epoch) for head in heads} | {(child.node, child.epoch)}
    for found in chain_for(connection, setups):
        yield line_of([found.as_json()])


def _revocations(connection: Connection) -> Iterator[bytes]:
    columns = [revocation.c[name] for name in REVOCATIONS.columns]
    for row in connection.execute(select(*columns).order_by(*columns[:3])):
        yield line_of(list(row))


def _held(site: Site, connection: Connection, heads: Iterable[Head]) -> Iterator[bytes]:
    """What is not applied here either, of the streams that are given: the child shall hold it."""
    reach = {head.stream: head.seq for head in heads}
    last = 0
    while True:
        rows: Any = connection.execute(
            select(held)
            .where(held.c.decided_at.is_(None), held.c.id > last)
            .order_by(held.c.id)
            .limit(_PAGE)
        ).all()
        if not rows:
            return
        for row in rows:
            if row.seq <= reach.get(StreamId(row.origin, row.epoch, row.route), 0):
                line = site.vault.open(bytes(row.line)).decode()
                values = {**row._mapping, "line": line}  # noqa: SLF001  # SQLAlchemy's public name
                yield line_of([values[name] for name in HELD.columns])
        last = rows[-1].id
