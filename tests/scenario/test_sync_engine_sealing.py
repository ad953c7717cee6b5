"""The sealer: no row lost, no transaction split, no effect before its cause.

The commit-order experiment: many writers on a real Postgres, each transaction slow to commit and
some building on what others have just committed, while the sealer takes small batches. Each trap
was built in by hand (select and delete apart, parts of transactions, smallest number first) and
failed this test.
"""

import random
import threading
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import Column, Connection, Engine, Integer, MetaData, String, Table, select

from sync import Limits, Record, canonical_line, parse_line, store
from sync.segment import Header, read_header, unpack_lines
from tests.scenario.sync_tree import (
    COUNTY,
    HOSTED,
    PROVINCE,
    TOWNSHIP,
    VILLAGE,
    Place,
    Tree,
    fact,
    give,
)

WRITERS, ROUNDS, ROWS = 8, 40, 6
ROUTE = "up/province"

_own = MetaData()
causes = Table("causes", _own, Column("name", String(40), primary_key=True), Column("n", Integer))


def _lines(place: Place) -> Iterator[tuple[Header, list[Record]]]:
    for sealed in place.segments():
        header = read_header(sealed.header)
        yield header, [parse_line(line) for line in unpack_lines(sealed, header)]


def _written(place: Place) -> list[Record]:
    return [record for _, records in _lines(place) for record in records]


