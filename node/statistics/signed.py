"""A report kept here against the line its county signed."""

import sync
from node.core.errors import NotFound
from node.core.work import UP_PROVINCE
from node.statistics.models import StatisticsReport
from node.statistics.records import REPORTED, key_of
from sync.errors import SyncRefusal
from sync.tracing import Trace


def proof_of(replica: sync.Replica, report: StatisticsReport) -> Trace:
    """The signed line of a report, with its path to the root.

    Raises:
        NotFound: the county has not sealed it yet.
    """
    if report.heads:
        stream = sync.StreamId(report.heads["origin"], report.heads["epoch"], UP_PROVINCE)
        return replica.prove(stream, int(report.heads["seq"]) + 1)
    for trace in replica.trace(REPORTED.name, key_of(report)):
        return trace
    raise NotFound("统计上报还没有封存，请稍后再导出")


def altered(replica: sync.Replica, report: StatisticsReport) -> tuple[str, ...]:
    """The measures in which the report kept here is not what the county signed.

    Asked whatever came after the report: a figure that has moved on since explains why a new count
    differs from the report, never why the report differs from its own signature. What is not
    sealed yet, or lies in an archive that is away, cannot be compared.
    """
    try:
        signed = proof_of(replica, report)
    except (NotFound, SyncRefusal):
        return ()
    body = signed.record.body
    named = (body.get("year"), body.get("month"), body.get("version"), signed.record.region)
    if named != (report.year, report.month, report.version, report.county_code):
        return tuple(sorted(report.measures))
    names = sorted({*report.measures, *body["measures"]})
    return tuple(n for n in names if report.measures.get(n) != body["measures"].get(n))
