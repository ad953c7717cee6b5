"""What a county tells of monthly rates, in bulk: a table for each village and 1,000 rows."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Date, Integer, Table, bindparam, text

import sync
from node.accounts.bulk_facts import packed_columns, packed_rows, publish_packed
from node.benefits.models import BenefitRate
from node.core.db import upsert
from node.core.work import RecordType, UnitOfWork

RATED = RecordType("entitlement.rated")

rates: Table = BenefitRate.__table__  # type: ignore[attr-defined]

NONE = "-"
"""Stands for what is open, where blanks part the values."""


def _day(word: str) -> date:
    return date.fromisoformat(word)


def _open_day(word: str) -> date | None:
    return None if word == NONE else date.fromisoformat(word)


def _open_number(word: str) -> int | None:
    return None if word == NONE else int(word)


COLUMNS: dict[str, Any] = {
    "entitlement_id": str,
    "version": int,
    "from_month": _day,
    "to_month": _open_day,
    "base_fen": int,
    "city_fen": int,
    "county_fen": int,
    "years_fen": int,
    "age_fen": int,
    "account_fen": int,
    "fen": int,
    "superseded_by": _open_number,
}

_CHANGED = f"""
    SELECT village, entitlement_id, version, from_month,
        coalesce(CAST(to_month AS TEXT), '{NONE}') AS to_month,
        base_fen, city_fen, county_fen, years_fen, age_fen, account_fen, fen,
        coalesce(CAST(superseded_by AS TEXT), '{NONE}') AS superseded_by
    FROM benefit_rate WHERE county_code = :county AND changed_in = :version
"""

_CHANGED_BY = """SELECT entitlement_id, min(from_month) AS from_month FROM benefit_rate
        WHERE county_code = :county AND version = :version GROUP BY entitlement_id"""

_NOW = """
    UPDATE entitlement SET
        owed_from = CASE WHEN owed_from > changed.from_month THEN changed.from_month
            ELSE owed_from END,
        base_fen = r.base_fen + r.city_fen + r.county_fen,
        monthly_fen = r.fen
    FROM ({changed}) AS changed
    JOIN benefit_rate r ON r.county_code = :county AND r.entitlement_id = changed.entitlement_id
        AND r.superseded_by IS NULL AND r.from_month <= :month
        AND (r.to_month IS NULL OR r.to_month >= :month)
    WHERE entitlement.county_code = :county AND entitlement.id = changed.entitlement_id
"""


def bring_up_to_date(
    uow: UnitOfWork, county: str, *, changed: str, this_month: date, version: int | None = None
) -> None:
    """Let pensions show the amount of this month, and be looked at from the first month changed.

    `changed` is a query for both: `entitlement_id`, `from_month`.
    """
    given: dict[str, Any] = {"county": county, "month": this_month}
    statement = text(_NOW.format(changed=changed)).bindparams(bindparam("month", type_=Date()))
    if version is not None:
        given["version"] = version
        statement = statement.bindparams(bindparam("version", type_=Integer()))
    uow.connection.execute(statement, given)


def publish_changed_rates(uow: UnitOfWork, version: int, *, this_month: date | None) -> None:
    """Tell every rate a version made, cut or replaced. `this_month` is none for new pensions,
    whose own record says what they come to.
    """
    given = {"county": str(uow.node), "version": version}
    told = packed_columns(uow.connection, _CHANGED, COLUMNS)
    rows: Iterable[Sequence[Any]] = uow.connection.execute(told, given).all()
    month = this_month.isoformat() if this_month else None
    publish_packed(
        uow,
        RATED,
        f"rates-{version}",
        rows,
        columns=COLUMNS,
        head={"version": version, "this_month": month},
    )


@RATED.applies
def apply_rates(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Keep rates as the county determined them, and what its pensions come to now."""
    for item in arrived:
        body = item.record.body
        rows = [{**row, "changed_in": body["version"]} for row in packed_rows(item, COLUMNS)]
        upsert(uow.connection, rates, rows)
    for county, version, month in dict.fromkeys(
        (
            f"{item.record.region[:6]}000000",
            item.record.body["version"],
            item.record.body["this_month"],
        )
        for item in arrived
    ):
        if month:
            bring_up_to_date(
                uow, county, changed=_CHANGED_BY, version=version, this_month=_day(month)
            )
