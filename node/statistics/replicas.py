"""What a node that begins with a snapshot holds of published statistics."""

from node.core.replica_table import ReplicaTable, within
from node.statistics.records import table as reports

REPLICAS = (ReplicaTable(reports, lambda region: within(reports.c.county_code, region)),)
