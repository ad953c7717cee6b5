"""What a county tells of its payments: the months that were paid, what they took from accounts, and
how each run stands. Bulk records, up to the province and down to the villages.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import BigInteger, Integer, Table, TextClause

import sync
from node.accounts.bulk_facts import packed_columns, packed_rows, publish_packed
from node.accounts.carried import carries, postings_of
from node.accounts.chart import Kind
from node.accounts.models import Posting
from node.core.clock import from_iso, iso
from node.core.db import insert_new, upsert
from node.core.work import UP_PROVINCE, RecordType, UnitOfWork, down
from node.payroll.forecast_records import FORECAST
from node.payroll.models import PayrollRun, RunReport
from node.payroll.tables import COMPONENTS, paid_lines, reports, typed
from node.payroll.unpaid import UNPAID
from tiers import RegionCode

PAID = RecordType("pension.paid", independent=True)
DRAWN = RecordType("account.drawn", independent=True)
RUN = RecordType("payroll.run", independent=True)

RECORD_TYPES = (PAID, DRAWN, RUN, UNPAID, FORECAST)

_postings: Table = Posting.__table__  # type: ignore[attr-defined]

NONE = "-"


def _day(word: str) -> date:
    return date.fromisoformat(word)


def _open_day(word: str) -> date | None:
    return None if word == NONE else date.fromisoformat(word)


def _yes(word: str) -> bool:
    return word == "1"


PAID_COLUMNS: Mapping[str, Callable[[str], Any]] = {
    "line_no": int,
    "entitlement_id": str,
    "kind": str,
    "month": _day,
    "instalment": int,
    **dict.fromkeys((*COMPONENTS, "fen"), int),
    "paid_on": _day,
    "is_on_time": _yes,
    "bounced_on": _open_day,
}

_WHICH = {
    "new": "p.state IN ('paid', 'kept') AND p.entry_no IS NULL AND p.paid_on = :day",
    "one": "p.state IN ('paid', 'kept') AND p.pay_no = :pay",
    "bounced": "p.state = 'bounced' AND p.entry_no IS NOT NULL",
    "again": "p.state = 'paid' AND p.entry_no IS NOT NULL AND p.attempt > 1",
}


def _paid(which: str) -> str:
    """Lines of payments as `paid_line` keeps them."""
    bounced = "p.paid_on" if which == "bounced" else "CAST(NULL AS DATE)"
    parts = ", ".join(f"l.{name}" for name in (*COMPONENTS, "fen"))
    return f"""
        SELECT l.county_code, l.run_no, l.line_no, r.month AS run_month, l.village,
            l.entitlement_id, l.kind, l.month, l.instalment, {parts}, p.paid_on,
            p.paid_on <= r.pay_day AS is_on_time, {bounced} AS bounced_on
        FROM payroll_payment p
        JOIN payroll_run r ON r.county_code = p.county_code AND r.run_no = p.run_no
        JOIN payroll_line l ON l.county_code = p.county_code AND l.run_no = p.run_no
            AND l.pay_no = p.pay_no
        WHERE p.county_code = :county AND p.run_no = :run AND {_WHICH[which]}
    """


def publish_paid(
    uow: UnitOfWork,
    run: PayrollRun,
    day: date,
    *,
    state: str = "new",
    pay_no: int | None = None,
) -> None:
    """Keep and tell what was paid on a day, what came back (`bounced`) or was paid `again`."""
    which = "one" if pay_no is not None else state
    given: dict[str, Any] = {"county": run.county_code, "run": run.run_no}
    given |= {"pay": pay_no} if which == "one" else {}
    given |= {"day": day} if which == "new" else {}
    _keep(uow, which, given)
    numbered = f"""
        SELECT village, line_no, entitlement_id, kind, month, instalment,
            {", ".join((*COMPONENTS, "fen"))}, paid_on,
            CASE WHEN is_on_time THEN '1' ELSE '0' END AS is_on_time,
            coalesce(CAST(bounced_on AS TEXT), '{NONE}') AS bounced_on
        FROM ({_paid(which)}) AS paid
    """
    told = _typed(uow, numbered)
    rows = uow.connection.execute(told, given).all()
    publish_packed(
        uow,
        PAID,
        f"{run.county_code}-{run.run_no}-{day.isoformat()}-{state}-{pay_no or 0}-{uow.txn[-12:]}",
        rows,
        columns=PAID_COLUMNS,
        head={"run_no": run.run_no, "run_month": run.month.isoformat()},
    )


def _typed(uow: UnitOfWork, numbered: str) -> TextClause:
    packed = packed_columns(uow.connection, numbered, PAID_COLUMNS)
    return typed(str(packed.text) + " ", pay=Integer())


def _keep(uow: UnitOfWork, which: str, given: Mapping[str, Any]) -> None:
    columns = ", ".join(column.name for column in paid_lines.columns)
    changes = "paid_on = excluded.paid_on, bounced_on = excluded.bounced_on"
    names = [column.name for column in paid_lines.columns]
    uow.connection.execute(
        typed(
            f"""
            INSERT INTO paid_line ({columns})
            SELECT {", ".join(names)} FROM ({_paid(which)}) AS paid WHERE 1 = 1
            ON CONFLICT (county_code, run_no, line_no) DO UPDATE SET {changes}
            """,
            pay=Integer(),
        ),
        given,
    )


@PAID.applies
def apply_paid(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Keep what was paid; a line that comes again says how it stands now."""
    rows: dict[tuple[str, int, int], dict[str, Any]] = {}
    for item in arrived:
        head = item.record.body
        shared = {"run_no": head["run_no"], "run_month": _day(head["run_month"])}
        for row in packed_rows(item, PAID_COLUMNS):
            rows[row["county_code"], head["run_no"], row["line_no"]] = {**row, **shared}
    upsert(uow.connection, paid_lines, list(rows.values()))


