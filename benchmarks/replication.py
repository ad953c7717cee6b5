"""The floor of bulk sync: Postgres' own logical replication of the same rows between two clusters.

Both clusters are private, run by a non-root account, `fsync` on. The rows wait at the publisher, in
transactions of 10,000, before the subscription is enabled, as ours wait in the outbox. Timed is
from the first transaction seen at the subscriber to the last, so that starting workers costs it
nothing. It signs nothing, asks nobody's authority and keeps no log that a third party could check.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import psycopg
from psycopg import sql
from sqlalchemy import make_url
from sqlalchemy.schema import CreateTable

from benchmarks.measure import timed
from benchmarks.postings import NAMES, RECORDS, ROWS, postings
from tests.fixtures.postgres import PostgresServer, private_server

SETTINGS = {
    "wal_level": "logical",
    "wal_retrieve_retry_interval": "100ms",
    "max_wal_size": "4GB",
}
PER_TRANSACTION = ROWS * RECORDS
LONGEST = 300.0
COPY = f"COPY bench_posting ({', '.join(NAMES)}) FROM STDIN"
Row = tuple[Any, ...]


class Clusters(NamedTuple):
    """Two servers: rows go from the first to the second."""

    lower: PostgresServer
    upper: PostgresServer


@contextmanager
def clusters() -> Iterator[Clusters]:
    """Both, for the length of the block.

    Raises:
        PostgresMissingError: Postgres is not installed.
    """
    with (
        private_server(fsync=True, **SETTINGS) as lower,
        private_server(fsync=True, **SETTINGS) as upper,
    ):
        yield Clusters(lower, upper)


def replicated(servers: Clusters, rows: Sequence[Row]) -> float:
    """Rows per second by logical replication."""
    with (
        servers.lower.database() as source,
        servers.upper.database() as target,
        _connect(source) as publisher,
        _connect(target) as subscriber,
    ):
        for connection in (publisher, subscriber):
            connection.execute(str(CreateTable(postings)))
        publisher.execute("CREATE PUBLICATION bench FOR TABLE bench_posting")
        _subscribe(subscriber, source)
        try:
            copy_in(publisher, rows)
            subscriber.execute("ALTER SUBSCRIPTION bench ENABLE")
            first = _wait_for(subscriber, 1)
            with timed() as watch:
                _wait_for(subscriber, len(rows))
        finally:
            subscriber.execute("ALTER SUBSCRIPTION bench DISABLE")
            subscriber.execute("DROP SUBSCRIPTION bench")
    return (len(rows) - first) / watch.seconds


def copied(servers: Clusters, rows: Sequence[Row]) -> float:
    """Rows per second by bare `COPY` into the same table, nothing sent anywhere."""
    with servers.upper.database() as target, _connect(target) as connection:
        connection.execute(str(CreateTable(postings)))
        with timed() as watch:
            copy_in(connection, rows)
    return len(rows) / watch.seconds


def copy_in(connection: psycopg.Connection[Any], rows: Sequence[Row]) -> None:
    """Write rows in transactions of their usual size."""
    for start in range(0, len(rows), PER_TRANSACTION):
        with connection.transaction(), connection.cursor().copy(COPY) as copy:
            text = "\n".join("\t".join(map(str, row)) for row in rows[start:][:PER_TRANSACTION])
            copy.write(text + "\n")


def _connect(url: str) -> psycopg.Connection[Any]:
    return psycopg.connect(url.replace("+psycopg", ""), autocommit=True)


def _subscribe(subscriber: psycopg.Connection[Any], source: str) -> None:
    found = make_url(source)
    conninfo = f"host={found.query['host']} port={found.query['port']} "
    conninfo += f"user={found.username} dbname={found.database}"
    subscriber.execute(
        sql.SQL(
            "CREATE SUBSCRIPTION bench CONNECTION {} PUBLICATION bench"
            " WITH (copy_data = false, enabled = false, create_slot = true, binary = true)"
        ).format(sql.Literal(conninfo))
    )


def _wait_for(connection: psycopg.Connection[Any], count: int) -> int:
    """How many rows there are, once there are as many."""
    give_up = time.monotonic() + LONGEST
    while time.monotonic() < give_up:
        found = connection.execute("SELECT count(*) FROM bench_posting").fetchone()
        if found and found[0] >= count:
            return int(found[0])
        time.sleep(0.01 if count == 1 else 0.2)
    raise RuntimeError(f"not replicated within {LONGEST:.0f} s")
