"""What the acts of the demo share: the world, the people at their desks, the rolls, the waiting."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from node.core.errors import Unavailable
from node.demo.client import Desk
from node.demo.plan import VillagePlan
from node.demo.roll import DemoRoll
from node.demo.world import World
from tiers import RegionCode

PATIENCE_SECONDS = 60
LOOK_SECONDS = 0.1

Progress = Callable[[str, float], None]
"""(what is being done, how much of this act is done: 0 to 1)."""


@dataclass
class Stage:
    """The running demo."""

    world: World
    seed: int
    people: int
    rolls: dict[RegionCode, DemoRoll] = field(default_factory=dict)
    desks: dict[str, Desk] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    def desk(self, node: RegionCode, login: str) -> Desk:
        """Somebody logged in at a node; logged in again after its process was restarted."""
        if login not in self.desks:
            url = self.world.plan.post(node).url
            self.desks[login] = Desk(url, login, self.world.plan.password)
        return self.desks[login]

    def leave(self, *logins: str) -> None:
        """Let people go from their desks: their node was restarted, or the play is over."""
        for login in logins:
            if desk := self.desks.pop(login, None):
                desk.client.close()

    def coordinator(self, village: VillagePlan) -> Desk:
        """The coordinator of a village, at its own node or at the township that hosts it."""
        return self.desk(village.node, village.coordinator)

    def wait_until(self, what: str, holds: Callable[[], bool]) -> None:
        """Wait for sync to bring something.

        Raises:
            Unavailable: it did not come within a minute.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            try:
                if holds():
                    return
            except httpx.TransportError:
                pass
            time.sleep(LOOK_SECONDS)
        raise Unavailable(f"等了 {PATIENCE_SECONDS} 秒，{what}")


def all_pages(desk: Desk, *, tab: str, matter: str = "") -> list[dict[str, Any]]:
    """Every case of a tab."""
    found: list[dict[str, Any]] = []
    page, pages = 1, 1
    while page <= pages:
        answer = desk.get("/api/cases", tab=tab, matter=matter, page=page, size=500)
        found += answer["cases"]
        page, pages = page + 1, answer["pages"]
    return found
