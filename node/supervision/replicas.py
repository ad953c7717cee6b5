"""What a node that begins with a snapshot holds of digests and questions."""

from node.core.replica_table import ReplicaTable, of_county
from node.supervision.records import digests, questions

REPLICAS = (
    ReplicaTable(digests, lambda region: of_county(digests, region)),
    ReplicaTable(questions, lambda region: of_county(questions, region)),
)