class _Writers:
    """Threads of clerks: each transaction names one that had committed before it began to write."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.transactions: list[str] = []
        self._random = random.Random(3)  # noqa: S311  # pauses, not secrets

    def run(self) -> None:
        threads = [threading.Thread(target=self._work, args=(number,)) for number in range(WRITERS)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            self.place.replica.seal()
            time.sleep(0.1)  # causes and effects meet in the outbox only when the sealer is behind
        for thread in threads:
            thread.join()
        self.place.replica.seal()

    def _work(self, number: int) -> None:
        for turn in range(ROUNDS):
            name = f"w{number}-{turn}"
            with self.place.engine.begin() as connection:
                self._one(connection, name)
            self.transactions.append(name)

    def _one(self, connection: Connection, name: str) -> None:
        # The first row takes a low number before the cause of the last one is even committed.
        self._append(connection, name, fact(f"{name}/0", 0, cause=""))
        time.sleep(self._random.random() ** 4 / 10)  # most are short, some outlast many others
        cause = connection.scalar(select(causes.c.name).order_by(causes.c.n.desc()).limit(1)) or ""
        for row in range(1, ROWS):
            self._append(connection, name, fact(f"{name}/{row}", row, cause=cause))
        connection.execute(causes.insert().values(name=name, n=time.monotonic_ns() // 1000 % 2**31))

    def _append(self, connection: Connection, name: str, record: Record) -> None:
        self.place.replica.append(
            connection, origin=PROVINCE, route=ROUTE, txn=name, records=[record]
        )


@pytest.mark.postgres
def test_concurrent_writers_lose_nothing_and_keep_cause_before_effect(
    postgres_tree: Tree,
) -> None:
    tree = postgres_tree
    # Batches far smaller than the load, as in the experiment that showed the traps.
    tree.grow(PROVINCE, limits=Limits(seal_rows=15, seal_transactions=5))
    place = tree[PROVINCE]
    _own.create_all(place.engine)
    writers = _Writers(place)

    writers.run()

    written = [record.key for record in _written(place)]
    assert sorted(written) == sorted(f"{t}/{n}" for t in writers.transactions for n in range(ROWS))
    _assert_whole(written)
    _assert_causes_first(place)


def _assert_whole(keys: list[str]) -> None:
    """The rows of a transaction stand together, in their order."""
    groups = [keys[start : start + ROWS] for start in range(0, len(keys), ROWS)]
    for group in groups:
        name = group[0].split("/")[0]
        assert group == [f"{name}/{row}" for row in range(ROWS)]


def _assert_causes_first(place: Place) -> None:
    done: set[str] = set()
    for record in _written(place):
        cause = record.body["cause"]
        assert not cause or cause in done
        if record.key.endswith(f"/{ROWS - 1}"):
            done.add(record.key.split("/")[0])
    assert done


def test_numbers_have_no_gaps_and_each_header_names_the_one_before(tree: Tree) -> None:
    tree.grow(PROVINCE, COUNTY, limits=Limits(seal_records=10))
    county = tree[COUNTY]
    for n in range(33):
        county.write(ROUTE, fact(f"f{n}", n, region=COUNTY))
    sealing = county.replica.seal()

    headers = [header for header, _ in _lines(county)]
    assert sealing == (4, 33)
    assert [(h.first, h.last) for h in headers] == [(1, 10), (11, 20), (21, 30), (31, 33)]
    hashes = ["0" * 64, *(sealed.hash().hex() for sealed in county.segments())]
    assert [h.prev for h in headers] == hashes[:-1]


def test_a_transaction_rolled_back_leaves_no_gap(tree: Tree) -> None:
    tree.grow(PROVINCE, COUNTY)
    county = tree[COUNTY]
    county.write(ROUTE, fact("a", 1, region=COUNTY))
    with county.engine.connect() as connection:
        county.replica.append(
            connection,
            origin=COUNTY,
            route=ROUTE,
            txn="undone",
            records=[fact("undone", 1, region=COUNTY)],
        )
        connection.rollback()
    county.write(ROUTE, fact("b", 2, region=COUNTY))
    county.replica.seal()

    assert [record.key for record in _written(county)] == ["a", "b"]
    assert county.head(read_header(county.segments()[0].header).stream) == 2


def test_what_is_sealed_is_the_line_that_was_written(tree: Tree) -> None:
    tree.grow(PROVINCE, COUNTY)
    record = fact("汉字", 2**53 + 1, region=COUNTY, nested={"b": [1, None, True], "a": "é"})
    tree[COUNTY].write(ROUTE, record)
    tree[COUNTY].replica.seal()

    (sealed,) = tree[COUNTY].segments()
    assert unpack_lines(sealed, read_header(sealed.header)) == [canonical_line(record)]


def test_a_transaction_over_the_limit_is_applied_as_one_run(tree: Tree) -> None:
    tree.grow(PROVINCE)
    tree.grow(COUNTY, limits=Limits(seal_records=10))
    county, province = tree[COUNTY], tree[PROVINCE]
    county.write(ROUTE, fact("before", 0, region=COUNTY))
    county.write(ROUTE, *(fact(f"f{n}", n, region=COUNTY) for n in range(35)))
    county.write(ROUTE, fact("after", 0, region=COUNTY))
    county.replica.seal()
    segments = county.segments()
    assert [read_header(one.header).cont for one in segments] == [
        False,
        True,
        True,
        True,
        False,
        False,
    ]

    give(county, province, segments[:4])
    assert province.facts() == {"before": 0}
    name = read_header(segments[0].header).stream
    assert province.head(name) == 31

    give(county, province, segments[4:5])
    assert len(province.facts()) == 36
    give(county, province, segments[5:])
    assert len(province.facts()) == 37
    assert [key for key, _, _ in province.diary()] == [
        "before",
        *(f"f{n}" for n in range(35)),
        "after",
    ]


def test_a_bad_record_in_a_long_transaction_is_set_aside_and_the_run_goes_on(tree: Tree) -> None:
    tree.grow(PROVINCE)
    tree.grow(COUNTY, limits=Limits(seal_records=10))
    records = [fact(f"f{n % 20}", -1 if n == 5 else n, region=COUNTY) for n in range(40)]
    tree[COUNTY].write(ROUTE, *records)
    tree.sync()

    province = tree[PROVINCE]
    assert province.held() == [("f5", "refused"), ("f5", "behind")]
    assert province.facts() == {f"f{n}": n + 20 for n in range(20) if n != 5}


def test_a_transaction_larger_than_a_batch_of_the_sealer_is_taken_whole(tree: Tree) -> None:
    tree.grow(PROVINCE, COUNTY, limits=Limits(seal_rows=5, seal_records=100))
    tree[COUNTY].write(ROUTE, *(fact(f"f{n}", n, region=COUNTY) for n in range(60)))
    tree[COUNTY].write(ROUTE, fact("next", 1, region=COUNTY))

    assert tree[COUNTY].replica.seal().records == 61
    assert len(_written(tree[COUNTY])) == 61


def test_hosted_villages_and_their_township_keep_the_order_in_which_they_wrote(tree: Tree) -> None:
    tree.grow(PROVINCE, TOWNSHIP)
    township = tree[TOWNSHIP]
    township.replica.host(region=HOSTED, level="village")
    township.write(ROUTE, fact("case", 1, region=HOSTED), origin=HOSTED)
    township.write(ROUTE, fact("case", 10, region=HOSTED, kind="x.step"))
    township.write(ROUTE, fact("case", 5, region=HOSTED), origin=HOSTED)
    township.write(ROUTE, fact("case", 20, region=HOSTED, kind="x.step"))
    township.replica.seal()

    origins = [header.origin for header, _ in _lines(township)]
    assert origins == [HOSTED, TOWNSHIP, HOSTED, TOWNSHIP]
    tree.sync()
    assert tree[PROVINCE].facts() == {"case": 25}
    assert tree[PROVINCE].held() == []


def test_the_vault_holds_what_lies_on_the_disk(tree: Tree) -> None:
    tree.grow(PROVINCE, VILLAGE)
    village = tree.lock(VILLAGE, _Mirror())
    village.write(ROUTE, fact("秘密", 1))
    with village.engine.connect() as connection:
        (line,) = connection.scalars(select(store.outbox.c.line)).all()
    assert bytes(line)[::-1].startswith(b'{"actor"')

    tree.sync()

    with village.engine.connect() as connection:
        (body,) = connection.scalars(select(store.segment.c.body)).all()
    assert bytes(body)[::-1].startswith(b"\x28\xb5\x2f\xfd")
    assert tree[PROVINCE].facts() == {"秘密": 1}


class _Mirror:
    """A vault one can see through: it keeps bytes back to front."""

    def seal(self, data: bytes) -> bytes:
        return data[::-1]

    def open(self, data: bytes) -> bytes:
        return data[::-1]


def test_two_sealers_at_once_number_nothing_twice(tree: Tree) -> None:
    tree.grow(PROVINCE, COUNTY, limits=Limits(seal_records=3, seal_rows=6))
    county = tree[COUNTY]
    for n in range(60):
        county.write(ROUTE, fact(f"f{n}", n, region=COUNTY))

    sealers = [threading.Thread(target=county.replica.seal) for _ in range(4)]
    for sealer in sealers:
        sealer.start()
    for sealer in sealers:
        sealer.join()

    assert [record.key for record in _written(county)] == [f"f{n}" for n in range(60)]
    assert _engine_is_idle(county.engine)


def _engine_is_idle(engine: Engine) -> bool:
    with engine.connect() as connection:
        return connection.execute(select(store.outbox.c.id)).first() is None
