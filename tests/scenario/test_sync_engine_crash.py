"""A process that dies between any two statements loses nothing and applies nothing twice."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, event

from sync import Limits
from sync.segment import read_header
from tests.scenario.sync_tree import (
    COUNTY,
    PROVINCE,
    Place,
    Tree,
    fact,
    give,
)

ROUTE = "up/province"


class PowerFailure(BaseException):
    """Not an Exception: nobody may answer it, as nobody answers a power cut."""


@contextmanager
def _dies_at(engine: Engine, statement: int) -> Iterator[None]:
    """Fail before the statement of this number, counting commits as statements."""
    left = statement

    def count(*_args: object) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise PowerFailure

    for moment in ("before_cursor_execute", "commit", "savepoint", "release_savepoint"):
        event.listen(engine, moment, count)
    try:
        yield
    finally:
        for moment in ("before_cursor_execute", "commit", "savepoint", "release_savepoint"):
            event.remove(engine, moment, count)


def _until_it_survives(engine: Engine, work: Callable[[], object]) -> int:
    """Run `work`, dying one statement later each time, until it comes through; returns deaths."""
    for statement in range(10_000):
        try:
            with _dies_at(engine, statement):
                work()
        except PowerFailure:
            continue
        return statement
    raise AssertionError("it never came through")


def _pair(tree: Tree) -> tuple[Place, Place]:
    tree.grow(PROVINCE)
    tree.grow(COUNTY, limits=Limits(seal_records=4))
    county = tree[COUNTY]
    for number in range(3):
        county.write(ROUTE, fact(f"f{number}", number, region=COUNTY))
    county.write(ROUTE, *(fact(f"long{number}", number, region=COUNTY) for number in range(9)))
    county.write(ROUTE, fact("bad", -1, region=COUNTY), fact("bad", 1, region=COUNTY))
    county.write(ROUTE, fact("early", 5, region=COUNTY, kind="x.step", of="cause"))
    county.write(ROUTE, fact("cause", 1, region=COUNTY))
    return county, tree[PROVINCE]


def test_the_sealer_may_die_at_any_statement(tree: Tree) -> None:
    county, _ = _pair(tree)

    deaths = _until_it_survives(county.engine, county.replica.seal)

    headers = [read_header(sealed.header) for sealed in county.segments()]
    assert deaths > 4
    assert [(header.first, header.last) for header in headers] == [
        (1, 3),
        (4, 7),
        (8, 11),
        (12, 12),
        (13, 16),
    ]
    assert county.replica.verify().holds


def test_the_taker_may_die_at_any_statement(tree: Tree) -> None:
    county, province = _pair(tree)
    county.replica.seal()
    segments = county.segments()

    deaths = _until_it_survives(province.engine, lambda: give(county, province, segments))

    assert deaths > 20
    applied = [key for key, _, _ in province.diary()]
    assert sorted(applied) == sorted(set(applied))
    assert applied[-2:] == ["cause", "early"]
    assert province.facts() == {
        **{f"f{number}": number for number in range(3)},
        **{f"long{number}": number for number in range(9)},
        "cause": 6,
    }
    assert province.held() == [("bad", "refused"), ("bad", "behind")]
    assert province.replica.verify().holds
    assert give(county, province, segments).segments == 0
