"""What must not grow: memory with the backlog, the cost of a segment with the stream's length.

Memory: peak resident set of a child that seals and sends, and of its parent, in processes of their
own, for a backlog of 10⁶ records against one of 10⁴. Cost: one segment of ten records from the
business transaction to the receipt, at the end of a stream against at its beginning.
"""

import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

import sync
from benchmarks.enrolments import COUNTY, PROVINCE, make
from benchmarks.measure import Measure
from benchmarks.sync_nodes import append, join, opened, served
from node.settling import settle
from tests.fixtures.ports import free_ports

SMALL, LARGE = 10_000, 1_000_000
CHUNK = 10_000
SEGMENTS = 2_000
RECORDS = 10  # in one of them
MIB = 2**20
LONGEST = 900.0


def measure(runs: int, quick: bool) -> Iterator[Measure]:
    """The large backlog once: it is a matter of megabytes, not of seconds."""
    large = LARGE // 10 if quick else LARGE
    child, parent = _peaks(SMALL)
    full_child, full_parent = _peaks(large)
    factor = f"backlog × {large // SMALL}"
    yield Measure(f"peak memory of the child, {factor}", "MB", [full_child], [child], "≤ 1.20")
    yield Measure(f"peak memory of the parent, {factor}", "MB", [full_parent], [parent], "≤ 1.20")
    count = SEGMENTS // 10 if quick else SEGMENTS
    early, late = [], []
    for _ in range(max(1, min(runs, 3))):
        first, last = _segments(count)
        early.append(first)
        late.append(last)
    name = f"one segment after {count:,} of its stream"
    yield Measure(name, "ms", late, early, "≤ 1.20")


def _peaks(backlog: int) -> tuple[float, float]:
    """Peak memory of child and parent in MB."""
    with tempfile.TemporaryDirectory(prefix="wuji-bench-") as name:
        above, below = Path(name) / "parent", Path(name) / "child"
        parent, child = opened(above), opened(below)
        parent.replica.found(node=PROVINCE, level="province")
        join(parent, child, region=COUNTY, level="county")
        for start in range(0, backlog, CHUNK):
            rows = make(CHUNK, seed=start + 1)
            append(child, COUNTY, [sync.Record(**row) for row in rows], txn=f"t{start}")
        for node in (parent, child):
            node.engine.dispose()
        ports = free_ports(2)
        with (
            served(above, ports[0]) as upper,
            served(below, ports[1], parent=upper.address) as lower,
        ):
            _wait_for(upper.address, backlog)
            return _memory(lower.address), _memory(upper.address)


def _memory(address: str) -> float:
    return float(httpx.get(f"{address}/memory", trust_env=False).json()) / MIB


def _wait_for(address: str, count: int) -> None:
    give_up = time.monotonic() + LONGEST
    with httpx.Client(base_url=address, trust_env=False, timeout=60) as client:
        while time.monotonic() < give_up:
            if client.get("/rows").json() >= count:
                return
            time.sleep(0.5)
    raise RuntimeError(f"not there within {LONGEST:.0f} s")


def _segments(count: int) -> tuple[float, float]:
    """Milliseconds of a segment among the first tenth, and among the last."""
    spent = []
    with tempfile.TemporaryDirectory(prefix="wuji-bench-") as name:
        parent = opened(Path(name) / "parent")
        child = opened(Path(name) / "child")
        parent.replica.found(node=PROVINCE, level="province")
        join(parent, child, region=COUNTY, level="county")
        heads = child.replica.accept_welcome(parent.replica.welcome(child.replica.hello()))
        me = child.replica.identity()
        assert me is not None
        chain = child.replica.chain_for({(me.node, me.epoch)})
        records = [sync.Record(**row) for row in make(count * RECORDS)]
        settle()
        for number in range(count):
            some = records[number * RECORDS : (number + 1) * RECORDS]
            started = time.perf_counter()
            append(child, COUNTY, some, txn=f"t{number}")
            child.replica.seal()
            found = child.replica.outgoing(heads, budget=MIB)
            taken = parent.replica.take(found, chain, from_node=me.node)
            assert taken.segments == 1
            assert taken.receipt
            known = child.replica.record_receipt(taken.receipt)
            heads |= {head.stream: head for head in known}
            spent.append((time.perf_counter() - started) * 1_000)
        for node in (parent, child):
            node.engine.dispose()
    part = count // 10
    return statistics.median(spent[:part]), statistics.median(spent[-part:])
