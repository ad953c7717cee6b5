"""The engine's tables about snapshots: what was taken, what is still arriving, where streams begin.

A stream that began with a snapshot has no segments up to `seq` here, or has them only once its
history was filled in behind. A gap is a range whose segments are nowhere any more, because whoever
wrote them was put back to before them and only a snapshot kept what came of them (`losing`).
"""

from typing import NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    select,
)

from sync.messages import TRAIL_DIGITS
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
    Column("trail", Text, nullable=False, comment="newest lines of the giver's own stream"),
    comment="Where a stream begins that came with a snapshot: the number and hash before it.",
)


gap = Table(
    "sync_gap",
    metadata,
    Column("origin", String(40), primary_key=True),
    Column("epoch", String(40), primary_key=True),
    Column("route", String(100), primary_key=True),
    Column("first", BigInteger, primary_key=True, autoincrement=False),
    Column("last", BigInteger, nullable=False),
    Column("head_hash", LargeBinary(32), nullable=False),
    Column("holder", String(40), nullable=False),
    Column("at", String(24), nullable=False),
    comment="Ranges of streams that are lost as records; `holder` has the state they led to.",
)

state_elsewhere = Table(
    "sync_state_elsewhere",
    metadata,
    Column("peer", String(40), primary_key=True),
    Column("origin", String(40), primary_key=True),
    Column("epoch", String(40), primary_key=True),
    Column("route", String(100), primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("head_hash", LargeBinary(32), nullable=False),
    Column("trail", Text, nullable=False),
    Column("at", String(24), nullable=False),
    comment="Children that proved: up to `seq` they have the state of a stream, not its segments.",
)


class Gap(NamedTuple):
    """Numbers of a stream that are missing here and everywhere, and the hash of the last header."""

    first: int
    last: int
    hash: str


def gaps_of(connection: Connection, name: StreamId) -> list[Gap]:
    """The gaps of a stream, in order."""
    names = gap.c
    rows = connection.execute(
        select(names.first, names.last, names.head_hash)
        .where(names.origin == name.origin, names.epoch == name.epoch, names.route == name.route)
        .order_by(names.first)
    )
    return [Gap(row.first, row.last, bytes(row.head_hash).hex()) for row in rows]


def known_end(connection: Connection, name: StreamId, seq: int) -> str | None:
    """The hash of the header that ended here, as a snapshot or a gap tells it."""
    begun = beginning_of(connection, name)
    if begun and begun[0] == seq:
        return begun[1].hex()
    return next((each.hash for each in gaps_of(connection, name) if each.last == seq), None)


def beginning_of(connection: Connection, name: StreamId) -> tuple[int, bytes] | None:
    """The number and header hash a stream began after, when it began with a snapshot."""
    names = beginning.c
    row = connection.execute(
        select(names.seq, names.head_hash).where(
            names.origin == name.origin, names.epoch == name.epoch, names.route == name.route
        )
    ).first()
    return (row.seq, bytes(row.head_hash)) if row else None


def leaves_in(trail: str) -> list[str]:
    """The leaves of a trail, the latest first."""
    return [trail[at : at + TRAIL_DIGITS] for at in range(0, len(trail), TRAIL_DIGITS)]


def stands_for(connection: Connection, name: StreamId, seq: int) -> bool:
    """Did the state up to this number of a stream come with a snapshot, or is its record lost?"""
    found = beginning_of(connection, name)
    if found is not None and seq <= found[0]:
        return True
    return any(each.first <= seq <= each.last for each in gaps_of(connection, name))
