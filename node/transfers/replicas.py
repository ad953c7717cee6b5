"""What a node that begins with a snapshot holds of transfers."""

import json

from sqlalchemy import ColumnElement, false

from node.core.replica_table import ReplicaTable, Row, within
from node.transfers.records import steps
from tiers import Level, RegionCode


def _inside(region: RegionCode) -> ColumnElement[bool]:
    """Both sides of what concerns a county; nothing below it."""
    if region.level.rank > Level.COUNTY.rank:
        return false()
    return within(steps.c.from_county, region) | within(steps.c.to_county, region)


def _number(row: Row) -> str:
    number: str = json.loads(row["body"])["citizen_number"]
    return number


REPLICAS = (ReplicaTable(steps, _inside, {"citizen_index": _number}),)
