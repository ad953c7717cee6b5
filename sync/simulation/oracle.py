"""What was committed, kept outside all databases: the truth the network is held against.

An entry is written down by the very commit that made it durable, so a crash before the commit
leaves nothing here and a crash after it leaves everything.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from sync.record import Record
from sync.simulation.application import Line, lines_of
from sync.simulation.tree import audience

STAYS, RELEASED, REJECTED = "stays", "released", "rejected"
"""What people decide about a record that was refused."""


class Log(NamedTuple):
    """Everything a place ever wrote for one route, whatever the epoch."""

    origin: str
    route: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One record as its author wrote it. `fate` is what people decide where it is refused."""

    uid: str
    log: Log
    txn: str
    record: Record
    number: int
    bad: str = ""
    is_trespass: bool = False
    fate: str = STAYS
    rows: tuple[int, ...] = ()

    @property
    def is_refused(self) -> bool:
        return self.is_trespass or (bool(self.bad) and self.fate != RELEASED)

    @property
    def lines(self) -> list[Line]:
        return lines_of(self.record.type, self.record.key, self.number, self.rows)


class Branch:
    """What one disk has written, in the order of its commits.

    A disk that is put back, or copied, goes on from there as another branch: what both wrote
    before is in both, what each wrote after it only in its own.
    """

    def __init__(self, before: "Branch | None" = None) -> None:
        self._entries: dict[Log, list[str]] = defaultdict(list)
        for log, uids in before.logs.items() if before else ():
            self._entries[log] = list(uids)

    @property
    def logs(self) -> Mapping[Log, list[str]]:
        return self._entries

    def add(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self._entries[entry.log].append(entry.uid)


class Oracle:
    """Every committed entry, who wrote it in which order, and what may be lost."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._numbers = 0
        self.branches: list[Branch] = []
        self.lost: set[str] = set()
        """What was on one disk only when that disk burned, was put back, or was taken away."""

    def new_uid(self, origin: str) -> str:
        """A name for a record, the same in every run of a seed."""
        self._numbers += 1
        return f"{origin}-{self._numbers:05}"

    def new_branch(self, before: Branch | None = None) -> Branch:
        branch = Branch(before)
        self.branches.append(branch)
        return branch

    def committed(self, entries: Iterable[Entry], branch: Branch) -> None:
        """These have just become durable."""
        entries = list(entries)
        branch.add(entries)
        self._entries |= {entry.uid: entry for entry in entries}

    def entry(self, uid: str) -> Entry | None:
        return self._entries.get(uid)

    def lose_all_but(self, survivors: set[str]) -> None:
        """A disk has gone: what is nowhere else may never be seen again."""
        self.lost |= set(self._entries) - survivors

    def must_be_there(self) -> dict[Log, list[Entry]]:
        """What must be in the streams of each author, in no order."""
        due: dict[Log, list[Entry]] = defaultdict(list)
        for uid, entry in self._entries.items():
            if uid not in self.lost:
                due[entry.log].append(entry)
        return due

    def __len__(self) -> int:
        return len(self._entries)


def takers(log: Log) -> set[str]:
    """The places that must get what was written to a log, its own author left out."""
    return audience(log.origin, log.route)
