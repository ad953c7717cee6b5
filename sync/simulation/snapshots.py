"""Snapshots: a machine that has just joined begins with its parent's state, not the history."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, select

from sync.errors import SyncRefusal
from sync.simulation import application
from sync.simulation.disk import Disk
from sync.simulation.node import Node
from sync.simulation.tree import audience
from sync.snapshot import SnapshotTable, line_of
from sync.snapshot_giving import make_offer
from sync.snapshot_taking import arriving, begin, can_begin, keep_part, set_down

_APPLIED = ("uid", "origin", "epoch", "route", "seq", "number", "times")
_STATE = ("type", "key", "value", "total", "records")
_TABLES = {"sim_applied": application.applied, "sim_state": application.state}


class State:
    """The little application's tables: what a parent gives of a region, and how a child sets it."""

    def tables(self) -> Sequence[SnapshotTable]:
        return (SnapshotTable("sim_applied", _APPLIED), SnapshotTable("sim_state", _STATE))

    def lines(self, connection: Connection, table: str, region: str) -> Iterator[bytes]:
        """What was applied or written here of the streams that a region must have."""
        found = _states(connection) if table == "sim_state" else _records(connection)
        for origin, route, row in found:
            if region == origin or region in audience(origin, route):
                yield line_of(row)

    def is_empty(self, connection: Connection) -> bool:
        return all(
            connection.execute(select(table).limit(1)).first() is None for table in _TABLES.values()
        )

    def write(self, connection: Connection, table: str, rows: Sequence[Sequence[Any]]) -> None:
        names = _STATE if table == "sim_state" else _APPLIED
        values = [dict(zip(names, row, strict=True)) for row in rows]
        connection.execute(_TABLES[table].insert(), values)

    def finish(self, connection: Connection) -> None:
        """Nothing follows from them."""


def take_snapshot(parent: Node, child: Node) -> bool:
    """Give a child that has just joined the state of its region, if both ends can.

    What the parent has written must be numbered first: its own tables know it already, and the
    streams would bring it a second time.
    """
    me = child.replica.identity()
    known = parent.replica.certificate_of(child.place, me.epoch) if me else None
    parent.replica.seal()
    if known is None or parent.machine.count("sync_outbox") or parent.release < child.release:
        return False
    state = State()
    if not can_begin(child.replica.site, state):
        return False
    offer = make_offer(parent.replica.site, state, known)
    try:
        found = begin(child.replica.site, offer.document, offer.signature, state)
        for number in list(found.missing):
            packed = offer.part(number)
            if packed is not None:
                found = keep_part(child.replica.site, found, number, packed)
    finally:
        offer.close()
    child.given = Disk(parent)
    return arriving(child.replica.site) is not None


def set_snapshot_down(child: Node) -> bool:
    """Make what has arrived count, all at once."""
    try:
        set_down(child.replica.site, State())
    except SyncRefusal:
        return False
    child.replica.retry_parked()
    return True


def _records(connection: Connection) -> Iterator[tuple[str, str, list[Any]]]:
    columns = application.applied.c
    for row in connection.execute(select(application.applied).order_by(columns.uid)):
        yield row.origin, row.route, [getattr(row, name) for name in _APPLIED]
    for row in connection.execute(select(application.own).order_by(application.own.c.uid)):
        if row.counts:
            yield row.origin, row.route, [row.uid, row.origin, "", row.route, 0, row.number, 1]


def _states(connection: Connection) -> Iterator[tuple[str, str, list[Any]]]:
    columns = application.state.c
    for row in connection.execute(select(application.state).order_by(columns.type, columns.key)):
        author, direction, target = row.key.split("/")[:3]
        origin = author.partition(".")[0]
        yield origin, f"{direction}/{target}", [getattr(row, name) for name in _STATE]
