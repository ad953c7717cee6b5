"""What a county tells of contributions and subsidies, and how a replica takes it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Table

import sync
from node.accounts.bulk_facts import Row, bulk_rows, packed_rows, publish_bulk, publish_packed
from node.accounts.carried import carries, postings_of
from node.accounts.chart import Kind
from node.accounts.models import Posting
from node.accounts.sources import Source
from node.contributions.models import Contribution, ContributionOrder, OnBehalf, Subsidy
from node.contributions.receipt_records import RECEIPT_TYPES
from node.core.clock import from_iso, iso
from node.core.db import insert_new, upsert
from node.core.work import RecordType, UnitOfWork

CONFIRMED = RecordType("contribution.confirmed", independent=True)
SUBSIDY_PAID = RecordType("subsidy.paid", independent=True)

ORDERED = RecordType("contribution.ordered", independent=True)
WITHHELD = RecordType("contribution.withheld", independent=True)
ON_BEHALF = RecordType("contribution.on_behalf", independent=True)

RECORD_TYPES = (CONFIRMED, SUBSIDY_PAID, ORDERED, WITHHELD, ON_BEHALF, *RECEIPT_TYPES)

SHARES = (
    ("province_fen", Source.SUBSIDY_PROVINCE),
    ("city_fen", Source.SUBSIDY_CITY),
    ("county_fen", Source.SUBSIDY_COUNTY),
)
"""The tiers that pay a subsidy, in official order: share k of person n is line 3·(n − 1) + k."""

_contributions: Table = Contribution.__table__  # type: ignore[attr-defined]
_subsidies: Table = Subsidy.__table__  # type: ignore[attr-defined]
_orders: Table = ContributionOrder.__table__  # type: ignore[attr-defined]
_on_behalf: Table = OnBehalf.__table__  # type: ignore[attr-defined]
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
            "subsidy_fen": None,
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
    for item in arrived:
        head = item.record.body
        shared = {name: head[name] for name in ("for_year", "bulletin_id", "entry_no")}
        for row in packed_rows(item, SUBSIDY_COLUMNS):
            del row["line_no"]
            paid.append({**row, **shared})
    insert_new(uow.connection, _subsidies, paid)
    insert_new(uow.connection, _postings, postings_of(arrived))


@carries(SUBSIDY_PAID)
def _subsidised(item: "sync.Arrived") -> list[Row]:
    head = item.record.body
    day = date.fromisoformat(head["business_date"])
    return [
        posting
        for row in packed_rows(item, SUBSIDY_COLUMNS)
        for posting in _share_postings(row, row["line_no"], head, day)
    ]


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


ORDER_COLUMNS: Mapping[str, Callable[[str], Any]] = {
    "account_no": int,
    "for_year": int,
    "grade_fen": int,
    "province_fen": int,
    "city_fen": int,
    "county_fen": int,
    "category": str,
    "make_up": int,
    "turn": int,
}


def publish_orders(
    uow: UnitOfWork, rows: Iterable[Sequence[Any]], *, run: int, ordered_on: date
) -> None:
    """Tell what is due, packed by `ORDER_COLUMNS`."""
    head = {"run_no": run, "ordered_on": ordered_on.isoformat()}
    publish_packed(uow, ORDERED, f"{uow.node}-{run}", rows, columns=ORDER_COLUMNS, head=head)


@ORDERED.applies
def apply_orders(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Keep the orders as the county last told them."""
    found: dict[tuple[str, int, int], Row] = {}
    for item in arrived:
        head = item.record.body
        shared = {
            "run_no": head["run_no"],
            "ordered_on": date.fromisoformat(head["ordered_on"]),
        }
        for row in packed_rows(item, ORDER_COLUMNS):
            shares = row["province_fen"] + row["city_fen"] + row["county_fen"]
            whole = {
                **row,
                **shared,
                "make_up": bool(row["make_up"]),
                "own_fen": row["grade_fen"] - shares,
            }
            found[row["county_code"], row["account_no"], row["for_year"]] = whole
    upsert(uow.connection, _orders, list(found.values()))


WITHHELD_COLUMNS: Mapping[str, Callable[[str], Any]] = {
    "account_no": int,
    "person_id": str,
    "for_year": int,
    "grade_fen": int,
    "fen": int,
    "make_up": int,
    "reference": str,
    "line_no": int,
}


def publish_withheld(
    uow: UnitOfWork,
    rows: Iterable[Sequence[Any]],
    *,
    entry_no: int,
    paid_on: date,
    booked_on: date,
) -> list[str]:
    """Tell payments a bank confirmed, packed by `WITHHELD_COLUMNS`. Answers the villages."""
    head = {
        "entry_no": entry_no,
        "paid_on": paid_on.isoformat(),
        "booked_on": booked_on.isoformat(),
        "confirmed_at": iso(uow.now),
    }
    key = f"{uow.node}-{entry_no}"
    return publish_packed(uow, WITHHELD, key, rows, columns=WITHHELD_COLUMNS, head=head)


