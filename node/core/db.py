"""The node's own store, and the unit of work: one transaction, one actor, one instant.

SQLite writers begin with BEGIN IMMEDIATE, so that two of them queue instead of failing half way;
readers begin deferred and never wait in WAL mode.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Connection,
    DateTime,
    Dialect,
    Engine,
    Table,
    create_engine,
    event,
)
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.types import TypeDecorator

from node.core.bulk_sql import Bulk, Values, bulk_for
from node.core.personal import Keyring

BUSY_MS = 30_000
CACHE_KIB = 8_000
"""Pages a connection may keep in memory."""
MEMORY_BYTES = 16_000_000
"""What all of SQLite in a process aims to stay under: beyond it a connection reuses its own pages
instead of taking more. What is sorted or joined on the way is put into files beyond a few MB, so
that the memory of a year end does not grow with the county."""
WIDE_MB = 64
"""What a transaction over a whole county may use for pages, and on Postgres for each sort: its own
4 MB are meant for a hundred pages at once; bulk runs of a county queue for its serials, one at a
time."""
BATCH_ROWS = 1_000
FEW_ROWS = 20
"""From so many rows on it pays to go past SQLAlchemy's dictionaries."""
WRITING = "wuji_writing"
_WIDE = "wuji_wide"


class Instant(TypeDecorator[datetime]):
    """A UTC instant. SQLite keeps no offset, so it is put back on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Only instants with an offset are stored; all in UTC."""
        if value is None:
            return None
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(
        self,
        value: datetime | None,
        dialect: Dialect,  # noqa: ARG002  # the library's signature
    ) -> datetime | None:
        """Back as an aware instant."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def make_engine(url: str, keyring: Keyring, *, pool_size: int = 8) -> Engine:
    """An engine for SQLite or Postgres whose encrypted columns use `keyring`."""
    if url.startswith("postgresql://"):
        url = url.replace("postgresql://", "postgresql+psycopg://", 1)
    # The connection used last is used next: each has a cache of its own, and most stay small.
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=False,
        pool_use_lifo=True,
    )
    engine.dialect.wuji_keyring = keyring  # type: ignore[attr-defined]
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        event.listen(engine, "checkin", _narrow_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves, see _begin_sqlite
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",  # a village PC loses power: a committed case must survive it
        "foreign_keys=ON",
        f"busy_timeout={BUSY_MS}",
        f"cache_size=-{CACHE_KIB}",
        f"soft_heap_limit={MEMORY_BYTES}",
        "wal_autocheckpoint=4000",  # 16 MB of log: a backlog is moved into the file less often
    ):
        connection.execute(f"PRAGMA {pragma}")


def widen(connection: Connection) -> None:
    """Room for work on a whole county, until the end of its transaction: every table is touched
    in an order that is not its own, and pages that do not stay are written again and again. On
    SQLite a run of 300,000 pensions takes half the time with it.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SET LOCAL work_mem = '{WIDE_MB}MB'")
        connection.exec_driver_sql("SET LOCAL jit = off")  # it compiles a third of a second a query
    elif not connection.info.get(_WIDE):
        connection.info[_WIDE] = True
        connection.exec_driver_sql(f"PRAGMA cache_size=-{WIDE_MB * 1_000}")
        connection.exec_driver_sql(f"PRAGMA temp.cache_size=-{WIDE_MB * 500}")
        connection.exec_driver_sql(f"PRAGMA soft_heap_limit={MEMORY_BYTES + WIDE_MB * 1_000_000}")


def _narrow_sqlite(connection: Any, entry: ConnectionPoolEntry) -> None:
    if connection is not None and entry.info.pop(_WIDE, False):
        connection.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
        connection.execute(f"PRAGMA soft_heap_limit={MEMORY_BYTES}")
        connection.execute("PRAGMA shrink_memory")


