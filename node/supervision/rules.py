"""How uses of data are counted, chained and proved. Pure.

Source: the founding notice 三.四 (supervision of how counties enter, change and use data);
个人信息保护法 §51, §54 (records of processing, audits).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from hashlib import sha256
from typing import Any

from sync.merkle import inclusion_proof, leaf_hash, leaf_hashes, proves, root_of

GENESIS = "0" * 64
"""What the first digest of a county names as the one before it."""
FIELDS = ("at", "kind", "matter", "actor_id", "actor_name", "subject", "what", "reason")


class Kind(StrEnum):
    """What was done."""

    LOOK = "look"
    EXPORT = "export"
    PRINT = "print"
    CHANGE = "change"


@dataclass(frozen=True, slots=True, order=True)
class Use:
    """One use: when (UTC, text), what was done, in which matter, by whom, to what, and why."""

    at: str
    kind: str
    matter: str
    actor_id: str
    actor_name: str
    subject: str
    what: str
    reason: str

    def line(self) -> bytes:
        """The one way to write it down, for hashing. Names of people change, their ids do not."""
        return "\x1f".join(getattr(self, n) for n in FIELDS if n != "actor_name").encode()

    @property
    def counted_as(self) -> tuple[str, str, str]:
        return (self.actor_id, self.kind, self.matter)


@dataclass(frozen=True, slots=True)
class Sealed:
    """A day's uses, counted and sealed."""

    root: str
    head: str
    uses: int
    lines: Sequence[dict[str, Any]]


def seal(county: str, day: date, previous: str, uses: Iterable[Use]) -> Sealed:
    """Count a day and chain it to the day before."""
    ordered = sorted(uses)
    root = root_of(leaf_hashes(use.line() for use in ordered)).hex()
    counts = Counter(use.counted_as for use in ordered)
    names = {use.actor_id: use.actor_name for use in ordered}
    lines = [
        {
            "actor_id": actor,
            "actor_name": names[actor],
            "kind": kind,
            "matter": matter,
            "count": number,
        }
        for (actor, kind, matter), number in sorted(counts.items())
    ]
    return Sealed(root, head_of(county, day, previous, root, lines), len(ordered), lines)


def head_of(
    county: str, day: date, previous: str, root: str, lines: Iterable[Mapping[str, Any]]
) -> str:
    """The head of the chain after a day: it covers the counts as well as the uses."""
    told = [county, day.isoformat(), previous, root]
    for line in lines:
        told += [str(line[n]) for n in ("actor_id", "actor_name", "kind", "matter", "count")]
    return sha256("\x1f".join(told).encode()).hexdigest()


def entries_of(uses: Iterable[Use], line: tuple[str, str, str]) -> list[dict[str, Any]]:
    """The uses one line counts, each with its place in the day and its path to the root."""
    ordered = sorted(uses)
    leaves = leaf_hashes(use.line() for use in ordered)
    return [
        {name: getattr(use, name) for name in FIELDS}
        | {"place": place, "path": [step.hex() for step in inclusion_proof(leaves, place)]}
        for place, use in enumerate(ordered)
        if use.counted_as == line
    ]


def problems_of(
    entries: Sequence[Mapping[str, Any]],
    line: tuple[str, str, str],
    *,
    root: str,
    uses: int,
    count: int,
) -> list[str]:
    """What is wrong with an answer, held against the digest of its day; empty for a good one."""
    found = []
    if len(entries) != count:
        found.append("答复的条数与摘要不同")
    if len({entry["place"] for entry in entries}) != len(entries):
        found.append("同一条出现了两次")
    for entry in entries:
        use = Use(*(str(entry[name]) for name in FIELDS))
        path = [bytes.fromhex(step) for step in entry["path"]]
        is_there = proves(leaf_hash(use.line()), entry["place"], uses, path, bytes.fromhex(root))
        if not is_there or use.counted_as != line:
            found.append("有一条不在摘要的散列之下")
            break
    return found
