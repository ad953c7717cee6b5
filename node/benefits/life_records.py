"""What a county tells of a pension's life: certificates, suspensions, its end, what is owed back.

One record each, up to the province and down to the village; the last word about a row stands.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, Table

import sync
from node.benefits.models import BenefitEnd, BenefitSuspension, Recovery, SurvivalCertificate
from node.core.clock import from_iso, iso
from node.core.db import Instant, upsert
from node.core.work import UP_PROVINCE, RecordType, UnitOfWork, down
from tiers import RegionCode

CERTIFIED = RecordType("survival.certified", independent=True)
SUSPENDED = RecordType("benefit.suspended", independent=True)
ENDED = RecordType("benefit.ended", independent=True)
RECOVERED = RecordType("benefit.recovery", independent=True)

certificates: Table = SurvivalCertificate.__table__  # type: ignore[attr-defined]
suspensions: Table = BenefitSuspension.__table__  # type: ignore[attr-defined]
ends: Table = BenefitEnd.__table__  # type: ignore[attr-defined]
recoveries: Table = Recovery.__table__  # type: ignore[attr-defined]

TABLES: Mapping[str, Table] = {
    CERTIFIED.name: certificates,
    SUSPENDED.name: suspensions,
    ENDED.name: ends,
    RECOVERED.name: recoveries,
}
LIFE_TYPES = (CERTIFIED, SUSPENDED, ENDED, RECOVERED)

Row = dict[str, Any]


def publish_life(uow: UnitOfWork, kind: RecordType, rows: Sequence[Row]) -> None:
    """Tell rows of a kind as they are now, all upward records before the downward ones."""
    told = [(row["id"], _body(row), RegionCode(row["village"])) for row in rows]
    for key, body, village in told:
        uow.publish(kind, key, body, region=village, routes=(UP_PROVINCE,))
    for key, body, village in sorted(told, key=lambda each: each[2]):
        uow.publish(kind, key, body, region=village, routes=(down(village),))


def _body(row: Row) -> Row:
    hidden = {"county_code", "village"}
    return {name: _word(value) for name, value in row.items() if name not in hidden}


def _word(value: object) -> object:
    if isinstance(value, datetime):
        return iso(value)
    return value.isoformat() if isinstance(value, date) else value


def _taker(kind: RecordType) -> Callable[[UnitOfWork, Sequence["sync.Arrived"]], None]:
    table = TABLES[kind.name]

    def take(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
        rows: dict[str, Row] = {}
        for item in arrived:
            village = RegionCode(item.record.region)
            rows[item.record.key] = {
                **{
                    name: _value(table, name, value)
                    for name, value in item.record.body.items()
                    if name in table.columns
                },
                "county_code": str(village.county),
                "village": str(village),
            }
        upsert(uow.connection, table, list(rows.values()))

    return take


def _value(table: Table, name: str, value: Any) -> Any:
    column = table.columns[name].type
    if value is None:
        return None
    if isinstance(column, Instant):
        return from_iso(value)
    return date.fromisoformat(value) if isinstance(column, Date) else value


for _kind in LIFE_TYPES:
    _kind.applies(_taker(_kind))
