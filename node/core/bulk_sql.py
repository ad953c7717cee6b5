"""Many rows into one table with one statement, prepared once for a table and its columns.

SQLAlchemy makes a new dictionary of every row and, on Postgres, the driver sends every row by
itself. Here SQLite gets tuples, turned column by column; Postgres gets all rows as one JSON text
and takes it apart itself, while this process goes on. Measured with ten columns: twice and five
times as fast (`python -m benchmarks sync`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from operator import itemgetter
from typing import Any

import orjson
from sqlalchemy import JSON, Dialect, Insert, String, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import TypeEngine

Turn = Callable[[Any], Any] | None
"""From a value to what the driver takes; None when that is the same."""


@dataclass(frozen=True, slots=True)
class Bulk:
    """One way to write rows. `text` and `parameters` go to the driver, `statement` is the same.

    `has_all`: no column that is not named has a default made in Python. `keys` are the columns of
    which one statement may not hold the same values twice; none where that does not matter.
    `is_plain`: the driver takes values as they are, in the order of the columns named.
    """

    statement: Insert
    text: str
    parameters: Callable[[Sequence[Mapping[str, Any]]], Any]
    has_all: bool
    keys: tuple[str, ...] = ()
    is_plain: bool = False

    def takes(self, rows: Sequence[Mapping[str, Any]]) -> bool:
        """Whether these rows may go at once: every column is named, and no row comes twice."""
        if not self.has_all:
            return False
        return not self.keys or len(set(map(itemgetter(*self.keys), rows))) == len(rows)


def bulk_for(
    dialect: Dialect, table: Table, names: Sequence[str], *, keep: Sequence[str] | None
) -> Bulk:
    """Prepare to write these columns; `keep` None leaves rows that are there as they are."""
    statement = _statement(dialect, table, names, keep)
    has_all = all(column.default is None for column in table.columns if column.name not in names)
    if dialect.name != "postgresql":
        text, parameters, is_plain = _sqlite(dialect, table, names, statement)
        return Bulk(statement, text, parameters, has_all, is_plain=is_plain)
    # Postgres refuses to bring one row up to date twice in one statement.
    keys = tuple(column.name for column in table.primary_key.columns if column.name in names)
    twice = () if keep is None else keys
    return Bulk(statement, *_postgres(dialect, table, names, statement), has_all, twice)


def _statement(
    dialect: Dialect, table: Table, names: Sequence[str], keep: Sequence[str] | None
) -> Insert:
    insert = postgresql.insert if dialect.name == "postgresql" else sqlite.insert
    made = insert(table)
    keys = [column.name for column in table.primary_key.columns]
    unchanged = {*keys, *(keep or ())}
    changes = {name: made.excluded[name] for name in names if name not in unchanged}
    if keep is None or not changes:
        return made.on_conflict_do_nothing(index_elements=keys)
    return made.on_conflict_do_update(index_elements=keys, set_=changes)


def _sqlite(
    dialect: Dialect, table: Table, names: Sequence[str], statement: Insert
) -> tuple[str, Callable[[Sequence[Mapping[str, Any]]], Any], bool]:
    compiled = statement.compile(dialect=dialect, column_keys=list(names))
    order = list(getattr(compiled, "positiontup", ()))
    turns = _turns(dialect, table, order)
    pick = itemgetter(*order)

    def parameters(rows: Sequence[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
        if len(order) > 1 and not any(turns):
            return list(map(pick, rows))
        return list(zip(*_columns(rows, order, turns), strict=True))

    return str(compiled), parameters, order == list(names) and not any(turns)


def _postgres(
    dialect: Dialect, table: Table, names: Sequence[str], statement: Insert
) -> tuple[str, Callable[[Sequence[Mapping[str, Any]]], Any]]:
    into = dialect.identifier_preparer.format_table(table)
    quoted = ", ".join(dialect.identifier_preparer.quote(name) for name in names)
    values = ", ".join(_out_of_json(dialect, table, at, name) for at, name in enumerate(names))
    whole = str(statement.compile(dialect=dialect, column_keys=list(names)))
    text = (
        f"INSERT INTO {into} ({quoted}) SELECT {values}"
        f" FROM json_array_elements(%s::json) AS given(r){whole[whole.index(' ON CONFLICT') :]}"
    )
    turns = _turns(dialect, table, names)

    def parameters(rows: Sequence[Mapping[str, Any]]) -> tuple[str]:
        plain = list(zip(*_columns(rows, names, turns), strict=True))
        return (orjson.dumps(plain, default=_plain).decode(),)

    return text, parameters


def _out_of_json(dialect: Dialect, table: Table, place: int, name: str) -> str:
    """One value of a row. A string is not cast: a cast would cut what is too long, silently."""
    kind = table.columns[name].type
    if isinstance(kind.dialect_impl(dialect), String):
        return f"r ->> {place}"
    return f"CAST(r ->> {place} AS {kind.compile(dialect=dialect)})"


def _turns(dialect: Dialect, table: Table, names: Sequence[str]) -> list[Turn]:
    return [_turn(dialect, table.columns[name].type) for name in names]


def _turn(dialect: Dialect, kind: TypeEngine[Any]) -> Turn:
    if isinstance(kind, JSON) and dialect.name == "postgresql":  # its own would wrap the value
        return _json_or_null if kind.none_as_null else _json
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


def _json_or_null(value: object) -> str | None:
    return None if value is None else _json(value)


def _columns(
    rows: Sequence[Mapping[str, Any]], names: Sequence[str], turns: Sequence[Turn]
) -> list[list[Any]]:
    return [
        [turn(row[name]) for row in rows] if turn else [row[name] for row in rows]
        for name, turn in zip(names, turns, strict=True)
    ]


def _plain(value: object) -> str:
    """What JSON has no word for, as Postgres reads it from text."""
    value = getattr(value, "obj", value)  # psycopg marks bytes so
    if isinstance(value, bytes | bytearray | memoryview):
        return "\\x" + bytes(value).hex()
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(type(value).__name__)
