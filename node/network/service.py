"""The network as this node knows it: itself, the nodes below, and how each is doing."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import col, select

from node.core.divisions import Places
from node.core.work import UnitOfWork
from node.network.models import HeldNotice, NodeReport
from node.network.state import members
from node.policy import service as policy
from node.policy.models import Bulletin
from tiers import RegionCode

SILENT_AFTER = timedelta(days=2)
LATE_AFTER = timedelta(hours=2)
LISTED = 50


@dataclass(frozen=True, slots=True)
class Row:
    """One node of the tree. `waiting` is None where nobody here can know."""

    node: RegionCode
    depth: int
    version: str
    last_progress: datetime | None
    waiting: int | None
    held: int
    is_here: bool
    held_by: str | None
    state: str


@dataclass(frozen=True, slots=True)
class Here:
    """This node's own counts."""

    waiting: int
    held: int
    version: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """Who below has acknowledged a bulletin, and who has not."""

    bulletin: Bulletin
    acknowledged: int
    missing: Sequence[RegionCode]


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


def tree(uow: UnitOfWork, places: Places, here: Here) -> Sequence[Row]:
    """This node and every node below that has joined, parents before their children."""
    statement = select(NodeReport).order_by(col(NodeReport.node))
    reports = {row.node: row for row in uow.session.exec(statement) if row.node != str(uow.node)}
    own = Row(
        node=uow.node,
        depth=0,
        version=here.version,
        last_progress=uow.now,
        waiting=here.waiting,
        held=here.held,
        is_here=True,
        held_by=None,
        state="here",
    )
    joined = {*reports, *members(uow.connection)}
    return [own, *_below(uow, places, _Known(reports, joined), uow.node, 1)]


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of the nodes below: who has reported, and who has joined at all."""

    reports: Mapping[str, NodeReport]
    joined: Collection[str]


def _below(
    uow: UnitOfWork,
    places: Places,
    known: _Known,
    parent: RegionCode,
    depth: int,
) -> list[Row]:
    rows: list[Row] = []
    for child in places.children(parent):
        if not any(child.contains(RegionCode(node)) for node in known.joined):
            continue
        rows.append(_row(uow, child, known.reports.get(str(child)), depth))
        rows.extend(_below(uow, places, known, child, depth + 1))
    return rows


def _row(uow: UnitOfWork, node: RegionCode, report: NodeReport | None, depth: int) -> Row:
    facts = report.facts if report else {}
    return Row(
        node=node,
        depth=depth,
        version=report.version if report else "",
        last_progress=report.arrived_at if report else None,
        waiting=facts.get("waiting"),
        held=int(facts.get("held", 0)),
        is_here=False,
        held_by=report.held_by if report else None,
        state=state_of(report.arrived_at if report else None, uow.now),
    )


def held_elsewhere(uow: UnitOfWork) -> Sequence[HeldNotice]:
    """Records that other nodes hold back and have not decided, newest first."""
    statement = select(HeldNotice).where(HeldNotice.decision == "")
    return uow.session.exec(statement.order_by(col(HeldNotice.at).desc()).limit(LISTED)).all()


def state_of(last: datetime | None, now: datetime) -> str:
    """normal, late or silent, by how long nothing has come; unknown before the first report."""
    if last is None:
        return "unknown"
    if now - last >= SILENT_AFTER:
        return "silent"
    return "late" if now - last >= LATE_AFTER else "normal"
