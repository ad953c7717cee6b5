"""Sync from a child to its parent: two processes, HTTP on loopback, one kind of database.

What is timed: records that wait in the child's outbox are sealed, signed, sent, verified, judged,
applied and committed at the parent, until the child holds the last receipt. Sealing and sending
run as two threads, as they do in a node. Bodies at rest are encrypted on both sides.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import sync
from benchmarks.enrolments import COUNTY, PROVINCE, make
from benchmarks.measure import Measure, SkippedError, timed
from benchmarks.sync_floor import rate as floor_rate
from benchmarks.sync_nodes import append, count_rows, join, opened, send, served
from node.settling import settle
from tests.fixtures.ports import free_ports
from tests.fixtures.postgres import PostgresMissingError, postgres_server

Databases = Callable[[], AbstractContextManager[str]]
"""Each call gives the URL of an empty database; "" stands for a file of one's own."""


def measure(runs: int, quick: bool) -> Iterator[Measure]:
    """Floor and protocol in turn, so that a noisy minute hits both."""
    rows = make(10_000 if quick else 100_000)
    records = [sync.Record(**row) for row in rows]
    settle()  # a node would not hold all of them, nor look at them again and again
    yield from _compare("SQLite", runs, rows, records, databases=lambda: nullcontext(""))
    try:
        with postgres_server(fsync=True) as server:
            yield from _compare("Postgres", runs, rows, records, databases=server.database)
    except PostgresMissingError as missing:
        raise SkippedError(str(missing)) from missing


def _compare(
    kind: str,
    runs: int,
    rows: Sequence[dict[str, object]],
    records: Sequence[sync.Record],
    *,
    databases: Databases,
) -> Iterator[Measure]:
    floors, appended, through = [], [], []
    for _ in range(runs):
        with databases() as url:
            floors.append(floor_rate(rows, url))
        written, sent = _one_run(records, databases)
        appended.append(written)
        through.append(sent)
    yield Measure(f"sync child → parent, {kind}, durable", "records/s", through, floors, "≥ 0.60")
    yield Measure(f"… written with the business, unsealed, {kind}", "records/s", appended)


@contextmanager
def pair(folder: Path, databases: Databases) -> Iterator[tuple[Path, Path]]:
    """The folders of a parent and a child that has joined it."""
    above, below = folder / "parent", folder / "child"
    with databases() as upper, databases() as lower:
        parent, child = opened(above, upper), opened(below, lower)
        parent.replica.found(node=PROVINCE, level="province")
        join(parent, child, region=COUNTY, level="county")
        for node in (parent, child):
            node.engine.dispose()
        yield above, below


def _one_run(records: Sequence[sync.Record], databases: Databases) -> tuple[float, float]:
    from sync.client import Link  # noqa: PLC0415  # httpx

    with tempfile.TemporaryDirectory(prefix="wuji-bench-") as name:
        [port] = free_ports(1)
        with pair(Path(name), databases) as (above, below), served(above, port) as parent:
            child = opened(below)
            link = Link(child.replica, parent.address)
            link.sync_once()  # the connection is open before the clock starts, as the floor's is
            with timed() as writing_watch:
                append(child, COUNTY, records)
            with timed() as sending_watch:
                send(child.replica, link)
            child.engine.dispose()
            there = opened(above)
            found = count_rows(there)
            there.engine.dispose()
            assert found == len(records), f"{found} of {len(records)} records arrived"
    return len(records) / writing_watch.seconds, len(records) / sending_watch.seconds
