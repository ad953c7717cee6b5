"""What a county tells of pensions, and how a replica takes it."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Table

import sync
from node.benefits.models import Entitlement
from node.core.clock import from_iso, iso
from node.core.db import upsert
from node.core.work import UP_PROVINCE, RecordType, UnitOfWork, down
from tiers import RegionCode

DETERMINED = RecordType("entitlement.determined", independent=True)

DAYS = ("due_from", "owed_from", "last_month", "certified_until")

entitlements: Table = Entitlement.__table__  # type: ignore[attr-defined]


def publish_entitlements(uow: UnitOfWork, rows: Sequence[dict[str, Any]]) -> None:
    """Tell pensions, each with its whole calculation sheet: a person's own, so one record each."""
    told = [(row["id"], _body(row), RegionCode(row["village"])) for row in rows]
    for key, body, village in told:
        uow.publish(DETERMINED, key, body, region=village, routes=(UP_PROVINCE,))
    for key, body, village in sorted(told, key=lambda each: each[2]):
        uow.publish(DETERMINED, key, body, region=village, routes=(down(village),))


def _body(row: dict[str, Any]) -> dict[str, Any]:
    hidden = {"county_code", "village"}
    return {
        **{name: value for name, value in row.items() if name not in hidden},
        **{name: _text(row[name]) for name in DAYS},
        "determined_at": iso(row["determined_at"]),
    }


def _text(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


@DETERMINED.applies
def apply_entitlements(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Keep pensions as the county determined them last."""
    rows: dict[str, dict[str, Any]] = {}
    for item in arrived:
        village = RegionCode(item.record.region)
        body = item.record.body
        rows[item.record.key] = {
            **{name: value for name, value in body.items() if name in entitlements.columns},
            "county_code": str(village.county),
            "village": str(village),
            **{name: _day(body.get(name)) for name in DAYS},
            "determined_at": from_iso(body["determined_at"]),
        }
    upsert(uow.connection, entitlements, list(rows.values()))
