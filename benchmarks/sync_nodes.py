"""Nodes of the protocol for benchmarks: the program's engine, vault and router, a bare business.

Each lives in a folder: its key file, and the URL of its database. `python -m benchmarks.sync_nodes
FOLDER PORT [PARENT_URL]` serves one; with a parent it also keeps its link, as `wuji run` does.
"""

import os
import re
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import uvicorn
from fastapi import FastAPI
from sqlalchemy import Column, Connection, Engine, MetaData, Table, Text, func, inspect, select

import sync
import sync.store
from benchmarks import postings as bulk
from benchmarks.enrolments import COLUMNS, TYPE
from benchmarks.measure import SkippedError
from benchmarks.postings import postings
from benchmarks.processes import python
from node.core.db import make_engine, upsert_values, writing
from node.core.personal import Keyring, read_keyring, write_keyring
from node.runtime import authority
from node.settling import settle
from tests.fixtures.ports import LOOPBACK

if TYPE_CHECKING:
    from sync.client import Link

REPORT = "node.reported"
"""What a village may tell the province."""
ROUTE = "up/province"
PER_TRANSACTION = 1_000
NAMES = ("key", "region", "at", "actor", *COLUMNS)
_of_body = itemgetter(*COLUMNS)

enrolments = Table(
    "enrolment",
    MetaData(),
    Column("key", Text, primary_key=True),
    *(Column(name, Text) for name in ("region", "at", "actor", *COLUMNS)),
)


class Node(NamedTuple):
    """One end: its engine and its replica."""

    engine: Engine
    replica: sync.Replica


class Served(NamedTuple):
    """A node that runs in a process of its own."""

    address: str
    pid: int


def opened(folder: Path, url: str = "", *, limits: sync.Limits = sync.LIMITS) -> Node:
    """A node's end of the protocol, with the node's engine and vault; SQLite unless told."""
    folder.mkdir(exist_ok=True)
    secret, database = folder / "node.secret", folder / "database"
    if not secret.exists():
        write_keyring(secret, Keyring.generate())
        database.write_text(url or f"sqlite:///{folder / 'node.sqlite'}")
    keyring = read_keyring(secret)
    engine = make_engine(database.read_text(), keyring)
    with writing(engine) as connection:
        if not inspect(connection).has_table("sync_identity"):
            sync.store.metadata.create_all(connection)
            enrolments.metadata.create_all(connection)
            postings.metadata.create_all(connection)
    replica = sync.Replica(
        engine,
        authority=authority,
        handlers={
            TYPE: sync.Handler(version=1, apply=apply_enrolments, independent=True),
            REPORT: sync.Handler(version=1, apply=apply_enrolments, independent=True),
            bulk.TYPE: sync.Handler(version=1, apply=bulk.apply_postings, independent=True),
        },
        vault=keyring,
        limits=limits,
    )
    return Node(engine, replica)


def join(parent: Node, child: Node, *, region: str, level: str) -> None:
    """Let a node become a member below another."""
    code = parent.replica.issue_join_code(region=region, level=level)
    admission = parent.replica.admit(code, child.replica.apply_to_join(region=region))
    child.replica.adopt(
        admission.certificate, admission.chain, fingerprint=admission.root_fingerprint
    )


def apply_enrolments(connection: Connection, arrived: Sequence[sync.Arrived]) -> None:
    """The business of these nodes: one table."""
    rows = [_row(item.record) for item in arrived]
    upsert_values(connection, enrolments, NAMES, rows)


def _row(record: sync.Record) -> tuple[Any, ...]:
    return (record.key, record.region, record.at, record.actor, *_of_body(record.body))


def append(
    child: Node,
    origin: str,
    records: Sequence[sync.Record],
    *,
    at_once: int = PER_TRANSACTION,
    txn: str = "txn",
) -> None:
    """Write records as business transactions do."""
    for start in range(0, len(records), at_once):
        with writing(child.engine) as connection:
            child.replica.append(
                connection,
                origin=origin,
                route=ROUTE,
                txn=f"{txn}-{start}",
                records=records[start : start + at_once],
            )


def send(child: sync.Replica, link: "Link") -> None:
    """Seal in one thread and send in this one, until nothing waits."""
    sealer = threading.Thread(target=child.seal)
    sealer.start()
    while sealer.is_alive():
        link.sync_once()
    sealer.join()
    link.sync_once()


def count_rows(node: Node, table: Table = enrolments) -> int:
    """How many rows arrived."""
    with node.engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0


def peak_memory() -> int:
    """The largest resident set of this process so far, in bytes (`ru_maxrss` counts its starter).

    Raises:
        SkippedError: this system does not tell.
    """
    status = Path("/proc/self/status")
    found = re.search(r"^VmHWM:\s+(\d+) kB", status.read_text(), re.MULTILINE)
    if not found:
        raise SkippedError("peak memory is read from /proc/self/status, which only Linux has")
    return int(found[1]) * 1024


@contextmanager
def served(folder: Path, port: int, *, parent: str = "") -> Iterator[Served]:
    """The node of a folder, in a process, until the block ends."""
    address = f"http://{LOOPBACK}:{port}"
    command = ("-m", "benchmarks.sync_nodes", str(folder), str(port), parent)
    with python(*command, ready=f"{address}/ready") as process:
        yield Served(address, process.pid)


def serve(folder: str, port: int, parent: str = "") -> None:
    """Run a node: the protocol's own router on a bare application, and its link upwards."""
    from sync.server import router  # noqa: PLC0415  # a child alone needs no server

    node = opened(Path(folder))
    app = FastAPI()
    app.include_router(router(node.replica))

    @app.get("/ready")
    async def ready() -> bool:
        return True

    @app.get("/rows")
    def rows() -> int:
        return count_rows(node)

    @app.get("/memory")
    def memory() -> int:
        return peak_memory()

    stopping = threading.Event()
    if parent:
        from sync.client import Link  # noqa: PLC0415  # only a node with a parent

        threading.Thread(target=Link(node.replica, parent).run, args=(stopping,)).start()
    settle()
    uvicorn.run(app, host=LOOPBACK, port=port, log_level="warning", access_log=False)
    stopping.set()
    os._exit(0)  # what the link is at is safe to interrupt


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]), *sys.argv[3:4])
