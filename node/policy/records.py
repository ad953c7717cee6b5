"""A bulletin runs down every branch; every node that holds it says so upwards."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Table

import sync
from node.core.clock import from_iso, iso
from node.core.db import insert_new
from node.core.work import DOWN_ALL, UP_PROVINCE, RecordType, UnitOfWork
from node.policy.models import Acknowledgement, Bulletin
from tiers import Level, RegionCode

PUBLISHED = RecordType("policy.published")
ACKNOWLEDGED = RecordType("policy.acknowledged", independent=True)

bulletins: Table = Bulletin.__table__  # type: ignore[attr-defined]
acknowledgements: Table = Acknowledgement.__table__  # type: ignore[attr-defined]


def publish_bulletin(uow: UnitOfWork, bulletin: Bulletin) -> None:
    """Send a published bulletin to every node below."""
    body = bulletin.model_dump(exclude={"status", "drafted_at", "published_at"}, mode="json")
    body["published_at"] = iso(uow.now)
    region = RegionCode(bulletin.region)
    uow.publish(PUBLISHED, bulletin.id, body, region=region, routes=[DOWN_ALL])


@PUBLISHED.applies
def apply_bulletins(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Keep the bulletins and acknowledge them, also for the villages hosted here."""
    rows = [_row(item.record.body) for item in arrived]
    insert_new(uow.connection, bulletins, rows)
    if uow.level is Level.PROVINCE:
        return
    for row in rows:
        for node in (uow.node, *sorted(uow.hosted)):
            acknowledge(uow, row["id"], node)


def acknowledge(uow: UnitOfWork, bulletin_id: str, node: RegionCode) -> None:
    """Say upwards that a node holds a bulletin since now, and remember it here."""
    row = {"bulletin_id": bulletin_id, "node": str(node), "at": uow.now}
    insert_new(uow.connection, acknowledgements, [row])
    uow.publish(
        ACKNOWLEDGED,
        f"{bulletin_id}@{node}",
        {"bulletin_id": bulletin_id, "at": iso(uow.now)},
        region=node,
        routes=[UP_PROVINCE],
        origin=node,
    )


@ACKNOWLEDGED.applies
def apply_acknowledgements(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Remember who below holds which bulletin."""
    rows = [
        {
            "bulletin_id": item.record.body["bulletin_id"],
            "node": item.record.region,
            "at": from_iso(item.record.body["at"]),
        }
        for item in arrived
    ]
    insert_new(uow.connection, acknowledgements, rows)


def _row(body: dict[str, Any]) -> dict[str, Any]:
    published_at = from_iso(body["published_at"])
    ends = body["effective_to"]
    return {
        **body,
        "effective_from": date.fromisoformat(body["effective_from"]),
        "effective_to": date.fromisoformat(ends) if ends else None,
        "status": "published",
        "drafted_at": published_at,
        "published_at": published_at,
    }
