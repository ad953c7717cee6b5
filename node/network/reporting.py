"""What a node says of itself: how much waits, what it holds back, what went wrong."""

from typing import Any

from sqlalchemy import func, select

from node.core.models import DivisionRow
from node.core.work import UnitOfWork
from node.network.records import report
from node.network.state import held_by_kind, open_incidents, waiting
from node.version import VERSION
from sync.store import stream


def facts(uow: UnitOfWork) -> dict[str, Any]:
    """Numbers only, nothing personal."""
    connection = uow.connection
    own = uow.session.get(DivisionRow, str(uow.node))
    held = held_by_kind(connection)
    return {
        "waiting": waiting(connection, parent=own.parent if own else None, level=uow.level),
        "held": sum(held.values()),
        "held_by_kind": held,
        "incidents": len(open_incidents(connection)),
        "streams": connection.execute(select(func.count()).select_from(stream)).scalar_one(),
    }


def report_all(uow: UnitOfWork) -> int:
    """Report this node and each village hosted here; returns how many reports were made."""
    own = facts(uow)
    nodes = (uow.node, *sorted(uow.hosted))
    for node in nodes:
        report(uow, own if node == uow.node else {}, version=VERSION, about=node)
    return len(nodes)
