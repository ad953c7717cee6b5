"""kill -9 in the middle of everything: processes are shot again and again, and nothing is lost."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from random import Random

import pytest

from tests.fixtures.ports import LOOPBACK, free_ports
from tests.fixtures.zygote import Forked, forked
from tests.scenario.sync_links import until
from tests.scenario.sync_process import Orders
from tests.scenario.sync_tree import COUNTY, TOWNSHIP, VILLAGE, Place, Tree

ROUNDS = int(os.environ.get("SYNC_KILL_ROUNDS", "4"))
pytestmark = pytest.mark.timeout(300 + 60 * ROUNDS)  # many rounds on a busy machine
wait = partial(until, seconds=240.0)


class Processes:
    """The nodes of a tree, each in a process that can be shot and started again."""

    def __init__(self, tree: Tree, folder: Path) -> None:
        self.enough = folder / "enough"
        began = time.time()
        county, township = free_ports(2)
        self.orders = {
            COUNTY: self._orders(tree, COUNTY, "down/all", began, port=county),
            TOWNSHIP: self._orders(tree, TOWNSHIP, "", began, port=township, parent=county),
            VILLAGE: self._orders(tree, VILLAGE, "up/county", began, parent=township),
        }
        self.running: dict[str, Forked] = {}

    def _orders(
        self, tree: Tree, region: str, route: str, began: float, *, port: int = 0, parent: int = 0
    ) -> Orders:
        return Orders(
            region=region,
            database=tree[region].engine.url.render_as_string(hide_password=False),
            route=route,
            enough=str(self.enough),
            began=began,
            port=port,
            parent=f"http://{LOOPBACK}:{parent}" if parent else "",
        )

    def start(self, region: str) -> None:
        module, orders = "tests.scenario.sync_process", self.orders[region].dump()
        self.running[region] = forked(module, orders, stdout=sys.stdout, stderr=sys.stderr)

    def shoot(self, region: str) -> None:
        """Kill -9."""
        process = self.running.pop(region)
        assert process.poll() is None, f"{region} ended by itself"
        process.kill()
        process.wait()


@contextmanager
def processes(tree: Tree, folder: Path) -> Iterator[Processes]:
    each = Processes(tree, folder)
    try:
        for region in each.orders:
            each.start(region)
        yield each
    finally:
        for process in each.running.values():
            process.kill()
            process.wait()


def streams(place: Place) -> set[bytes]:
    return {one.hash() for one in place.segments()}


def complaints(place: Place) -> list[str]:
    status = place.replica.status()
    held = [f"{count} {kind}" for kind, count in status.held.items()]
    return held + [incident.detail for incident in status.incidents]


@pytest.mark.parametrize("victim", [VILLAGE, TOWNSHIP, COUNTY], ids=["child", "relay", "parent"])
def test_a_killed_process_loses_nothing_and_repeats_nothing(
    tree: Tree, tmp_path: Path, victim: str
) -> None:
    tree.grow(COUNTY, TOWNSHIP, VILLAGE)
    chance = Random(victim)  # noqa: S311  # a replayable plan
    with processes(tree, tmp_path) as nodes:
        wait(lambda: len(tree[COUNTY].facts()) > 50 and len(tree[VILLAGE].facts()) > 50)
        for _ in range(ROUNDS):
            time.sleep(chance.uniform(0, 0.3))
            seen = tree[victim].replica.newest()
            nodes.shoot(victim)
            nodes.start(victim)
            wait(partial(tree[victim].replica.has_news, seen))
        nodes.enough.touch()
        wait(lambda: tree[VILLAGE].replica.status().outbox == 0)
        wait(lambda: streams(tree[VILLAGE]) == streams(tree[COUNTY]))
        wait(lambda: streams(tree[TOWNSHIP]) == streams(tree[COUNTY]))

    assert tree[VILLAGE].facts() == tree[COUNTY].facts() == tree[TOWNSHIP].facts()
    assert len(tree[COUNTY].facts()) > 100
    assert [complaints(place) for place in tree.places.values()] == [[], [], []]
