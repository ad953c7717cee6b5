"""What counties tell each other of a transfer, on the way to each other and up to the province.

A step arrives on two roads at a node that stands above both counties; the second time changes
nothing. One whose cause is not here yet waits for it. What a step does to this node's own books is
told by `ARRIVED`: the county it is meant for acts in the transaction that takes it in.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Table, select

import sync
from node.core.clock import from_iso, iso
from node.core.db import insert_new
from node.core.personal import keyring_of
from node.core.work import UP_PROVINCE, RecordType, UnitOfWork, to
from node.transfers.models import TransferStep
from node.transfers.rules import Elsewhere, Step
from tiers import RegionCode

KINDS: Mapping[Step, RecordType] = {step: RecordType(f"transfer.{step.value}") for step in Step}
RECORD_TYPES = tuple(KINDS.values())

CAUSES: Mapping[Step, Step] = {
    Step.REFUSED: Step.ASKED,
    Step.RELEASED: Step.ASKED,
    Step.RECEIVED: Step.RELEASED,
    Step.PAID: Step.RECEIVED,
    Step.BANKED: Step.RECEIVED,
}
BY_NEW = frozenset({Step.ASKED, Step.RECEIVED, Step.BANKED})
"""Steps of the county that takes the person in; the others are the old county's."""

steps: Table = TransferStep.__table__  # type: ignore[attr-defined]

Row = dict[str, Any]

ARRIVED: dict[Step, Callable[[UnitOfWork, Row], None]] = {}
"""What the county at the end of the road does with a step, by step."""


def take(uow: UnitOfWork, step: Step, row: Mapping[str, Any], body: Mapping[str, Any]) -> Row:
    """Take a step here and tell the other county and the province.

    `row` holds what the step says beyond who takes it and when; `body` at least whose it is.
    """
    whole = {
        **_BLANK,
        **row,
        "county_code": str(uow.node),
        "step": step.value,
        "citizen_index": keyring_of(uow.connection).index(body["citizen_number"]),
        "taken_on": uow.today,
        "taken_at": uow.now,
        "taken_by_name": uow.actor.name,
        "body": json.dumps(body, ensure_ascii=False, sort_keys=True),
    }
    uow.connection.execute(steps.insert(), [whole])
    _publish(uow, step, whole)
    return whole


_BLANK: Mapping[str, Any] = {
    "person_id": None,
    "account_no": None,
    "enrolment_id": None,
    "fen": 0,
    "entry_no": None,
    "reference": "",
    "reason": "",
    "case_id": None,
}


def _publish(uow: UnitOfWork, step: Step, row: Row) -> None:
    other = row["from_county"] if step in BY_NEW else row["to_county"]
    hidden = {"county_code", "citizen_index", "step"}
    body = {name: value for name, value in row.items() if name not in hidden} | {
        "taken_on": row["taken_on"].isoformat(),
        "taken_at": iso(row["taken_at"]),
    }
    routes = [UP_PROVINCE] if other in set(Elsewhere) else [UP_PROVINCE, to(other)]
    uow.publish(KINDS[step], row["id"], body, region=RegionCode(row["village"]), routes=routes)


def _taker(step: Step) -> Callable[[UnitOfWork, Sequence["sync.Arrived"]], None]:
    def apply(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
        """Keep the steps; where one is meant for this county, do what follows from it."""
        rows = [_read(uow, step, item) for item in arrived]
        _wait_for_causes(uow, step, arrived, rows)
        known = _known(uow, step, [row["id"] for row in rows])
        insert_new(uow.connection, steps, rows)
        for row in rows:
            meant = row["from_county"] if step in BY_NEW else row["to_county"]
            if meant == uow.node and row["id"] not in known and step in ARRIVED:
                ARRIVED[step](uow, row)

    return apply


for _step, _kind in KINDS.items():
    _kind.applies(_taker(_step))


def _read(uow: UnitOfWork, step: Step, item: "sync.Arrived") -> Row:
    record = item.record
    body = dict(record.body)
    county = str(RegionCode(record.region).county)
    author = body["to_county"] if step in BY_NEW else body["from_county"]
    if author != county or record.key != body["id"] or record.region != body["village"]:
        raise sync.Refused("转移记录的签发县、编号或所属村与内容不符", [item])
    number = json.loads(body["body"])["citizen_number"]
    return {
        **{name: value for name, value in body.items() if name in steps.columns},
        "county_code": county,
        "step": step.value,
        "citizen_index": keyring_of(uow.connection).index(number),
        "taken_on": date.fromisoformat(body["taken_on"]),
        "taken_at": from_iso(body["taken_at"]),
    }


def _wait_for_causes(
    uow: UnitOfWork, step: Step, arrived: Sequence["sync.Arrived"], rows: Sequence[Row]
) -> None:
    cause = CAUSES.get(step)
    if cause is None:
        return
    here = _known(uow, cause, [row["id"] for row in rows])
    early = [
        item
        for item, row in zip(arrived, rows, strict=True)
        if row["id"] not in here and not is_outside(row)
    ]
    if early:
        raise sync.Waiting("等待同一转移的前一步先到达", early)


def is_outside(row: Mapping[str, Any]) -> bool:
    """Whether one side is no county of this network: then one county takes all the steps."""
    return bool({row["from_county"], row["to_county"]} & set(Elsewhere))


def _known(uow: UnitOfWork, step: Step, ids: Sequence[str]) -> set[str]:
    found = select(steps.c.id).where(steps.c.id.in_(ids), steps.c.step == step.value)
    return set(uow.connection.execute(found).scalars())


def steps_of(uow: UnitOfWork, transfer_id: str) -> dict[Step, Row]:
    """Every step of a transfer this node knows of."""
    found = select(steps).where(steps.c.id == transfer_id)
    return {Step(row["step"]): dict(row) for row in uow.connection.execute(found).mappings()}


def content(row: Mapping[str, Any]) -> dict[str, Any]:
    """What a step says of the person and the account."""
    told: dict[str, Any] = json.loads(row["body"])
    return told
