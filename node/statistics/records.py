"""A county's figures climb to the province; each tier above keeps them beside its own."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Table

import sync
from node.core.clock import from_iso, iso
from node.core.db import insert_new
from node.core.work import UP_PROVINCE, RecordType, UnitOfWork
from node.statistics.models import StatisticsReport
from tiers import RegionCode

REPORTED = RecordType("statistics.reported", independent=True)

table: Table = StatisticsReport.__table__  # type: ignore[attr-defined]


def publish_report(
    uow: UnitOfWork, *, county: RegionCode, year: int, version: int, measures: Mapping[str, int]
) -> None:
    """Send a county's figures upwards.

    The report stands on everything before it in its own stream: the facts it counts went up on the
    same route, so its own position names them.
    """
    body = {
        "year": year,
        "version": version,
        "measures": dict(measures),
        "at": iso(uow.now),
    }
    key = f"{county}/{year}/{version}"
    uow.publish(REPORTED, key, body, region=county, routes=[UP_PROVINCE])


@REPORTED.applies
def apply_reports(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Keep a county's reports, with the place in its stream they stand on."""
    rows = [
        {
            "county_code": item.record.region,
            "year": item.record.body["year"],
            "version": item.record.body["version"],
            "measures": item.record.body["measures"],
            "heads": {"origin": item.origin, "epoch": item.epoch, "seq": item.seq - 1},
            "reported_at": from_iso(item.record.body["at"]),
        }
        for item in arrived
    ]
    insert_new(uow.connection, table, rows)
