"""Postings as a county tells them in bulk: a thousand rows column by column in one record."""

import random
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Integer, MetaData, Table, Text

import sync
from benchmarks.enrolments import COUNTY
from node.core.db import upsert_columns

TYPE = "account.posted"
ROWS = 1_000  # in one record
RECORDS = 10  # in one transaction

postings = Table(
    "bench_posting",
    MetaData(),
    Column("county_code", Text, primary_key=True),
    Column("entry_no", BigInteger, primary_key=True, autoincrement=False),
    Column("line_no", Integer, primary_key=True, autoincrement=False),
    Column("account_no", BigInteger, nullable=False),
    Column("village", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("year", Integer, nullable=False),
    Column("month", Integer, nullable=False),
    Column("fen", BigInteger, nullable=False),
    Column("posted_on", Text, nullable=False),
)
NAMES = tuple(str(column.name) for column in postings.columns)
SOURCES = ("personal", "subsidy", "collective", "interest")


def rows(count: int, *, seed: int = 7) -> list[tuple[Any, ...]]:
    """Invented rows of realistic entropy, in the order of the table's columns."""
    return list(_each(count, random.Random(seed)))  # noqa: S311  # repeatable, not secret


def _each(count: int, chance: random.Random) -> Iterator[tuple[Any, ...]]:
    for number in range(count):
        township, village = chance.randrange(100, 124), chance.randrange(200, 240)
        yield (
            *(COUNTY, 1 + number // 10, 1 + number % 10, chance.randrange(10**9)),
            *(f"419001{township}{village}", chance.choice(SOURCES), 2026),
            *(1 + number % 12, chance.randrange(1_000, 500_000)),
            f"2026-{1 + number % 12:02}-{1 + number % 28:02}",
        )


def records(found: Sequence[tuple[Any, ...]]) -> list[sync.Record]:
    """The same rows as bulk records."""
    return [
        sync.Record(
            type=TYPE,
            version=1,
            key=f"bulk-{start}",
            region=COUNTY,
            at="2026-03-12T08:00:00.000Z",
            actor="u001",
            body={"columns": _columns(found[start : start + ROWS])},
        )
        for start in range(0, len(found), ROWS)
    ]


def _columns(part: Sequence[tuple[Any, ...]]) -> dict[str, list[Any]]:
    return dict(zip(NAMES, map(list, zip(*part, strict=True)), strict=True))


def apply_postings(connection: Connection, arrived: Sequence[sync.Arrived]) -> None:
    """Each record is a table: it goes in as its columns came."""
    for item in arrived:
        upsert_columns(connection, postings, item.record.body["columns"])
