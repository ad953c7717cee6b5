"""Three hops: a village's records through township and county to the province, each a process.

Timed from the first record sealed in the village to the last row at the province. Every relay
verifies, judges, applies, stores and passes on the author's very bytes; the village seals at 100
records and 256 KiB, as the program's profile of a village says. SQLite, durable, at every node.
"""

import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx

import sync
from benchmarks.enrolments import make
from benchmarks.measure import Measure, timed
from benchmarks.sync_floor import rate as floor_rate
from benchmarks.sync_nodes import REPORT, append, join, opened, served
from node.settling import settle
from tests.fixtures.ports import free_ports
from tiers import PROFILES, Level

LINE = (
    ("410000000000", "province"),
    ("419001000000", "county"),
    ("419001100000", "township"),
    ("419001100200", "village"),
)
VILLAGE = LINE[-1][0]
RECORDS = 20_000
LONGEST = 300.0
SEAL = PROFILES[Level.VILLAGE].seal
LIMITS = sync.Limits(seal_records=SEAL.records, seal_bytes=SEAL.size_bytes)


def measure(runs: int, quick: bool) -> Iterator[Measure]:
    """One hop with no promise kept, three with all of them."""
    rows = make(RECORDS // 10 if quick else RECORDS)
    records = [sync.Record(**{**row, "type": REPORT, "region": VILLAGE}) for row in rows]
    settle()
    floors, through = [], []
    for _ in range(runs):
        floors.append(floor_rate(rows))
        through.append(_one_run(records))
    name = "three hops, village → province, SQLite"
    yield Measure(name, "records/s", through, floors, "≥ 0.25")


def _one_run(records: Sequence[sync.Record]) -> float:
    from sync.client import Link  # noqa: PLC0415  # httpx

    with tempfile.TemporaryDirectory(prefix="wuji-bench-") as name:
        folder = Path(name)
        _found(folder)
        ports = free_ports(3)
        stop = threading.Event()
        with (
            served(folder / LINE[0][0], ports[0]) as province,
            served(folder / LINE[1][0], ports[1], parent=province.address) as county,
            served(folder / LINE[2][0], ports[2], parent=county.address) as township,
        ):
            village = opened(folder / VILLAGE, limits=LIMITS)
            link = Link(village.replica, township.address)
            link.sync_once()
            _settled(ports, folder)
            append(village, VILLAGE, records, at_once=10)
            with timed() as watch:
                running = threading.Thread(target=link.run, args=(stop,))
                running.start()
                _wait_for(province.address, len(records))
            stop.set()
            running.join()
            village.engine.dispose()
    return len(records) / watch.seconds


def _found(folder: Path) -> None:
    """All four nodes, each joined to the one above."""
    nodes = [opened(folder / region) for region, _ in LINE]
    nodes[0].replica.found(node=LINE[0][0], level=LINE[0][1])
    for parent, child, (region, level) in zip(nodes, nodes[1:], LINE[1:], strict=False):
        join(parent, child, region=region, level=level)
    for node in nodes:
        node.engine.dispose()


def _settled(ports: Sequence[int], folder: Path) -> None:
    """Every link is open before the clock starts."""
    give_up = time.monotonic() + LONGEST
    for region, _ in LINE[1:3]:
        node = opened(folder / region)
        while not any(link.role == "parent" for link in node.replica.status().links):
            if time.monotonic() > give_up:
                raise RuntimeError(f"{region} has no link, ports {ports}")
            time.sleep(0.05)
        node.engine.dispose()


def _wait_for(address: str, count: int) -> None:
    give_up = time.monotonic() + LONGEST
    with httpx.Client(base_url=address, trust_env=False) as client:
        while time.monotonic() < give_up:
            if client.get("/rows").json() >= count:
                return
            time.sleep(0.05)
    raise RuntimeError(f"not at the province within {LONGEST:.0f} s")
