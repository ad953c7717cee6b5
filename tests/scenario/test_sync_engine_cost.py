"""What a step costs depends on what is new, never on how long the history is.

Measured in steps of SQLite's own machine, which no other process on this computer can slow down.
"""

from collections.abc import Callable

import pytest
from sqlalchemy import Engine, event, text

from sync import Limits
from tests.scenario.sync_tree import COUNTY, PROVINCE, Place, Tree, fact, fall, give, rise

ROUTE = "up/province"
SHORT, LONG = 20, 400


def _steps(engine: Engine, work: Callable[[], object]) -> int:
    """Virtual-machine steps of everything `work` asks of this database, in tens."""
    ticks = 0

    def tick() -> int:
        nonlocal ticks
        ticks += 1
        return 0

    def listen(connection: object, _entry: object) -> None:
        connection.set_progress_handler(tick, 10)  # type: ignore[attr-defined]

    engine.dispose()
    event.listen(engine, "connect", listen)
    try:
        work()
    finally:
        event.remove(engine, "connect", listen)
        engine.dispose()
    return ticks


def _history(tree: Tree, length: int) -> tuple[Place, Place]:
    """A county and a province that have exchanged `length` segments each way."""
    grown = tree.sapling()
    province, county = grown.grow(PROVINCE, COUNTY, limits=Limits(seal_records=1))
    for place, route in ((county, ROUTE), (province, "down/all")):
        for number in range(length):
            place.write(route, fact(f"{route}{number}", number, region=place.region))
        place.replica.seal()
    assert rise(county, province) == fall(province, county) == []
    return county, province


def _costs(county: Place, province: Place) -> dict[str, int]:
    heads = county.replica.accept_welcome(province.replica.welcome(county.replica.hello()))
    held = county.replica.heads_from_above()
    since = province.replica.newest()
    costs = {
        "nothing to push": _steps(
            county.engine, lambda: county.replica.outgoing(heads, budget=1 << 20)
        ),
        "nothing to pull": _steps(
            province.engine, lambda: province.replica.pull_for(COUNTY, held, budget=1 << 20)
        ),
        "no news": _steps(province.engine, lambda: province.replica.has_news(since)),
        "session": _steps(
            province.engine, lambda: province.replica.welcome(county.replica.hello())
        ),
    }
    county.write(ROUTE, fact("new", 1, region=COUNTY))
    costs["seal one"] = _steps(county.engine, county.replica.seal)
    (new,) = county.replica.outgoing(heads, budget=1 << 20)
    costs["push one"] = _steps(
        county.engine, lambda: county.replica.outgoing(heads, budget=1 << 20)
    )
    costs["take one"] = _steps(province.engine, lambda: give(county, province, [new]))
    costs["take one again"] = _steps(province.engine, lambda: give(county, province, [new]))
    return costs


def test_a_step_costs_the_same_after_a_long_history(sqlite_tree: Tree) -> None:
    short = _costs(*_history(sqlite_tree, SHORT))
    long = _costs(*_history(sqlite_tree, LONG))

    # A deeper index costs a few steps more; a scan would cost twenty times as much.
    assert {what: long[what] <= short[what] * 1.5 + 10 for what in short} == dict.fromkeys(
        short, True
    ), (short, long)


def test_sealing_a_backlog_costs_the_same_for_each_record(sqlite_tree: Tree) -> None:
    costs = []
    for length in (200, 2_000):
        (place,) = sqlite_tree.sapling().grow(
            PROVINCE, limits=Limits(seal_rows=50, seal_transactions=25)
        )
        for number in range(length // 10):
            place.write("down/all", *(fact(f"{number}-{n}", n, region=PROVINCE) for n in range(10)))
        costs.append(_steps(place.engine, place.replica.seal) / length)

    assert costs[1] <= costs[0] * 1.3


@pytest.mark.postgres
def test_postgres_finds_what_to_seal_by_its_number_however_long_the_backlog(
    postgres_tree: Tree,
) -> None:
    (place,) = postgres_tree.grow(PROVINCE, limits=Limits(seal_rows=100))
    length = 3_000
    for start in range(0, length, 100):
        facts = [fact(f"{start + n}", n, region=PROVINCE) for n in range(100)]
        place.write("down/all", *facts)
    place.engine.dispose()  # a connection that ends says what it has read
    before = _read_in_sequence(place.engine)
    place.replica.seal()
    place.engine.dispose()

    # Every step may read what it takes, and no step the rest: that was 15 times as much here.
    assert _read_in_sequence(place.engine) - before <= length


def _read_in_sequence(engine: Engine) -> int:
    """Rows of the outbox that were read by going through all of the table."""
    asked = text(
        "SELECT coalesce(sum(seq_tup_read), 0) FROM pg_stat_user_tables"
        " WHERE relname = 'sync_outbox' AND schemaname = current_schema()"
    )
    with engine.connect() as connection:
        return int(connection.execute(asked).scalar_one())
