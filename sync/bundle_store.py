"""What a peer last showed of itself: from there on a bundle for it begins.

Only a parent keeps it of sessions; a child has the parent's receipts. What is too low makes the
next bundle larger, never wrong, so the last word heard simply stands.
"""

from collections.abc import Iterable
from typing import NamedTuple

import orjson
from sqlalchemy import Column, Connection, LargeBinary, String, Table, select

from sync.database import upsert
from sync.messages import Head, heads_from_json
from sync.segment import StreamId
from sync.store import metadata, receipt

shown = Table(
    "sync_shown",
    metadata,
    Column("peer", String(40), primary_key=True),
    Column("epoch", String(40), nullable=False),
    Column("at", String(24), nullable=False, comment="by the peer's clock"),
    Column("heads", LargeBinary, nullable=False),
    Column("back", LargeBinary, nullable=False),
    comment="How far a peer holds what goes to it, as it last said; and what it wants back.",
)


class Shown(NamedTuple):
    """`heads`: how far a peer holds what is sent to it; `back`: milestones of what it lost."""

    at: str
    heads: dict[StreamId, Head]
    back: list[Head]


def note_shown(
    connection: Connection,
    peer: str,
    *,
    epoch: str,
    at: str,
    heads: Iterable[Head],
    back: Iterable[Head] = (),
) -> None:
    """Remember what a peer says it holds."""
    row = {"peer": peer, "epoch": epoch, "at": at, "heads": _rows(heads), "back": _rows(back)}
    upsert(connection, shown, [row])


def shown_by(connection: Connection, peer: str, *, epoch: str) -> Shown:
    """What a peer under this set-up of it last said; nothing when it never did."""
    row = connection.execute(
        select(shown).where(shown.c.peer == peer, shown.c.epoch == epoch)
    ).first()
    if row is None:
        return Shown("", {}, [])
    heads = heads_from_json(orjson.loads(row.heads))
    return Shown(
        row.at, {head.stream: head for head in heads}, heads_from_json(orjson.loads(row.back))
    )


def receipted_by(connection: Connection, taker: str, *, since: str) -> dict[StreamId, Head]:
    """How far a taker has receipted streams, in receipts not older than this."""
    names = receipt.c
    rows = connection.execute(
        select(names.origin, names.epoch, names.route, names.seq, names.head_hash).where(
            names.taker == taker, names.at >= since
        )
    )
    heads = (Head(*row[:4], bytes(row.head_hash).hex()) for row in rows)
    return {head.stream: head for head in heads}


def _rows(heads: Iterable[Head]) -> bytes:
    return orjson.dumps([list(head) for head in heads])
