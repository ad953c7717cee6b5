"""Grading and scoring of findings."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from node.policy.quality_bodies import Severity
from node.quality.rulebook import RULES
from node.quality.rules import DAYS, PERFECT, Treatment, is_overdue, score_ppm

COUNTS = st.fixed_dictionaries({severity: st.integers(0, 10**6) for severity in Severity})


@given(COUNTS, st.integers(1, 10**7))
def test_a_score_lies_between_nothing_and_perfect(counts: dict[Severity, int], people: int) -> None:
    found = score_ppm(counts, people)
    assert found is not None
    assert 0 <= found <= PERFECT
    if not counts[Severity.ERROR] and not counts[Severity.WARNING]:
        assert found == PERFECT


@given(COUNTS, st.integers(1, 10**7), st.sampled_from(Severity))
def test_one_more_finding_never_raises_a_score(
    counts: dict[Severity, int], people: int, more: Severity
) -> None:
    worse = counts | {more: counts[more] + 1}
    before, after = score_ppm(counts, people), score_ppm(worse, people)
    assert before is not None
    assert after is not None
    assert after <= before


def test_examples() -> None:
    none = dict.fromkeys(Severity, 0)
    assert score_ppm(none, 0) is None
    assert score_ppm(none, 100) == PERFECT
    assert score_ppm(none | {Severity.ERROR: 1}, 100) == 990_000
    assert score_ppm(none | {Severity.WARNING: 1}, 100) == 997_000
    assert score_ppm(none | {Severity.ERROR: 500}, 100) == 0


def test_a_finding_is_late_only_while_nobody_answers() -> None:
    due, today = date(2026, 3, 1), date(2026, 3, 2)
    assert is_overdue(due, today, is_answered=False)
    assert not is_overdue(due, today, is_answered=True)
    assert not is_overdue(due, due, is_answered=False)


def test_every_rule_of_the_catalogue_has_days_and_words() -> None:
    for code, rule in RULES.items():
        assert code == rule.code
        assert rule.title
        assert rule.says % {"first": "a", "second": "b", "third": "c"}
        used = Treatment(rule.severity, DAYS[rule.severity])
        assert used.due_on(date(2026, 1, 1)) > date(2026, 1, 1)