DRAWN_COLUMNS: Mapping[str, Callable[[str], Any]] = {
    "line_no": int,
    "account_no": int,
    "source": str,
    "fen": int,
}

_DRAWN = """
    SELECT village, line_no, account_no, source, fen
    FROM posting WHERE county_code = :county AND entry_no = :entry
"""


def publish_postings(uow: UnitOfWork, number: int, day: date) -> list[str]:
    """Tell what a voucher took from accounts. Answers the villages."""
    told = packed_columns(uow.connection, _DRAWN, DRAWN_COLUMNS)
    statement = typed(str(told.text) + " ", entry=BigInteger())
    rows = uow.connection.execute(statement, {"county": str(uow.node), "entry": number}).all()
    return publish_packed(
        uow,
        DRAWN,
        f"{uow.node}-{number}",
        rows,
        columns=DRAWN_COLUMNS,
        head={"entry_no": number, "year": day.year, "business_date": day.isoformat()},
    )


@DRAWN.applies
def apply_drawn(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Keep the postings of pensions."""
    insert_new(uow.connection, _postings, postings_of(arrived))


@carries(DRAWN)
def _drawn(item: "sync.Arrived") -> list[dict[str, Any]]:
    head = item.record.body
    day = _day(head["business_date"])
    shared = {
        "entry_no": head["entry_no"],
        "kind": Kind.PENSION.value,
        "year": day.year,
        "month": day.month,
        "for_year": day.year,
        "business_date": day,
        "reverses_entry": None,
        "reverses_line": None,
    }
    return [{**row, **shared} for row in packed_rows(item, DRAWN_COLUMNS)]


def publish_run(uow: UnitOfWork, report: RunReport) -> None:
    """Tell how a run stands: to the province, and to every node of the county."""
    body = {
        **report.model_dump(exclude={"county_code"}),
        "month": report.month.isoformat(),
        "pay_day": report.pay_day.isoformat(),
        "reported_at": iso(report.reported_at),
    }
    key = f"{report.county_code}-{report.run_no}"
    routes = (UP_PROVINCE, down(uow.node))
    uow.publish(RUN, key, body, region=uow.node, routes=routes)


@RUN.applies
def apply_runs(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Keep how runs stand, the last word of each."""
    rows: dict[str, dict[str, Any]] = {}
    for item in arrived:
        body = dict(item.record.body)
        rows[item.record.key] = {
            **{name: value for name, value in body.items() if name in reports.columns},
            "county_code": str(RegionCode(item.record.region).county),
            "month": _day(body["month"]),
            "pay_day": _day(body["pay_day"]),
            "reported_at": from_iso(body["reported_at"]),
        }
    upsert(uow.connection, reports, list(rows.values()))
