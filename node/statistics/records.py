"""A county's figures climb to the province; each tier above keeps them beside its own."""

from collections.abc import Sequence

from sqlalchemy import Table

import sync
from node.core.clock import from_iso, iso
from node.core.db import insert_new
from node.core.work import UP_PROVINCE, RecordType, UnitOfWork
from node.statistics.models import StatisticsReport
from tiers import RegionCode

REPORTED = RecordType("statistics.reported", independent=True)

table: Table = StatisticsReport.__table__  # type: ignore[attr-defined]


def publish_report(uow: UnitOfWork, made: StatisticsReport) -> None:
    """Send a county's figures upwards.

    The report stands on everything before it in its own stream: the facts it counts went up on the
    same route, so its own position names them.
    """
    body = {
        "year": made.year,
        "month": made.month,
        "version": made.version,
        "measures": dict(made.measures),
        "at": iso(uow.now),
    }
    region = RegionCode(made.county_code)
    uow.publish(REPORTED, key_of(made), body, region=region, routes=[UP_PROVINCE])


def key_of(made: StatisticsReport) -> str:
    """The record's key: county, period, version."""
    return f"{made.county_code}/{made.year}-{made.month:02d}/{made.version}"


@REPORTED.applies
def apply_reports(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Keep a county's reports, with the place in its stream they stand on."""
    rows = [
        {
            "county_code": item.record.region,
            "year": item.record.body["year"],
            "month": item.record.body["month"],
            "version": item.record.body["version"],
            "measures": item.record.body["measures"],
            "heads": {"origin": item.origin, "epoch": item.epoch, "seq": item.seq - 1},
            "reported_at": from_iso(item.record.body["at"]),
        }
        for item in arrived
    ]
    insert_new(uow.connection, table, rows)
