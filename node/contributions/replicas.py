"""What a node that begins with a snapshot holds of contributions."""

from sqlalchemy import Table

from node.accounts.replicas import by_account, of_account
from node.contributions.models import (
    Contribution,
    ContributionOrder,
    OnBehalf,
    Receipt,
    ReceiptHandover,
    ReceiptSeries,
    Subsidy,
)
from node.core.of_people import OfPeople, goes_along
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

_OF_ACCOUNTS = (_contributions, _subsidies, _orders, _on_behalf)
goes_along(*(OfPeople(each, by_account(each)) for each in _OF_ACCOUNTS))

REPLICAS = (
    *(ReplicaTable(each, of_account(each)) for each in _OF_ACCOUNTS),
    *(ReplicaTable(table, of_villages(table)) for table in _OF_RECEIPTS),
)
