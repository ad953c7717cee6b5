"""What supervisors find goes down to the county it concerns; what the county says comes up.

A county checks its own facts, and every tier above checks the same facts on its replica, so only
what one of them alone can know has to travel.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Table, select

import sync
from node.core.clock import from_iso, iso
from node.core.db import upsert
from node.core.work import UP_PROVINCE, RecordType, UnitOfWork, down
from node.quality.models import QualityAnswer, QualityFinding
from node.quality.rulebook import RULES
from tiers import Level, RegionCode

FOUND = RecordType("quality.found", independent=True)
ANSWERED = RecordType("quality.answered", independent=True)

finding: Table = QualityFinding.__table__  # type: ignore[attr-defined]
answer: Table = QualityAnswer.__table__  # type: ignore[attr-defined]

TEXTS = ("rule", "subject", "village", "person_id", "first", "second", "third", "severity")


def publish_found(uow: UnitOfWork) -> int:
    """Tell counties what only this node can see: new since its last check, and gone since."""
    if uow.level.rank >= Level.COUNTY.rank:
        return 0
    among = [code for code, rule in RULES.items() if rule.among or rule.listed]
    changed = (finding.c.found_on == uow.today) & finding.c.gone_at.is_(None)
    statement = select(finding).where(
        finding.c.found_by == str(uow.node),
        finding.c.rule.in_(among),
        changed | (finding.c.gone_at == uow.now),
    )
    rows = uow.connection.execute(statement).mappings().all()
    for row in map(dict, rows):
        county = RegionCode(row["county_code"])
        uow.publish(FOUND, _key(row), _told(row), region=county, routes=[down(county)])
    return len(rows)


def _key(row: Mapping[str, Any]) -> str:
    return f"{row['county_code']}/{row['rule']}/{row['subject']}"


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **{name: row[name] for name in TEXTS},
        "found_on": row["found_on"].isoformat(),
        "due_on": row["due_on"].isoformat(),
        "seen_at": iso(row["seen_at"]),
        "gone_at": iso(row["gone_at"]) if row["gone_at"] else None,
    }


@FOUND.applies
def apply_found(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Keep a supervisor's findings; the newest word stands."""
    rows = {}
    for item in arrived:
        body = item.record.body
        row = {
            **{name: body[name] for name in TEXTS},
            "county_code": item.record.region,
            "found_by": item.origin,
            "found_on": date.fromisoformat(body["found_on"]),
            "due_on": date.fromisoformat(body["due_on"]),
            "seen_at": from_iso(body["seen_at"]),
            "gone_at": from_iso(body["gone_at"]) if body["gone_at"] else None,
        }
        rows[_key(row)] = row
    upsert(uow.connection, finding, list(rows.values()))


def publish_answer(uow: UnitOfWork, made: QualityAnswer) -> None:
    """Tell the tiers above what the county says."""
    body = made.model_dump(exclude={"county_code", "answered_at"}, mode="json")
    body["at"] = iso(uow.now)
    key = f"{made.county_code}/{made.rule}/{made.subject}"
    region = RegionCode(made.county_code)
    uow.publish(ANSWERED, key, body, region=region, routes=[UP_PROVINCE])


@ANSWERED.applies
def apply_answers(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Keep what counties say; one author, in order: the last stands."""
    rows = {}
    for item in arrived:
        body = {k: v for k, v in item.record.body.items() if k != "at"}
        row = {
            **body,
            "county_code": item.record.region,
            "answered_at": from_iso(item.record.body["at"]),
        }
        rows[_key(row)] = row
    upsert(uow.connection, answer, list(rows.values()))
