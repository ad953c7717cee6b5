"""Writing: lines go into the outbox with the business transaction, and are sealed afterwards.

Numbers are given after commit, by one sealer, so they have no gaps on any database, and signing
never slows a clerk. Three traps, each shown on a real Postgres (tests/scenario):

1. taking and deleting are one statement: ids are taken before commit, so what a SELECT saw and
   what a later DELETE of `id <= max` removes are not the same rows;
2. whole transactions only, or half of one is applied above;
3. in the order of each transaction's largest id: the smallest puts effects before causes.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, select, text

from sync.cutting import Piece, Written, cut
from sync.database import listed, upsert, writing
from sync.errors import NotCanonical
from sync.forks import heal_here
from sync.keyring import HeldKey, identity_of, signing_key
from sync.limits import LIMITS, Limits
from sync.record import Record, canonical_lines
from sync.restoring import is_held
from sync.segment import GENESIS, Sealed, StreamId, seal_segment
from sync.site import Site
from sync.store import outbox, segment, stream, succession
from sync.vault import PLAIN, Vault

# The oldest rows, the transactions that lie wholly among them, and of these those whose largest
# id is smallest: any transaction not among them has a larger one. So one step costs what it takes,
# however long the backlog is.
# Two things are said for Postgres' planner alone, or it reads the whole backlog at every step: both
# ends of the ids (below a single one, it believes, lies a third of the table), and an OFFSET that
# keeps the question about each transaction a look into the index.
_TAKE = text("""
    WITH oldest AS (SELECT id, txn FROM sync_outbox ORDER BY id LIMIT :rows),
    border AS (SELECT min(id) AS first, max(id) AS id FROM oldest),
    whole AS (
        SELECT txn FROM (SELECT txn, max(id) AS newest FROM oldest GROUP BY txn) AS seen
        WHERE NOT EXISTS (
            SELECT 1 FROM sync_outbox AS later
            WHERE later.txn = seen.txn AND later.id > (SELECT id FROM border)
            LIMIT 1 OFFSET 0)
        ORDER BY newest LIMIT :transactions)
    DELETE FROM sync_outbox
    WHERE id BETWEEN (SELECT first FROM border) AND (SELECT id FROM border)
    AND txn IN (SELECT txn FROM whole)
    RETURNING id, txn, origin, route, type, version, line
