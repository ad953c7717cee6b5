"""Many rows into one table with one statement, prepared once for a table and its columns.

SQLAlchemy makes a new dictionary of every row and, on Postgres, the driver sends every row by
itself. Here SQLite gets tuples, turned column by column; Postgres gets every column as one JSON
text and takes it apart itself: a quarter of the time. Where all rows are new to Postgres, `COPY`
takes half of that again (`bulk_copy`).
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

from node.core.bulk_copy import Copy

Turn = Callable[[Any], Any] | None
"""From a value to what the driver takes; None when that is the same."""

Rows = Sequence[Mapping[str, Any]]
Values = Sequence[Sequence[Any]]
"""Columns, or rows without names; in the order of the columns that were named."""


@dataclass(frozen=True, slots=True)
class Bulk:
    """One way to write rows: `text` and `parameters` go to the driver, `statement` is the same.

    `has_all`: no column that is not named has a default made in Python. `keys` are the columns of
    which one statement may not hold the same values twice; none where that does not matter.
    """

    names: tuple[str, ...]
    statement: Insert
    text: str
    parameters: Callable[[Values], Any]
    """Of columns: each a sequence of values, in the order of `names`."""
    has_all: bool
    keys: tuple[int, ...] = ()
    copy: Copy | None = None
    """How rows that are all new go to Postgres; None on SQLite."""

    def values_of(self, rows: Rows) -> Values:
        """The rows without their names."""
        if len(self.names) == 1:
            return [(row[self.names[0]],) for row in rows]
        return list(map(itemgetter(*self.names), rows))

    def named(self, values: Values) -> list[dict[str, Any]]:
        """The rows with their names, for SQLAlchemy."""
        return [dict(zip(self.names, row, strict=True)) for row in values]

    def takes(self, columns: Values) -> bool:
        """Whether these rows may go at once: every column is named, and no row comes twice."""
        if not self.has_all:
            return False
        keys = [columns[place] for place in self.keys]
        return not keys or len(set(zip(*keys, strict=True))) == len(keys[0])


def bulk_for(
    dialect: Dialect, table: Table, names: tuple[str, ...], *, keep: Sequence[str] | None
) -> Bulk:
    """Prepare to write these columns; `keep` None leaves rows that are there as they are."""
    statement = _statement(dialect, table, names, keep)
    has_all = all(column.default is None for column in table.columns if column.name not in names)
    if not has_all:
        return Bulk(names, statement, "", tuple, has_all)
    if dialect.name != "postgresql":
        return Bulk(names, statement, *_sqlite(dialect, table, names, statement), has_all)
    # Postgres refuses to bring one row up to date twice in one statement.
    own = [column.name for column in table.primary_key.columns]
    keys = () if keep is None else tuple(names.index(name) for name in own if name in names)
    text, parameters = _postgres(dialect, table, names, statement)
    copy = _copy(dialect, table, names, own)
    return Bulk(names, statement, text, parameters, has_all, keys, copy)


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
) -> tuple[str, Callable[[Values], Any]]:
    compiled = statement.compile(dialect=dialect, column_keys=list(names))
    order = [names.index(name) for name in getattr(compiled, "positiontup", ())]
    turns = [_turn(dialect, table.columns[names[place]].type) for place in order]
    is_plain = order == list(range(len(names))) and not any(turns)

    def parameters(columns: Values) -> Any:
        if is_plain:
            return list(zip(*columns, strict=True))
        turned = [_turned(columns[at], turn) for at, turn in zip(order, turns, strict=True)]
        return list(zip(*turned, strict=True))

    return str(compiled), parameters


def _postgres(
    dialect: Dialect, table: Table, names: Sequence[str], statement: Insert
) -> tuple[str, Callable[[Values], Any]]:
    into = dialect.identifier_preparer.format_table(table)
    quoted = ", ".join(dialect.identifier_preparer.quote(name) for name in names)
    values = ", ".join(_out_of_json(dialect, table, at, name) for at, name in enumerate(names))
    columns = ", ".join("json_array_elements_text(%s::json)" for _ in names)
    given = ", ".join(f"c{at}" for at in range(len(names)))
    whole = str(statement.compile(dialect=dialect, column_keys=list(names)))
    text = (
        f"INSERT INTO {into} ({quoted}) SELECT {values}"
        f" FROM ROWS FROM ({columns}) AS given({given}){whole[whole.index(' ON CONFLICT') :]}"
    )
    turns = [_turn(dialect, table.columns[name].type) for name in names]

    def parameters(columns: Values) -> tuple[str, ...]:
        turned = map(_turned, columns, turns)
        return tuple(map(_as_json, turned))

    return text, parameters


def _copy(dialect: Dialect, table: Table, names: Sequence[str], own: Sequence[str]) -> Copy | None:
    """None where the rows do not name their whole key: nothing can be asked about them then."""
    if not own or not set(own) <= set(names):
        return None
    quote = dialect.identifier_preparer.quote
    into = dialect.identifier_preparer.format_table(table)
    places = tuple(names.index(name) for name in own)
    columns = ", ".join("json_array_elements_text(%s::json)" for _ in own)
    given = ", ".join(f"c{at}" for at in places)
    same = " AND ".join(
        f"there.{quote(name)} = {_out_of_json(dialect, table, at, name)}"
        for at, name in zip(places, own, strict=True)
    )
    row = ", ".join(map(quote, own))
    values = ", ".join("%s" for _ in own)
    return Copy(
        any_between=(
            f"SELECT EXISTS (SELECT FROM (SELECT {row} FROM {into} WHERE ({row}) >= ({values})"
            f" ORDER BY {row} LIMIT 1) AS following WHERE ({row}) <= ({values}))"
        ),
        any_there=(
            f"SELECT EXISTS (SELECT FROM ROWS FROM ({columns}) AS given({given}),"
            # OFFSET keeps it a look into the index for each row, whatever the planner believes.
            f" LATERAL (SELECT FROM {into} AS there WHERE {same} OFFSET 0) AS found)"
        ),
        text=f"COPY {into} ({', '.join(map(quote, names))}) FROM STDIN",
        keys=places,
        turns=tuple(_turn(dialect, table.columns[name].type) for name in names),
        as_json=_as_json,
    )


def _as_json(column: Sequence[Any]) -> str:
    return orjson.dumps(column, default=_plain).decode()


def _out_of_json(dialect: Dialect, table: Table, place: int, name: str) -> str:
    """One value of a row. A string is not cast: a cast would cut what is too long, silently."""
    kind = table.columns[name].type
    if isinstance(kind.dialect_impl(dialect), String):
        return f"c{place}"
    return f"CAST(c{place} AS {kind.compile(dialect=dialect)})"


def _turned(column: Sequence[Any], turn: Turn) -> Sequence[Any]:
    return [turn(value) for value in column] if turn else column


def _turn(dialect: Dialect, kind: TypeEngine[Any]) -> Turn:
    if isinstance(kind, JSON) and dialect.name == "postgresql":  # its own would wrap the value
        return _json_or_null if kind.none_as_null else _json
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


def _json_or_null(value: object) -> str | None:
    return None if value is None else _json(value)


def _plain(value: object) -> str:
    """What JSON has no word for, as Postgres reads it from text."""
    value = getattr(value, "obj", value)  # psycopg marks bytes so
    if isinstance(value, bytes | bytearray | memoryview):
        return "\\x" + bytes(value).hex()
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(type(value).__name__)
