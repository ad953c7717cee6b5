"""The network as this node knows it: itself, the nodes below, and how each is doing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlmodel import col, select

from node.core.divisions import Places
from node.core.work import UnitOfWork
from node.network.models import HeldNotice
from node.network.rules import RANK, Alert, Signs, Thresholds, alerts, silence, state_of
from node.network.signs import own_signs, signs_below
from node.network.tree import Branch, View, every, grow, tops
from node.policy import service as policy
from node.policy.models import Bulletin
from node.settings import AlertSettings
from tiers import RegionCode

LISTED = 50


@dataclass(frozen=True, slots=True)
class Known:
    """One node: its signs, its program, and who holds its streams when it has no machine."""

    signs: Signs
    version: str
    held_by: str | None


@dataclass(frozen=True, slots=True)
class Survey:
    """Everything at a glance. `calls` are the alerts of all nodes, the worst first."""

    root: Branch
    known: dict[str, Known]
    calls: Sequence[tuple[RegionCode, Alert]]


@dataclass(frozen=True, slots=True)
class Coverage:
    """Who below has acknowledged a bulletin, and who has not."""

    bulletin: Bulletin
    acknowledged: int
    missing: Sequence[RegionCode]


def thresholds_of(settings: AlertSettings) -> Thresholds:
    """The thresholds an administrator set."""
    return Thresholds(
        late=timedelta(hours=settings.late_hours),
        silent=timedelta(hours=settings.silent_hours),
        stuck=timedelta(hours=settings.stuck_hours),
        quarantine_open=settings.quarantine_open,
        quarantine_growth=settings.quarantine_growth,
        skew=timedelta(seconds=settings.skew_seconds),
        certificate=timedelta(days=settings.certificate_days),
    )


def survey(uow: UnitOfWork, places: Places, thresholds: Thresholds, *, version: str) -> Survey:
    """This node and every node below that has joined, judged and counted."""
    own = own_signs(uow)
    known = {str(uow.node): Known(own, version, None)}
    known |= {node: Known(*found) for node, found in signs_below(uow).items()}
    views = {}
    for node, each in known.items():
        state = "here" if node == uow.node else state_of(each.signs, uow.now, thresholds)
        found = tuple(alerts(each.signs, uow.now, thresholds))
        views[node] = View(RegionCode(node), state, found)
    root = grow(uow.node, views, places.parents)
    calls = [
        *(
            (top.node, silence(known[str(top.node)].signs.heard, uow.now, below=below))
            for top, below in tops(root, "silent")
        ),
        *((b.view.node, alert) for b in every(root) for alert in b.view.alerts),
    ]
    calls.sort(key=lambda call: -RANK[call[1].severity])
    return Survey(root, known, calls)


def spoken(found: Survey) -> list[RegionCode]:
    """The nodes that have said anything yet; whoever has not cannot have acknowledged."""
    return [RegionCode(node) for node, each in found.known.items() if each.signs.heard]


def coverage(uow: UnitOfWork, nodes: Sequence[RegionCode]) -> list[Coverage]:
    """For each published bulletin: the given nodes that have it and those that have not."""
    below = [node for node in nodes if node != uow.node]
    found = []
    for bulletin in policy.listed(uow):
        if bulletin.status == "published":
            have = policy.acknowledged_nodes(uow, bulletin.id)
            missing = [node for node in below if node not in have]
            found.append(Coverage(bulletin, len(below) - len(missing), missing))
    return found


def held_elsewhere(uow: UnitOfWork) -> Sequence[HeldNotice]:
    """Records that other nodes hold back and have not decided, newest first."""
    statement = select(HeldNotice).where(HeldNotice.decision == "")
    return uow.session.exec(statement.order_by(col(HeldNotice.at).desc()).limit(LISTED)).all()
