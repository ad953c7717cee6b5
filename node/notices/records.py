"""What travels of a notice: the list and answers down, posting and objections up."""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Table, bindparam, select, update

import sync
from node.cases.steps import desk
from node.core.db import insert_new
from node.core.work import UP_COUNTY, RecordType, UnitOfWork, down
from node.notices.models import NoticeCase, Objection, PublicNotice
from tiers import Level, RegionCode

ISSUED = RecordType("notice.issued")
POSTED = RecordType("notice.posted")
OBJECTED = RecordType("notice.objected")
ANSWERED = RecordType("notice.answered")

notices: Table = PublicNotice.__table__  # type: ignore[attr-defined]
on_notice: Table = NoticeCase.__table__  # type: ignore[attr-defined]
objections: Table = Objection.__table__  # type: ignore[attr-defined]

Row = dict[str, Any]


def tell(
    uow: UnitOfWork, kind: RecordType, key: str, body: Mapping[str, Any], *, village: str
) -> None:
    """Tell the county, and the village unless the village itself speaks."""
    author = desk(uow)
    routes = [UP_COUNTY] if author.level is not Level.COUNTY else []
    routes += [down(village)] if author.level is not Level.VILLAGE else []
    uow.publish(kind, key, body, region=RegionCode(village), routes=routes, origin=author)


@ISSUED.applies
def apply_issued(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Keep lists; one that is known stays as it is."""
    listed, cases = [], []
    for item in arrived:
        body, county = item.record.body, str(RegionCode(item.record.region).county)
        listed.append(
            {
                "county_code": county,
                "id": item.record.key,
                "village": item.record.region,
                "matter": str(body["matter"]),
                "days": int(body["days"]),
                "rows": json.dumps(body["rows"], ensure_ascii=False),
                "issued_on": date.fromisoformat(body["issued_on"]),
                "issued_by": str(body["issued_by"]),
                "posted_on": None,
                "posted_by": "",
                "year": body.get("year"),
                "part": body.get("part", 1),
            }
        )
        cases += [
            {"county_code": county, "case_id": row["case_id"], "notice_id": item.record.key}
            for row in body["rows"]
            if row["case_id"]
        ]
    insert_new(uow.connection, notices, listed)
    insert_new(uow.connection, on_notice, cases)


@POSTED.applies
def apply_posted(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Since when a list hangs. The first word stands."""
    _wait_for(uow, notices, arrived, [item.record.key for item in arrived])
    rows = [
        {
            "of_id": item.record.key,
            "posted_on": date.fromisoformat(item.record.body["posted_on"]),
            "posted_by": str(item.record.body["posted_by"]),
        }
        for item in arrived
    ]
    uow.connection.execute(
        update(notices)
        .where(notices.c.id == bindparam("of_id"), notices.c.posted_on.is_(None))
        .values(posted_on=bindparam("posted_on"), posted_by=bindparam("posted_by")),
        rows,
    )


@OBJECTED.applies
def apply_objected(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Keep objections."""
    _wait_for(uow, notices, arrived, [str(item.record.body["notice_id"]) for item in arrived])
    insert_new(uow.connection, objections, [_objection(item) for item in arrived])


@ANSWERED.applies
def apply_answered(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """What the county said to objections."""
    _wait_for(uow, objections, arrived, [item.record.key for item in arrived])
    changed = ("upheld", "answer", "answered_on", "answered_by")
    rows = [
        {
            "of_id": item.record.key,
            "upheld": bool(item.record.body["upheld"]),
            "answer": str(item.record.body["answer"]),
            "answered_on": date.fromisoformat(item.record.body["answered_on"]),
            "answered_by": str(item.record.body["answered_by"]),
        }
        for item in arrived
    ]
    statement = update(objections).where(objections.c.id == bindparam("of_id"))
    uow.connection.execute(statement.values({name: bindparam(name) for name in changed}), rows)


def _objection(item: "sync.Arrived") -> Row:
    body = item.record.body
    return {
        "county_code": str(RegionCode(item.record.region).county),
        "id": item.record.key,
        "notice_id": str(body["notice_id"]),
        "case_id": str(body["case_id"]),
        "said": str(body["said"]),
        "objector": str(body["objector"]),
        "received_on": date.fromisoformat(body["received_on"]),
        "recorded_by": str(body["recorded_by"]),
        "upheld": None,
        "answer": "",
        "answered_on": None,
        "answered_by": "",
    }


def _wait_for(
    uow: UnitOfWork, table: Table, arrived: Sequence["sync.Arrived"], ids: Sequence[str]
) -> None:
    statement = select(table.c.id).where(table.c.id.in_(ids))
    known = set(uow.connection.execute(statement).scalars())
    early = [item for item, one in zip(arrived, ids, strict=True) if one not in known]
    if early:
        raise sync.Waiting("等待所属的公示先到达", early)
