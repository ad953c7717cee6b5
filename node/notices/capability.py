"""公示: lists that hang in the village before the county approves."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlalchemy import select

from node.cases.gates import APPROVAL_GATES
from node.core.capability import Capability
from node.core.replica_table import ReplicaTable, of_county, within
from node.notices.records import ANSWERED, ISSUED, OBJECTED, POSTED, notices, objections, on_notice
from node.notices.service import gate

if TYPE_CHECKING:
    from fastapi import APIRouter
    from sqlalchemy import ColumnElement, Table

    from tiers import RegionCode


def _routers() -> "list[APIRouter]":
    from node.notices import pages  # noqa: PLC0415  # only a web process needs them

    return [pages.router]


def _notices_inside(region: "RegionCode") -> "ColumnElement[bool]":
    return of_county(notices, region) & within(notices.c.village, region)


def _of_notices(table: "Table") -> "Callable[[RegionCode], ColumnElement[bool]]":
    def inside(region: "RegionCode") -> "ColumnElement[bool]":
        mine = select(notices.c.id).where(_notices_inside(region))
        return of_county(table, region) & table.c.notice_id.in_(mine)

    return inside


APPROVAL_GATES.append(gate)

CAPABILITY = Capability(
    name="notices",
    record_types=(ISSUED, POSTED, OBJECTED, ANSWERED),
    routers=_routers,
    replicas=(
        ReplicaTable(notices, _notices_inside),
        ReplicaTable(on_notice, _of_notices(on_notice)),
        ReplicaTable(objections, _of_notices(objections)),
    ),
)
