"""What a node that begins with a snapshot holds of findings and answers."""

from node.core.replica_table import ReplicaTable, of_county
from node.quality.records import answer, finding

REPLICAS = (
    ReplicaTable(finding, lambda region: of_county(finding, region)),
    ReplicaTable(answer, lambda region: of_county(answer, region)),
)
