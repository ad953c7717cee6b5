"""The engine's tables about snapshots: what was taken, what is still arriving, where streams begin.

A stream that began with a snapshot has no segments up to `seq` here, or has them only once its
history was filled in behind.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    LargeBinary,
    String,
    Table,
    select,
)

from sync.segment import StreamId
from sync.store import metadata

ARRIVING, TAKEN = "arriving", "taken"

snapshot = Table(
    "sync_snapshot",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("giver", String(40), nullable=False),
    Column("manifest", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("state", String(10), nullable=False),
    Column("since", String(24), nullable=False),
    Column("taken_at", String(24)),
    comment="Snapshots from the parent; state: arriving, taken. The manifest names the parts.",
)

snapshot_part = Table(
    "sync_snapshot_part",
    metadata,
    Column("snapshot", String(64), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("body", LargeBinary, nullable=False),
    comment="Parts that have arrived, in the vault, until all are there and are set down at once.",
)

beginning = Table(
    "sync_beginning",
    metadata,
    Column("origin", String(40), primary_key=True),
    Column("epoch", String(40), primary_key=True),
    Column("route", String(100), primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("head_hash", LargeBinary(32), nullable=False),
    Column("snapshot", String(64), nullable=False),
    comment="Where a stream begins that came with a snapshot: the number and hash before it.",
)


def beginning_of(connection: Connection, name: StreamId) -> tuple[int, bytes] | None:
    """The number and header hash a stream began after, when it began with a snapshot."""
    names = beginning.c
    row = connection.execute(
        select(names.seq, names.head_hash).where(
            names.origin == name.origin, names.epoch == name.epoch, names.route == name.route
        )
    ).first()
    return (row.seq, bytes(row.head_hash)) if row else None


def stands_for(connection: Connection, name: StreamId, seq: int) -> bool:
    """Did the state up to this number of a stream come with a snapshot?"""
    found = beginning_of(connection, name)
    return found is not None and seq <= found[0]
