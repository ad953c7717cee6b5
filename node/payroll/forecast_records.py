"""How a county tells what it foresees: twelve months in one record, up to the province."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import sync
from node.core.clock import from_iso, iso
from node.core.db import upsert
from node.core.work import UP_PROVINCE, RecordType, UnitOfWork
from node.payroll.tables import forecasts
from tiers import RegionCode

FORECAST = RecordType("payroll.forecast", independent=True)

_DAYS = ("made_for", "month")


def publish_forecast(uow: UnitOfWork, rows: Sequence[dict[str, Any]]) -> None:
    """Tell a forecast; all rows were made for the same month."""
    told = [
        {name: value for name, value in row.items() if name != "county_code"}
        | {name: row[name].isoformat() for name in _DAYS}
        | {"made_at": iso(row["made_at"])}
        for row in rows
    ]
    key = f"{uow.node}-{rows[0]['made_for']:%Y-%m}-{uow.txn[-12:]}"
    uow.publish(FORECAST, key, {"months": told}, region=uow.node, routes=(UP_PROVINCE,))


@FORECAST.applies
def apply_forecasts(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Keep what counties foresee; the last word of each forecast."""
    rows: dict[tuple[str, str, str], dict[str, Any]] = {}
    for item in arrived:
        county = str(RegionCode(item.record.region).county)
        for month in item.record.body["months"]:
            rows[county, month["made_for"], month["month"]] = {
                **{name: value for name, value in month.items() if name in forecasts.columns},
                **{name: date.fromisoformat(month[name]) for name in _DAYS},
                "county_code": county,
                "made_at": from_iso(month["made_at"]),
            }
    upsert(uow.connection, forecasts, list(rows.values()))
