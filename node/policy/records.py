"""A bulletin runs down every branch; every node that holds it says so upwards."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Table

import sync
from node.core.clock import from_iso, iso
from node.core.db import insert_new
from node.core.work import DOWN_ALL, UP_PROVINCE, RecordType, UnitOfWork
from node.policy.bodies import BODIES
from node.policy.models import Acknowledgement, Bulletin, Withdrawal
from tiers import Level, RegionCode

PUBLISHED = RecordType("policy.published")
WITHDRAWN = RecordType("policy.withdrawn")
ACKNOWLEDGED = RecordType("policy.acknowledged", independent=True)

bulletins: Table = Bulletin.__table__  # type: ignore[attr-defined]
withdrawals: Table = Withdrawal.__table__  # type: ignore[attr-defined]
acknowledgements: Table = Acknowledgement.__table__  # type: ignore[attr-defined]

_ITS_OWN = {"status", "drafted_at", "checked_at", "published_at"}
"""What a bulletin does not take along: the state of the draft, and instants said elsewhere."""


def publish_bulletin(uow: UnitOfWork, bulletin: Bulletin) -> None:
    """Send a published bulletin to every node it concerns."""
    body = bulletin.model_dump(exclude=_ITS_OWN, mode="json")
    body["published_at"] = iso(uow.now)
    region = RegionCode(bulletin.region)
    uow.publish(PUBLISHED, bulletin.id, body, region=region, routes=_routes(uow))


def _routes(uow: UnitOfWork) -> list[str]:
    """Down every branch; what a city or a county adds, the province hears of too."""
    return [DOWN_ALL] if uow.level is Level.PROVINCE else [DOWN_ALL, UP_PROVINCE]


def publish_withdrawal(uow: UnitOfWork, withdrawal: Withdrawal) -> None:
    """Tell every node that had the bulletin."""
    body = withdrawal.model_dump(exclude={"withdrawn_at"}, mode="json")
    region = RegionCode(withdrawal.region)
    uow.publish(WITHDRAWN, withdrawal.bulletin_id, body, region=region, routes=_routes(uow))


@PUBLISHED.applies
def apply_bulletins(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Keep the bulletins and acknowledge them, also for the villages hosted here."""
    for item in arrived:
        _require_lawful(item)
    rows = [_row(item.record.body) for item in arrived]
    insert_new(uow.connection, bulletins, rows)
    if uow.level is Level.PROVINCE:
        return
    for row in rows:
        for node in (uow.node, *sorted(uow.hosted)):
            if RegionCode(row["region"]).contains(node):
                acknowledge(uow, row["id"], node)


def _require_lawful(item: "sync.Arrived") -> None:
    """Below the province one may only add, and only for one's own region."""
    body, author = item.record.body, RegionCode(item.origin)
    if body["region"] != str(author):
        raise sync.Refused(f"{author} 不能以 {body['region']} 的名义发布政策文件")
    known = BODIES.get(body["kind"])
    if author.level is not Level.PROVINCE and (known is None or not known.may_be_added_to):
        raise sync.Refused(f"“{body['kind']}”只由省级发布")


@WITHDRAWN.applies
def apply_withdrawals(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Keep which bulletins ended before their time."""
    rows = []
    for item in arrived:
        body = item.record.body
        if body["region"] != item.origin:
            raise sync.Refused("只有发布机关可以撤回文件")
        day = date.fromisoformat(body["holds_until"])
        rows.append({**body, "holds_until": day, "withdrawn_at": from_iso(item.record.at)})
    insert_new(uow.connection, withdrawals, rows)


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
