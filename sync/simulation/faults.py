"""What a plan can do to the network. Days are virtual days since the world began."""

from dataclasses import dataclass, fields

from sync.simulation.tree import name_of


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong at `day`, at `place`."""

    day: float
    place: str

    def __str__(self) -> str:
        words = [f"day {self.day:6.2f}  {type(self).__name__:12} {name_of(self.place)}"]
        for field in fields(self)[2:]:
            value = getattr(self, field.name)
            shown = f"{value:.2f}" if isinstance(value, float) else name_of(str(value))
            words.append(f"{field.name}={shown}")
        return "  ".join(words)


@dataclass(frozen=True, slots=True)
class Partition(Fault):
    """The link from this place to its parent is cut, for hours or for weeks."""

    until: float


@dataclass(frozen=True, slots=True)
class Crash(Fault):
    """Power goes at the n-th statement or commit from then on; it is back `hours` later."""

    statements: int
    hours: float


@dataclass(frozen=True, slots=True)
class WrongClock(Fault):
    """The clock is wrong by so many hours, then right again."""

    until: float
    hours: float


@dataclass(frozen=True, slots=True)
class Upgrade(Fault):
    """A newer program is installed, and what was parked is tried again."""

    release: int


@dataclass(frozen=True, slots=True)
class Trespass(Fault):
    """A program that lost its mind writes, and signs, what it has no right to write."""

    record_type: str


@dataclass(frozen=True, slots=True)
class CrookedRelay(Fault):
    """A relay alters, forges, cuts, drops or shuffles what it passes on for others."""

    until: float


@dataclass(frozen=True, slots=True)
class StolenKey(Fault):
    """Somebody with a copy of the key signs a second history that goes on where the first ends."""

    gap: int


@dataclass(frozen=True, slots=True)
class Revocation(Fault):
    """A place above withdraws the certificate of this one; it goes on writing for a while."""

    by: str
    is_replaced: bool


@dataclass(frozen=True, slots=True)
class Replacement(Fault):
    """The machine burns down; another joins in its place, under a new epoch."""


@dataclass(frozen=True, slots=True)
class Settlement(Fault):
    """A hosted village gets a machine of its own: only the epoch changes."""


@dataclass(frozen=True, slots=True)
class LateJoin(Fault):
    """The machine is set up only now; what concerns it has been gathering above."""


@dataclass(frozen=True, slots=True)
class Restore(Fault):
    """The disk is put back as it was at `saved`."""

    saved: float


@dataclass(frozen=True, slots=True)
class Move(Fault):
    """No fault, only life: a person moves from this county to another."""

    to: str


@dataclass(frozen=True, slots=True)
class Stick(Fault):
    """A bundle between this place and its parent; it arrives `days` later."""

    is_up: bool
    days: float
    is_twice: bool
    is_damaged: bool
    is_locked: bool
