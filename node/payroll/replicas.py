"""What a node that begins with a snapshot holds of payments, and what goes along with people who
move: what was paid stays where it was paid.
"""

from collections.abc import Sequence
from functools import partial

from sqlalchemy import ColumnElement, Connection, select

from node.benefits.life_records import ends
from node.benefits.records import entitlements
from node.benefits.replicas import pensions_of_people
from node.core.of_people import OfPeople, by_person, goes_along
from node.core.replica_table import ReplicaTable, of_county, of_people
from node.payroll.tables import forecasts, paid_lines, reports, unpaid
from node.registry.records import people


def _paid_to(_connection: Connection, county: str, ids: Sequence[str]) -> ColumnElement[bool]:
    """Months of their pensions, and the lump sums of accounts that ended before one."""
    lumps = select(ends.c.entitlement_id).where(
        ends.c.county_code == county, ends.c.person_id.in_(ids)
    )
    paid_for = paid_lines.c.entitlement_id
    mine = paid_for.in_(pensions_of_people(county, ids)) | paid_for.in_(lumps)
    return (paid_lines.c.county_code == county) & mine


goes_along(OfPeople(paid_lines, _paid_to))
goes_along(OfPeople(unpaid, by_person(unpaid)))

_BY_PENSION = paid_lines.c.entitlement_id == entitlements.c.id
_BY_PERSON = unpaid.c.person_id == people.c.id

REPLICAS = (
    ReplicaTable(paid_lines, of_people(paid_lines, entitlements.c.village, _BY_PENSION)),
    ReplicaTable(unpaid, of_people(unpaid, people.c.village, _BY_PERSON)),
    ReplicaTable(forecasts, partial(of_county, forecasts)),
    ReplicaTable(reports, partial(of_county, reports)),
)
