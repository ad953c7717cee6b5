"""What is known of nodes: of this one from its tables, of the others from what they told."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from node.core.clock import from_iso, iso
from node.core.work import UnitOfWork
from node.network.records import table as reports
from node.network.rules import PARKED, Signs
from node.network.state import held_by_kind, parent_link, waiting
from sync.keyring import identity_of
from sync.lag import behind_at_parent
from sync.moment import stamp
from sync.store import certificate, held, incident, revocation
from tiers import RegionCode

DAY = timedelta(days=1)


def own_signs(uow: UnitOfWork) -> Signs:
    """This node's."""
    connection = uow.connection
    me = identity_of(connection)
    by_kind = held_by_kind(connection)
    opened, decided = _quarantine_moves(connection, since=uow.now - DAY)
    link = parent_link(connection)
    since = [lag.since for lag in behind_at_parent(connection) if lag.since]
    return Signs(
        heard=uow.now,
        waiting=waiting(connection, parent=me.parent if me else None, level=uow.level),
        oldest=from_iso(min(since)) if since else None,
        held=sum(by_kind.values()),
        refused=by_kind.get("refused", 0),
        opened=opened,
        decided=decided,
        parked=sum(by_kind.get(kind, 0) for kind in PARKED),
        skew=timedelta(milliseconds=(link.skew_ms or 0) if link else 0),
        incidents=_open_incidents(connection),
        certificate_until=_valid_until(connection, str(uow.node)),
    )


def as_facts(signs: Signs) -> dict[str, Any]:
    """What of the signs travels upwards: numbers and instants, nothing personal."""
    return {
        "waiting": signs.waiting,
        "held": signs.held,
        "oldest": iso(signs.oldest) if signs.oldest else None,
        "quarantine": [signs.refused, signs.opened, signs.decided],
        "parked": signs.parked,
        "skew_ms": signs.skew // timedelta(milliseconds=1),
        "incident_kinds": dict(signs.incidents),
        "certificate_until": iso(signs.certificate_until) if signs.certificate_until else None,
    }


def told(facts: Mapping[str, Any], *, heard: datetime, joined: datetime | None) -> Signs:
    """The signs of a node from its report; one of an older program says less."""
    refused, opened, decided = facts.get("quarantine") or (0, 0, 0)
    return Signs(
        heard=heard,
        joined=joined,
        waiting=facts.get("waiting"),
        oldest=_instant(facts.get("oldest")),
        held=int(facts.get("held", 0)),
        refused=refused,
        opened=opened,
        decided=decided,
        parked=int(facts.get("parked", 0)),
        skew=timedelta(milliseconds=int(facts.get("skew_ms") or 0)),
        incidents=facts.get("incident_kinds") or {},
        certificate_until=_instant(facts.get("certificate_until")),
    )


def members_since(connection: Connection) -> dict[str, datetime]:
    """Every node whose certificate is known here, and since when it is a member."""
    names = certificate.c
    rows = connection.execute(select(names.node, func.max(names.not_before)).group_by(names.node))
    gone = _revoked_for_good(connection)
    return {node: from_iso(since) for node, since in rows if node not in gone}


def signs_below(uow: UnitOfWork) -> dict[str, tuple[Signs, str, str | None]]:
    """Of every node but this one: signs, version and by whom it is hosted."""
    joined = members_since(uow.connection)
    gone = _revoked_for_good(uow.connection)
    columns = (reports.c.node, reports.c.arrived_at, reports.c.facts)
    rows = uow.connection.execute(
        select(*columns, reports.c.version, reports.c.held_by).order_by(reports.c.node)
    )
    found: dict[str, tuple[Signs, str, str | None]] = {
        node: (Signs(joined=since), "", None) for node, since in joined.items()
    }
    for node, arrived, facts, version, held_by in rows:
        since = joined.get(node)
        found[node] = (told(facts, heard=arrived, joined=since), version, held_by)
    gone.add(str(uow.node))
    below = uow.node.contains
    return {node: found[node] for node in found if node not in gone and below(RegionCode(node))}


def _revoked_for_good(connection: Connection) -> set[str]:
    """Nodes whose newest set-up was revoked: nobody waits for a word of theirs."""
    names, ends = certificate.c, revocation.c
    newest = select(names.node, func.max(names.epoch).label("epoch")).group_by(names.node)
    last = newest.subquery()
    rows = connection.execute(
        select(last.c.node)
        .join(revocation, (ends.node == last.c.node) & (ends.epoch == last.c.epoch))
        .where(func.coalesce(ends.successor, "") == "")
        .distinct()
    )
    return set(rows.scalars())


def _instant(text: str | None) -> datetime | None:
    return from_iso(text) if text else None


def _quarantine_moves(connection: Connection, *, since: datetime) -> tuple[int, int]:
    """How many records went into quarantine lately, and how many were decided."""
    bound, names = stamp(since), held.c
    opened = select(func.count()).where(names.kind == "refused", names.held_at >= bound)
    decided = select(func.count()).where(names.kind == "refused", names.decided_at >= bound)
    return (
        int(connection.execute(opened).scalar_one()),
        int(connection.execute(decided).scalar_one()),
    )


def _open_incidents(connection: Connection) -> dict[str, int]:
    rows = connection.execute(
        select(incident.c.kind, func.count())
        .where(incident.c.closed_at.is_(None))
        .group_by(incident.c.kind)
    )
    return {str(kind): int(number) for kind, number in rows}


def _valid_until(connection: Connection, node: str) -> datetime | None:
    """The end of a node's newest certificate."""
    names = certificate.c
    newest = select(func.max(names.epoch)).where(names.node == node).scalar_subquery()
    until = connection.scalar(
        select(func.max(names.not_after)).where(names.node == node, names.epoch == newest)
    )
    return from_iso(until) if until else None
