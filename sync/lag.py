"""How far the parent is behind: by stream, in records and since when.

What a receipt speaks for has arrived; everything else waits, whether the line is down or the
parent is slow. One row for each stream that is behind, and one index probe for its age.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, and_, func, or_, select

from sync.keyring import identity_of
from sync.routes import TO, UP, may_rise
from sync.store import receipt, segment, stream


class Lag(NamedTuple):
    """A stream of which the parent has not receipted the end.

    `since` is when the first segment it lacks was stored here (a `moment.stamp`).
    """

    origin: str
    epoch: str
    route: str
    records: int
    since: str | None


def behind_at_parent(connection: Connection) -> Sequence[Lag]:
    """Every stream that climbs from here and is not receipted to its end; none at the root."""
    me = identity_of(connection)
    if me is None or me.parent is None:
        return []
    names, given = stream.c, receipt.c
    receipted = func.coalesce(given.seq, 0)
    same = and_(
        given.taker == me.parent,
        given.origin == names.origin,
        given.epoch == names.epoch,
        given.route == names.route,
    )
    since = (
        select(segment.c.stored_at)
        .where(
            segment.c.origin == names.origin,
            segment.c.epoch == names.epoch,
            segment.c.route == names.route,
            segment.c.first > receipted,
        )
        .order_by(segment.c.first)
        .limit(1)
        .scalar_subquery()
    )
    rows = connection.execute(
        select(names.origin, names.epoch, names.route, names.head - receipted, since)
        .select_from(stream.outerjoin(receipt, same))
        .where(
            or_(
                names.route.startswith(UP, autoescape=True),
                names.route.startswith(TO, autoescape=True),
            ),
            names.head > receipted,
        )
        .order_by(names.origin, names.route)
    )
    lags = (Lag(*row) for row in rows)
    return [one for one in lags if _climbs(one, me.node, me.level)]


def _climbs(lag: Lag, node: str, level: str) -> bool:
    return may_rise(lag.route, lag.origin, child=node, child_level=level)
