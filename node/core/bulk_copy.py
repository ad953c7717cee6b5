"""New rows into Postgres by `COPY`: little more than half of the server's time of an upsert.

`COPY` knows no ON CONFLICT, so the keys are looked up first: whether any row lies between the least
and the greatest, which for new rows is mostly answered by one look into the index; only if so, key
by key. What slips in between undoes a savepoint, and the caller writes the rows with the statement
that can bear it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

FROM_ROWS = 200
"""Below that the three more round trips cost what `COPY` saves."""


@dataclass(frozen=True, slots=True)
class Copy:
    """How the rows of one table and set of columns are copied.

    `any_between` asks with the least key and the greatest, `any_there` with the key columns, each
    as one JSON text. `keys` are their places, `turns` what is done to the values of each column
    before the driver gets them.
    """

    any_between: str
    any_there: str
    text: str
    keys: tuple[int, ...]
    turns: tuple[Callable[[Any], Any] | None, ...]
    as_json: Callable[[Sequence[Any]], str]

    def write(self, connection: Connection, columns: Sequence[Sequence[Any]]) -> bool:
        """Write the rows if all are new; false when nothing was written.

        An error of Postgres is no answer here: the statement that follows meets it again, and
        raises it the way all others are raised.
        """
        if len(columns[0]) < FROM_ROWS:
            return False
        turned = [_turned(column, turn) for column, turn in zip(columns, self.turns, strict=True)]
        if self._any_there(connection, turned):
            return False
        try:
            with connection.begin_nested():
                self._copy(connection, turned)
        except connection.dialect.loaded_dbapi.Error:
            return False
        return True

    def _any_there(self, connection: Connection, turned: Sequence[Sequence[Any]]) -> bool:
        keys = [turned[place] for place in self.keys]
        # Where Postgres sorts otherwise than Python, the savepoint finds what this does not.
        ends = (*min(zip(*keys, strict=True)), *max(zip(*keys, strict=True)))
        if not connection.exec_driver_sql(self.any_between, ends).scalar_one():
            return False
        each = tuple(map(self.as_json, keys))
        return bool(connection.exec_driver_sql(self.any_there, each).scalar_one())

    def _copy(self, connection: Connection, turned: Sequence[Sequence[Any]]) -> None:
        driver: Any = connection.connection.driver_connection
        with driver.cursor() as cursor, cursor.copy(self.text) as copy:
            write = copy.write_row
            for row in zip(*turned, strict=True):
                write(row)


def _turned(column: Sequence[Any], turn: Callable[[Any], Any] | None) -> Sequence[Any]:
    return [turn(value) for value in column] if turn else column
