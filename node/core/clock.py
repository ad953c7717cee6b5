"""Instants are UTC; business dates are calendar days in Asia/Shanghai.

China has kept one offset, without summer time, since 1991, and no business date lies before:
a fixed offset spares every village PC the time-zone database.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """The instant now. Called at the edge only: one request, job or segment has one instant."""
    return datetime.now(UTC)  # noqa: TID251  # the one place where the clock is read


def shanghai(instant: datetime) -> datetime:
    """An instant as people in the office read it."""
    return instant.astimezone(SHANGHAI)


def business_date(instant: datetime) -> date:
    """The calendar day in the office at an instant."""
    return shanghai(instant).date()


def start_of(day: date) -> datetime:
    """The instant a calendar day begins in the office."""
    return datetime(day.year, day.month, day.day, tzinfo=SHANGHAI).astimezone(UTC)


def iso(instant: datetime) -> str:
    """An instant as records carry it: UTC, microseconds, `Z`."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def from_iso(text: str) -> datetime:
    """The instant a record carries; the inverse of `iso`."""
    return datetime.fromisoformat(text).astimezone(UTC)


def shifted_clock(file: Path) -> Clock:
    """A clock that runs some seconds ahead (or behind), as a file says. For demos and drills only.

    The file is read at each call, so that several processes move through a year together.
    """

    def now() -> datetime:
        return system_clock() + timedelta(seconds=float(file.read_text()))

    return now
