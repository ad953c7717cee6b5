"""Instants and epochs. An instant is UTC, and travels as `2026-03-12T08:00:00.000Z`."""

import re
import secrets
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
Entropy = Callable[[int], bytes]

_BASE32 = "0123456789abcdefghjkmnpqrstvwxyz"
_TIME_CHARS = 9
_EPOCH = re.compile(r"[0-9][0-9a-hjkmnp-tv-z]{14}")  # up to the year 2318
_STAMP = "%Y-%m-%dT%H:%M:%S.%f"
_STAMPED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,6}Z", re.ASCII)


def wall_clock() -> datetime:
    return datetime.now(UTC)  # noqa: TID251  # the default clock; everything else is given one


entropy: Entropy = secrets.token_bytes


def stamp(moment: datetime) -> str:
    """Fixed width, so that text order is time order."""
    return moment.astimezone(UTC).strftime(_STAMP)[:-3] + "Z"


def parse_stamp(text: str) -> datetime:
    """Read what `stamp` wrote.

    Raises:
        ValueError: it is no such text.
    """
    if not _STAMPED.fullmatch(text):
        raise ValueError(f"{text!r} does not match the form of an instant")
    return datetime.fromisoformat(text[:-1]).replace(tzinfo=UTC)


def base32(number: int, width: int) -> str:
    """Crockford's alphabet (no i, l, o, u): read over a telephone without mistakes."""
    digits = []
    for _ in range(width):
        number, low = divmod(number, 32)
        digits.append(_BASE32[low])
    return "".join(reversed(digits))


def new_epoch(moment: datetime, random: Entropy = entropy, *, after: str = "") -> str:
    """Name one set-up of a node: 9 characters of time, 6 of chance. Later ones sort later.

    It sorts after the epoch `after`, whatever a clock that was set back says.
    """
    millis = int(moment.timestamp() * 1000)
    if base32(millis, _TIME_CHARS) <= after[:_TIME_CHARS]:
        millis = _number(after[:_TIME_CHARS]) + 1
    return base32(millis, _TIME_CHARS) + base32(int.from_bytes(random(4)), 6)


def is_epoch(text: str) -> bool:
    """Could `new_epoch` have made this, within some centuries?"""
    return bool(_EPOCH.fullmatch(text))


def _number(digits: str) -> int:
    """Read what `base32` wrote.

    Raises:
        ValueError: it is something else.
    """
    number = 0
    for digit in digits:
        number = number * 32 + _BASE32.index(digit)
    return number
