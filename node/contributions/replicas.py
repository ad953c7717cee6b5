"""What a node that begins with a snapshot holds of contributions."""

from sqlalchemy import Table

from node.contributions.models import (
    Contribution,
    ContributionOrder,
    OnBehalf,
    Receipt,
    ReceiptHandover,
    ReceiptSeries,
    Subsidy,
)
from node.core.replica_table import ReplicaTable, of_villages

_contributions: Table = Contribution.__table__  # type: ignore[attr-defined]
_subsidies: Table = Subsidy.__table__  # type: ignore[attr-defined]
_orders: Table = ContributionOrder.__table__  # type: ignore[attr-defined]
_on_behalf: Table = OnBehalf.__table__  # type: ignore[attr-defined]
_OF_RECEIPTS: tuple[Table, ...] = (
    ReceiptSeries.__table__,  # type: ignore[attr-defined]
    Receipt.__table__,  # type: ignore[attr-defined]
    ReceiptHandover.__table__,  # type: ignore[attr-defined]
)

REPLICAS = (
    ReplicaTable(_contributions, of_villages(_contributions)),
    ReplicaTable(_subsidies, of_villages(_subsidies)),
    ReplicaTable(_orders, of_villages(_orders)),
    ReplicaTable(_on_behalf, of_villages(_on_behalf)),
    *(ReplicaTable(table, of_villages(table)) for table in _OF_RECEIPTS),
)
