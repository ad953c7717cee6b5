"""What stands around every page: who, where, navigation, and how fresh this node is."""

from typing import Any

from fastapi import Request

from node.core.work import Actor
from node.lookout import Lookout
from node.network import state
from node.runtime import Node
from node.version import VERSION
from tiers import Role


def build_frame(
    node: Node, lookout: Lookout, request: Request, actor: Actor | None
) -> dict[str, Any]:
    """The frame of one page, for `web` to render around it."""
    gate = request.app.state.house.gate
    return {
        "node": {"name": node.title, "tier": node.profile.title},
        "user": user_of(actor),
        "nav": _with_calls(lookout, navigation(node, actor)),
        "sync": sync_state(node) if actor else None,
        "csrf_token": gate.csrf_token(request) if actor else "",
        "version": VERSION,
        "now": node.clock(),
    }


def user_of(actor: Actor | None) -> dict[str, str] | None:
    """Name and posts, and where their own page is."""
    if actor is None:
        return None
    posts = "、".join(Role(role).title for role in sorted(actor.roles) if role in set(Role))
    return {"key": actor.id, "name": actor.name, "role": posts, "href": "/identity/me"}


def navigation(node: Node, actor: Actor | None) -> list[dict[str, Any]]:
    """The places this person's posts need at this tier."""
    if actor is None or actor.must_change_password:
        return []
    roles = [Role(role) for role in actor.roles if role in set(Role)]
    present = {capability.name for capability in node.capabilities}
    return [
        {"href": item.path, "label": item.title}
        for item in node.profile.navigation_for(roles)
        if _is_present(item.path, present)
    ]


_SERVED_BY = {"inbox": "cases"}


def _with_calls(lookout: Lookout, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Beside a place, on every page of whoever has it: how many things there call for somebody."""
    calls = lookout.calls() if items else {}
    return [item | {"count": calls.get(item["href"], 0)} for item in items]


def _is_present(path: str, capabilities: set[str]) -> bool:
    first = path.strip("/").split("/")[0]
    return _SERVED_BY.get(first, first) in capabilities


def sync_state(node: Node) -> dict[str, Any] | None:
    """When this node last reached its parent, and how many records wait to go; not at the root."""
    parent = node.places.parent(node.code)
    if parent is None:
        return None
    with node.engine.connect() as connection:
        link = state.parent_link(connection)
        waiting = state.waiting(connection, parent=parent, level=node.code.level)
    return {
        "at": link.last_contact if link else None,
        "waiting": waiting,
        "parent": node.places.name(parent),
        "ok": bool(link and not link.failures),
    }
