"""Whether a county wrote anything after its report that may have changed its figures since.

A report stands on everything before it in its own stream. Until the next one, figures computed
here run ahead of it on every working day; only when nothing followed is a difference a
contradiction.
"""

import orjson
from sqlalchemy import Connection, select

from node.core.work import UP_PROVINCE
from node.statistics.models import StatisticsReport
from sync.store import segment

QUIET = frozenset(
    {
        "statistics.reported",
        "node.reported",
        "policy.acknowledged",
        "sync.held",
        "quality.answered",
        "usage.digested",
        "usage.answered",
        "inspection.answered",
    }
)
"""What travels with the facts and changes no figure."""


def has_moved_on(connection: Connection, report: StatisticsReport) -> bool:
    """Whether facts of the county lie here behind its report.

    A segment is judged as a whole: facts sealed together with the report count as later ones.
    At the county itself the report is its own word and proves nothing against its books.
    """
    if not report.heads:
        return True
    headers = connection.execute(
        select(segment.c.header).where(
            segment.c.origin == report.heads["origin"],
            segment.c.epoch == report.heads["epoch"],
            segment.c.route == UP_PROVINCE,
            segment.c.last > int(report.heads["seq"]) + 1,
        )
    ).scalars()
    return any(set(orjson.loads(bytes(header))["types"]) - QUIET for header in headers)
