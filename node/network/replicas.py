"""What a node that begins with a snapshot holds of the nodes of its region."""

from node.core.replica_table import ReplicaTable, within
from node.network.held_notices import table as notices
from node.network.records import table as reports

REPLICAS = (
    ReplicaTable(reports, lambda region: within(reports.c.node, region)),
    ReplicaTable(
        notices, lambda region: within(notices.c.taker, region) | within(notices.c.origin, region)
    ),
)
