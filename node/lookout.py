"""How many things call for somebody, for the head of every page: counted once a minute."""

import time
from collections.abc import Mapping
from threading import Lock

from node.network.service import survey, thresholds_of
from node.runtime import Node
from node.version import VERSION

KEPT_SECONDS = 60.0
"""A county's survey takes some 50 ms, a province's a second or two: not on every page."""
NETWORK = "/network"


class Lookout:
    """What is open at a node and all below it, by the place of the navigation where it is worked.

    May be asked from any thread.
    """

    def __init__(self, node: Node, *, kept: float = KEPT_SECONDS) -> None:
        self._node = node
        self._kept = kept
        self._asked = float("-inf")
        self._calls: Mapping[str, int] = {}
        self._lock = Lock()

    def calls(self) -> Mapping[str, int]:
        """As of at most a minute ago; who comes while it is counted gets the last word."""
        if time.monotonic() - self._asked > self._kept and self._lock.acquire(blocking=False):
            try:
                self._calls = self._count()
                self._asked = time.monotonic()
            finally:
                self._lock.release()
        return self._calls

    def _count(self) -> Mapping[str, int]:
        node = self._node
        with node.work(writing=False) as uow:
            thresholds = thresholds_of(node.settings.alerts)
            found = {NETWORK: len(survey(uow, node.places, thresholds, version=VERSION).calls)}
            for capability in node.capabilities:
                found |= {place: count(uow) for place, count in capability.calls.items()}
        return found
