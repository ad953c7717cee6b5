"""What a node says of itself: how much waits, what it holds back, what went wrong."""

from typing import Any

from sqlalchemy import func, select

from node.core.work import UnitOfWork
from node.network.records import report
from node.network.signs import as_facts, own_signs
from node.network.state import held_by_kind
from node.version import VERSION
from sync.store import stream


def facts(uow: UnitOfWork) -> dict[str, Any]:
    """Numbers only, nothing personal."""
    connection = uow.connection
    signs = own_signs(uow)
    return {
        **as_facts(signs),
        "held_by_kind": held_by_kind(connection),
        "incidents": sum(signs.incidents.values()),
        "streams": connection.execute(select(func.count()).select_from(stream)).scalar_one(),
    }


def report_all(uow: UnitOfWork) -> int:
    """Report this node and each village hosted here; returns how many reports were made."""
    own = facts(uow)
    nodes = (uow.node, *sorted(uow.hosted))
    for node in nodes:
        report(uow, own if node == uow.node else {}, version=VERSION, about=node)
    return len(nodes)
