"""What Prometheus reads: per link and per stream. Nothing personal, nothing per person."""

from datetime import datetime

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from sqlalchemy import Engine

from node.network import state
from tiers import RegionCode


def exposition(engine: Engine, *, node: RegionCode, parent: str | None, now: datetime) -> str:
    """The metrics of this node in Prometheus' text format."""
    registry = CollectorRegistry()
    waiting = Gauge("wuji_waiting_records", "Records that wait to go up", registry=registry)
    head = Gauge("wuji_stream_head", "Records held", ["origin", "route"], registry=registry)
    behind = Gauge(
        "wuji_stream_unapplied", "Held, not applied", ["origin", "route"], registry=registry
    )
    held = Gauge("wuji_held_records", "Records held back", ["kind"], registry=registry)
    incidents = Gauge("wuji_open_incidents", "For a person to look at", registry=registry)
    age = Gauge("wuji_link_age_seconds", "Since the last progress", ["peer"], registry=registry)
    skew = Gauge("wuji_link_skew_seconds", "Clock of the peer", ["peer"], registry=registry)
    failures = Gauge("wuji_link_failures", "Failures in a row", ["peer"], registry=registry)
    with engine.connect() as connection:
        waiting.set(state.waiting(connection, parent=parent, level=node.level))
        for row in state.streams(connection):
            head.labels(row.origin, row.route).set(row.head)
            behind.labels(row.origin, row.route).set(row.head - row.applied)
        for kind, number in state.held_by_kind(connection).items():
            held.labels(kind).set(number)
        incidents.set(len(state.open_incidents(connection)))
        for link in state.links(connection):
            if link.last_progress is not None:
                age.labels(link.peer).set((now - link.last_progress).total_seconds())
            skew.labels(link.peer).set((link.skew_ms or 0) / 1_000)
            failures.labels(link.peer).set(link.failures)
    return generate_latest(registry).decode()
