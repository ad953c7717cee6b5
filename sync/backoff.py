"""How a child behaves on a bad link: how long it waits, and how much it sends at once."""

from dataclasses import dataclass, field
from random import Random

LONGEST_RETRY_AFTER = 3600.0  # seconds; a parent cannot send a child away for longer


@dataclass
class Backoff:
    """Waits between attempts, with full jitter, for ever.

    Each is drawn evenly between nothing and a ceiling that doubles from `first` to `longest`
    seconds, so a thousand villages that lost one township come back spread out.
    """

    random: Random
    first: float = 1.0
    longest: float = 300.0
    failures: int = 0

    def failed(self, *, retry_after: float | None = None) -> float:
        """Seconds to wait now. What the parent asked for comes first, the jitter on top of it."""
        ceiling = min(self.longest, self.first * 2 ** min(self.failures, 30))
        self.failures += 1
        asked = min(max(retry_after or 0.0, 0.0), LONGEST_RETRY_AFTER)
        return asked + self.random.uniform(0, ceiling)

    def succeeded(self) -> None:
        """The link works: the next failure begins anew."""
        self.failures = 0


@dataclass
class Budget:
    """Bytes to move in one call: halved when the link fails or is slow, doubled when it is not.

    After a failure it grows only on the eighth success in a row: a link that dies after so many
    bytes is asked for too many one time in nine, not every other time. `smallest` is under the
    16 KiB of the protocol's outline because a link that dies every 8 KB must carry whole calls.
    """

    smallest: int = 2 * 1024
    largest: int = 4 * 1024 * 1024
    size: int = 64 * 1024
    slow: float = 20.0  # seconds; a call that took longer was too large
    patience: int = 8
    _wary: bool = field(default=False, init=False)
    _streak: int = field(default=0, init=False)

    def failed(self) -> None:
        """The call did not come to its end."""
        self.size = max(self.smallest, self.size // 2)
        self._wary, self._streak = True, 0

    def succeeded(self, *, seconds: float) -> None:
        """The call came to its end in so many seconds."""
        if seconds > self.slow:
            self.failed()
            return
        self._streak += 1
        if not self._wary or self._streak >= self.patience:
            self.size, self._streak = min(self.largest, self.size * 2), 0
