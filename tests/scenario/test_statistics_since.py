"""A report is contradicted only by figures that nothing behind it can explain."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from sqlalchemy import Connection

from node.core.db import make_engine
from node.core.personal import Keyring
from node.statistics.models import StatisticsReport
from node.statistics.rules import differences
from node.statistics.service import Check
from node.statistics.since import has_moved_on
from sync.store import segment
from tiers import RegionCode

COUNTY = "410122000000"
NOW = datetime(2026, 1, 12, 1, tzinfo=UTC)


@pytest.fixture
def store(migrated_url: str) -> Iterator[Connection]:
    engine = make_engine(migrated_url, Keyring.generate())
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def report(**heads: Any) -> StatisticsReport:
    """The county's report is record 6 of its stream."""
    given = {"origin": COUNTY, "epoch": "1", "seq": 5} | heads
    return StatisticsReport(
        county_code=COUNTY,
        year=2025,
        version=1,
        measures={"enrolled": 3},
        heads=given,
        reported_at=NOW,
    )


def lies_here(store: Connection, first: int, last: int, *types: str, **over: Any) -> None:
    row = {
        "origin": COUNTY,
        "epoch": "1",
        "route": "up/province",
        "first": first,
        "last": last,
        "header": orjson.dumps({"types": dict.fromkeys(types, 1)}),
        "signature": b"",
        "header_hash": bytes([first]) * 32,
        "body": b"",
        "bytes": 0,
        "received_from": COUNTY,
        "stored_at": "2026-01-12T01:00:00.000Z",
    }
    store.execute(segment.insert().values(row | over))


def test_facts_before_the_report_do_not_excuse_a_difference(store: Connection) -> None:
    lies_here(store, 1, 5, "enrolment.opened")
    lies_here(store, 6, 6, "statistics.reported")
    assert not has_moved_on(store, report())


def test_heartbeats_and_acknowledgements_change_no_figure(store: Connection) -> None:
    lies_here(store, 6, 8, "statistics.reported", "node.reported", "policy.acknowledged")
    assert not has_moved_on(store, report())


def test_a_fact_behind_the_report_does(store: Connection) -> None:
    lies_here(store, 6, 6, "statistics.reported")
    lies_here(store, 7, 9, "node.reported", "contribution.confirmed")
    assert has_moved_on(store, report())


def test_other_streams_are_no_excuse(store: Connection) -> None:
    lies_here(store, 7, 9, "contribution.confirmed", route="up/county")
    lies_here(store, 7, 9, "contribution.confirmed", epoch="2")
    lies_here(store, 7, 9, "contribution.confirmed", origin="410100000000")
    assert not has_moved_on(store, report())


def test_a_county_does_not_convict_itself(store: Connection) -> None:
    said = report()
    said.heads = {}
    assert has_moved_on(store, said)


@pytest.mark.parametrize(("moved", "contradicted"), [(True, False), (False, True)])
def test_only_an_unexplained_difference_is_a_contradiction(moved: bool, contradicted: bool) -> None:
    found = differences(COUNTY, reported={"enrolled": 3}, recomputed={"enrolled": 4})
    check = Check(RegionCode(COUNTY), report(), found, has_moved_on=moved)
    assert (check.ok, check.is_contradiction) == (False, contradicted)
