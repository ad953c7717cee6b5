"""Which ways to pay are open here today: policy says where and when."""

from node.contributions.rules import is_open
from node.core.errors import Invalid
from node.core.work import UnitOfWork
from node.policy import service as policy
from node.policy.contribution_bodies import CollectionWays, Way
from tiers import RegionCode


def way_is_open(uow: UnitOfWork, way: Way, *, region: RegionCode) -> bool:
    """Whether a way is open at a place today."""
    found = policy.in_force(uow, CollectionWays.kind, region, uow.today)
    ways = found.body.ways if found and isinstance(found.body, CollectionWays) else None
    return is_open(way.value, region=str(region), on=uow.today, ways=ways)


def require_way(uow: UnitOfWork, way: Way, *, region: RegionCode) -> None:
    """Refuse a way that is closed.

    Raises:
        Invalid: policy does not open it here today.
    """
    if not way_is_open(uow, way, region=region):
        raise Invalid(
            "按缴费方式和集中缴费期的规定，{title}现在没有开放", field="method", title=way.title
        )
