"""A village of 3,000 people begins with its township's snapshot: two processes, HTTP on loopback.

What is timed: the township reads the village's rows in one transaction, packs, signs and gives
them; the village checks, encrypts under its own keys and sets all of it down in one transaction.
Ten years of contributions, subsidies, interest and closings; the township has two such villages.

The floor: the same rows as JSON lines in one answer of a bare endpoint, bulk inserts into the same
tables with the same indexes in one transaction; no keys, no hashes, no parts, nothing resumed.
`python -m benchmarks.snapshot DATABASE PORT` is its server.
"""

import secrets
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import orjson
import uvicorn
import zstandard
from fastapi import FastAPI, Response

from benchmarks.measure import Measure, timed
from benchmarks.processes import python
from benchmarks.village import WUJI
from node.core.db import insert_new, writing
from node.core.personal import keyring_of
from node.runtime import Node, open_node
from node.settings import load_settings
from node.setup import prepare
from node.snapshots import Snapshots
from tests.fixtures.ports import LOOPBACK, free_ports

TOWNSHIP = "410122101000"
VILLAGES = ("410122101205", "410122101206")
COUNTY = "410122000000"
PREFIX = "410199"  # never assigned to a county
YEARS = range(2016, 2026)
PEOPLE = 3_000
NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
SOURCES = ("individual", "subsidy_province", "subsidy_city", "subsidy_county")
Row = dict[str, Any]


def measure(runs: int, quick: bool) -> Iterator[Measure]:
    """Floor and snapshot in turn, so that a noisy minute hits both."""
    people = PEOPLE // 10 if quick else PEOPLE
    seconds, rates, floors = [], [], []
    with tempfile.TemporaryDirectory(prefix="wuji-bench-") as name:
        folder = Path(name)
        [port] = free_ports(1)
        config = _config(folder / "township", TOWNSHIP, port)
        _fill(config, people)
        for run in range(runs):
            floors.append(_floor(folder, run))
            took, rows = _one_run(folder / f"village-{run}", config, port)
            seconds.append(took)
            rates.append(rows / took)
    yield Measure(f"snapshot, a village of {people:,}", "s", seconds, (), "≤ 10 s")
    yield Measure("snapshot, rows set down", "rows/s", rates, floors)


def _one_run(folder: Path, parent: Path, port: int) -> tuple[float, int]:
    from sync.snapshot_client import take_snapshot  # noqa: PLC0415  # the server needs no client

    above, child = (
        open_node(load_settings(parent)),
        _prepared(_config(folder, VILLAGES[0], port + 1)),
    )
    code = above.replica.issue_join_code(region=VILLAGES[0], level="village")
    admission = above.replica.admit(code, child.replica.apply_to_join(region=VILLAGES[0]))
    above.engine.dispose()
    child.replica.adopt(
        admission.certificate, admission.chain, fingerprint=admission.root_fingerprint
    )
    url = f"http://{LOOPBACK}:{port}"
    with python(WUJI, "run", "--config", str(parent), ready=f"{url}/healthz"), timed() as watch:
        done = take_snapshot(child.replica, url, Snapshots(child))
    child.engine.dispose()
    assert done is not None
    return watch.seconds, done.rows


def _config(folder: Path, region: str, port: int) -> Path:
    folder.mkdir()
    config = folder / "node.toml"
    config.write_text(
        f'region = "{region}"\n'
        f'database_url = "sqlite:///{folder / "node.sqlite"}"\n'
        f'secret_file = "{folder / "node.secret"}"\n'
        f'host = "{LOOPBACK}"\nport = {port}\nlog_level = "warning"\njobs = false\n'
    )
    return config


def _prepared(config: Path) -> Node:
    prepare(load_settings(config))
    return open_node(load_settings(config))


def _fill(config: Path, people: int) -> None:
    """A township that holds two villages, each with ten years behind it."""
    node = _prepared(config)
    node.replica.found(node=TOWNSHIP, level="township")
    tables = {each.name: each.table for c in node.capabilities for each in c.replicas}
    with writing(node.engine) as connection:
        keyring = keyring_of(connection)
        for place, village in enumerate(VILLAGES):
            rows = _village(village, first=place * people + 1, people=people)
            for person in rows["person"]:
                person["citizen_index"] = keyring.index(person["citizen_number"])
            for name, written in rows.items():
                insert_new(connection, tables[name], written)
    node.engine.dispose()


def _village(village: str, *, first: int, people: int) -> dict[str, list[Row]]:
    rows: dict[str, list[Row]] = {
        name: []
        for name in (
            *("person", "enrolment", "account", "contribution", "subsidy"),
            *("posting", "account_closing", "journal_entry"),
        )
    }
    for number in range(first, first + people):
        _person(rows, village, number)
    for year in YEARS:
        for month in (3, 12):
            rows["journal_entry"].append(_entry(_entry_no(village, year, month), year, month))
    return rows


def _entry_no(village: str, year: int, month: int) -> int:
    return VILLAGES.index(village) * 1_000 + (year - YEARS[0]) * 20 + month


def _entry(number: int, year: int, month: int) -> Row:
    return {
        "county_code": COUNTY,
        "entry_no": number,
        "kind": "contribution" if month == 3 else "interest",
        "business_date": date(year, month, 5),
        "booked_at": NOW,
        "trace_kind": "batch",
        "trace": f"batch-{number}",
        "memo": "",
        "actor_id": "system",
    }


