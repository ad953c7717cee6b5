"""What a node that begins with a snapshot holds of pensions. All of it goes along with people who
move: a suspension or a recovery is about the pension as it stands now.
"""

from collections.abc import Sequence

from sqlalchemy import Select, Table, select

from node.benefits.life_records import certificates, ends, recoveries, suspensions
from node.benefits.rate_records import rates
from node.benefits.records import entitlements
from node.core.of_people import Mine, OfPeople, by_person, goes_along
from node.core.replica_table import ReplicaTable, of_villages


def pensions_of_people(county: str, ids: Sequence[str]) -> Select[tuple[str]]:
    """The pensions of people, as a part of a statement."""
    return select(entitlements.c.id).where(
        entitlements.c.county_code == county, entitlements.c.person_id.in_(ids)
    )


def by_pension(table: Table) -> Mine:
    """For tables that name the pension."""
    return lambda _connection, county, ids: (
        (table.c.county_code == county)
        & table.c.entitlement_id.in_(pensions_of_people(county, ids))
    )


goes_along(
    *(OfPeople(each, by_person(each), follows=True) for each in (entitlements, ends, recoveries)),
    *(
        OfPeople(each, by_pension(each), follows=True)
        for each in (rates, suspensions, certificates)
    ),
)

REPLICAS = tuple(
    ReplicaTable(each, of_villages(each))
    for each in (entitlements, rates, certificates, suspensions, ends, recoveries)
)