def _begin_sqlite(connection: Connection) -> None:
    writing = connection.get_execution_options().get(WRITING, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A bare writing transaction, for what needs no unit of work."""
    with engine.connect().execution_options(**{WRITING: True}) as connection, connection.begin():
        yield connection


MANY_ROWS = 1_000
"""From so many new rows on a planner that does not know of them chooses badly."""


def tell_planner(connection: Connection, *tables: Table) -> None:
    """Let Postgres look at tables that have just been filled, before they are joined.

    Its own housekeeping comes a minute later, and never inside a transaction; until then it takes
    a table for empty and joins 200,000 rows one by one. SQLite needs nothing.
    """
    if connection.dialect.name == "postgresql":
        for table in tables:
            connection.exec_driver_sql(f"ANALYZE {table.name}")


def plan_each_time(connection: Connection) -> None:
    """Let Postgres plan every statement of this transaction for its own values.

    The driver prepares what it is asked often, and Postgres then keeps one plan for every county,
    made for a mean one: where one has 300,000 people and the next 2,000, it is wrong for both.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL plan_cache_mode = force_custom_plan")


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    keep: Iterable[str] = (),
) -> None:
    """Insert rows, or bring the row with the same primary key up to date. Whole batches only.

    Never REPLACE: it deletes first, and with the row goes what hangs on it. Columns in `keep` stay
    as they were when the row exists. All rows must name the same columns.
    """
    if rows:
        _write_rows(connection, _bulk(connection, table, tuple(rows[0]), keep=tuple(keep)), rows)


def insert_new(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows whose primary key is new, and leave those that are there. Whole batches only."""
    if rows:
        _write_rows(connection, _bulk(connection, table, tuple(rows[0]), keep=None), rows)


def upsert_columns(
    connection: Connection, table: Table, columns: Mapping[str, Sequence[Any]]
) -> None:
    """`upsert` of a table that came column by column: no row is made in Python at all.

    Raises:
        ValueError: the columns are of different lengths.
    """
    names, given = tuple(columns), list(columns.values())
    count = len(given[0]) if given else 0
    if any(len(column) != count for column in given):
        raise ValueError("columns of different lengths")
    bulk = _bulk(connection, table, names, keep=())
    for start in range(0, count, BATCH_ROWS):
        _write_columns(connection, bulk, [column[start : start + BATCH_ROWS] for column in given])


def upsert_values(
    connection: Connection, table: Table, names: tuple[str, ...], values: Values
) -> None:
    """`upsert` of rows that are plain tuples, all columns in the order of `names`.

    For what arrives by the thousand: no dictionary is made of any row.
    """
    bulk = _bulk(connection, table, names, keep=())
    for start in range(0, len(values), BATCH_ROWS):
        batch = values[start : start + BATCH_ROWS]
        _write_columns(connection, bulk, list(zip(*batch, strict=True)))


def _write_rows(connection: Connection, bulk: Bulk, rows: Sequence[Mapping[str, Any]]) -> None:
    for start in range(0, len(rows), BATCH_ROWS):
        batch = rows[start : start + BATCH_ROWS]
        if len(batch) >= FEW_ROWS:
            _write_columns(connection, bulk, list(zip(*bulk.values_of(batch), strict=True)))
        else:
            connection.execute(bulk.statement, batch)


def _write_columns(connection: Connection, bulk: Bulk, columns: Values) -> None:
    if bulk.copy and bulk.copy.write(connection, columns):
        return
    if len(columns[0]) >= FEW_ROWS and bulk.takes(columns):
        connection.exec_driver_sql(bulk.text, bulk.parameters(columns))
    else:
        connection.execute(bulk.statement, bulk.named(list(zip(*columns, strict=True))))


def _bulk(
    connection: Connection, table: Table, names: tuple[str, ...], *, keep: tuple[str, ...] | None
) -> Bulk:
    """Statements are kept beside the dialect, which also holds the keys values are sealed with."""
    known: dict[Any, Bulk] = connection.dialect.__dict__.setdefault("wuji_bulk", {})
    found = known.get((table, names, keep))
    if found is None:
        found = known[table, names, keep] = bulk_for(connection.dialect, table, names, keep=keep)
    return found
