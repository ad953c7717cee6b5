"""What a node that begins with a snapshot holds of policy."""

from typing import Any

from sqlalchemy import Column, ColumnElement, select

from node.core.replica_table import ReplicaTable, within
from node.core.work import UnitOfWork
from node.policy.records import acknowledge, acknowledgements, bulletins, withdrawals
from tiers import RegionCode


def _concerns(issuer: Column[Any], region: RegionCode) -> ColumnElement[bool]:
    """Issued above a region, by it, or inside it."""
    return issuer.in_([str(code) for code in (region, *region.ancestors)]) | within(issuer, region)


REPLICAS = (
    ReplicaTable(
        bulletins,
        lambda region: (bulletins.c.status == "published") & _concerns(bulletins.c.region, region),
    ),
    ReplicaTable(withdrawals, lambda region: _concerns(withdrawals.c.region, region)),
    ReplicaTable(acknowledgements, lambda region: within(acknowledgements.c.node, region)),
)


def acknowledge_all(uow: UnitOfWork) -> None:
    """Say upwards that this node holds the bulletins of the snapshot."""
    said = select(acknowledgements.c.bulletin_id).where(acknowledgements.c.node == str(uow.node))
    wanted = select(bulletins.c.id).where(bulletins.c.id.not_in(said)).order_by(bulletins.c.id)
    for bulletin_id in uow.connection.scalars(wanted).all():
        acknowledge(uow, bulletin_id, uow.node)
