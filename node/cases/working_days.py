"""Deadlines in working days (工作日): weekends and holidays do not count, weekends worked do.

The day something happens does not count. Holidays come from the State Council's yearly notice,
never from this file.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

SATURDAY = 5
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Holidays:
    """Days off that are no weekend (放假), and weekend days that are worked (调休上班)."""

    off: frozenset[date] = frozenset()
    worked: frozenset[date] = frozenset()

    def is_working_day(self, day: date) -> bool:
        if day in self.worked:
            return True
        return day.weekday() < SATURDAY and day not in self.off


WEEKENDS_ONLY = Holidays()


def due_day(start: date, days: int, holidays: Holidays = WEEKENDS_ONLY) -> date:
    """The last day of a period of so many working days that begins after `start`."""
    day = start
    for _counted in range(days):
        day += ONE_DAY
        while not holidays.is_working_day(day):
            day += ONE_DAY
    return day


def days_left(due: date, today: date, holidays: Holidays = WEEKENDS_ONLY) -> int:
    """Working days until `due`: 0 on the day itself, negative when it is past."""
    if today <= due:
        return sum(map(holidays.is_working_day, _days(today, due)))
    return -sum(map(holidays.is_working_day, _days(due, today)))


def _days(after: date, through: date) -> Iterator[date]:
    day = after
    while day < through:
        day += ONE_DAY
        yield day