""")


class Sealing(NamedTuple):
    """What one step of the sealer did."""

    segments: int
    records: int


class _Head(NamedTuple):
    seq: int
    hash: str


def append(
    connection: Connection,
    *,
    origin: str,
    route: str,
    txn: str,
    records: Sequence[Record],
    vault: Vault = PLAIN,
    limits: Limits = LIMITS,
) -> None:
    """Write records in the caller's transaction, to be sealed after it commits.

    `txn` names that transaction: one per commit, the same for all that is written in it.

    Raises:
        NotCanonical: a record cannot be written as a line, or its line is too long.
    """
    rows = [
        {
            "txn": txn,
            "origin": origin,
            "route": route,
            "type": record.type,
            "version": record.version,
            "line": vault.seal(_bounded(line, limits)),
        }
        for record, line in zip(records, canonical_lines(records), strict=True)
    ]
    if rows:
        connection.execute(outbox.insert(), rows)


def seal_step(site: Site) -> Sealing:
    """Seal one batch of committed transactions, oldest first; nothing to do gives zeros."""
    with writing(site.engine) as connection:
        rows = [] if _must_wait(site, connection) else _take(site, connection)
        pieces = cut(rows, site.limits)
        if pieces:
            _store(site, connection, pieces)
    if pieces:
        site.bell.ring()
    return Sealing(len(pieces), len(rows))


def _must_wait(site: Site, connection: Connection) -> bool:
    """Own streams are not whole: nothing may be numbered. The root mends its own forks."""
    if not is_held(connection):
        return False
    me = identity_of(connection)
    if me:
        heal_here(site, connection, me)
    return is_held(connection)


def _bounded(line: bytes, limits: Limits) -> bytes:
    if len(line) > limits.line_bytes:
        raise NotCanonical("记录过长", bytes=len(line), limit=limits.line_bytes)
    return line


def _take(site: Site, connection: Connection) -> list[Written]:
    """Take rows out of the outbox; more of them when one transaction is larger than a batch."""
    count = site.limits.seal_rows
    while True:
        sizes = {"rows": count, "transactions": site.limits.seal_transactions}
        rows = connection.execute(_TAKE, sizes).all()
        if rows or not _more_than(connection, count):
            opened = site.vault.open
            return [
                Written(number, txn, origin, route, kind, version, opened(bytes(line)))
                for number, txn, origin, route, kind, version, line in rows
            ]
        count *= 4


def _more_than(connection: Connection, count: int) -> bool:
    beyond = select(outbox.c.id).order_by(outbox.c.id).offset(count).limit(1)
    return connection.execute(beyond).first() is not None


def _store(site: Site, connection: Connection, pieces: Sequence[Piece]) -> None:
    keys = _keys(site, connection, {piece.rows[0].origin for piece in pieces})
    heads = _heads(connection, {_stream_of(piece, keys) for piece in pieces})
    moved: dict[StreamId, _Head] = {}
    rows = []
    for piece in pieces:
        name = _stream_of(piece, keys)
        head = moved.get(name) or heads.get(name) or _Head(0, GENESIS)
        continues = "" if head.seq else _continues(connection, name)
        sealed = _seal(site, piece, name, head, keys[name.origin], continues=continues)
        moved[name] = _Head(head.seq + len(piece.rows), sealed.hash().hex())
        rows.append(segment_row(site, sealed, name, first=head.seq + 1, last=moved[name].seq))
    connection.execute(segment.insert(), rows)
    upsert(connection, stream, [_stream_row(site, name, head) for name, head in moved.items()])


def _keys(site: Site, connection: Connection, origins: set[str]) -> Mapping[str, HeldKey]:
    return {origin: signing_key(site, connection, origin) for origin in sorted(origins)}


def _stream_of(piece: Piece, keys: Mapping[str, HeldKey]) -> StreamId:
    row = piece.rows[0]
    return StreamId(row.origin, keys[row.origin].epoch, row.route)


def _heads(connection: Connection, names: set[StreamId]) -> dict[StreamId, _Head]:
    columns = (stream.c.origin, stream.c.epoch, stream.c.route)
    source, same = listed(connection, sorted(names), columns)
    rows = connection.execute(
        select(*columns, stream.c.head, stream.c.head_hash).select_from(source.join(stream, same))
    )
    return {StreamId(*row[:3]): _Head(row.head, row.head_hash.hex()) for row in rows}


def _continues(connection: Connection, name: StreamId) -> str:
    """What the first header of a stream says of one of an older epoch, if there was any."""
    names = succession.c
    found = connection.scalar(
        select(names.continues).where(
            names.node == name.origin, names.epoch == name.epoch, names.route == name.route
        )
    )
    return found or ""


def _seal(
    site: Site, piece: Piece, name: StreamId, head: _Head, key: HeldKey, *, continues: str
) -> Sealed:
    types: dict[str, int] = {}
    for row in piece.rows:
        types[row.type] = max(row.version, types.get(row.type, 0))
    return seal_segment(
        [row.line for row in piece.rows],
        stream=name,
        first=head.seq + 1,
        prev=head.hash,
        types=types,
        cont=piece.cont,
        sealed_at=site.now(),
        signer=key.signer,
        continues=continues,
    )


def segment_row(
    site: Site,
    sealed: Sealed,
    name: StreamId,
    *,
    first: int,
    last: int,
    received_from: str | None = None,
) -> dict[str, object]:
    """The row that keeps a segment, its body in the vault."""
    return {
        **name._asdict(),
        "first": first,
        "last": last,
        "header": sealed.header,
        "signature": sealed.signature,
        "header_hash": sealed.hash(),
        "body": site.vault.seal(sealed.body),
        "bytes": sealed.wire_bytes(),
        "received_from": received_from,
        "stored_at": site.now(),
    }


def _stream_row(site: Site, name: StreamId, head: _Head) -> dict[str, object]:
    return {
        **name._asdict(),
        "head": head.seq,
        "head_hash": bytes.fromhex(head.hash),
        "applied": head.seq,
        "written_here": True,
        "moved_at": site.now(),
    }
