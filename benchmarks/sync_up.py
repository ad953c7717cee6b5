"""Sync from a child to its parent: two processes, HTTP on loopback, SQLite on both sides.

What is timed: records that wait in the child's outbox are sealed, signed, sent, verified, judged,
applied and committed at the parent, until the child holds the last receipt. Sealing and sending
run as two threads, as they do in a node. Bodies at rest are encrypted on both sides.
`python -m benchmarks.sync_up FOLDER PORT` is the parent.
"""

import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import uvicorn
from fastapi import FastAPI
from sqlalchemy import Column, Connection, Engine, MetaData, Table, Text, func, select

import sync
import sync.store
from benchmarks.enrolments import COLUMNS, COUNTY, CREATE, PROVINCE, TYPE, make
from benchmarks.measure import Measure, timed
from benchmarks.processes import python
from benchmarks.sync_floor import rate as floor_rate
from node.core.db import make_engine, upsert, writing
from node.core.personal import Keyring, read_keyring, write_keyring
from node.runtime import authority
from tests.fixtures.ports import LOOPBACK, free_ports

ROUTE = "up/province"
PER_TRANSACTION = 1_000

enrolments = Table(
    "enrolment",
    MetaData(),
    Column("key", Text, primary_key=True),
    *(Column(name, Text) for name in ("region", "at", "actor", *COLUMNS)),
)


def measure(runs: int, quick: bool) -> Iterator[Measure]:
    """Floor and protocol in turn, so that a noisy minute hits both."""
    rows = make(10_000 if quick else 100_000)
    records = [sync.Record(**row) for row in rows]
    floors, appended, through = [], [], []
    for _ in range(runs):
        floors.append(floor_rate(rows))
        written, sent = _one_run(records)
        appended.append(written)
        through.append(sent)
    yield Measure("sync child → parent, durable", "records/s", through, floors, "≥ 0.30")
    yield Measure("written with the business, unsealed", "records/s", appended)


class Node(NamedTuple):
    """One end: its engine and its replica."""

    engine: Engine
    replica: sync.Replica


def _one_run(records: Sequence[sync.Record]) -> tuple[float, float]:
    with tempfile.TemporaryDirectory(prefix="wuji-bench-") as name:
        folder = Path(name)
        [port] = free_ports(1)
        address = f"http://{LOOPBACK}:{port}"
        child = joined(folder)
        server = ("-m", "benchmarks.sync_up", str(folder / "parent"), str(port))
        with python(*server, ready=f"{address}/ready"):
            with timed() as writing_watch:
                append(child, records)
            with timed() as sending_watch:
                _send(child.replica, address)
        expect(folder / "parent", len(records))
        child.engine.dispose()
    return len(records) / writing_watch.seconds, len(records) / sending_watch.seconds


def opened(folder: Path) -> Node:
    """A node's end of the protocol over its own SQLite file, with the node's engine and vault."""
    folder.mkdir(exist_ok=True)
    secret = folder / "node.secret"
    if not secret.exists():
        write_keyring(secret, Keyring.generate())
    keyring = read_keyring(secret)
    engine = make_engine(f"sqlite:///{folder / 'node.sqlite'}", keyring)
    with writing(engine) as connection:
        sync.store.metadata.create_all(connection)
        connection.exec_driver_sql(CREATE.replace("TABLE", "TABLE IF NOT EXISTS"))
    replica = sync.Replica(
        engine,
        authority=authority,
        handlers={TYPE: sync.Handler(version=1, apply=_apply, independent=True)},
        vault=keyring,
    )
    return Node(engine, replica)


def joined(folder: Path) -> Node:
    """A child that has joined its parent, both under `folder`."""
    parent, child = opened(folder / "parent"), opened(folder / "child")
    parent.replica.found(node=PROVINCE, level="province")
    code = parent.replica.issue_join_code(region=COUNTY, level="county")
    admission = parent.replica.admit(code, child.replica.apply_to_join(region=COUNTY))
    child.replica.adopt(
        admission.certificate, admission.chain, fingerprint=admission.root_fingerprint
    )
    parent.engine.dispose()
    return child


def _apply(connection: Connection, arrived: Sequence[sync.Arrived]) -> None:
    upsert(connection, enrolments, [_row(item.record) for item in arrived])


def _row(record: sync.Record) -> Mapping[str, Any]:
    return {
        "key": record.key,
        "region": record.region,
        "at": record.at,
        "actor": record.actor,
        **record.body,
    }


def append(child: Node, records: Sequence[sync.Record]) -> None:
    """Write records as business transactions do."""
    for start in range(0, len(records), PER_TRANSACTION):
        with writing(child.engine) as connection:
            child.replica.append(
                connection,
                origin=COUNTY,
                route=ROUTE,
                txn=f"txn-{start}",
                records=records[start : start + PER_TRANSACTION],
            )


def _send(child: sync.Replica, address: str) -> None:
    """Seal in one thread and send in this one, until nothing waits."""
    from sync.client import Link  # noqa: PLC0415  # the parent's process needs no client

    link = Link(child, address)
    sealer = threading.Thread(target=child.seal)
    sealer.start()
    while sealer.is_alive():
        link.sync_once()
    sealer.join()
    link.sync_once()


def expect(folder: Path, count: int) -> None:
    """All of it arrived."""
    node = opened(folder)
    with node.engine.connect() as connection:
        found = connection.scalar(select(func.count()).select_from(enrolments))
    node.engine.dispose()
    assert found == count, f"{found} of {count} records arrived"


def serve(folder: str, port: int) -> None:
    """Run the parent: the protocol's own router on a bare application."""
    from sync.server import router  # noqa: PLC0415  # the child's process needs no server

    app = FastAPI()
    app.include_router(router(opened(Path(folder)).replica))

    @app.get("/ready")
    async def ready() -> bool:
        return True

    uvicorn.run(app, host=LOOPBACK, port=port, log_level="warning", access_log=False)


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
