"""Deadlines in working days."""

from datetime import date, timedelta

import pytest

from node.cases.working_days import Holidays, days_left, due_day

FRIDAY = date(2026, 3, 13)
# The National Day week of 2026 in the shape the State Council announces it.
OCTOBER = Holidays(
    off=frozenset(date(2026, 10, day) for day in range(1, 8)),
    worked=frozenset({date(2026, 10, 10)}),
)


@pytest.mark.parametrize(
    ("start", "days", "due"),
    [
        (FRIDAY, 1, date(2026, 3, 16)),
        (FRIDAY, 5, date(2026, 3, 20)),
        (date(2026, 3, 14), 1, date(2026, 3, 16)),
        (FRIDAY, 0, FRIDAY),
    ],
)
def test_weekends_do_not_count(start: date, days: int, due: date) -> None:
    assert due_day(start, days) == due


def test_holidays_do_not_count_and_weekends_worked_do() -> None:
    assert due_day(date(2026, 9, 30), 1, OCTOBER) == date(2026, 10, 8)
    assert due_day(date(2026, 9, 30), 3, OCTOBER) == date(2026, 10, 10)


@pytest.mark.parametrize(
    ("today", "left"),
    [
        (date(2026, 3, 13), 3),
        (date(2026, 3, 15), 3),
        (date(2026, 3, 18), 0),
        (date(2026, 3, 19), -1),
        (date(2026, 3, 23), -3),
    ],
)
def test_days_left_count_down_to_the_day_and_past_it(today: date, left: int) -> None:
    assert days_left(date(2026, 3, 18), today) == left


def test_what_is_due_in_n_days_has_n_days_left() -> None:
    for offset in range(14):
        start = FRIDAY + timedelta(days=offset)
        for days in range(1, 12):
            assert days_left(due_day(start, days, OCTOBER), start, OCTOBER) == days
