"""The network page: a tree one reads at a glance; silence is the news."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from node.core.divisions import Places
from node.core.edge import Reading, page
from node.network import service, state
from node.network.bundle_pages import may_carry
from node.network.service import Row
from node.version import VERSION
from node.web.filters import moment_text

router = APIRouter(prefix="/network", include_in_schema=False)

CHIPS = {
    "here": ("mine", "本节点"),
    "normal": ("done", "正常"),
    "late": ("wait", "超过两小时没有消息"),
    "silent": ("bad", "失联"),
    "unknown": ("other", "还没有报告"),
}


@router.get("")
def index(request: Request, uow: Reading) -> Response:
    """This node, the nodes below, its links, and who has which bulletin."""
    places: Places = request.app.state.node.places
    connection = uow.connection
    parent = places.parent(uow.node)
    here = service.Here(
        waiting=state.waiting(connection, parent=parent, level=uow.level),
        held=sum(state.held_by_kind(connection).values()),
        version=VERSION,
    )
    rows = service.tree(uow, places, here)
    return page(
        request,
        "network/index.html",
        may_carry=may_carry(uow),
        rows=rows,
        tree_rows=[_tree_row(row, places, uow.now) for row in rows],
        silent=sum(row.state == "silent" for row in rows),
        reported=sum(row.state not in {"here", "unknown"} for row in rows),
        links=state.links(connection),
        held=state.held_groups(connection),
        incidents=state.open_incidents(connection),
        told=service.held_elsewhere(uow),
        coverage=service.coverage(uow, [row.node for row in rows if row.state != "unknown"]),
    )


def _tree_row(row: Row, places: Places, now: datetime) -> dict[str, Any]:
    kind, text = CHIPS[row.state]
    level = row.node.level.title
    if row.held_by:
        level = f"{level} · 由{places.name(row.held_by)}托管"
    return {
        "depth": row.depth,
        "name": places.name(row.node),
        "level": level,
        "cells": [
            moment_text(row.last_progress, now) if row.last_progress else "—",
            "未知" if row.waiting is None else f"{row.waiting:,}",
            f"{row.held:,}",
            row.version or "未知",
        ],
        "kind": kind,
        "state": text,
        "here": row.is_here,
    }
