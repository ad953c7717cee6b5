"""What a node that begins with a snapshot holds of people and enrolments, and what of it goes along
with people who move.
"""

from node.core.of_people import OfPeople, by_person, goes_along
from node.core.replica_table import ReplicaTable, of_people, of_villages
from node.registry.records import categories, changes, enrolments, grade_choices, people

_FOLLOWING = (enrolments, categories, grade_choices)
goes_along(
    *(OfPeople(each, by_person(each), follows=True) for each in _FOLLOWING),
    OfPeople(changes, by_person(changes)),
)

REPLICAS = (
    ReplicaTable(
        people,
        of_villages(people),
        blind={"citizen_index": lambda row: str(row["citizen_number"])},
    ),
    ReplicaTable(enrolments, of_villages(enrolments)),
    ReplicaTable(changes, of_people(changes, people.c.village, changes.c.person_id == people.c.id)),
    ReplicaTable(categories, of_villages(categories)),
    ReplicaTable(grade_choices, of_villages(grade_choices)),
)
