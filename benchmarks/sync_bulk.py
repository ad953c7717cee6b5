"""Bulk records from a child to its parent on Postgres, against logical replication of the rows.

The child's database lies in one cluster, the parent's in the other. Timed: bulk records (1,000 rows
column by column) that wait in the outbox are sealed, signed, sent, verified, judged, applied by
primary key and committed, until the child holds the last receipt; bodies encrypted at rest.
"""

import tempfile
from collections.abc import Iterator, Sequence
from itertools import cycle
from pathlib import Path

import sync
from benchmarks import replication
from benchmarks.enrolments import COUNTY
from benchmarks.measure import Measure, SkippedError, timed
from benchmarks.postings import RECORDS, postings, records, rows
from benchmarks.replication import Clusters
from benchmarks.sync_nodes import append, count_rows, opened, send, served
from benchmarks.sync_up import pair
from node.settling import settle
from tests.fixtures.ports import free_ports
from tests.fixtures.postgres import PostgresMissingError

ROWS = 500_000


def measure(runs: int, quick: bool) -> Iterator[Measure]:
    """Replication, bare COPY and the protocol in turn."""
    found = rows(ROWS // 10 if quick else ROWS)
    bulk = records(found)
    settle()
    ours, floor, bare = [], [], []
    try:
        with replication.clusters() as servers:
            for _ in range(runs):
                floor.append(replication.replicated(servers, found))
                bare.append(replication.copied(servers, found))
                ours.append(_one_run(servers, bulk, len(found)))
    except PostgresMissingError as missing:
        raise SkippedError(str(missing)) from missing
    name = "bulk records child → parent, Postgres, against logical replication"
    yield Measure(name, "rows/s", ours, floor, "≥ 0.70")
    yield Measure("… against bare COPY into the same table", "rows/s", ours, bare)


def _one_run(servers: Clusters, bulk: Sequence[sync.Record], count: int) -> float:
    from sync.client import Link  # noqa: PLC0415  # httpx

    # `pair` asks for the parent's database first.
    turns = cycle((servers.upper, servers.lower))
    with tempfile.TemporaryDirectory(prefix="wuji-bench-") as name:
        [port] = free_ports(1)
        with pair(Path(name), lambda: next(turns).database()) as (above, below):
            with served(above, port) as parent:
                child = opened(below)
                link = Link(child.replica, parent.address)
                link.sync_once()
                append(child, COUNTY, bulk, at_once=RECORDS)
                with timed() as watch:
                    send(child.replica, link)
                child.engine.dispose()
            there = opened(above)
            found = count_rows(there, postings)
            there.engine.dispose()
            assert found == count, f"{found} of {count} rows arrived"
    return count / watch.seconds
