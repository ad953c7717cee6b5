"""Waiting for news without holding a thread: the bell of this process, and a look each second.

The bell tells at once what this process sealed or took. Another process of the same node (a second
worker, a command at the console) rings a bell of its own, so while anybody waits here, one cheap
query a second, for all of them together, asks whether the log has grown.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from sqlalchemy.exc import SQLAlchemyError

from sync.bell import Bell


class Watch:
    """`latest` gives a number that changes when there is something new; `recheck` is in seconds."""

    def __init__(self, bell: Bell, latest: Callable[[], Awaitable[int]], *, recheck: float) -> None:
        self._bell = bell
        self._latest = latest
        self._recheck = recheck
        self._waiting: set[asyncio.Event] = set()
        self._task: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def news(self) -> AsyncIterator[asyncio.Event]:
        """An event that is set when there may be something new; clear it before looking."""
        loop = asyncio.get_running_loop()
        rung = asyncio.Event()

        def hear() -> None:
            with suppress(RuntimeError):  # the loop has ended: nobody waits any more
                loop.call_soon_threadsafe(rung.set)

        self._waiting.add(rung)
        if self._task is None:
            self._task = loop.create_task(self._look())
        try:
            with self._bell.heard_by(hear):
                yield rung
        finally:
            self._waiting.discard(rung)
            if not self._waiting and self._task is not None:
                self._task.cancel()
                self._task = None

    async def _look(self) -> None:
        seen = -1
        while True:
            try:
                latest = await self._latest()
            except SQLAlchemyError:
                latest = -1  # those who wait shall look for themselves, and answer with the error
            if latest < 0 or latest != seen:
                for rung in self._waiting:
                    rung.set()
            seen = latest
            await asyncio.sleep(self._recheck)