@WITHHELD.applies
def apply_withheld(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Keep the payments, and the postings that follow from them."""
    paid: list[Row] = []
    for item in arrived:
        head = item.record.body
        day = date.fromisoformat(head["paid_on"])
        shared = {
            "method": "bank",
            "entry_no": head["entry_no"],
            "paid_on": day,
            "confirmed_at": from_iso(head["confirmed_at"]),
            "reversed_entry": None,
        }
        for row in packed_rows(item, WITHHELD_COLUMNS):
            make_up = bool(row["make_up"])
            paid.append({**row, **shared, "make_up": make_up, "id": bank_id(row["reference"])})
    insert_new(uow.connection, _contributions, paid)
    insert_new(uow.connection, _postings, postings_of(arrived))


@carries(WITHHELD)
def _withheld(item: "sync.Arrived") -> list[Row]:
    head = item.record.body
    booked_on = date.fromisoformat(head["booked_on"])
    return [
        _posting_row(
            row,
            head["entry_no"],
            row["line_no"],
            booked_on,
            Kind.MAKE_UP if row["make_up"] else Kind.CONTRIBUTION,
        )
        for row in packed_rows(item, WITHHELD_COLUMNS)
    ]


def bank_id(order_number: str) -> str:
    """The id of a contribution a bank has collected: its order number there."""
    return f"bank-{order_number}"


def _posting_row(row: Row, entry_no: int, line_no: int, day: date, kind: Kind) -> Row:
    source = Source.PAID_ON_BEHALF if kind is Kind.PAID_ON_BEHALF else Source.INDIVIDUAL
    return {
        "county_code": row["county_code"],
        "entry_no": entry_no,
        "line_no": line_no,
        "account_no": row["account_no"],
        "village": row["village"],
        "source": source.value,
        "kind": kind.value,
        "fen": row["fen"],
        "year": day.year,
        "month": day.month,
        "for_year": row["for_year"],
        "business_date": day,
        "reverses_entry": None,
        "reverses_line": None,
    }


ON_BEHALF_COLUMNS: Mapping[str, Callable[[str], Any]] = {
    "account_no": int,
    "person_id": str,
    "grade_fen": int,
    "province_fen": int,
    "city_fen": int,
    "county_fen": int,
    "whole": int,
    "line_no": int,
}
"""`whole` is 1 where the government pays all of the year: then it is the contribution itself."""


def publish_on_behalf(
    uow: UnitOfWork,
    rows: Iterable[Sequence[Any]],
    *,
    for_year: int,
    entry_no: int,
    arrived_on: date,
) -> list[str]:
    """Tell what was paid on behalf, packed by `ON_BEHALF_COLUMNS`. Answers the villages."""
    head = {
        "for_year": for_year,
        "entry_no": entry_no,
        "paid_on": arrived_on.isoformat(),
        "confirmed_at": iso(uow.now),
    }
    key = f"{uow.node}-{entry_no}"
    return publish_packed(uow, ON_BEHALF, key, rows, columns=ON_BEHALF_COLUMNS, head=head)


def on_behalf_id(account_no: int, for_year: int) -> str:
    """The id of a contribution that the government has paid whole."""
    return f"behalf-{for_year}-{account_no}"


@ON_BEHALF.applies
def apply_on_behalf(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Keep what was paid on behalf, the postings, and the contributions that it makes up whole."""
    kept: list[Row] = []
    paid: list[Row] = []
    for item in arrived:
        head = item.record.body
        year, entry_no = head["for_year"], head["entry_no"]
        day = date.fromisoformat(head["paid_on"])
        for told in packed_rows(item, ON_BEHALF_COLUMNS):
            row = _whole_year(told, year)
            names = ("county_code", "account_no", "for_year", "village")
            shares = ("province_fen", "city_fen", "county_fen")
            kept.append({name: row[name] for name in (*names, *shares)} | {"entry_no": entry_no})
            if row["whole"]:
                paid.append(_paid_whole(row, head, day))
    insert_new(uow.connection, _on_behalf, kept)
    insert_new(uow.connection, _contributions, paid)
    insert_new(uow.connection, _postings, postings_of(arrived))


@carries(ON_BEHALF)
def _paid_for(item: "sync.Arrived") -> list[Row]:
    head = item.record.body
    day = date.fromisoformat(head["paid_on"])
    return [
        _posting_row(
            _whole_year(told, head["for_year"]),
            head["entry_no"],
            told["line_no"],
            day,
            Kind.PAID_ON_BEHALF,
        )
        for told in packed_rows(item, ON_BEHALF_COLUMNS)
    ]


def _whole_year(told: Row, year: int) -> Row:
    fen = told["province_fen"] + told["city_fen"] + told["county_fen"]
    return {**told, "for_year": year, "fen": fen}


def _paid_whole(row: Row, head: Mapping[str, Any], day: date) -> Row:
    number = on_behalf_id(row["account_no"], row["for_year"])
    names = ("county_code", "account_no", "person_id", "village", "for_year", "grade_fen", "fen")
    return {name: row[name] for name in names} | {
        "id": number,
        "method": "on_behalf",
        "reference": number,
        "paid_on": day,
        "make_up": False,
        "entry_no": head["entry_no"],
        "line_no": row["line_no"],
        "confirmed_at": from_iso(head["confirmed_at"]),
        "reversed_entry": None,
    }
