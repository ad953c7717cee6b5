"""Instants and epochs. An instant is UTC, and travels as `2026-03-12T08:00:00.000Z`."""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
Entropy = Callable[[int], bytes]

_BASE32 = "0123456789abcdefghjkmnpqrstvwxyz"
_STAMP = "%Y-%m-%dT%H:%M:%S.%f"


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
    return datetime.strptime(text, _STAMP + "Z").replace(tzinfo=UTC)


def base32(number: int, width: int) -> str:
    """Crockford's alphabet (no i, l, o, u): read over a telephone without mistakes."""
    digits = []
    for _ in range(width):
        number, low = divmod(number, 32)
        digits.append(_BASE32[low])
    return "".join(reversed(digits))


def new_epoch(moment: datetime, random: Entropy = entropy) -> str:
    """Name one set-up of a node: 9 characters of time, 6 of chance. Later ones sort later."""
    millis = int(moment.timestamp() * 1000)
    return base32(millis, 9) + base32(int.from_bytes(random(4)), 6)
