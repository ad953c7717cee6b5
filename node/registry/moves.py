"""People who belong to another village now (迁村、并村): what hangs on them goes along, set-based.

Their account and their pension are the new village's from now on; what was posted, paid and
certified keeps the village where that was. The new village's node is told the whole history, the
old one and everybody above only who has left: it shows them no more, and keeps its past.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import groupby
from typing import Any

from sqlalchemy import Date, select, update

import sync
from node.core import bulk
from node.core.clock import from_iso
from node.core.db import BATCH_ROWS, Instant, insert_new, upsert
from node.core.of_people import OF_PEOPLE, OfPeople
from node.core.work import UP_PROVINCE, RecordType, UnitOfWork, down
from node.registry.records import people, to_text
from tiers import RegionCode


def _many(body: dict[str, Any]) -> dict[str, Any]:
    """Version 1 told of one person; what it tells now is a list."""
    return {"to": body["to"], **bulk.columns([{"person_id": body["person_id"]}])}


MOVED = RecordType("person.moved", version=2, upcasts={1: _many})
HISTORY = RecordType("person.history")
RECORD_TYPES = (MOVED, HISTORY)

Row = dict[str, Any]
Move = tuple[str, str, str]
"""A person, the village left, the village now."""


def move_along(uow: UnitOfWork, moved: Sequence[Move]) -> None:
    """Let everything that follows people follow them, and tell it (at the county)."""
    county = str(uow.node)
    for (left, to), ids in _by_villages(moved):
        for batch in _batches(ids):
            _follow(uow, county, batch, left=left, to=to)
        body = {"to": to, **bulk.columns([{"person_id": each} for each in ids])}
        routes = (UP_PROVINCE, down(left))
        uow.publish(MOVED, f"{uow.txn}-{left}-{to}", body, region=RegionCode(left), routes=routes)
    for (_left, to), ids in _by_villages(moved):
        tell_history(uow, to, ids)


def _by_villages(moved: Sequence[Move]) -> Iterator[tuple[tuple[str, str], list[str]]]:
    ordered = sorted(moved, key=lambda each: each[1:])
    for villages, group in groupby(ordered, key=lambda each: (each[1], each[2])):
        yield villages, [person_id for person_id, _, _ in group]


def _batches(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), BATCH_ROWS // 2):
        yield ids[start : start + BATCH_ROWS // 2]


def _follow(uow: UnitOfWork, county: str, ids: Sequence[str], *, left: str, to: str) -> None:
    """Who was in the village that was left is in the other now."""
    for one in OF_PEOPLE.values():
        if one.follows:
            mine = one.mine(uow.connection, county, ids) & (one.table.c.village == left)
            uow.connection.execute(update(one.table).where(mine).values(village=to))


def tell_history(
    uow: UnitOfWork, village: str, ids: Sequence[str], *, only: str | None = None
) -> None:
    """Tell a village's node everything about people that was told to another village before.

    `only` names a table of which something has changed that the other village was told.
    """
    for one in OF_PEOPLE.values():
        if only in {None, one.table.name}:
            rows = [row for batch in _batches(ids) for row in _rows(uow, one, batch)]
            for part, chunk in enumerate(bulk.chunks(rows), 1):
                body = {"table": one.table.name, **bulk.columns(chunk)}
                key = f"{uow.txn}-{one.table.name}-{village}-{part}"
                routes = (down(village),)
                uow.publish(HISTORY, key, body, region=RegionCode(village), routes=routes)


def _rows(uow: UnitOfWork, one: OfPeople, ids: Sequence[str]) -> Iterator[Row]:
    mine = one.mine(uow.connection, str(uow.node), ids)
    for row in uow.connection.execute(select(one.table).where(mine)).mappings():
        yield {name: to_text(value) for name, value in row.items() if name != "county_code"}


@MOVED.applies
def apply_moves(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Let people go who belong to another village now: they leave the roster, their past stays."""
    for item in arrived:
        left, to = RegionCode(item.record.region), item.record.body["to"]
        ids = [row["person_id"] for row in bulk.rows(item.record.body)]
        for batch in _batches(ids):
            mine = (people.c.county_code == str(left.county), people.c.id.in_(batch))
            gone = update(people).where(*mine, people.c.village == str(left))
            uow.connection.execute(gone.values(village=to))
            _follow(uow, str(left.county), batch, left=str(left), to=to)


@HISTORY.applies
def apply_history(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Keep what another village was told of people who belong here now.

    A table this node does not know is of a newer program, and is left out.
    """
    for item in arrived:
        body = item.record.body
        one = OF_PEOPLE.get(body["table"])
        if one is None:
            continue
        rows = [_read(item, one, row) for row in bulk.rows(body)]
        write = insert_new if one.append_only else upsert
        write(uow.connection, one.table, rows)


def _read(item: "sync.Arrived", one: OfPeople, told: Mapping[str, Any]) -> Row:
    """A row as its county has it; the county is the record's, and the village lies in it."""
    county = RegionCode(item.record.region).county
    if "village" in told and RegionCode(told["village"]).county != county:
        raise sync.Refused("记录所属的村不在本县（市、区）", [item])
    row: Row = {"county_code": str(county)}
    for name, value in told.items():
        if name in one.table.columns:
            row[name] = _value(one.table.columns[name].type, value)
    return row


def _value(kind: Any, value: Any) -> Any:
    if value is None:
        return None
    if isinstance(kind, Instant):
        return from_iso(value)
    return date.fromisoformat(value) if isinstance(kind, Date) else value
