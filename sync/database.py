"""Transactions of the engine over the node's database, on SQLite and on Postgres.

One writer at a time touches the engine's tables (the outbox excepted): sealing and taking are
serialised. So positions are given in commit order, and no pull can miss one that commits late.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

import orjson
from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Connection,
    Engine,
    Executable,
    FromClause,
    Table,
    Text,
    and_,
    cast,
    func,
    literal,
)
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.pool import Pool

_ONE_WRITER = 0x77756A69
_TURNS: WeakKeyDictionary[Pool, threading.Lock] = WeakKeyDictionary()


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as connection, connection.begin():
        yield connection


def _turn(engine: Engine) -> threading.Lock:
    """The queue of this process's writers: waiting in it is exact, SQLite's busy handler polls."""
    return _TURNS.setdefault(engine.pool, threading.Lock())


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction that is alone with the engine's tables; commits when the block ends well.

    On Postgres an advisory lock of the transaction, not of the session: it cannot survive in a
    pooled connection when something dies. On SQLite the first statement is a write, so the lock is
    taken before anything is read, however the node's engine begins its transactions.
    """
    with _turn(engine), engine.connect() as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ONE_WRITER})")
        else:
            connection.exec_driver_sql("DELETE FROM sync_outbox WHERE 0")
        yield connection


def listed(
    connection: Connection, rows: Sequence[Sequence[str | int]], like: Sequence[Column[Any]]
) -> tuple[FromClause, ColumnElement[bool]]:
    """Rows of values as something to join with, and the condition that they equal columns `like`.

    One parameter however many rows, so that the statement is compiled once; and joined, since
    SQLite answers `(a, b) IN (VALUES …)` with a scan of the whole table.
    """
    plain = orjson.dumps([list(row) for row in rows]).decode()
    values: list[ColumnElement[Any]]
    if connection.dialect.name == "postgresql":
        text = literal(plain, Text())
        source = func.json_array_elements(cast(text, JSON)).table_valued("value")
        values = [
            cast(source.c.value.op("->>")(place), column.type) for place, column in enumerate(like)
        ]
    else:
        source = func.json_each(plain).table_valued("value")
        values = [
            func.json_extract(source.c.value, f"$[{place}]", type_=column.type)
            for place, column in enumerate(like)
        ]
    matches = (column == value for column, value in zip(like, values, strict=True))
    return source, and_(*matches)


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[dict[str, Any]],
    *,
    keep: Sequence[str] = (),
) -> None:
    """Insert rows; one that is there by primary key is updated, but for the columns in `keep`."""
    if rows:
        statement = _upserting(connection.dialect.name, table, tuple(rows[0]), tuple(keep))
        connection.execute(statement, list(rows))


@lru_cache(maxsize=256)
def _upserting(
    dialect: str, table: Table, columns: tuple[str, ...], keep: tuple[str, ...]
) -> Executable:
    """Built once for each table and set of columns."""
    statement = (postgres_insert if dialect == "postgresql" else sqlite_insert)(table)
    keys = [column.name for column in table.primary_key]
    changed = [name for name in columns if name not in keys and name not in keep]
    return statement.on_conflict_do_update(
        index_elements=keys, set_={name: statement.excluded[name] for name in changed}
    )


def insert_new(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows; one that is there already, by any unique key, stays as it is."""
    if not rows:
        return
    make = postgres_insert if connection.dialect.name == "postgresql" else sqlite_insert
    connection.execute(make(table).on_conflict_do_nothing(), list(rows))
