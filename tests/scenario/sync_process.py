"""A node of `sync_tree` as a process of its own, to be killed: writes, serves and keeps its link.

`python -m tests.scenario.sync_process '{"region": …, "url": …, …}'`
"""

import json
import sys
import threading
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import uvicorn
from fastapi import FastAPI
from sqlalchemy import func, select

from sync import LIMITS, Replica
from sync.client import Link
from sync.server import router
from tests.fixtures.ports import LOOPBACK
from tests.scenario.sync_links import PROMPT, QUICK
from tests.scenario.sync_tree import HANDLERS, Place, fact, facts, make_engine, may_write

START = datetime(2026, 3, 12, 8, tzinfo=UTC)


@dataclass
class Orders:
    """What one process shall do. It writes until the file `enough` is there."""

    region: str
    database: str
    route: str
    enough: str
    began: float
    port: int = 0
    parent: str = ""

    def dump(self) -> str:
        return json.dumps(asdict(self))


def main(orders: Orders) -> None:
    place = open_place(orders)
    if orders.route:
        threading.Thread(target=write, args=(place, orders), daemon=True).start()
    if orders.parent:
        link = Link(place.replica, orders.parent, limits=QUICK)
        threading.Thread(target=link.run, args=(threading.Event(),), daemon=True).start()
    if orders.port:
        app = FastAPI()
        app.include_router(router(place.replica, limits=PROMPT))
        uvicorn.run(app, host=LOOPBACK, port=orders.port, log_level="error", access_log=False)
    threading.Event().wait()


def open_place(orders: Orders) -> Place:
    """The node over its database; its clock goes on from when the tree was planted."""

    def clock() -> datetime:
        return START + timedelta(seconds=time.time() - orders.began)

    engine = make_engine(orders.database)
    replica = Replica(engine, authority=may_write, handlers=HANDLERS, limits=LIMITS, clock=clock)
    return Place(orders.region, replica, engine, clock)  # type: ignore[arg-type]


def write(place: Place, orders: Orders) -> None:
    """The business: each transaction writes facts of its own and the records that tell of them."""
    with place.engine.connect() as connection:
        mine = select(func.count()).select_from(facts).where(facts.c.origin == place.region)
        number = connection.scalar(mine) or 0
    random = Random(number)  # noqa: S311  # bytes to send, not a secret
    while not Path(orders.enough).exists():
        records = [
            fact(f"{place.region}-{n}", n, region=place.region, text=random.randbytes(150).hex())
            for n in range(number, number + random.randint(1, 12))
        ]
        number += len(records)
        rows = [
            {"key": r.key, "region": r.region, "n": r.body["n"], "origin": place.region}
            for r in records
        ]
        with place.engine.begin() as connection:
            connection.execute(facts.insert(), rows)
            place.replica.append(
                connection,
                origin=place.region,
                route=orders.route,
                txn=records[0].key,
                records=records,
            )
        place.replica.seal()
        time.sleep(0.03)


if __name__ == "__main__":
    main(Orders(**json.loads(sys.argv[1])))
