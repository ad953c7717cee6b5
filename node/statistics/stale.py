"""Marks of what has to be counted again, left by every transaction that writes facts."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy import Table, delete, select

import sync
from node.core.db import insert_new
from node.core.work import Observer, UnitOfWork
from node.statistics.models import StatisticsStale
from tiers import Level, RegionCode

ALL_YEARS = 0

stale: Table = StatisticsStale.__table__  # type: ignore[attr-defined]


class Subject(StrEnum):
    """A part of the figures that is counted from one table of facts."""

    PEOPLE = "people"
    PAYERS = "payers"
    MONEY = "money"
    BENEFITS = "benefits"


FAMILIES = {
    "person": Subject.PEOPLE,
    "enrolment": Subject.PEOPLE,
    "contribution": Subject.PAYERS,
    "account": Subject.MONEY,
    "year": Subject.MONEY,
    "interest": Subject.MONEY,
    "rate": Subject.MONEY,
    "entitlement": Subject.BENEFITS,
    "benefit": Subject.BENEFITS,
}
"""First words of record types, and what they change."""
MOVED = frozenset({"person.moved", "person.history"})
CHANGED = "person.changed"


def mark(uow: UnitOfWork, records: Sequence["sync.Record"]) -> None:
    """Remember whose figures the records change."""
    found = {
        (str(county), subject, year)
        for record in records
        if (county := RegionCode(record.region).county) is not None
        for subject, year in _changed(record)
    }
    _write(uow, found)


def mark_everything(uow: UnitOfWork, counties: Iterable[RegionCode]) -> None:
    """Count these counties anew: after a snapshot, or when an operator asks."""
    _write(uow, {(str(c), subject, ALL_YEARS) for c in counties for subject in Subject})


def _write(uow: UnitOfWork, found: Iterable[tuple[str, Subject, int]]) -> None:
    rows = [
        {"county_code": county, "subject": str(subject), "year": year, "txn": uow.txn}
        for county, subject, year in sorted(found)
    ]
    if rows:
        insert_new(uow.connection, stale, rows)


def _changed(record: "sync.Record") -> Iterator[tuple[Subject, int]]:
    """The subjects and years a record changes. Who moves takes every fact along; whose details
    change is counted elsewhere wherever people are told apart.
    """
    subject = FAMILIES[record.type.partition(".")[0]]
    if record.type in MOVED:
        yield from ((each, ALL_YEARS) for each in Subject)
    elif record.type == CHANGED:
        yield from ((each, ALL_YEARS) for each in Subject if each is not Subject.MONEY)
    elif subject is Subject.MONEY:
        yield from ((subject, year) for year in _years(record))
    else:
        yield subject, ALL_YEARS


def _years(record: "sync.Record") -> Iterator[int]:
    """The years a record posts to, where its body tells; every year where it does not."""
    body: Mapping[str, Any] = record.body
    days = body.get("columns", {}).get("business_date") if "columns" in body else None
    if days:
        yield from {int(str(day)[:4]) for day in days}
    elif isinstance(body.get("year"), int):
        yield body["year"]
    else:
        yield ALL_YEARS


Mark = tuple[str, str, int, str]


def marks(uow: UnitOfWork, region: RegionCode | None = None) -> list[Mark]:
    """What has to be counted again now, of the counties of a region or of all."""
    statement = select(stale.c.county_code, stale.c.subject, stale.c.year, stale.c.txn)
    if region is not None:
        county = region.county
        if county is not None and region.level.rank >= Level.COUNTY.rank:
            statement = statement.where(stale.c.county_code == str(county))
        else:
            statement = statement.where(stale.c.county_code.startswith(region.prefix))
    return [tuple(row) for row in uow.connection.execute(statement)]


def take_away(uow: UnitOfWork, seen: Iterable[Mark]) -> None:
    """Remove the marks that were seen, and no others."""
    txns = sorted({txn for _, _, _, txn in seen})
    for start in range(0, len(txns), 500):
        chunk = txns[start : start + 500]
        uow.connection.execute(delete(stale).where(stale.c.txn.in_(chunk)))


OBSERVER = Observer("statistics", frozenset(FAMILIES), mark)
