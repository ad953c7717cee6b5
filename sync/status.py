"""What the network page shows: links, streams, what waits, what went wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson
from sqlalchemy import Connection, func, select

from sync.database import reading
from sync.keyring import Identity, identity_of
from sync.site import Site
from sync.snapshot_store import beginning
from sync.store import held, incident, link, outbox, receipt, stream

_MENDED = 50


@dataclass(frozen=True, slots=True)
class LinkStatus:
    """One peer. Instants are text (UTC); None where nothing is known yet."""

    peer: str
    role: str
    last_contact: str | None
    last_progress: str | None
    skew_ms: int | None
    versions: Mapping[str, int]
    failures: int
    last_error: str | None
    error_at: str | None


@dataclass(frozen=True, slots=True)
class StreamStatus:
    """One stream: how far it is held here, applied here, and receipted by the parent.

    `begun` is the number up to which it came as a snapshot's state; 0 when from its start.
    """

    origin: str
    epoch: str
    route: str
    head: int
    applied: int
    receipted: int | None
    written_here: bool
    moved_at: str
    begun: int = 0


@dataclass(frozen=True, slots=True)
class Incident:
    """Something a person must look at."""

    id: int
    kind: str
    peer: str | None
    origin: str
    epoch: str
    route: str
    seq: int
    detail: str
    at: str
    closed_at: str | None = None


@dataclass(frozen=True, slots=True)
class HeldRecord:
    """A record that was not applied, for the page on which a person decides."""

    id: int
    origin: str
    route: str
    seq: int
    type: str
    key: str
    region: str
    kind: str
    reason: str
    held_at: str


@dataclass(frozen=True, slots=True)
class Status:
    """Everything at a glance. `held` counts open records by kind, `outbox` unsealed lines.

    `mended` are the incidents that were closed last: nothing mends itself unseen.
    """

    identity: Identity | None
    links: Sequence[LinkStatus]
    streams: Sequence[StreamStatus]
    held: Mapping[str, int]
    outbox: int
    incidents: Sequence[Incident]
    mended: Sequence[Incident] = ()


def status(site: Site) -> Status:
    with reading(site.engine) as connection:
        me = identity_of(connection)
        return Status(
            identity=me,
            links=link_states(connection),
            streams=_streams(connection, parent=me.parent if me else None),
            held=_held_counts(connection),
            outbox=connection.scalar(select(func.count()).select_from(outbox)) or 0,
            incidents=_incidents(connection),
            mended=_mended(connection),
        )


def held_records(site: Site, *, after: int = 0, limit: int = 100) -> list[HeldRecord]:
    """Open held records in the order they came, a page at a time."""
    names = HeldRecord.__dataclass_fields__
    with reading(site.engine) as connection:
        rows = connection.execute(
            select(*(held.c[name] for name in names))
            .where(held.c.decided_at.is_(None), held.c.id > after)
            .order_by(held.c.id)
            .limit(limit)
        )
        return [HeldRecord(*row) for row in rows]


def link_states(connection: Connection) -> list[LinkStatus]:
    """Every peer of this node, the parent first."""
    rows = connection.execute(select(link).order_by(link.c.role.desc(), link.c.peer))
    return [
        LinkStatus(
            peer=row.peer,
            role=row.role,
            last_contact=row.last_contact,
            last_progress=row.last_progress,
            skew_ms=row.skew_ms,
            versions=orjson.loads(row.versions) if row.versions else {},
            failures=row.failures,
            last_error=row.last_error,
            error_at=row.error_at,
        )
        for row in rows
    ]


def _streams(connection: Connection, *, parent: str | None) -> list[StreamStatus]:
    names = stream.c
    given = (
        (receipt.c.taker == parent)
        & (receipt.c.origin == names.origin)
        & (receipt.c.epoch == names.epoch)
        & (receipt.c.route == names.route)
    )
    began = (
        (beginning.c.origin == names.origin)
        & (beginning.c.epoch == names.epoch)
        & (beginning.c.route == names.route)
    )
    rows = connection.execute(
        select(
            names.origin,
            names.epoch,
            names.route,
            names.head,
            names.applied,
            receipt.c.seq,
            names.written_here,
            names.moved_at,
            func.coalesce(beginning.c.seq, 0),
        )
        .select_from(stream.outerjoin(receipt, given).outerjoin(beginning, began))
        .order_by(names.origin, names.route, names.epoch)
    )
    return [StreamStatus(*row) for row in rows]


def _held_counts(connection: Connection) -> dict[str, int]:
    rows = connection.execute(
        select(held.c.kind, func.count()).where(held.c.decided_at.is_(None)).group_by(held.c.kind)
    )
    return dict(tuple(row) for row in rows)


def _incidents(connection: Connection) -> list[Incident]:
    rows = connection.execute(
        select(*(incident.c[name] for name in Incident.__dataclass_fields__))
        .where(incident.c.closed_at.is_(None))
        .order_by(incident.c.id)
    )
    return [Incident(*row) for row in rows]


def _mended(connection: Connection) -> list[Incident]:
    rows = connection.execute(
        select(*(incident.c[name] for name in Incident.__dataclass_fields__))
        .where(incident.c.closed_at.is_not(None))
        .order_by(incident.c.closed_at.desc(), incident.c.id.desc())
        .limit(_MENDED)
    )
    return [Incident(*row) for row in rows]
