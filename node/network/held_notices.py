"""A taker that holds a record back tells its author, and everybody above: `sync.held`.

The author of a refused record is a node like this one; its people see on the network page which of
their records is held where, and why, and later what was decided.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, Table
from sqlmodel import Session

import sync
from node.core.clock import Clock, from_iso, iso
from node.core.db import upsert
from node.core.work import UP_PROVINCE, RecordType, UnitOfWork, down, machine
from node.network.models import HeldNotice
from tiers import Level, RegionCode

HELD = RecordType("sync.held", independent=True)

table: Table = HeldNotice.__table__  # type: ignore[attr-defined]


class Teller:
    """Answers the engine's notices with a record, in the engine's own transaction."""

    def __init__(self, node: RegionCode, clock: Clock) -> None:
        self._node = node
        self._clock = clock

    def __call__(self, connection: Connection, notice: "sync.Notice") -> None:
        """Tell the author (when it lies below) and the nodes above."""
        author = RegionCode(notice.origin)
        below = self._node.contains(author) and author != self._node
        routes = [down(str(author))] if below else []
        if self._node.level is not Level.PROVINCE:
            routes.append(UP_PROVINCE)
        with Session(connection, join_transaction_mode="rollback_only") as session:
            uow = UnitOfWork(session, machine(self._node, "同步"), self._node, self._clock())
            body = {
                "origin": notice.origin,
                "epoch": notice.epoch,
                "route": notice.route,
                "seq": notice.seq,
                "type": notice.record.type,
                "key": notice.record.key,
                "reason": notice.reason,
                "decision": notice.decision,
                "note": notice.note,
                "at": iso(uow.now),
            }
            region = author if below else self._node
            key = f"{notice.origin}/{notice.route}/{notice.seq}"
            uow.publish(HELD, key, body, region=region, routes=routes)
            uow.flush_records()


@HELD.applies
def apply_notices(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Keep the latest word about each held record."""
    latest = {}
    for item in arrived:
        body = dict(item.record.body)
        body["taker"] = item.origin
        body["at"] = from_iso(body["at"])
        latest[(item.origin, body["origin"], body["epoch"], body["route"], body["seq"])] = body
    upsert(uow.connection, table, list(latest.values()))
