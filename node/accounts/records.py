"""What a county tells of its accounts, and how a replica takes it.

Every fact goes up to the province and down to the village it is about, in the same form. A replica
does not judge, the county has decided; taking a record twice changes nothing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Table, bindparam

import sync
from node.accounts.bulk_facts import (
    Row,
    bulk_rows,
    packed_rows,
    publish_bulk,
    publish_packed,
)
from node.accounts.carried import carries, postings_of
from node.accounts.models import (
    Account,
    AccountClosing,
    AccountSettlement,
    InterestCorrection,
    InterestRun,
    JournalEntry,
    JournalLine,
    PeriodLock,
    Posting,
    RateCorrection,
)
from node.core.clock import from_iso, iso
from node.core.db import insert_new, upsert
from node.core.work import UP_PROVINCE, RecordType, UnitOfWork, down
from tiers import RegionCode

OPENED = RecordType("account.opened", independent=True)
CLOSED = RecordType("account.closed")
STANDS = RecordType("account.stands")
POSTED = RecordType("account.posted", independent=True)
ENTERED = RecordType("ledger.entered", independent=True)
SETTLED = RecordType("account.settled", independent=True)
YEAR_SETTLED = RecordType("year.settled")
YEAR_CLOSED = RecordType("year.closed")

CORRECTED = RecordType("interest.corrected", independent=True)
RATE_CORRECTED = RecordType("rate.corrected", independent=True)
PERIOD = RecordType("ledger.period")

RECORD_TYPES = (
    OPENED,
    CLOSED,
    STANDS,
    POSTED,
    ENTERED,
    SETTLED,
    YEAR_SETTLED,
    YEAR_CLOSED,
    CORRECTED,
    RATE_CORRECTED,
    PERIOD,
)

_accounts: Table = Account.__table__  # type: ignore[attr-defined]
_postings: Table = Posting.__table__  # type: ignore[attr-defined]
_entries: Table = JournalEntry.__table__  # type: ignore[attr-defined]
_lines: Table = JournalLine.__table__  # type: ignore[attr-defined]
_settlements: Table = AccountSettlement.__table__  # type: ignore[attr-defined]
_closings: Table = AccountClosing.__table__  # type: ignore[attr-defined]
_locks: Table = PeriodLock.__table__  # type: ignore[attr-defined]
_corrections: Table = InterestCorrection.__table__  # type: ignore[attr-defined]
_rate_corrections: Table = RateCorrection.__table__  # type: ignore[attr-defined]
_runs: Table = InterestRun.__table__  # type: ignore[attr-defined]


def publish_opened(uow: UnitOfWork, rows: Sequence[Mapping[str, Any]]) -> None:
    """Tell that accounts were opened."""
    told = [
        {
            "village": row["village"],
            "account_no": row["account_no"],
            "person_id": row["person_id"],
            "opened_on": row["opened_on"].isoformat(),
        }
        for row in rows
    ]
    publish_bulk(uow, OPENED, f"{uow.node}-{told[0]['account_no']}", told)


@OPENED.applies
def apply_opened(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Keep the accounts."""
    rows = [
        {**row, "opened_on": date.fromisoformat(row["opened_on"]), "closed_on": None}
        for row in bulk_rows(arrived)
    ]
    insert_new(uow.connection, _accounts, rows)


def publish_closed(uow: UnitOfWork, rows: Sequence[Mapping[str, Any]], *, on: date) -> None:
    """Tell that accounts were closed on a day; rows carry `account_no` and `village`."""
    key = f"{uow.node}-{on.isoformat()}-{rows[0]['account_no']}"
    publish_bulk(uow, CLOSED, key, rows, head={"closed_on": on.isoformat()})


