"""What a node that begins with a snapshot holds of payments."""

from functools import partial

from node.core.replica_table import ReplicaTable, of_county, of_villages
from node.payroll.tables import paid_lines, reports

REPLICAS = (
    ReplicaTable(paid_lines, of_villages(paid_lines)),
    ReplicaTable(reports, partial(of_county, reports)),
)
