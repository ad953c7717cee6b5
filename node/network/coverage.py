"""Which nodes hold a bulletin and which do not yet, county by county, and for how long."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import select

from node.core.work import UnitOfWork
from node.network.models import NodeReport
from node.network.signs import signs_below
from node.policy import service as policy
from node.policy.models import Bulletin
from tiers import Level, RegionCode

LATE = timedelta(days=7)
"""A bulletin that has not been acknowledged for so long calls for somebody (handbook, 第十四节)."""


@dataclass(frozen=True, slots=True)
class Missing:
    """A node that has not acknowledged: since the bulletin was published, and its last word."""

    node: RegionCode
    heard: datetime | None
    is_late: bool


@dataclass(frozen=True, slots=True)
class CountyCoverage:
    """The nodes of a county (itself, its townships and villages): how many hold the bulletin."""

    county: RegionCode
    nodes: int
    holding: int

    @property
    def percent(self) -> float:
        """Of its nodes, those that hold it."""
        return 100 * self.holding / self.nodes


@dataclass(frozen=True, slots=True)
class BulletinCoverage:
    """One bulletin below this node. `age` is how long ago it was published."""

    bulletin: Bulletin
    nodes: int
    holding: int
    age: timedelta
    missing: Sequence[Missing]
    counties: Sequence[CountyCoverage]


def coverage_of(uow: UnitOfWork, bulletin: Bulletin) -> BulletinCoverage:
    """Who below holds a published bulletin, among the members it concerns."""
    concerned = _concerned(uow, bulletin)
    have = policy.acknowledged_nodes(uow, bulletin.id)
    heard = _heard(uow)
    age = uow.now - (bulletin.published_at or uow.now)
    missing = [
        Missing(node, heard.get(str(node)), is_late=age >= LATE)
        for node in concerned
        if node not in have
    ]
    return BulletinCoverage(
        bulletin=bulletin,
        nodes=len(concerned),
        holding=len(concerned) - len(missing),
        age=age,
        missing=missing,
        counties=_by_county(concerned, {one.node for one in missing}),
    )


def _concerned(uow: UnitOfWork, bulletin: Bulletin) -> list[RegionCode]:
    """The members below this node inside the issuer's region, which acknowledge to us."""
    issuer = RegionCode(bulletin.region)
    codes = sorted(RegionCode(node) for node in signs_below(uow))
    return [c for c in codes if c != uow.node and uow.node.contains(c) and issuer.contains(c)]


def _heard(uow: UnitOfWork) -> Mapping[str, datetime]:
    rows = uow.session.exec(select(NodeReport.node, NodeReport.reported_at))
    return dict(rows.all())


def _by_county(concerned: Sequence[RegionCode], lacking: set[RegionCode]) -> list[CountyCoverage]:
    nodes: dict[RegionCode, list[int]] = {}
    for node in concerned:
        if node.county is not None and node.level.rank >= Level.COUNTY.rank:
            counts = nodes.setdefault(node.county, [0, 0])
            counts[0] += 1
            counts[1] += node not in lacking
    found = [CountyCoverage(county, *counts) for county, counts in nodes.items()]
    return sorted(found, key=lambda each: (each.percent, each.county))
