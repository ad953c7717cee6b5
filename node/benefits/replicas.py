"""What a node that begins with a snapshot holds of pensions."""

from node.benefits.life_records import certificates, ends, recoveries, suspensions
from node.benefits.rate_records import rates
from node.benefits.records import entitlements
from node.core.replica_table import ReplicaTable, of_villages

REPLICAS = (
    ReplicaTable(entitlements, of_villages(entitlements)),
    ReplicaTable(rates, of_villages(rates)),
    *(
        ReplicaTable(each, of_villages(each))
        for each in (certificates, suspensions, ends, recoveries)
    ),
)
