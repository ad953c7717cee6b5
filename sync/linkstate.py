"""What a link tells of itself: silence is the news, so every success and failure has its time."""

from dataclasses import dataclass, field, replace
from threading import Lock

from sync.exchange import Step
from sync.messages import Declined

_WORTH_SAYING = 60.0  # seconds between two clocks


@dataclass
class Moved:
    """What went one way."""

    segments: int = 0
    records: int = 0
    held: int = 0
    refused: list[Declined] = field(default_factory=list)

    def __call__(self, step: Step) -> None:
        self.segments += step.segments
        self.records += step.records
        self.held += step.held
        self.refused += step.refused

    def __str__(self) -> str:
        refused = (
            f"，{len(self.refused)} 段未被接收：{self.refused[0].reason}" if self.refused else ""
        )
        return f"{self.segments} 段 {self.records} 条（{self.held} 条暂存）{refused}"


@dataclass
class Summary:
    """What one `sync_once` did. `ahead_of_parent` is this node's clock against the parent's, s."""

    pushed: Moved = field(default_factory=Moved)
    pulled: Moved = field(default_factory=Moved)
    ahead_of_parent: float = 0.0

    def __str__(self) -> str:
        clock = f"；本机时钟与上级相差 {self.ahead_of_parent:+.0f} 秒"
        return f"上送 {self.pushed}；下载 {self.pulled}" + clock * (
            abs(self.ahead_of_parent) > _WORTH_SAYING
        )


@dataclass
class LinkState:
    """A link as this process has seen it; instants are `moment.stamp`s by this node's clock."""

    last_contact: str | None = None
    last_progress: str | None = None
    last_error: str | None = None
    error_at: str | None = None
    failures: int = 0
    ahead_of_parent: float = 0.0
    _lock: Lock = field(default_factory=Lock, repr=False, compare=False)

    def heard(self, step: Step, *, at: str) -> None:
        """A call succeeded."""
        with self._lock:
            self.last_contact, self.failures = at, 0
            if step.moved:
                self.last_progress = at
            if step.refused:
                self.last_error, self.error_at = step.refused[0].reason, at

    def failed(self, error: str, *, at: str) -> None:
        """A call failed; the error stays in sight until another takes its place."""
        with self._lock:
            self.failures += 1
            self.last_error, self.error_at = error, at

    def copy(self) -> "LinkState":
        with self._lock:
            return replace(self)
