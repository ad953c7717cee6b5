"""What a node that begins with a snapshot holds of assessments and inspections."""

from node.assessment.records import answers, inspections, results
from node.core.replica_table import ReplicaTable, of_county

REPLICAS = (
    ReplicaTable(results, lambda region: of_county(results, region)),
    ReplicaTable(inspections, lambda region: of_county(inspections, region)),
    ReplicaTable(answers, lambda region: of_county(answers, region)),
)
