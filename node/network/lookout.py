"""How many things call for somebody, for the head of every page: asked once a minute."""

import time
from threading import Lock

from node.network.service import survey, thresholds_of
from node.runtime import Node
from node.version import VERSION

KEPT_SECONDS = 60.0
"""A county's survey takes some 50 ms, a province's a second or two: not on every page."""


class Lookout:
    """The number of open alerts of a node and all below it. May be asked from any thread."""

    def __init__(self, node: Node, *, kept: float = KEPT_SECONDS) -> None:
        self._node = node
        self._kept = kept
        self._asked = float("-inf")
        self._calls = 0
        self._lock = Lock()

    def calls(self) -> int:
        """Alerts as of at most a minute ago; who comes while it is counted gets the last word."""
        if time.monotonic() - self._asked > self._kept and self._lock.acquire(blocking=False):
            try:
                self._calls = self._count()
                self._asked = time.monotonic()
            finally:
                self._lock.release()
        return self._calls

    def _count(self) -> int:
        node = self._node
        with node.work(writing=False) as uow:
            thresholds = thresholds_of(node.settings.alerts)
            return len(survey(uow, node.places, thresholds, version=VERSION).calls)
