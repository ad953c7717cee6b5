"""The engine's own tables read for people: links, what waits, what is held, what went wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, func, select

from node.core.clock import from_iso
from sync.store import held, incident, link, outbox, receipt, stream
from tiers import Level

LISTED = 50


@dataclass(frozen=True, slots=True)
class LinkState:
    """One peer of this node."""

    peer: str
    role: str
    last_contact: datetime | None
    last_progress: datetime | None
    skew_ms: int | None
    failures: int
    last_error: str | None


def links(connection: Connection) -> list[LinkState]:
    """Every peer, the parent first."""
    rows = connection.execute(select(link).order_by(link.c.role.desc(), link.c.peer))
    return [_link(row) for row in rows]


def parent_link(connection: Connection) -> LinkState | None:
    """The link upwards; None before the first contact, and at the root."""
    row = connection.execute(select(link).where(link.c.role == "parent")).first()
    return _link(row) if row else None


def _link(row: Row[Any]) -> LinkState:
    return LinkState(
        peer=row.peer,
        role=row.role,
        last_contact=_instant(row.last_contact),
        last_progress=_instant(row.last_progress),
        skew_ms=row.skew_ms,
        failures=row.failures,
        last_error=row.last_error,
    )


def _instant(text: str | None) -> datetime | None:
    return from_iso(text) if text else None


def waiting(connection: Connection, *, parent: str | None, level: Level) -> int:
    """Records that have yet to reach the parent: not sealed, or sealed and not receipted."""
    if parent is None:
        return 0
    below_county = level.rank > Level.COUNTY.rank
    routes = ("up/province", "up/county") if below_county else ("up/province",)
    climbing = stream.c.route.in_(routes)
    same = and_(
        receipt.c.taker == parent,
        receipt.c.origin == stream.c.origin,
        receipt.c.epoch == stream.c.epoch,
        receipt.c.route == stream.c.route,
    )
    behind = func.sum(stream.c.head - func.coalesce(receipt.c.seq, 0))
    sealed = select(behind).select_from(stream.outerjoin(receipt, same)).where(climbing)
    unsealed = select(func.count()).where(outbox.c.route.startswith("up/"))
    return int(connection.execute(sealed).scalar() or 0) + int(
        connection.execute(unsealed).scalar_one()
    )


def held_groups(connection: Connection) -> Sequence[Row[Any]]:
    """What is held back and not decided, by type, author and reason."""
    columns = (held.c.type, held.c.origin, held.c.kind, held.c.reason)
    statement = (
        select(*columns, func.count().label("number"))
        .where(held.c.decided_at.is_(None))
        .group_by(*columns)
        .order_by(func.count().desc())
        .limit(LISTED)
    )
    return connection.execute(statement).all()


def held_by_kind(connection: Connection) -> dict[str, int]:
    """How many records are held back: refused, waiting, behind another, parked."""
    statement = (
        select(held.c.kind, func.count()).where(held.c.decided_at.is_(None)).group_by(held.c.kind)
    )
    return {str(kind): int(number) for kind, number in connection.execute(statement)}


def open_incidents(connection: Connection) -> Sequence[Row[Any]]:
    """What a person must look at, newest first."""
    statement = select(incident).where(incident.c.closed_at.is_(None))
    return connection.execute(statement.order_by(incident.c.id.desc()).limit(LISTED)).all()


@dataclass(frozen=True, slots=True)
class StreamState:
    """One stream held here."""

    origin: str
    epoch: str
    route: str
    head: int
    applied: int


def streams(connection: Connection) -> list[StreamState]:
    """Every stream with its watermark."""
    statement = select(stream).order_by(stream.c.origin, stream.c.route)
    return [
        StreamState(row.origin, row.epoch, row.route, row.head, row.applied)
        for row in connection.execute(statement)
    ]
