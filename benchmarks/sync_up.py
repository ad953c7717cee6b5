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
from typing import Any

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


def _one_run(records: Sequence[sync.Record]) -> tuple[float, float]:
    with tempfile.TemporaryDirectory(prefix="wuji-bench-") as name:
        folder = Path(name)
        [port] = free_ports(1)
        address = f"http://{LOOPBACK}:{port}"
        code = _found_parent(folder / "parent")
        child = _open(folder / "child")
        server = ("-m", "benchmarks.sync_up", str(folder / "parent"), str(port))
        with python(*server, ready=f"{address}/ready"):
            _join(child, address, code)
            with timed() as writing_watch:
                _append(child.engine, records, _vault(folder / "child"))
            with timed() as sending_watch:
                _send(child, address)
        _expect(folder / "parent", len(records))
        child.engine.dispose()
    return len(records) / writing_watch.seconds, len(records) / sending_watch.seconds


def _open(folder: Path) -> sync.Replica:
    """A node's end of the protocol over its own SQLite file, with the node's engine and vault."""
    folder.mkdir(exist_ok=True)
    secret = folder / "node.secret"
    if not secret.exists():
        write_keyring(secret, Keyring.generate())
    engine = make_engine(f"sqlite:///{folder / 'node.sqlite'}", read_keyring(secret))
    with writing(engine) as connection:
        sync.store.metadata.create_all(connection)
        connection.exec_driver_sql(CREATE.replace("TABLE", "TABLE IF NOT EXISTS"))
    return sync.Replica(
        engine,
        authority=authority,
        handlers={TYPE: sync.Handler(version=1, apply=_apply, independent=True)},
        vault=_vault(folder),
    )


def _vault(folder: Path) -> Keyring:
    return read_keyring(folder / "node.secret")


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


def _found_parent(folder: Path) -> str:
    parent = _open(folder)
    parent.found(PROVINCE, "province")
    code = parent.issue_join_code(COUNTY, "county")
    parent.engine.dispose()
    return code


def _join(child: sync.Replica, address: str, code: str) -> None:
    from sync.client import join  # noqa: PLC0415  # the parent's process needs no client

    join(child, address, code, region=COUNTY, confirm=lambda _fingerprint: True)


def _append(engine: Engine, records: Sequence[sync.Record], vault: Keyring) -> None:
    for start in range(0, len(records), PER_TRANSACTION):
        with writing(engine) as connection:
            sync.append(
                connection,
                origin=COUNTY,
                route=ROUTE,
                txn=f"txn-{start}",
                records=records[start : start + PER_TRANSACTION],
                vault=vault,
            )


def _send(child: sync.Replica, address: str) -> None:
    """Seal in one thread and send in this one, until nothing waits."""
    from sync.client import Link  # noqa: PLC0415

    link = Link(child, address, wait_seconds=0)
    sealer = threading.Thread(target=_seal_all, args=(child,))
    sealer.start()
    while sealer.is_alive():
        link.sync_once()
    sealer.join()
    link.sync_once()


def _seal_all(child: sync.Replica) -> None:
    while child.seal():
        pass


def _expect(folder: Path, count: int) -> None:
    engine = make_engine(f"sqlite:///{folder / 'node.sqlite'}", _vault(folder))
    with engine.connect() as connection:
        found = connection.scalar(select(func.count()).select_from(enrolments))
    engine.dispose()
    assert found == count, f"{found} of {count} records arrived"


def serve(folder: str, port: int) -> None:
    """Run the parent: the protocol's own router on a bare application."""
    from sync.server import router  # noqa: PLC0415  # the child's process needs no server

    app = FastAPI()
    app.include_router(router(_open(Path(folder))))

    @app.get("/ready")
    async def ready() -> bool:
        return True

    uvicorn.run(app, host=LOOPBACK, port=port, log_level="warning", access_log=False)


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
