"""A parent with 80 children that push at once (Henan's widest township has 74 villages).

Each child has the same sealed backlog. Fair means that nobody is served at the cost of others:
Jain's index over the children's rates is 1 when all get the same, 1/80 when one gets everything.
Meanwhile somebody asks for a page again and again.
"""

import random
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import httpx

import sync
from benchmarks.enrolments import make
from benchmarks.measure import Measure, timed
from benchmarks.sync_hops import LIMITS
from benchmarks.sync_nodes import REPORT, Node, append, count_rows, join, opened, served
from node.settling import settle
from sync.backoff import Backoff
from tests.fixtures.ports import free_ports

TOWNSHIP = "419001100000"
CHILDREN = 80
RECORDS = 500  # of each


class Outcome(NamedTuple):
    """Of one run: all records a second, Jain's index, and how long pages took, in ms."""

    rate: float
    fairness: float
    page: float
    slowest_page: float


def measure(runs: int, quick: bool) -> Iterator[Measure]:
    """Many children against one with the same work."""
    children = CHILDREN // 5 if quick else CHILDREN
    many, alone = [], []
    for _ in range(runs):
        alone.append(_one_run(1, RECORDS * children).rate)
        many.append(_one_run(children, RECORDS))
    name = f"{children} children push at once"
    yield Measure(f"{name}, together", "records/s", [each.rate for each in many], alone)
    yield Measure("… Jain's index of fairness", "", [e.fairness for e in many], (), "≥ 0.90")
    yield Measure("… a page meanwhile, median", "ms", [each.page for each in many])
    yield Measure("… the slowest page", "ms", [each.slowest_page for each in many])


def _one_run(children: int, records: int) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="wuji-bench-") as name, ExitStack() as open_nodes:
        above = Path(name) / "parent"
        parent = opened(above)
        parent.replica.found(node=TOWNSHIP, level="township")
        below = [
            _child(Path(name), parent, number=number, records=records) for number in range(children)
        ]
        for node in (parent, *below):
            open_nodes.callback(node.engine.dispose)
        settle()
        [port] = free_ports(1)
        with served(above, port) as upper:
            ended, pages = _push_all(below, upper.address)
        found = count_rows(parent)
        assert found == children * records, f"{found} of {children * records} records arrived"
    rates = [records / seconds for seconds in ended]
    fairness = sum(rates) ** 2 / (len(rates) * sum(rate * rate for rate in rates))
    whole = children * records / max(ended)
    return Outcome(whole, fairness, statistics.median(pages), max(pages))


def _child(folder: Path, parent: Node, *, number: int, records: int) -> Node:
    region = f"{TOWNSHIP[:9]}{200 + number}"
    node = opened(folder / region, limits=LIMITS)
    join(parent, node, region=region, level="village")
    rows = make(records, seed=number)
    told = [sync.Record(**{**row, "type": REPORT, "region": region}) for row in rows]
    append(node, region, told, at_once=10)
    node.replica.seal()
    return node


def _push_all(children: list[Node], address: str) -> tuple[list[float], list[float]]:
    """When each child was done, in seconds; and how long pages took meanwhile, in ms."""
    ended = [0.0] * len(children)
    begin = threading.Barrier(len(children) + 1)
    started = 0.0

    def push(place: int) -> None:
        begin.wait()
        _until_done(children[place], address, seed=place)
        ended[place] = time.perf_counter() - started

    threads = [threading.Thread(target=push, args=(place,)) for place in range(len(children))]
    for thread in threads:
        thread.start()
    started = time.perf_counter()
    begin.wait()
    pages = []
    with httpx.Client(base_url=address, trust_env=False, timeout=60) as client:
        while any(thread.is_alive() for thread in threads):
            with timed() as watch:
                client.get("/ready").raise_for_status()
            pages.append(watch.seconds * 1_000)
            time.sleep(0.02)
    for thread in threads:
        thread.join()
    return ended, pages


def _until_done(child: Node, address: str, *, seed: int) -> None:
    """As a node does: come back when the parent says so."""
    from sync.client import Link, pause_after  # noqa: PLC0415  # httpx
    from sync.line import LinkError  # noqa: PLC0415

    link = Link(child.replica, address)
    backoff = Backoff(random.Random(seed), first=1.0, longest=10.0)  # noqa: S311  # jitter
    while True:
        try:
            link.sync_once()
        except LinkError as error:
            time.sleep(pause_after(backoff, error))
        else:
            return
