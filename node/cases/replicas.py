"""What a node that begins with a snapshot holds of cases: those that were entered in its region.

A draft, or a case that had not been sent when the old machine was lost, is nowhere.
"""

import json
from collections import defaultdict

from sqlalchemy import ColumnElement, select

from node.cases.matter import is_known, matter_of
from node.cases.records import cases, steps
from node.core.db import upsert
from node.core.replica_table import ReplicaTable, Row, of_county, within
from node.core.serials import counters
from node.core.work import UnitOfWork
from tiers import RegionCode


def _cases_inside(region: RegionCode) -> ColumnElement[bool]:
    return of_county(cases, region) & within(cases.c.origin, region)


def _steps_inside(region: RegionCode) -> ColumnElement[bool]:
    mine = select(cases.c.id).where(_cases_inside(region))
    return of_county(steps, region) & steps.c.case_id.in_(mine)


def _citizen_number(row: Row) -> str:
    name = matter_of(row["matter"]).number_field if is_known(row["matter"]) else "citizen_number"
    return str(json.loads(row["form"])[name])


REPLICAS = (
    ReplicaTable(cases, _cases_inside, blind={"subject_index": _citizen_number}),
    ReplicaTable(steps, _steps_inside),
)


def go_on_numbering(uow: UnitOfWork) -> None:
    """Case numbers of a day go on after the last that is known of this node."""
    last: dict[str, int] = defaultdict(int)
    own = select(cases.c.number).where(cases.c.origin == str(uow.node))
    for number in uow.connection.scalars(own):
        _prefix, day, serial, _check = number.split("-")
        name = f"case:{uow.node}:{day}"
        last[name] = max(last[name], int(serial))
    county = str(uow.node.county)
    rows = [{"county_code": county, "name": name, "value": n} for name, n in last.items()]
    upsert(uow.connection, counters, rows)
