"""What a node that begins with a snapshot holds of people and enrolments."""

from node.core.replica_table import ReplicaTable, of_villages
from node.registry.records import categories, changes, enrolments, grade_choices, people

REPLICAS = (
    ReplicaTable(
        people,
        of_villages(people),
        blind={"citizen_index": lambda row: str(row["citizen_number"])},
    ),
    ReplicaTable(enrolments, of_villages(enrolments)),
    ReplicaTable(changes, of_villages(changes)),
    ReplicaTable(categories, of_villages(categories)),
    ReplicaTable(grade_choices, of_villages(grade_choices)),
)
