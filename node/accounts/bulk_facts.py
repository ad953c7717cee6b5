"""A county's facts in bulk: a table of up to 1,000 rows for each village, up and down.

The county and the village of a row are those of its record, which the author had to be entitled
to write; they never stand in the body.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

import sync
from node.core import bulk
from node.core.work import UP_PROVINCE, RecordType, UnitOfWork, down
from tiers import RegionCode

Row = dict[str, Any]
Told = tuple[RegionCode, str, Row]

TOLD_TOGETHER = 64
"""So many bulk records are written to the outbox at once: memory stays flat, statements few."""


def publish_bulk(
    uow: UnitOfWork,
    kind: RecordType,
    key: str,
    rows: Sequence[Mapping[str, Any]],
    *,
    head: Mapping[str, Any] | None = None,
) -> None:
    """Tell rows that carry their `village`, in any order. `head` is what all rows share."""
    ordered = sorted(rows, key=lambda row: str(row["village"]))
    told = []
    for village, group in groupby(ordered, key=lambda row: str(row["village"])):
        mine = [{k: v for k, v in row.items() if k != "village"} for row in group]
        for part, chunk in enumerate(bulk.chunks(mine), 1):
            body = {**(head or {}), **bulk.columns(chunk)}
            told.append((RegionCode(village), f"{key}-{village}-{part}", body))
    _publish(uow, kind, told)


def publish_table(
    uow: UnitOfWork,
    kind: RecordType,
    key: str,
    rows: Iterable[Sequence[Any]],
    *,
    columns: Sequence[str],
    head: Mapping[str, Any],
) -> list[str]:
    """Tell what a query yields: village first, then the columns, ordered by village.

    Records go to the outbox as they fill, so that a whole county passes through a small memory.
    Answers the villages.
    """
    waiting: list[Told] = []
    villages: list[str] = []
    for village, part, chunk in _chunks(rows):
        if part == 1:
            villages.append(village)
        _, *values = zip(*chunk, strict=True)
        table = dict(zip(columns, map(list, values), strict=True))
        body = {**head, "count": len(chunk), "columns": table}
        waiting.append((RegionCode(village), f"{key}-{village}-{part}", body))
        if len(waiting) == TOLD_TOGETHER:
            _publish(uow, kind, waiting)
            uow.flush_records()
            waiting.clear()
    _publish(uow, kind, waiting)
    return villages


def _chunks(rows: Iterable[Sequence[Any]]) -> Iterator[tuple[str, int, Sequence[Sequence[Any]]]]:
    """A village at a time, cut by slices: no line of Python is run for each of a million rows."""
    for village, group in groupby(rows, key=itemgetter(0)):
        mine = list(group)
        for part, start in enumerate(range(0, len(mine), bulk.ROWS_PER_RECORD), 1):
            yield village, part, mine[start : start + bulk.ROWS_PER_RECORD]


def _publish(uow: UnitOfWork, kind: RecordType, told: Sequence[Told]) -> None:
    """All upward records before the downward ones: the outbox takes each route in one statement."""
    for village, key, body in told:
        uow.publish(kind, key, body, region=village, routes=(UP_PROVINCE,))
    for village, key, body in told:
        uow.publish(kind, key, body, region=village, routes=(down(village),))


def bulk_rows(arrived: Sequence["sync.Arrived"]) -> Iterator[Row]:
    """The rows of bulk records, with county and village from the record itself."""
    for item in arrived:
        village = RegionCode(item.record.region)
        place = {"county_code": str(village.county), "village": str(village)}
        for row in bulk.rows(item.record.body):
            yield {**row, **place}
