"""What a county tells of contributions and subsidies, and how a replica takes it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Table

import sync
from node.accounts.bulk_facts import Row, bulk_rows, packed_rows, publish_bulk, publish_packed
from node.accounts.chart import Kind
from node.accounts.models import Posting
from node.accounts.sources import Source
from node.contributions.models import Contribution, Subsidy
from node.core.clock import from_iso, iso
from node.core.db import insert_new, upsert
from node.core.work import RecordType, UnitOfWork

CONFIRMED = RecordType("contribution.confirmed", independent=True)
SUBSIDY_PAID = RecordType("subsidy.paid", independent=True)

RECORD_TYPES = (CONFIRMED, SUBSIDY_PAID)

SHARES = (
    ("province_fen", Source.SUBSIDY_PROVINCE),
    ("city_fen", Source.SUBSIDY_CITY),
    ("county_fen", Source.SUBSIDY_COUNTY),
)
"""The tiers that pay a subsidy, in official order: share k of person n is line 3·(n − 1) + k."""

_contributions: Table = Contribution.__table__  # type: ignore[attr-defined]
_subsidies: Table = Subsidy.__table__  # type: ignore[attr-defined]
_postings: Table = Posting.__table__  # type: ignore[attr-defined]


def publish_contributions(uow: UnitOfWork, key: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Tell confirmed payments, or what has become of them (reversed)."""
    told = [
        {name: value for name, value in row.items() if name != "county_code"}
        | {"paid_on": row["paid_on"].isoformat(), "confirmed_at": iso(row["confirmed_at"])}
        for row in rows
    ]
    publish_bulk(uow, CONFIRMED, f"{uow.node}-{key}", told)


@CONFIRMED.applies
def apply_contributions(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Keep the payments as the county last told them."""
    rows = [
        {
            **row,
            "paid_on": date.fromisoformat(row["paid_on"]),
            "confirmed_at": from_iso(row["confirmed_at"]),
        }
        for row in bulk_rows(arrived)
    ]
    upsert(uow.connection, _contributions, rows)


SUBSIDY_COLUMNS = dict.fromkeys(
    ("account_no", "province_fen", "city_fen", "county_fen", "line_no"), int
)
"""`line_no` is n, the place of the person in the run."""


def publish_subsidies(
    uow: UnitOfWork,
    rows: Iterable[Sequence[Any]],
    *,
    for_year: int,
    entry_no: int,
    bulletin_id: str,
    arrived_on: date,
) -> list[str]:
    """Tell subsidies, packed by `SUBSIDY_COLUMNS`. Answers the villages."""
    head = {
        "for_year": for_year,
        "entry_no": entry_no,
        "bulletin_id": bulletin_id,
        "business_date": arrived_on.isoformat(),
    }
    key = f"{uow.node}-{entry_no}"
    return publish_packed(uow, SUBSIDY_PAID, key, rows, columns=SUBSIDY_COLUMNS, head=head)


@SUBSIDY_PAID.applies
def apply_subsidies(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Keep the subsidies, and the postings that follow from them."""
    paid: list[Row] = []
    posted: list[Row] = []
    for item in arrived:
        head = item.record.body
        shared = {name: head[name] for name in ("for_year", "bulletin_id", "entry_no")}
        day = date.fromisoformat(head["business_date"])
        for row in packed_rows(item, SUBSIDY_COLUMNS):
            place = row.pop("line_no")
            paid.append({**row, **shared})
            posted += _share_postings(row, place, head, day)
    insert_new(uow.connection, _subsidies, paid)
    insert_new(uow.connection, _postings, posted)


def _share_postings(row: Row, place: int, head: Mapping[str, Any], day: date) -> list[Row]:
    return [
        {
            "county_code": row["county_code"],
            "entry_no": head["entry_no"],
            "line_no": len(SHARES) * (place - 1) + k,
            "account_no": row["account_no"],
            "village": row["village"],
            "source": source.value,
            "kind": Kind.SUBSIDY.value,
            "fen": row[column],
            "year": day.year,
            "month": day.month,
            "for_year": head["for_year"],
            "business_date": day,
            "reverses_entry": None,
            "reverses_line": None,
        }
        for k, (column, source) in enumerate(SHARES, 1)
        if row[column]
    ]