@CLOSED.applies
def apply_closed(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Close the accounts here too."""
    rows = [
        {
            "county": row["county_code"],
            "number": row["account_no"],
            "day": date.fromisoformat(item.record.body["closed_on"]),
        }
        for item in arrived
        for row in bulk_rows([item])
    ]
    closing = (
        _accounts.update()
        .where(
            _accounts.c.county_code == bindparam("county"),
            _accounts.c.account_no == bindparam("number"),
        )
        .values(closed_on=bindparam("day"))
    )
    uow.connection.execute(closing, rows)


def publish_accounts(uow: UnitOfWork, rows: Sequence[Mapping[str, Any]]) -> None:
    """Tell accounts as they are now: one that is open again, say."""
    told = [
        {
            "village": row["village"],
            "account_no": row["account_no"],
            "person_id": row["person_id"],
            "opened_on": row["opened_on"].isoformat(),
            "closed_on": row["closed_on"].isoformat() if row["closed_on"] else None,
        }
        for row in rows
    ]
    publish_bulk(uow, STANDS, f"{uow.node}-{uow.txn}", told)


@STANDS.applies
def apply_accounts(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Bring accounts up to date, the last word about each."""
    rows = {
        (row["county_code"], row["account_no"]): {
            **row,
            "opened_on": date.fromisoformat(row["opened_on"]),
            "closed_on": date.fromisoformat(row["closed_on"]) if row["closed_on"] else None,
        }
        for row in bulk_rows(arrived)
    }
    upsert(uow.connection, _accounts, list(rows.values()))


def publish_postings(uow: UnitOfWork, number: int, rows: Sequence[Mapping[str, Any]]) -> None:
    """Tell what a voucher posted."""
    omitted = {"county_code", "entry_no", "year", "month"}
    head = {"entry_no": number, "year": rows[0]["year"]} if rows else {}
    told = [
        {k: v for k, v in row.items() if k not in omitted}
        | {"business_date": row["business_date"].isoformat()}
        for row in rows
    ]
    publish_bulk(uow, POSTED, f"{uow.node}-{number}", told, head=head)


@POSTED.applies
def apply_postings(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Keep the postings."""
    insert_new(uow.connection, _postings, postings_of(arrived))


@carries(POSTED)
def _posted(item: "sync.Arrived") -> list[Row]:
    body = item.record.body
    return [_posting(row, body["entry_no"], body.get("year")) for row in bulk_rows([item])]


def _posting(row: Row, number: int, booked: int | None) -> Row:
    """`booked` is the year of the voucher, which records of an older version do not name."""
    day = date.fromisoformat(row["business_date"])
    year = booked or day.year
    when = {"business_date": day, "year": year, "month": day.month if day.year == year else 0}
    return {**row, **when, "entry_no": number}


def publish_entry(
    uow: UnitOfWork,
    row: Mapping[str, Any],
    lines: Sequence[Mapping[str, Any]],
    *,
    villages: Sequence[str],
) -> None:
    """Tell a voucher: whole to the province, its head to the villages it posted to."""
    head = {
        **{k: v for k, v in row.items() if k != "county_code"},
        "business_date": row["business_date"].isoformat(),
        "booked_at": iso(row["booked_at"]),
    }
    key = f"{uow.node}-{row['entry_no']}"
    whole = {
        **head,
        "lines": [[line["line_no"], line["gl_account"], line["fen"]] for line in lines],
    }
    uow.publish(ENTERED, key, whole, region=uow.node, routes=(UP_PROVINCE,))
    for village in map(RegionCode, villages):
        body = {**head, "lines": []}
        uow.publish(ENTERED, f"{key}-{village}", body, region=village, routes=(down(village),))


@ENTERED.applies
def apply_entries(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Keep vouchers and the lines that came with them."""
    heads, lines = [], []
    for item in arrived:
        county = str(RegionCode(item.record.region).county)
        body = dict(item.record.body)
        number = body["entry_no"]
        lines += [
            {
                "county_code": county,
                "entry_no": number,
                "line_no": line_no,
                "gl_account": account,
                "fen": fen,
            }
            for line_no, account, fen in body.pop("lines")
        ]
        body["business_date"] = date.fromisoformat(body["business_date"])
        body["booked_at"] = from_iso(body["booked_at"])
        heads.append({**body, "county_code": county})
    insert_new(uow.connection, _lines, lines)
    insert_new(uow.connection, _entries, heads)


def publish_settlements(uow: UnitOfWork, key: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Tell settlements inside the year; their interest travels as postings."""
    told = [{k: v for k, v in row.items() if k != "county_code"} for row in rows]
    publish_bulk(uow, SETTLED, f"{uow.node}-{key}", told)


@SETTLED.applies
def apply_settlements(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Keep the settlements."""
    insert_new(uow.connection, _settlements, list(bulk_rows(arrived)))


YEAR_COLUMNS: Mapping[str, Callable[[str], Any]] = {
    "account_no": int,
    "source": str,
    "opening_fen": int,
    "movement_fen": int,
    "product": int,
    "interest_fen": int,
    "posted_line": int,
}


def publish_year(uow: UnitOfWork, run: InterestRun, rows: Iterable[Sequence[Any]]) -> None:
    """Tell the closings of a year, packed by `YEAR_COLUMNS`."""
    head = {"year": run.year, "entry_no": run.entry_no}
    key = f"{run.county_code}-{run.year}"
    publish_packed(uow, YEAR_SETTLED, key, rows, columns=YEAR_COLUMNS, head=head)


@YEAR_SETTLED.applies
def apply_year_settled(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Keep the closings of a year, and the interest postings that follow from them.

    `posted_line` 0 says that a source earned nothing and so has no posting.
    """
    closed = []
    for item in arrived:
        year = item.record.body["year"]
        for row in packed_rows(item, YEAR_COLUMNS):
            del row["posted_line"]
            total = row["opening_fen"] + row["movement_fen"] + row["interest_fen"]
            closed.append({**row, "year": year, "closing_fen": total})
    insert_new(uow.connection, _closings, closed)
    insert_new(uow.connection, _postings, postings_of(arrived))


@carries(YEAR_SETTLED)
def _earned(item: "sync.Arrived") -> list[Row]:
    year, number = item.record.body["year"], item.record.body["entry_no"]
    day = date(year, 12, 31)
    return [
        {
            "county_code": row["county_code"],
            "entry_no": number,
            "line_no": row["posted_line"],
            "account_no": row["account_no"],
            "village": row["village"],
            "source": row["source"],
            "kind": "interest",
            "fen": row["interest_fen"],
            "year": year,
            "month": 12,
            "for_year": year,
            "business_date": day,
            "reverses_entry": None,
            "reverses_line": None,
        }
        for row in packed_rows(item, YEAR_COLUMNS)
        if row["posted_line"]
    ]


CORRECTION_COLUMNS: Mapping[str, Callable[[str], Any]] = {
    "account_no": int,
    "source": str,
    "year": int,
    "through": int,
    "carried_fen": int,
    "product_before": int,
    "product_after": int,
    "interest_before": int,
    "interest_after": int,
    "rate_before": int,
    "rate_after": int,
    "posted_line": int,
}


def publish_corrections(
    uow: UnitOfWork, number: int, on: date, rows: Iterable[Sequence[Any]]
) -> list[str]:
    """Tell what a correction of interest changed, packed by `CORRECTION_COLUMNS`: the villages."""
    head = {"entry_no": number, "on": on.isoformat()}
    key = f"{uow.node}-{number}"
    return publish_packed(uow, CORRECTED, key, rows, columns=CORRECTION_COLUMNS, head=head)


@CORRECTED.applies
def apply_corrections(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Keep the corrections, and the postings that follow from them."""
    changed = []
    for item in arrived:
        number = item.record.body["entry_no"]
        for row in packed_rows(item, CORRECTION_COLUMNS):
            del row["posted_line"]
            changed.append({**row, "entry_no": number})
    insert_new(uow.connection, _corrections, changed)
    insert_new(uow.connection, _postings, postings_of(arrived))


@carries(CORRECTED)
def _corrected(item: "sync.Arrived") -> list[Row]:
    number = item.record.body["entry_no"]
    on = date.fromisoformat(item.record.body["on"])
    return [
        correction_posting({**row, "entry_no": number}, row["posted_line"], on)
        for row in packed_rows(item, CORRECTION_COLUMNS)
        if row["posted_line"]
    ]


def correction_posting(row: Mapping[str, Any], line_no: int, on: date) -> Row:
    """The posting of one correction: of the year it corrects, counted from the opening of ours."""
    year = row["year"]
    return {
        "county_code": row["county_code"],
        "entry_no": row["entry_no"],
        "line_no": line_no,
        "account_no": row["account_no"],
        "village": row["village"],
        "source": row["source"],
        "kind": "correction",
        "fen": row["interest_after"] - row["interest_before"],
        "year": on.year,
        "month": 0,
        "for_year": year,
        "business_date": min(date(year, 12, 31), on),
        "reverses_entry": None,
        "reverses_line": None,
    }


def publish_rate_correction(uow: UnitOfWork, run: RateCorrection) -> None:
    """Tell that a settled year was computed again at another rate."""
    body = run.model_dump(exclude={"county_code", "corrected_at"})
    body["corrected_at"] = iso(run.corrected_at)
    key = f"{run.county_code}-{run.entry_no}"
    routes = (UP_PROVINCE, down(uow.node))
    uow.publish(RATE_CORRECTED, key, body, region=uow.node, routes=routes)


@RATE_CORRECTED.applies
def apply_rate_corrections(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Keep the rate that holds now."""
    rows = []
    for item in arrived:
        body = dict(item.record.body)
        body["corrected_at"] = from_iso(body["corrected_at"])
        rows.append({**body, "county_code": str(RegionCode(item.record.region).county)})
    insert_new(uow.connection, _rate_corrections, rows)


def publish_run(uow: UnitOfWork, run: InterestRun, memo: str) -> None:
    """Tell that a county closed a year: to the province, and to every node of the county."""
    body = {
        **run.model_dump(exclude={"county_code", "settled_at"}),
        "settled_at": iso(run.settled_at),
        "memo": memo,
        "actor_id": uow.actor.id,
    }
    key = f"{run.county_code}-{run.year}"
    routes = (UP_PROVINCE, down(uow.node))
    uow.publish(YEAR_CLOSED, key, body, region=uow.node, routes=routes)


@YEAR_CLOSED.applies
def apply_runs(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Keep the run, and the head of its voucher, which a village gets no other way."""
    runs, heads = [], []
    for item in arrived:
        body = dict(item.record.body)
        county = str(RegionCode(item.record.region).county)
        memo, actor = body.pop("memo"), body.pop("actor_id")
        settled_at = from_iso(body["settled_at"])
        runs.append({**body, "county_code": county, "settled_at": settled_at})
        if body["entry_no"] is not None:
            heads.append(
                {
                    "county_code": county,
                    "entry_no": body["entry_no"],
                    "kind": "interest",
                    "business_date": date(body["year"], 12, 31),
                    "booked_at": settled_at,
                    "trace_kind": "bulletin",
                    "trace": body["bulletin_id"],
                    "memo": memo,
                    "actor_id": actor,
                }
            )
    upsert(uow.connection, _runs, runs)
    insert_new(uow.connection, _entries, heads)


def publish_period(uow: UnitOfWork, lock: PeriodLock) -> None:
    """Tell that a month was closed or opened again."""
    body = lock.model_dump(exclude={"county_code"})
    for name in ("locked_at", "reopened_at"):
        body[name] = iso(body[name]) if body[name] else None
    key = f"{lock.county_code}-{lock.year}-{lock.month}-{lock.turn}"
    uow.publish(PERIOD, key, body, region=uow.node, routes=(UP_PROVINCE,))


@PERIOD.applies
def apply_periods(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Keep which months are closed."""
    rows = []
    for item in arrived:
        body = dict(item.record.body)
        for name in ("locked_at", "reopened_at"):
            body[name] = from_iso(body[name]) if body[name] else None
        rows.append({**body, "county_code": str(RegionCode(item.record.region).county)})
    upsert(uow.connection, _locks, rows)
