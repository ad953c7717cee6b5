"""What villages tell of receipts, what the county tells back, and how each takes it."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Table
from sqlmodel import SQLModel

import sync
from node.contributions.models import Receipt, ReceiptHandover, ReceiptSeries
from node.core.clock import from_iso, iso
from node.core.db import upsert
from node.core.work import UP_COUNTY, RecordType, UnitOfWork, down
from tiers import RegionCode

ALLOCATED = RecordType("receipt.allocated", independent=True)
ISSUED = RecordType("receipt.issued", independent=True)
HANDED = RecordType("receipt.handed_over", independent=True)
CONFIRMED = RecordType("receipt.confirmed", independent=True)

RECEIPT_TYPES = (ALLOCATED, ISSUED, HANDED, CONFIRMED)

_series: Table = ReceiptSeries.__table__  # type: ignore[attr-defined]
_receipts: Table = Receipt.__table__  # type: ignore[attr-defined]
_handovers: Table = ReceiptHandover.__table__  # type: ignore[attr-defined]

CONFIRMATION = ("reference", "confirmed_on", "confirmed_by_name")


def _body(row: SQLModel, *without: str) -> dict[str, Any]:
    plain = row.model_dump(exclude={"county_code", "village", *without})
    return {name: _told(value) for name, value in plain.items()}


def _told(value: object) -> object:
    if hasattr(value, "tzinfo"):
        return iso(value)  # type: ignore[arg-type]
    return value.isoformat() if isinstance(value, date) else value


def publish_series(uow: UnitOfWork, row: ReceiptSeries) -> None:
    """Tell a village which receipt numbers it may use."""
    key = f"{row.county_code}-{row.first_no}"
    village = RegionCode(row.village)
    uow.publish(ALLOCATED, key, _body(row), region=village, routes=(down(village),))


def publish_receipt(uow: UnitOfWork, row: Receipt) -> None:
    """Tell the county of a receipt, or that it is void."""
    village = RegionCode(row.village)
    key = f"{row.county_code}-{row.receipt_no}"
    origin = None if village == uow.node else village
    uow.publish(ISSUED, key, _body(row), region=village, routes=(UP_COUNTY,), origin=origin)


def publish_handover(uow: UnitOfWork, row: ReceiptHandover) -> None:
    """Tell the county what is handed over."""
    village = RegionCode(row.village)
    key = f"{row.village}-{row.first_no}"
    origin = None if village == uow.node else village
    body = _body(row, *CONFIRMATION)
    uow.publish(HANDED, key, body, region=village, routes=(UP_COUNTY,), origin=origin)


def publish_confirmation(uow: UnitOfWork, row: ReceiptHandover) -> None:
    """Tell the village that its money is booked."""
    village = RegionCode(row.village)
    key = f"{row.village}-{row.first_no}"
    uow.publish(CONFIRMED, key, _body(row), region=village, routes=(down(village),))


def _row(item: "sync.Arrived") -> dict[str, Any]:
    village = RegionCode(item.record.region)
    return {**item.record.body, "county_code": str(village.county), "village": str(village)}


def _days(row: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: date.fromisoformat(row[name]) if row[name] else None for name in names}


@ALLOCATED.applies
def apply_series(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Keep the numbers."""
    rows = [_row(item) for item in arrived]
    upsert(uow.connection, _series, [{**row, **_days(row, "allocated_on")} for row in rows])


@ISSUED.applies
def apply_receipts(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Keep receipts as their village last told them."""
    rows = {item.record.key: _row(item) for item in arrived}
    kept = [
        {**row, **_days(row, "taken_on"), "taken_at": from_iso(row["taken_at"])}
        for row in rows.values()
    ]
    upsert(uow.connection, _receipts, kept)


@HANDED.applies
def apply_handovers(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Keep what was handed over; what the county has said of it stays."""
    rows = [
        {
            **row,
            **_days(row, "day"),
            "handed_at": from_iso(row["handed_at"]),
            "reference": "",
            "confirmed_on": None,
            "confirmed_by_name": "",
        }
        for row in map(_row, arrived)
    ]
    upsert(uow.connection, _handovers, rows, keep=CONFIRMATION)


@CONFIRMED.applies
def apply_confirmations(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Keep that the county has booked it."""
    rows = [
        {**row, **_days(row, "day", "confirmed_on"), "handed_at": from_iso(row["handed_at"])}
        for row in map(_row, arrived)
    ]
    upsert(uow.connection, _handovers, rows)
