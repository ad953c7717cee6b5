"""What went over each link since this process began, for whoever watches it.

Counters in memory and not in the database: a number a minute old is worth no write. Several
processes of one node each count what went through them, as scrapers of metrics expect.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import NamedTuple

from sync.messages import Declined
from sync.segment import Sealed

IN, OUT = "in", "out"


class Carried(NamedTuple):
    """What went one way over one link. `bytes` are those of segments as they travel."""

    peer: str
    direction: str
    segments: int
    bytes: int


@dataclass
class Meter:
    """Counts by peer. May be used from any thread."""

    _segments: Counter[tuple[str, str]] = field(default_factory=Counter)
    _bytes: Counter[tuple[str, str]] = field(default_factory=Counter)
    _refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    _failures: Counter[str] = field(default_factory=Counter)
    _lacking: dict[str, int] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def carried(self, peer: str, direction: str, segments: Sequence[Sealed]) -> None:
        """Segments went to a peer, or came from it."""
        size = sum(sealed.wire_bytes() for sealed in segments)
        with self._lock:
            self._segments[peer, direction] += len(segments)
            self._bytes[peer, direction] += size

    def refused(self, peer: str, declined: Iterable[Declined]) -> None:
        """Streams were refused, here or there, by the code that says why."""
        with self._lock:
            for each in declined:
                self._refused[peer, each.code] += 1

    def failed(self, peer: str) -> None:
        """A call did not get its answer."""
        with self._lock:
            self._failures[peer] += 1

    def lacks(self, peer: str, records: int) -> None:
        """How many records a peer lacked of what goes to it when it last asked."""
        with self._lock:
            self._lacking[peer] = records

    def carriages(self) -> list[Carried]:
        """Everything that was carried, by peer and direction."""
        with self._lock:
            return [
                Carried(*key, self._segments[key], self._bytes[key])
                for key in sorted(self._segments)
            ]

    def refusals(self) -> Mapping[tuple[str, str], int]:
        """How often streams were refused, by peer and code."""
        with self._lock:
            return dict(self._refused)

    def failures(self) -> Mapping[str, int]:
        """How many calls got no answer, by peer."""
        with self._lock:
            return dict(self._failures)

    def lacking(self) -> Mapping[str, int]:
        """Records each child lacked when it last asked, by peer."""
        with self._lock:
            return dict(self._lacking)
