"""The place one engine works in: a database, what the node gave it, and what it keeps in memory."""

from dataclasses import dataclass, field

from sqlalchemy import Connection, Engine

from sync.archive_file import NO_ARCHIVES, Archives
from sync.bell import Bell
from sync.handlers import Authority, Handlers, Notice, OnNotice
from sync.limits import LIMITS, Limits
from sync.meter import Meter
from sync.moment import Clock, Entropy, entropy, stamp, wall_clock
from sync.vault import PLAIN, Vault


def silent(_connection: Connection, _notice: Notice) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Site:
    """Everything a verb of the engine needs. Immutable but for bell and meter."""

    engine: Engine
    authority: Authority
    handlers: Handlers
    limits: Limits = LIMITS
    clock: Clock = wall_clock
    vault: Vault = PLAIN
    on_notice: OnNotice = silent
    entropy: Entropy = entropy
    archives: Archives = NO_ARCHIVES
    bell: Bell = field(default_factory=Bell)
    meter: Meter = field(default_factory=Meter)

    def now(self) -> str:
        return stamp(self.clock())
