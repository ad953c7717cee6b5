"""A county's facts in bulk: a table of up to 1,000 rows for each village, up and down.

The county and the village of a row are those of its record, which the author had to be entitled
to write; they never stand in the body. Where a whole county is told at once, the columns are
packed by the database: each is one text, its values separated by blanks, so that a million rows
are never values of Python on their way out.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, TextClause, text

import sync
from node.core import bulk
from node.core.errors import Invalid
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


def packing(connection: Connection) -> str:
    """The aggregate that joins texts: what is packed by the database costs Python nothing."""
    return "string_agg" if connection.dialect.name == "postgresql" else "group_concat"


def packed_columns(connection: Connection, numbered: str, columns: Iterable[str]) -> TextClause:
    """A query for a county's rows, packed for publishing: a line for each village.

    `numbered` is a query with `village` and the columns named. What makes parts of 1,000 rows is
    `publish_packed`: a window over all rows would cost the database more than all the packing.
    """
    join = packing(connection)
    packs = ", ".join(f"{join}(CAST({name} AS TEXT), ' ')" for name in columns)
    return text(f"""
        SELECT village, count(*), {packs} FROM ({numbered}) AS numbered
        GROUP BY village ORDER BY village
    """)


def publish_packed(
    uow: UnitOfWork,
    kind: RecordType,
    key: str,
    rows: Iterable[Sequence[Any]],
    *,
    columns: Iterable[str],
    head: Mapping[str, Any],
) -> list[str]:
    """Tell what a query of `packed_columns` yields. Answers the villages.

    Records go to the outbox as they come, so that a whole county passes through a small memory.
    """
    waiting: list[Told] = []
    villages: dict[str, None] = {}
    for village, whole, *texts in rows:
        villages[village] = None
        for part, (count, packs) in enumerate(_parts(whole, texts), 1):
            body = {**head, "count": count, "packed": dict(zip(columns, packs, strict=True))}
            waiting.append((RegionCode(village), f"{key}-{village}-{part}", body))
        if len(waiting) >= TOLD_TOGETHER:
            _publish(uow, kind, waiting)
            uow.flush_records()
            waiting.clear()
    _publish(uow, kind, waiting)
    return list(villages)


def _parts(count: int, packs: Sequence[str]) -> Iterator[tuple[int, Sequence[str]]]:
    """A village's packed columns in parts of 1,000 rows; few villages have more."""
    if count <= bulk.ROWS_PER_RECORD:
        yield count, packs
        return
    values = [pack.split(" ") for pack in packs]
    for start in range(0, count, bulk.ROWS_PER_RECORD):
        part = [column[start : start + bulk.ROWS_PER_RECORD] for column in values]
        yield len(part[0]), [" ".join(column) for column in part]


def packed_rows(item: "sync.Arrived", columns: Mapping[str, Callable[[str], Any]]) -> Iterator[Row]:
    """The rows of a packed record, with county and village from the record itself.

    `columns` says how each is read: `int`, or `str` for words without blanks.

    Raises:
        Invalid: a column does not have as many values as the record says.
    """
    body = item.record.body
    values = [list(map(read, body["packed"][name].split(" "))) for name, read in columns.items()]
    if any(len(column) != body["count"] for column in values):
        raise Invalid("批量记录各列长度不一致", field="packed")
    place = _place(item)
    for row in zip(*values, strict=True):
        yield {**place, **dict(zip(columns, row, strict=True))}


def _publish(uow: UnitOfWork, kind: RecordType, told: Sequence[Told]) -> None:
    """All upward records before the downward ones: the outbox takes each route in one statement."""
    for village, key, body in told:
        uow.publish(kind, key, body, region=village, routes=(UP_PROVINCE,))
    for village, key, body in told:
        uow.publish(kind, key, body, region=village, routes=(down(village),))


def bulk_rows(arrived: Sequence["sync.Arrived"]) -> Iterator[Row]:
    """The rows of bulk records, with county and village from the record itself."""
    for item in arrived:
        place = _place(item)
        for row in bulk.rows(item.record.body):
            yield {**row, **place}


def _place(item: "sync.Arrived") -> Row:
    village = RegionCode(item.record.region)
    return {"county_code": str(village.county), "village": str(village)}
