"""What a node that begins with a snapshot holds of contributions."""

from sqlalchemy import Table

from node.contributions.models import Contribution, Subsidy
from node.core.replica_table import ReplicaTable, of_villages

_contributions: Table = Contribution.__table__  # type: ignore[attr-defined]
_subsidies: Table = Subsidy.__table__  # type: ignore[attr-defined]

REPLICAS = (
    ReplicaTable(_contributions, of_villages(_contributions)),
    ReplicaTable(_subsidies, of_villages(_subsidies)),
)
