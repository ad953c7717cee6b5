"""What Prometheus reads: per link and per stream. Nothing personal, nothing per person.

Counters of bytes and calls are of this process since it began; everything else is read from the
database, so that any process of a node tells the same.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Connection

from node.accounts.year_end_progress import STEPS, running
from node.core.clock import from_iso
from node.network import state
from node.network.rules import Signs
from node.network.service import Survey, survey, thresholds_of
from node.runtime import Node
from node.version import VERSION
from sync.lag import behind_at_parent
from sync.meter import Meter

STREAMS = 2_000
"""Streams told one by one, those behind first; of more, only how many there are."""
SECOND = timedelta(seconds=1)


def exposition(node: Node) -> str:
    """The metrics of this node in Prometheus' text format."""
    board = _Board()
    now = node.clock()
    with node.work(writing=False) as uow:
        connection = uow.connection
        thresholds = thresholds_of(node.settings.alerts)
        found = survey(uow, node.places, thresholds, version=VERSION)
        _streams(board, connection, now)
        _links(board, connection, now)
        for kind, number in state.held_by_kind(connection).items():
            board.set("wuji_held_records", "Records held back", number, kind=kind)
    _year_end(board, str(node.code))
    _own(board, found.known[str(node.code)].signs, now)
    _network(board, found)
    _traffic(board, node.replica.meter)
    registry = CollectorRegistry()
    registry.register(board)
    return generate_latest(registry).decode()


class _Board(Collector):
    """Figures by name, as Prometheus collects them; a name ending in `_total` counts upwards."""

    def __init__(self) -> None:
        self._families: dict[str, GaugeMetricFamily | CounterMetricFamily] = {}

    def collect(self) -> Iterable[Metric]:
        return self._families.values()

    def set(self, name: str, meaning: str, value: float, **labels: str) -> None:
        family = self._families.get(name)
        if family is None:
            make = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
            family = self._families[name] = make(name, meaning, labels=list(labels))
        family.add_metric(list(labels.values()), value)


def _own(board: _Board, signs: Signs, now: datetime) -> None:
    board.set("wuji_waiting_records", "Records that wait to go up", signs.waiting or 0)
    oldest = (now - signs.oldest) / SECOND if signs.oldest else 0
    board.set("wuji_waiting_seconds", "How long the oldest of them has waited", oldest)
    board.set("wuji_quarantine_records", "Records a person must decide", signs.refused)
    grown = signs.opened - signs.decided
    board.set("wuji_quarantine_growth", "More of them than 24 hours ago", grown)
    board.set("wuji_parked_records", "Records that wait for an upgrade", signs.parked)
    board.set("wuji_open_incidents", "For a person to look at", sum(signs.incidents.values()))
    for kind, number in signs.incidents.items():
        board.set("wuji_open_incidents_by_kind", "The same by kind", number, kind=kind)
    if signs.certificate_until is not None:
        left = (signs.certificate_until - now) / SECOND
        board.set("wuji_certificate_seconds", "Until this node's certificate ends", left)


def _year_end(board: _Board, county: str) -> None:
    now = running(county)
    text = f"Step of {len(STEPS)} of the year end that runs in this process, 0 when none does"
    board.set("wuji_year_end_step", text, now.number if now else 0)
    board.set("wuji_year_end_seconds", "How long it has run", now.seconds if now else 0)


def _streams(board: _Board, connection: Connection, now: datetime) -> None:
    lags = {(lag.origin, lag.epoch, lag.route): lag for lag in behind_at_parent(connection)}
    rows = state.streams(connection)
    rows.sort(key=lambda row: (row.origin, row.epoch, row.route) not in lags)
    board.set("wuji_streams", "Streams held", len(rows))
    for row in rows[:STREAMS]:
        names = {"origin": row.origin, "epoch": row.epoch, "route": row.route}
        board.set("wuji_stream_head", "Records held", row.head, **names)
        behind = row.head - row.applied
        board.set("wuji_stream_unapplied", "Held, not applied", behind, **names)
        lag = lags.get((row.origin, row.epoch, row.route))
        lacking = lag.records if lag else 0
        board.set("wuji_stream_lag_records", "Not receipted by the parent", lacking, **names)
        waited = (now - from_iso(lag.since)) / SECOND if lag and lag.since else 0
        board.set("wuji_stream_lag_seconds", "How long the first of them waits", waited, **names)


def _links(board: _Board, connection: Connection, now: datetime) -> None:
    for link in state.links(connection):
        peer = link.peer
        if link.last_progress is not None:
            age = (now - link.last_progress) / SECOND
            board.set("wuji_link_age_seconds", "Since the last progress", age, peer=peer)
        if link.last_contact is not None:
            age = (now - link.last_contact) / SECOND
            board.set("wuji_link_contact_age_seconds", "Since the last word", age, peer=peer)
        skew = (link.skew_ms or 0) / 1_000
        board.set("wuji_link_skew_seconds", "Clock of the peer", skew, peer=peer)
        board.set("wuji_link_failures", "Failures in a row", link.failures, peer=peer)


def _network(board: _Board, found: Survey) -> None:
    for name, number in found.root.states.items():
        board.set("wuji_nodes", "Nodes below by state", number, state=name)
    for rule, number in Counter(alert.rule for _, alert in found.calls).items():
        board.set("wuji_alerts", "Things that call for somebody", number, rule=rule)


def _traffic(board: _Board, meter: Meter) -> None:
    for peer, direction, segments, size in meter.carriages():
        names = {"peer": peer, "direction": direction}
        board.set("wuji_link_segments_total", "Segments in this process", segments, **names)
        board.set("wuji_link_bytes_total", "Their bytes", size, **names)
    for (peer, code), number in meter.refusals().items():
        board.set("wuji_link_refused_total", "Streams refused", number, peer=peer, code=code)
    for peer, number in meter.failures().items():
        board.set("wuji_link_errors_total", "Calls without an answer", number, peer=peer)
    for peer, number in meter.lacking().items():
        text = "Records a child lacked when it last asked"
        board.set("wuji_link_lag_records", text, number, peer=peer)
