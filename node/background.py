"""What a running node does by itself: seal what was written, keep the link, run its jobs."""

import logging
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from node.core.jobs import start_scheduler
from node.runtime import Node

log = logging.getLogger("wuji.node")

STOP_SECONDS = 5
TEND_SECONDS = 60


@dataclass
class Background:
    """The threads of one running node. `start`, then `stop`; never twice."""

    node: Node
    stopping: threading.Event = field(default_factory=threading.Event)
    written: threading.Event = field(default_factory=threading.Event)
    threads: list[threading.Thread] = field(default_factory=list)
    scheduler: Any = None

    def start(self) -> None:
        """Begin sealing; keep the link when there is a parent; run jobs unless told not to."""
        self._spawn("seal", self._seal)
        if self.node.settings.sync.parent_url:
            self._spawn("link", self._link)
        if self.node.settings.jobs:
            self.scheduler = start_scheduler(self.node.work, self.node.jobs)

    def stop(self) -> None:
        """Ask every thread to end, and wait a moment. What they were at is safe to interrupt."""
        self.stopping.set()
        self.written.set()
        if self.scheduler is not None:
            self.scheduler.shutdown(wait=False)
        for thread in self.threads:
            thread.join(STOP_SECONDS)

    def _spawn(self, name: str, target: Any) -> None:
        thread = threading.Thread(target=target, name=name, daemon=True)
        self.threads.append(thread)
        thread.start()

    def _seal(self) -> None:
        """Seal after a commit, or when the idle span ends: another process may have written."""
        idle = self.node.settings.sync.seal_seconds
        tended = float("-inf")
        while not self.stopping.is_set():
            self.written.wait(idle)
            self.written.clear()
            try:
                self.node.replica.seal()
                if time.monotonic() - tended > TEND_SECONDS:
                    self.node.replica.tend()
                    tended = time.monotonic()
            except Exception as error:  # noqa: BLE001  # the edge of a thread: said, tried again
                log.warning("sealing failed: %s", error)
                self.stopping.wait(idle)

    def _link(self) -> None:
        from sync.client import Link, LinkLimits  # noqa: PLC0415  # only a node with a parent needs httpx

        settings = self.node.settings.sync
        limits = LinkLimits(wait=settings.wait_seconds)
        Link(self.node.replica, settings.parent_url, limits=limits).run(self.stopping)
