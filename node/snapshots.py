"""What a node gives of its state to a child that joins anew, and how such a child takes it.

The engine of sync carries it (`sync.snapshot`); which tables there are, each capability says.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, Date, select
from sqlmodel import Session

from node.core.db import BATCH_ROWS, Instant, insert_new
from node.core.personal import keyring_of
from node.core.replica_table import ReplicaTable
from node.core.work import UnitOfWork, machine
from node.runtime import Node
from sync.snapshot import SnapshotTable, line_of
from tiers import RegionCode


class Snapshots:
    """Both ends for one node: `sync.snapshot.SnapshotSource` and `SnapshotSink`."""

    def __init__(self, node: Node) -> None:
        self._node = node

    @cached_property
    def _replicas(self) -> dict[str, ReplicaTable]:
        found = (each for capability in self._node.capabilities for each in capability.replicas)
        return {each.name: each for each in found}

    def tables(self) -> Sequence[SnapshotTable]:
        """Every table that holds what was told, with the columns that travel."""
        return [
            SnapshotTable(name, tuple(column.name for column in each.columns))
            for name, each in self._replicas.items()
        ]

    def lines(self, connection: Connection, table: str, region: str) -> Iterator[bytes]:
        """The rows of a table that concern a region, in key order, personal data in clear."""
        found = self._replicas[table]
        wanted = (
            select(*found.columns)
            .where(found.inside(RegionCode(region)))
            .order_by(*found.table.primary_key.columns)
            .execution_options(yield_per=BATCH_ROWS)
        )
        for row in connection.execute(wanted):
            yield line_of(list(row))

    def is_empty(self, connection: Connection) -> bool:
        """Whether nothing was told to this node yet."""
        return not any(
            connection.execute(select(1).select_from(each.table).limit(1)).first()
            for each in self._replicas.values()
        )

    def write(self, connection: Connection, table: str, rows: Sequence[Sequence[Any]]) -> None:
        """Insert rows; what is personal is encrypted under this node's own keys on its way."""
        found = self._replicas[table]
        names = [column.name for column in found.columns]
        readers = [_reader(column.type) for column in found.columns]
        dated = [(place, read) for place, read in enumerate(readers) if read]
        keyring = keyring_of(connection)
        clear_rows = []
        for values in rows:
            read_values = list(values)
            for place, read in dated:
                if read_values[place] is not None:
                    read_values[place] = read(read_values[place])
            row = dict(zip(names, read_values, strict=True))
            for name, clear in found.blind.items():
                row[name] = keyring.index(clear(row))
            clear_rows.append(row)
        insert_new(connection, found.table, clear_rows)

    def finish(self, connection: Connection) -> None:
        """Let each capability do what follows: counters, acknowledgements."""
        node = self._node
        with Session(
            connection, expire_on_commit=False, join_transaction_mode="rollback_only"
        ) as session:
            actor = machine(node.code, "同步")
            uow = UnitOfWork(session, actor, node.code, node.clock(), node.hosted)
            for capability in node.capabilities:
                capability.after_snapshot(uow)
            uow.flush_records()
            session.flush()


def _reader(kind: Any) -> Callable[[str], Any] | None:
    """How a value of this type is read from JSON; None when it stands there as it is."""
    if isinstance(kind, Instant):
        return datetime.fromisoformat
    return date.fromisoformat if isinstance(kind, Date) else None