def _person(rows: dict[str, list[Row]], village: str, number: int) -> None:
    place = {"county_code": COUNTY, "village": village}
    person_id = f"018f0000-0000-7000-8000-{number:012d}"
    born = date(1950 + number % 50, 1 + number % 12, 1 + number % 28)
    rows["person"].append(
        {
            **place,
            "id": person_id,
            "name": "赵样本",
            "citizen_number": f"{PREFIX}{born:%Y%m%d}{number % 10_000:04d}",
            "sex": "male" if number % 2 else "female",
            "born_on": born,
            "ethnicity": "汉族",
            "phone": f"139{number:08d}",
            "address": f"荣庄村 {number} 号",
            "category": "ordinary",
            "died_on": None,
            "registered_at": NOW,
        }
    )
    rows["person"][-1]["citizen_index"] = b""  # made under the township's key before it is stored
    rows["enrolment"].append(
        {
            **place,
            "id": f"118f0000-0000-7000-8000-{number:012d}",
            "person_id": person_id,
            "state": "active",
            "grade_fen": 20_000,
            "bank_account": f"62170000{number:011d}",
            "opened_on": date(2016, 1, 4),
            "closed_on": None,
            "close_reason": None,
            "case_id": None,
        }
    )
    opened = {"account_no": number, "person_id": person_id, "opened_on": date(2016, 1, 4)}
    rows["account"].append({**place, **opened, "closed_on": None})
    for year in YEARS:
        _year(rows, {**place, "account_no": number}, person_id, year)


def _year(rows: dict[str, list[Row]], of: Row, person_id: str, year: int) -> None:
    village, number = of["village"], of["account_no"]
    paid, earned = (_entry_no(village, year, month) for month in (3, 12))
    rows["contribution"].append(
        {
            **of,
            "id": secrets.token_hex(18),
            "person_id": person_id,
            "for_year": year,
            "grade_fen": 20_000,
            "fen": 20_000,
            "method": "bank",
            "reference": f"{year}-{number}",
            "paid_on": date(year, 3, 5),
            "make_up": False,
            "entry_no": paid,
            "line_no": number * 4,
            "confirmed_at": NOW,
            "reversed_entry": None,
        }
    )
    shares = {"province_fen": 1_500, "city_fen": 0, "county_fen": 1_500}
    subsidy = {"for_year": year, "bulletin_id": "bulletin", "entry_no": paid}
    rows["subsidy"].append({**of, **shares, **subsidy})
    for place, source in enumerate(SOURCES):
        line = number * 4 + place
        rows["posting"] += [
            _posting(of, paid, line, source=source, kind="contribution", day=date(year, 3, 5)),
            _posting(of, earned, line, source=source, kind="interest", day=date(year, 12, 31)),
        ]
        sums = {"opening_fen": 0, "movement_fen": 20_000, "product": 180_000}
        closing = {"year": year, "source": source, "interest_fen": 310, "closing_fen": 20_310}
        rows["account_closing"].append({**of, **sums, **closing})


def _posting(of: Row, entry_no: int, line_no: int, *, source: str, kind: str, day: date) -> Row:
    return {
        **of,
        "entry_no": entry_no,
        "line_no": line_no,
        "source": source,
        "kind": kind,
        "fen": 20_000 if kind == "contribution" else 310,
        "year": day.year,
        "month": day.month,
        "for_year": day.year,
        "business_date": day,
        "reverses_entry": None,
        "reverses_line": None,
    }


TABLES = (
    *("person", "enrolment", "account", "contribution", "subsidy"),
    *("posting", "account_closing"),
)


def _floor(folder: Path, run: int) -> float:
    target = _config(folder / f"floor-{run}", VILLAGES[0], 1)
    _prepared(target).engine.dispose()
    [port] = free_ports(1)
    address = f"http://{LOOPBACK}:{port}"
    database = folder / "township" / "node.sqlite"
    server = ("-m", "benchmarks.snapshot", str(database), str(port))
    with (
        python(*server, ready=f"{address}/ready"),
        httpx.Client(base_url=address, trust_env=False, timeout=120) as client,
    ):
        client.get("/ready")
        with timed() as watch:
            count = _plain_copy(client, folder / f"floor-{run}" / "node.sqlite")
    return count / watch.seconds


def _plain_copy(client: httpx.Client, database: Path) -> int:
    count = 0
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("BEGIN IMMEDIATE")
    for table in TABLES:
        packed = client.get(f"/rows/{table}").raise_for_status().content
        names, *lines = zstandard.ZstdDecompressor().decompress(packed).split(b"\n")
        rows = [[_stored(value) for value in orjson.loads(line)] for line in lines]
        columns = orjson.loads(names)
        marks = ", ".join("?" * len(columns))
        connection.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows)
        count += len(rows)
    connection.execute("COMMIT")
    connection.close()
    return count


def _stored(value: Any) -> Any:
    is_blob = isinstance(value, str) and value.startswith("0x")
    return bytes.fromhex(value[2:]) if is_blob else value


def serve(database: str, port: int) -> None:
    """Run the bare endpoint."""
    app = FastAPI()

    @app.get("/ready")
    async def ready() -> bool:
        return True

    @app.get("/rows/{table}")
    def rows(table: str) -> Response:
        connection = sqlite3.connect(database)
        assert table in TABLES
        wanted = f"SELECT * FROM {table} WHERE village = ?"
        found = connection.execute(wanted, (VILLAGES[0],))
        lines = [orjson.dumps([each[0] for each in found.description])]
        for row in found:
            plain = [f"0x{each.hex()}" if isinstance(each, bytes) else each for each in row]
            lines.append(orjson.dumps(plain))
        connection.close()
        return Response(zstandard.ZstdCompressor(level=3).compress(b"\n".join(lines)))

    uvicorn.run(app, host=LOOPBACK, port=port, log_level="warning", access_log=False)


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
