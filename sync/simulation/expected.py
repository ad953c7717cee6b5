"""What a node should have made of the streams it holds: applied, held, and the states of keys."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from sync.segment import StreamId
from sync.simulation.application import NOTHING, Standing, is_near
from sync.simulation.disk import Book, Disk, Line, by_log
from sync.simulation.oracle import REJECTED, Entry, Oracle

Key = tuple[str, str]
WAITS = "its cause is lost"


@dataclass(slots=True)
class Expected:
    """`mixed` are keys of which a node wrote some records itself and took others back."""

    applied: dict[str, Entry] = field(default_factory=dict)
    own: set[str] = field(default_factory=set)
    held: dict[str, str] = field(default_factory=dict)
    states: dict[Key, Standing] = field(default_factory=dict)
    mixed: set[Key] = field(default_factory=set)


def expect(disk: Disk, oracle: Oracle) -> Expected:
    """Go through all streams of a node as it should have done.

    What came with a snapshot is read on its giver's disk, as it was then.
    """
    given: Disk | None = disk.node.given
    written: set[str] = given.own if given else set()
    seen: set[str] = set()
    outcome = Expected()
    there = {line.uid for book in disk.books.values() for line in book.lines} | disk.own | written
    sides: dict[Key, set[bool]] = defaultdict(set)
    came_with_state: set[Key] = set()
    for streams in by_log(disk.books).values():
        blocked: set[str] = set()
        for name, book in streams:
            for line in _effective(name, book, given):
                entry = oracle.entry(line.uid)
                if entry and line.uid in seen:
                    continue  # written again by an author that had lost it: the state has it
                if entry and line.seq <= disk.streams[name].applied:
                    seen.add(line.uid)
                    # A giver's state has what it wrote itself, for itself or for a village it
                    # hosted, whatever takers would say of it.
                    is_state = line.seq <= book.begun and line.uid in written
                    if is_state:
                        entry = entry if entry.is_trespass else replace(entry, bad="")
                    elif _cause_is_lost(entry, disk.place, there, oracle):
                        entry = replace(entry, bad=WAITS)
                    behind = set() if is_state else blocked
                    if line.uid in disk.put_aside - disk.own:  # it was applied before its turn
                        came_with_state |= {(kind, key) for kind, key, _ in entry.lines}
                    _step(outcome, entry, behind, sides, is_own=entry.uid in disk.own)
                    if line.seq <= book.begun:  # in its giver's order, which may be mixed
                        came_with_state |= {(kind, key) for kind, key, _ in entry.lines}
    outcome.mixed = {key for key, found in sides.items() if len(found) > 1} | came_with_state
    return outcome


def _cause_is_lost(entry: Entry, place: str, there: set[str], oracle: Oracle) -> bool:
    """Does it need a record that is nowhere any more? Then it waits until people decide."""
    cause = entry.record.body.get("needs")
    if cause is None or cause in there or cause not in oracle.lost:
        return False
    return is_near(place, entry.record.body["within"])


def _effective(name: StreamId, book: Book, given: Disk | None) -> Iterator[Line]:
    if book.begun and given and name in given.books:
        yield from (line for line in given.books[name].lines if line.seq <= book.begun)
    yield from (line for line in book.lines if line.seq > book.begun)


def _step(
    outcome: Expected,
    entry: Entry,
    blocked: set[str],
    sides: dict[Key, set[bool]],
    *,
    is_own: bool,
) -> None:
    if is_own:
        outcome.own.add(entry.uid)
        if entry.is_trespass:
            return
    elif entry.record.key in blocked:
        outcome.held[entry.uid] = "behind"
        return
    elif entry.bad == WAITS:
        outcome.held[entry.uid] = "waiting"
        blocked.add(entry.record.key)
        return
    elif entry.is_refused:
        if entry.fate != REJECTED:
            outcome.held[entry.uid] = "refused"
            blocked.add(entry.record.key)
        return
    else:
        outcome.applied[entry.uid] = entry
    for kind, key, number in entry.lines:
        standing = outcome.states.get((kind, key), NOTHING)
        outcome.states[kind, key] = standing.after(number)
        sides[kind, key].add(is_own)
