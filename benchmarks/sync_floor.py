"""The floor of sync: the same rows with no promise kept but durability.

Each 1,000 rows: orjson, zstd, one httpx POST into a bare FastAPI endpoint, one bulk insert in one
transaction, answer. SQLite (WAL, synchronous=FULL): `executemany`. Postgres: `COPY` of text by
psycopg, the fastest it has. No signature, no order, no second delivery.
`python -m benchmarks.sync_floor DATABASE PORT` is its server.
"""

import sqlite3
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import orjson
import uvicorn
import zstandard
from fastapi import FastAPI, Request

from benchmarks.enrolments import COLUMNS, CREATE
from benchmarks.measure import timed
from benchmarks.processes import python
from tests.fixtures.ports import LOOPBACK, free_ports

ROWS_PER_CALL = 1_000
NAMES = ("key", "region", "at", "actor", *COLUMNS)
INSERT = f"INSERT INTO enrolment ({', '.join(NAMES)}) VALUES ({', '.join('?' * len(NAMES))})"
COPY = f"COPY enrolment ({', '.join(NAMES)}) FROM STDIN"

Insert = Callable[[Sequence[tuple[Any, ...]]], None]


def rate(records: Sequence[Mapping[str, Any]], url: str = "") -> float:
    """Rows per second, from the first row encoded to the last answer received."""
    with tempfile.TemporaryDirectory(prefix="wuji-bench-") as folder:
        database = url or str(Path(folder) / "floor.sqlite")
        [port] = free_ports(1)
        address = f"http://{LOOPBACK}:{port}"
        server = ("-m", "benchmarks.sync_floor", database, str(port))
        with (
            python(*server, ready=f"{address}/ready"),
            httpx.Client(base_url=address, trust_env=False) as client,
        ):
            client.get("/ready")  # the connection is open before the clock starts
            with timed() as watch:
                _send(client, records)
            found = client.get("/count").json()
    assert found == len(records), f"{found} of {len(records)} rows arrived"
    return len(records) / watch.seconds


def _send(client: httpx.Client, records: Sequence[Mapping[str, Any]]) -> None:
    compressor = zstandard.ZstdCompressor(level=3)
    for start in range(0, len(records), ROWS_PER_CALL):
        body = compressor.compress(orjson.dumps(records[start : start + ROWS_PER_CALL]))
        client.post("/rows", content=body).raise_for_status()


def _sqlite(database: str) -> tuple[Insert, Callable[[], int]]:
    connection = sqlite3.connect(database, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(CREATE)

    def insert(rows: Sequence[tuple[Any, ...]]) -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(INSERT, rows)
        connection.execute("COMMIT")

    def count() -> int:
        return int(connection.execute("SELECT count(*) FROM enrolment").fetchone()[0])

    return insert, count


def _postgres(database: str) -> tuple[Insert, Callable[[], int]]:
    import psycopg  # noqa: PLC0415  # only here

    connection = psycopg.connect(database.replace("+psycopg", ""), autocommit=True)
    connection.execute(CREATE.replace("INTEGER", "BIGINT"))

    def insert(rows: Sequence[tuple[Any, ...]]) -> None:
        with connection.transaction(), connection.cursor().copy(COPY) as copy:
            for row in rows:
                copy.write_row(row)

    def count() -> int:
        found = connection.execute("SELECT count(*) FROM enrolment").fetchone()
        return int(found[0]) if found else 0

    return insert, count


def serve(database: str, port: int) -> None:
    """Run the bare endpoint."""
    is_postgres = database.startswith("postgresql")
    insert, counted = (_postgres if is_postgres else _sqlite)(database)
    app = FastAPI()
    decompressor = zstandard.ZstdDecompressor()

    @app.get("/ready")
    async def ready() -> bool:
        return True

    @app.get("/count")
    async def count() -> int:
        return counted()

    @app.post("/rows")
    async def rows(request: Request) -> int:
        records = orjson.loads(decompressor.decompress(await request.body()))
        insert([_values(record) for record in records])
        return len(records)

    uvicorn.run(app, host=LOOPBACK, port=port, log_level="warning", access_log=False)


def _values(record: Mapping[str, Any]) -> tuple[Any, ...]:
    body = record["body"]
    return (
        *(record["key"], record["region"], record["at"], record["actor"]),
        *[body[name] for name in COLUMNS],
    )


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
