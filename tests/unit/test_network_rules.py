"""When a node calls for somebody: each rule just below and just at its threshold."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from node.network.rules import Signs, Thresholds, alerts, silence, state_of

NOW = datetime(2026, 3, 12, 8, tzinfo=UTC)
SOON = timedelta(seconds=1)
LIMITS = Thresholds()
WELL = Signs(heard=NOW, joined=NOW - timedelta(days=90), waiting=0)


@pytest.mark.parametrize(
    ("below", "at", "rule", "severity"),
    [
        ({"skew": timedelta(seconds=-299)}, {"skew": timedelta(seconds=-300)}, "skew", "wait"),
        (
            {"oldest": NOW - LIMITS.stuck + SOON, "waiting": 3},
            {"oldest": NOW - LIMITS.stuck, "waiting": 3},
            "stuck",
            "wait",
        ),
        ({"opened": 12, "decided": 3}, {"opened": 13, "decided": 3}, "quarantine", "bad"),
        ({"refused": 99}, {"refused": 100}, "quarantine", "wait"),
        ({"incidents": {}}, {"incidents": {"fork": 1}}, "fork", "bad"),
        ({"incidents": {}}, {"incidents": {"cloned": 1}}, "fork", "bad"),
        ({"incidents": {}}, {"incidents": {"withheld": 1}}, "relay", "bad"),
        ({"incidents": {}}, {"incidents": {"unchecked": 1, "altered": 1}}, "relay", "bad"),
        ({"incidents": {}}, {"incidents": {"unauthorised": 1}}, "incident", "wait"),
        ({"parked": 0}, {"parked": 1}, "parked", "wait"),
        (
            {"certificate_until": NOW + LIMITS.certificate + SOON},
            {"certificate_until": NOW + LIMITS.certificate},
            "certificate",
            "wait",
        ),
        (
            {"certificate_until": NOW + timedelta(days=31)},
            {"certificate_until": NOW},
            "certificate",
            "bad",
        ),
    ],
)
def test_a_sign_calls_from_its_threshold_on(
    below: dict[str, object], at: dict[str, object], rule: str, severity: str
) -> None:
    quiet = replace(WELL, **below)  # type: ignore[arg-type]
    assert list(alerts(quiet, NOW, LIMITS)) == []
    [found] = alerts(replace(WELL, **at), NOW, LIMITS)  # type: ignore[arg-type]
    assert (found.rule, found.severity) == (rule, severity)
    assert found.text % found.values


@pytest.mark.parametrize(
    ("heard", "joined", "state"),
    [
        (timedelta(0), timedelta(days=90), "normal"),
        (timedelta(hours=2) - SOON, timedelta(days=90), "normal"),
        (timedelta(hours=2), timedelta(days=90), "late"),
        (timedelta(hours=48), timedelta(days=90), "silent"),
        (None, timedelta(hours=47), "unknown"),
        (None, timedelta(hours=48), "silent"),
    ],
)
def test_silence_is_told_by_how_long_nothing_came(
    heard: timedelta | None, joined: timedelta, state: str
) -> None:
    signs = Signs(heard=NOW - heard if heard is not None else None, joined=NOW - joined)
    assert state_of(signs, NOW, LIMITS) == state


@pytest.mark.parametrize("heard", [None, NOW - timedelta(days=3)])
@pytest.mark.parametrize("below", [0, 120])
def test_one_silence_names_those_who_are_silent_with_it(heard: datetime | None, below: int) -> None:
    found = silence(heard, NOW, below=below)
    said = found.text % found.values
    assert (found.severity, str(below) in said) == ("bad", below > 0)
    assert ("3 天" in said) == (heard is not None)
