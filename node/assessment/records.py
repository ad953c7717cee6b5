"""Assessments and inspections go from the city to the province and to the county; answers rise."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Table

import sync
from node.assessment.models import AssessmentResult, Inspection, InspectionAnswer
from node.core.clock import from_iso, iso
from node.core.db import insert_new, upsert
from node.core.work import UP_PROVINCE, RecordType, UnitOfWork, down
from node.policy.controls import parse_day
from tiers import RegionCode

PUBLISHED = RecordType("assessment.published", independent=True)
INSPECTED = RecordType("inspection.told", independent=True)
ANSWERED = RecordType("inspection.answered", independent=True)
RECORD_TYPES = (PUBLISHED, INSPECTED, ANSWERED)

results: Table = AssessmentResult.__table__  # type: ignore[attr-defined]
inspections: Table = Inspection.__table__  # type: ignore[attr-defined]
answers: Table = InspectionAnswer.__table__  # type: ignore[attr-defined]


def publish_result(uow: UnitOfWork, made: AssessmentResult) -> None:
    """Tell an assessment."""
    body = made.model_dump(exclude={"county_code", "published_at"})
    body["published_at"] = iso(made.published_at)
    county = RegionCode(made.county_code)
    routes = (UP_PROVINCE, down(county))
    uow.publish(
        PUBLISHED, f"{county}/{made.year}/{made.version}", body, region=county, routes=routes
    )


@PUBLISHED.applies
def apply_results(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Keep what was published."""
    rows = [
        {
            **item.record.body,
            "county_code": item.record.region,
            "published_at": from_iso(item.record.body["published_at"]),
        }
        for item in arrived
    ]
    insert_new(uow.connection, results, rows)


def publish_inspection(uow: UnitOfWork, made: Inspection) -> None:
    """Tell an inspection as it stands."""
    body = made.model_dump(exclude={"county_code", "changed_at"})
    body["planned_on"] = made.planned_on.isoformat()
    body["visited_on"] = made.visited_on.isoformat() if made.visited_on else None
    body["changed_at"] = iso(made.changed_at)
    county = RegionCode(made.county_code)
    routes = (UP_PROVINCE, down(county))
    uow.publish(INSPECTED, made.id, body, region=county, routes=routes)


@INSPECTED.applies
def apply_inspections(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Keep inspections as their city told them last."""
    rows: dict[str, dict[str, Any]] = {}
    for item in arrived:
        body = dict(item.record.body)
        for name in ("planned_on", "visited_on"):
            body[name] = parse_day(body[name], name) if body[name] else None
        body["changed_at"] = from_iso(body["changed_at"])
        rows[item.record.key] = {**body, "county_code": item.record.region}
    upsert(uow.connection, inspections, list(rows.values()))


def publish_answer(uow: UnitOfWork, made: InspectionAnswer) -> None:
    """Tell what was done about a finding."""
    body = made.model_dump(exclude={"county_code", "answered_at"})
    body["answered_at"] = iso(made.answered_at)
    county = RegionCode(made.county_code)
    key = f"{made.inspection_id}/{made.finding}"
    uow.publish(ANSWERED, key, body, region=county, routes=[UP_PROVINCE])


@ANSWERED.applies
def apply_answers(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Keep what counties say, the last word of each."""
    rows = {}
    for item in arrived:
        body = dict(item.record.body)
        body["answered_at"] = from_iso(body["answered_at"])
        rows[item.record.key] = {**body, "county_code": item.record.region}
    upsert(uow.connection, answers, list(rows.values()))
