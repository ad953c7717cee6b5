"""Nodes report upwards how they are; every node above keeps the latest report of each."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Table

import sync
from node.core.clock import from_iso, iso
from node.core.db import upsert
from node.core.work import UP_PROVINCE, RecordType, UnitOfWork
from node.network.models import NodeReport
from tiers import RegionCode

REPORTED = RecordType("node.reported", independent=True)

table: Table = NodeReport.__table__  # type: ignore[attr-defined]


def report(uow: UnitOfWork, facts: Mapping[str, Any], *, version: str, about: RegionCode) -> None:
    """Say upwards how this node is, or how a village hosted here is."""
    body: dict[str, Any] = {
        "version": version,
        "at": iso(uow.now),
        "facts": dict(facts),
        "held_by": str(uow.node) if about != uow.node else None,
    }
    keep_reports(uow, [(about, body)])
    uow.publish(REPORTED, str(about), body, region=about, routes=[UP_PROVINCE], origin=about)


@REPORTED.applies
def apply_reports(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Keep the latest report of each node below."""
    keep_reports(uow, [(RegionCode(a.record.region), dict(a.record.body)) for a in arrived])


def keep_reports(uow: UnitOfWork, reports: Sequence[tuple[RegionCode, dict[str, Any]]]) -> None:
    """Store reports; a node's stream is ordered, so the last one is the latest."""
    latest = {
        str(node): {
            "node": str(node),
            "level": str(node.level),
            "held_by": body.get("held_by"),
            "version": body["version"],
            "reported_at": from_iso(body["at"]),
            "arrived_at": uow.now,
            "facts": body["facts"],
        }
        for node, body in reports
    }
    upsert(uow.connection, table, list(latest.values()))
