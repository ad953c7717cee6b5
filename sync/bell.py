"""A bell in the process: rung when something was sealed or taken, heard by those who wait.

It only wakes; what there is to do is always asked of the database, so a bell not heard (another
process rang its own) costs a delay and nothing else.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition


class Bell:
    def __init__(self) -> None:
        self._rung = Condition()
        self._count = 0
        self._listeners: list[Callable[[], None]] = []

    @property
    def count(self) -> int:
        """How often it has rung: give it to `wait` to miss nothing in between."""
        return self._count

    def ring(self) -> None:
        with self._rung:
            self._count += 1
            self._rung.notify_all()
            listeners = list(self._listeners)
        for hear in listeners:
            hear()

    @contextmanager
    def heard_by(self, hear: Callable[[], None]) -> Iterator[None]:
        """Call `hear` at each ring, in the thread that rings: for those who hold no thread."""
        with self._rung:
            self._listeners.append(hear)
        try:
            yield
        finally:
            with self._rung:
                self._listeners.remove(hear)

    def wait(self, after: int, timeout: float) -> int:
        """Sleep until it has rung more than `after` times, or `timeout` seconds are over."""
        with self._rung:
            self._rung.wait_for(lambda: self._count > after, timeout)
            return self._count
