"""A computer: one SQLite database in memory, and power that can fail at any statement.

The database outlives the programs that run on it. A failure is raised as `PowerFailureError`,
before a statement, before a commit or right after one; from then on every statement fails until the
machine is switched on again, so no handler of errors can write a last word.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self, cast

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import StaticPool

Image = sqlite3.Connection
"""A copy of a disk."""


class PowerFailureError(BaseException):
    """The machine is off. Not an `Exception`: no `except Exception` may survive it."""


class _Cursor(sqlite3.Cursor):
    def execute(self, sql: str, parameters: Any = (), /) -> Self:
        _disk_of(self).point()
        super().execute(sql, parameters)
        return self

    def executemany(self, sql: str, parameters: Any, /) -> Self:
        _disk_of(self).point()
        super().executemany(sql, parameters)
        return self


class _Disk(sqlite3.Connection):
    """The one connection of a machine. Closing it only ends the transaction: the disk remains."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.is_on = True
        self.points = 0
        self.fails_at: int | None = None
        self.is_watched = True
        self.uncommitted: list[Callable[[], None]] = []

    def point(self) -> None:
        """A place where power may fail."""
        if not self.is_watched:
            return
        self.points += 1
        if self.fails_at is not None and self.points >= self.fails_at:
            self.fails_at = None
            self.is_on = False
        if not self.is_on:
            raise PowerFailureError

    def cursor(self, factory: Any = None) -> Any:
        return super().cursor(factory or _Cursor)

    def commit(self) -> None:
        if not self.in_transaction:
            return
        self.point()
        super().commit()
        done, self.uncommitted = self.uncommitted, []
        for each in done:
            each()
        self.point()

    def rollback(self) -> None:
        self.uncommitted = []
        super().rollback()

    def close(self) -> None:
        self.rollback()


class Machine:
    """A database with its engine. Reused for many worlds: engines keep compiled statements."""

    def __init__(self) -> None:
        self._disk = sqlite3.connect(
            ":memory:", factory=_Disk, isolation_level=None, check_same_thread=False
        )
        self.engine = _engine(self._disk)
        self._restored = 0

    @property
    def is_on(self) -> bool:
        return self._disk.is_on

    @property
    def points(self) -> int:
        """How many places where power may fail have been passed since the machine was made."""
        return self._disk.points

    @property
    def version(self) -> tuple[int, int]:
        """Another one whenever something was written to the disk, or it was put back."""
        return self._restored, self._disk.total_changes

    def fail_after(self, points: int) -> None:
        """Lose power at the n-th point from now (1 is the next)."""
        self._disk.fails_at = self._disk.points + points

    def switch_on(self) -> None:
        """Give power back: the database is as it was last committed."""
        self._disk.rollback()
        self._disk.is_on = True

    def never_fail(self) -> None:
        """Forget a failure that was still to come."""
        self._disk.fails_at = None

    @contextmanager
    def looked_into(self) -> Iterator[Connection]:
        """Read the disk as the simulator does, from outside: on or off, nothing fails here."""
        self._disk.is_watched = False
        try:
            with self.engine.connect() as connection:
                yield connection
        finally:
            self._disk.is_watched = True

    def row(self, sql: str) -> tuple[object, ...]:
        """The one row an SQL query gives, asked from outside."""
        self._disk.is_watched = False
        try:
            return tuple(self._disk.execute(sql).fetchone())
        finally:
            self._disk.is_watched = True

    def count(self, what: str) -> int:
        """How many rows there are `FROM` what, asked from outside."""
        (number,) = self.row(f"SELECT count(*) FROM {what}")
        return int(str(number))

    def when_committed(self, then: Callable[[], None]) -> None:
        """Call this if, and only if, the transaction that is open now commits."""
        self._disk.uncommitted.append(then)

    def image(self) -> Image:
        """A copy of the whole disk, to be restored later."""
        copy = sqlite3.connect(":memory:")
        self._disk.backup(copy)
        return copy

    def restore(self, image: Image) -> None:
        """Put a disk back as it was."""
        self.switch_on()
        self.never_fail()
        self._restored += 1
        image.backup(self._disk)


_shelf: list[Machine] = []


@contextmanager
def borrowed_machines() -> Iterator[Callable[[], Machine]]:
    """Machines from the shelf, put back at the end; what lies on their disks is overwritten."""
    taken: list[Machine] = []

    def take() -> Machine:
        machine = _shelf.pop() if _shelf else Machine()
        taken.append(machine)
        machine.switch_on()
        return machine

    try:
        yield take
    finally:
        for machine in reversed(taken):
            machine.switch_on()
            machine.never_fail()
            _shelf.append(machine)


def _engine(disk: _Disk) -> Engine:
    engine = create_engine("sqlite://", creator=lambda: disk, poolclass=StaticPool)
    event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: Connection) -> None:
    disk = cast("_Disk", connection.connection.dbapi_connection)
    disk.point()
    disk.execute("BEGIN")


def _disk_of(cursor: sqlite3.Cursor) -> _Disk:
    return cast("_Disk", cursor.connection)
