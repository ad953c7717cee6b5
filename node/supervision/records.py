"""Digests rise, questions go down to the county, answers come back up."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Table

import sync
from node.core.clock import from_iso, iso
from node.core.db import insert_new, upsert
from node.core.work import UP_PROVINCE, RecordType, UnitOfWork, down
from node.supervision.models import UsageDigest, UsageQuestion
from tiers import RegionCode

DIGESTED = RecordType("usage.digested", independent=True)
ASKED = RecordType("usage.asked", independent=True)
ANSWERED = RecordType("usage.answered", independent=True)
RECORD_TYPES = (DIGESTED, ASKED, ANSWERED)

digests: Table = UsageDigest.__table__  # type: ignore[attr-defined]
questions: Table = UsageQuestion.__table__  # type: ignore[attr-defined]


def publish_digest(uow: UnitOfWork, made: UsageDigest) -> None:
    """Tell a day: the signature of the record covers its counts and the head of its chain."""
    body = made.model_dump(exclude={"county_code", "made_at"})
    body |= {"day": made.day.isoformat(), "made_at": iso(made.made_at)}
    region = RegionCode(made.county_code)
    uow.publish(DIGESTED, f"{region}/{made.day}", body, region=region, routes=[UP_PROVINCE])


@DIGESTED.applies
def apply_digests(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Keep the days; the first word of a county on a day stands."""
    rows = []
    for item in arrived:
        body = dict(item.record.body)
        body["day"] = date.fromisoformat(body["day"])
        body["made_at"] = from_iso(body["made_at"])
        rows.append({**body, "county_code": item.record.region})
    insert_new(uow.connection, digests, rows)


def publish_question(uow: UnitOfWork, asked: UsageQuestion) -> None:
    """Ask the county."""
    county = RegionCode(asked.county_code)
    uow.publish(ASKED, asked.id, _body(asked), region=county, routes=[down(county)])


def publish_answer(uow: UnitOfWork, answered: UsageQuestion) -> None:
    """Answer to every tier above; the question goes along, for not each of them has it."""
    county = RegionCode(answered.county_code)
    uow.publish(ANSWERED, answered.id, _body(answered), region=county, routes=[UP_PROVINCE])


def _body(question: UsageQuestion) -> dict[str, Any]:
    body = question.model_dump(exclude={"county_code"})
    for name in ("asked_at", "answered_at"):
        body[name] = iso(body[name]) if body[name] else None
    return body | {"day": question.day.isoformat()}


def _rows(arrived: Sequence["sync.Arrived"]) -> list[dict[str, Any]]:
    found = {}
    for item in arrived:
        body = dict(item.record.body)
        body["day"] = date.fromisoformat(body["day"])
        for name in ("asked_at", "answered_at"):
            body[name] = from_iso(body[name]) if body[name] else None
        found[item.record.key] = {**body, "county_code": item.record.region}
    return list(found.values())


@ASKED.applies
def apply_questions(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Keep what is asked; an answer that came first is not undone."""
    insert_new(uow.connection, questions, _rows(arrived))


@ANSWERED.applies
def apply_answers(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Keep what the county says."""
    upsert(uow.connection, questions, _rows(arrived))
