"""Version skew: which direct peer understands less of a record type than this node, or more.

A type a peer does not know at all says nothing: tiers need not know the same types. It is parked
there and passed on, like a version it does not know.
"""

from typing import NamedTuple

from sqlalchemy import Connection, func, select

from sync.blocks import NEWER, UNKNOWN
from sync.handlers import Handlers
from sync.status import link_states
from sync.store import held


class Skew(NamedTuple):
    """One type that a peer and this node understand up to different versions."""

    peer: str
    role: str
    type: str
    theirs: int
    ours: int


class Parked(NamedTuple):
    """Records that wait here for an upgrade: of which type, and up to which version."""

    type: str
    version: int
    records: int


def skews(connection: Connection, handlers: Handlers) -> list[Skew]:
    """By peer and type, as each said in its latest session."""
    found = []
    for state in link_states(connection):
        for name, theirs in sorted(state.versions.items()):
            ours = handlers[name].version if name in handlers else theirs
            if theirs != ours:
                found.append(Skew(state.peer, state.role, name, theirs, ours))
    return found


def parked(connection: Connection) -> list[Parked]:
    """What waits here for this node's own upgrade."""
    names = held.c
    rows = connection.execute(
        select(names.type, func.max(names.version), func.count())
        .where(names.decided_at.is_(None), names.kind.in_((NEWER, UNKNOWN)))
        .group_by(names.type)
        .order_by(names.type)
    )
    return [Parked(*row) for row in rows]
