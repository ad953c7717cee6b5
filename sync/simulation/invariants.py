"""The promises: what must be true once the network is at rest. Every line returned is one broken.

Each promise is a function with the name under which a broken one is reported. Streams are compared
with the copy of their author (`reference`), the authors with the oracle, which saw every commit.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import pairwise

from sync.record import canonical_line
from sync.segment import StreamId
from sync.simulation.application import Standing
from sync.simulation.disk import Book, Disk, Line, by_log
from sync.simulation.expected import Expected, expect
from sync.simulation.healing import living
from sync.simulation.oracle import Log, Oracle, takers
from sync.simulation.tree import ABOVE, ancestors, inside, name_of
from sync.simulation.world import World

_SHOWN = 3


class Rest:
    """The whole network at rest, as it lies on its disks."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.disks = {node.place: Disk(node) for node in living(world)}
        names = sorted({name for disk in self.disks.values() for name in disk.books})
        self.references = {name: found for name in names if (found := self._reference(name))}
        self._bury()

    @property
    def oracle(self) -> Oracle:
        return self.world.oracle

    @cached_property
    def expected(self) -> dict[str, Expected]:
        return {place: expect(disk, self.oracle) for place, disk in self.disks.items()}

    def is_due(self, place: str, name: StreamId) -> bool:
        """Must this node hold that stream: as its author, as its host, or as a taker?"""
        if name.origin == place or self.is_host(place, name.origin):
            return True
        return place in takers(Log(name.origin, name.route))

    def is_host(self, place: str, origin: str) -> bool:
        return origin in self.world.plan.hosted and place == ABOVE[origin]

    def revoker(self, name: StreamId) -> str:
        found = self.world.revoked.get((name.origin, name.epoch))
        return found[0] if found else ""

    def _reference(self, name: StreamId) -> Disk | None:
        """Who knows best what is in a stream: its author; whoever heard it last if that is gone."""
        for place in self._knowing(name):
            disk = self.disks.get(place)
            if disk and name in disk.books:
                return disk
        return None

    def _knowing(self, name: StreamId) -> Iterator[str]:
        origin = name.origin
        if by := self.revoker(name):
            reached = takers(Log(origin, name.route))
            below = [each for each in ancestors(origin) if inside(each, by) and each in reached]
            yield from below[-1:]
            return
        if (disk := self.disks.get(origin)) and (origin, name.epoch) in disk.setups:
            yield origin
        yield from ancestors(origin)

    def _bury(self) -> None:
        """Of a revoked writer only what was taken before counts."""
        for (place, epoch), (_, branches, _) in self.world.revoked.items():
            stands = {
                line.uid
                for name, disk in self.references.items()
                if (name.origin, name.epoch) == (place, epoch)
                for line in disk.books[name].lines
            }
            written = {uid for b in branches for uids in b.logs.values() for uid in uids}
            self.oracle.lost |= written - stands


def broken(world: World) -> list[str]:
    """Everything that is not as promised, one line each, the name of the promise first."""
    rest = Rest(world)
    found = []
    for promise in (*OF_AUTHORS, *OF_NODES):
        places = rest.disks.values() if promise in OF_NODES else [None]
        for disk in places:
            at = f"{name_of(disk.place)}: " if disk else ""
            found += [f"{promise.__name__}: {at}{what}" for what in promise(rest, disk)]
    return found


# What is asked once, of all authors


def nothing_lost_and_nothing_twice(rest: Rest, _: object) -> Iterator[str]:
    """What was committed and cannot have been lost is in its author's streams, each once."""
    due = rest.oracle.must_be_there()
    content = dict(_contents(rest))
    for log in sorted({*due, *content}):
        uids = [line.uid for line in content.get(log, ())]
        missing = sorted({entry.uid for entry in due.get(log, ())} - set(uids))
        twice = sorted(uid for uid, times in Counter(uids).items() if times > 1)
        foreign = sorted(uid for uid in uids if _log_of(rest, uid) != log)
        for what, which in (("missing", missing), ("twice", twice), ("foreign", foreign)):
            if which:
                yield f"{_called(log)}: {what} {_some(which)}"


def bytes_of_the_author(rest: Rest, _: object) -> Iterator[str]:
    """Every line is, byte for byte, the record its author committed."""
    for log, lines in _contents(rest):
        for line in lines:
            entry = rest.oracle.entry(line.uid)
            if entry and canonical_line(entry.record) != line.raw:
                yield f"{_called(log)}: {line.uid} is not what its author wrote"


def order_of_commits(rest: Rest, _: object) -> Iterator[str]:
    """What one disk wrote for one route lies there in the order of its commits."""
    content = {log: [line.uid for line in lines] for log, lines in _contents(rest)}
    for branch in rest.oracle.branches:
        for log, committed in branch.logs.items():
            place = {uid: at for at, uid in enumerate(content.get(log, ()))}
            there = [uid for uid in committed if uid in place]
            for one, other in pairwise(there):
                if place[one] > place[other]:
                    yield f"{_called(log)}: {other} stands before {one}"
                    break


def whole_transactions(rest: Rest, _: object) -> Iterator[str]:
    """The lines of a transaction follow each other, and what is cut says that it goes on."""
    for name, disk in rest.references.items():
        lines = [line for line in disk.books[name].lines if line.uid]
        txns = [entry.txn for line in lines if (entry := rest.oracle.entry(line.uid))]
        if len(txns) != len(lines):
            continue  # said elsewhere
        runs = [txn for at, txn in enumerate(txns) if at == 0 or txns[at - 1] != txn]
        torn = [txn for txn, times in Counter(runs).items() if times > 1]
        if torn:
            yield f"{name}: {_some(torn)} are torn apart"
        for at, (line, following) in enumerate(pairwise(lines)):
            is_cut = line.is_last and txns[at] == txns[at + 1]
            if is_cut and not line.cont and following.seq == line.seq + 1:
                yield f"{name}: the transaction of {line.uid} is cut and does not say so"


# What is asked of every node


def everything_sealed(_: Rest, disk: Disk) -> Iterator[str]:
    """Nothing waits in the outbox for ever."""
    if disk.unsealed:
        yield f"{disk.unsealed} lines still unsealed"


def proof(_: Rest, disk: Disk) -> Iterator[str]:
    """`verify` finds chains, signatures, roots, watermarks and receipts whole."""
    for finding in disk.node.replica.verify().findings:
        yield str(finding)


def no_gaps(_: Rest, disk: Disk) -> Iterator[str]:
    """Numbers follow each other from 1, or from where a snapshot began, to the watermark.

    But for ranges that their author has declared lost.
    """
    for name, book in disk.books.items():
        numbers = {line.seq for line in book.lines}
        lost = {seq for first, last in disk.gaps[name] for seq in range(first, last + 1)}
        first = min(numbers, default=book.begun + 1)
        end = max([book.last, *lost])
        if set(range(min(first, book.begun + 1), end + 1)) - numbers - lost:
            yield f"{name} has gaps"
        if name in disk.streams and disk.streams[name].head != end:
            yield f"{name}: watermark {disk.streams[name].head}, last line {book.last}"


def everything_due(rest: Rest, disk: Disk) -> Iterator[str]:
    """Every stream that concerns a node is there, the same as its author's."""
    for name, reference in rest.references.items():
        if not rest.is_due(disk.place, name) or disk is reference:
            continue
        here, there = disk.books.get(name), reference.books[name]
        if here is None:
            yield f"nothing of {_named(name)}"
        elif difference := _difference(here, there, may_hold_more=_may_hold_more(rest, disk, name)):
            yield f"{_named(name)}: {difference}"


def nothing_else(rest: Rest, disk: Disk) -> Iterator[str]:
    """A node holds no stream that does not concern it."""
    for name, book in disk.books.items():
        if not rest.is_due(disk.place, name):
            yield f"holds {_named(name)}, which does not concern it ({len(book.lines)} records)"


def all_applied(_: Rest, disk: Disk) -> Iterator[str]:
    """What has come is applied, but for a transaction whose end its author never sent."""
    for name, row in disk.streams.items():
        lines = disk.books[name].lines
        if row.applied != row.head and not (lines and lines[-1].cont):
            yield f"{_named(name)}: applied {row.applied} of {row.head}"


def applied_once(rest: Rest, disk: Disk) -> Iterator[str]:
    """Every record is applied, exactly once, with the number its author gave it."""
    expected = rest.expected[disk.place]
    yield from _sets("applied", set(disk.applied), set(expected.applied))
    yield from _sets("written here", disk.own, expected.own)
    twice = sorted(row.uid for row in disk.applied.values() if row.times != 1)
    if twice:
        yield f"applied more than once: {_some(twice)}"
    for uid, entry in expected.applied.items():
        if uid in disk.applied and disk.applied[uid].number != entry.number:
            yield f"{uid} was applied with another number"


def state_of_the_author(rest: Rest, disk: Disk) -> Iterator[str]:
    """What the records of a key come to is what their order makes of it."""
    expected = rest.expected[disk.place]
    wrong = sorted(
        key
        for key in {*expected.states, *disk.states}
        if not _agree(disk.states.get(key), expected.states.get(key), key in expected.mixed)
    )
    if wrong:
        yield f"other states than the records make: {_some(wrong)}"


def held_for_a_reason(rest: Rest, disk: Disk) -> Iterator[str]:
    """What is in quarantine is what the plan spoilt, and what waits behind it."""
    wanted, found = rest.expected[disk.place].held, disk.held
    for uid in sorted({*wanted, *found}):
        if wanted.get(uid) != found.get(uid):
            yield f"{uid} is {found.get(uid, 'not held')}, not {wanted.get(uid, 'applied')}"


def incidents_for_a_reason(rest: Rest, disk: Disk) -> Iterator[str]:
    """No incident stands open but those the plan caused and nobody can mend."""
    for row in disk.incidents:
        if (disk.place, row.kind, row.origin) not in rest.world.lasting_incidents:
            yield f"{row.kind} of {name_of(row.origin)} {row.epoch} {row.route}: {row.detail}"


def receipts_hold(rest: Rest, disk: Disk) -> Iterator[str]:
    """Every receipt a node keeps is true of the one that gave it."""
    for row in disk.receipts:
        name = StreamId(row.origin, row.epoch, row.route)
        taker = rest.disks.get(row.taker)
        book = taker.books.get(name) if taker else None
        if taker and (book is None or not _is_at(book, row.seq, row.head_hash.hex())):
            yield f"{_named(name)}: {name_of(row.taker)} receipted {row.seq} and does not hold it"


def revocation_is_final(rest: Rest, disk: Disk) -> Iterator[str]:
    """Who revoked a node holds of it what stood at that moment, and nothing later."""
    for (place, epoch), (by, _, heads) in rest.world.revoked.items():
        if by != disk.place:
            continue
        now = {n.route: r.head for n, r in disk.streams.items() if n[:2] == (place, epoch)}
        if now != heads:
            yield f"holds {now} of {name_of(place)}, revoked at {heads}"


Promise = Callable[[Rest, Disk], Iterator[str]]
OF_AUTHORS: Sequence[Callable[..., Iterator[str]]] = (
    nothing_lost_and_nothing_twice,
    bytes_of_the_author,
    order_of_commits,
    whole_transactions,
)
OF_NODES: Sequence[Callable[..., Iterator[str]]] = (
    everything_sealed,
    proof,
    no_gaps,
    everything_due,
    nothing_else,
    all_applied,
    applied_once,
    state_of_the_author,
    held_for_a_reason,
    incidents_for_a_reason,
    receipts_hold,
    revocation_is_final,
)


def _contents(rest: Rest) -> Iterator[tuple[Log, list[Line]]]:
    """What each place wrote for each route, over all its epochs."""
    books = {name: disk.books[name] for name, disk in rest.references.items()}
    for (origin, route), streams in by_log(books).items():
        yield Log(origin, route), [line for _, book in streams for line in book.lines if line.uid]


def _log_of(rest: Rest, uid: str) -> Log | None:
    entry = rest.oracle.entry(uid)
    return entry.log if entry else None


def _may_hold_more(rest: Rest, disk: Disk, name: StreamId) -> bool:
    """Below the place that revoked a writer, more of it may have been taken before."""
    by = rest.revoker(name)
    return bool(by) and by != disk.place and inside(disk.place, by)


def _difference(here: Book, there: Book, *, may_hold_more: bool) -> str:
    wanted = {seq: found for seq, found in there.ends.items() if seq > here.begun}
    found = {seq: digest for seq, digest in here.ends.items() if seq > here.begun}
    last = max(there.ends, default=0)
    if may_hold_more:
        found = {seq: digest for seq, digest in found.items() if seq <= last}
    return "" if found == wanted else f"up to {here.last}, not as the author's up to {there.last}"


def _is_at(book: Book, seq: int, digest: str) -> bool:
    return book.ends.get(seq) == digest or seq <= book.begun


def _agree(found: Standing | None, wanted: Standing | None, is_mixed: bool) -> bool:
    if is_mixed and found and wanted:
        return found[1:] == wanted[1:]
    return found == wanted


def _sets(what: str, found: set[str], wanted: set[str]) -> Iterator[str]:
    if missing := sorted(wanted - found):
        yield f"not {what}: {_some(missing)}"
    if surplus := sorted(found - wanted):
        yield f"{what}, and should not be: {_some(surplus)}"


def _some(things: Iterable[object]) -> str:
    shown = list(things)
    return f"{', '.join(map(str, shown[:_SHOWN]))} ({len(shown)})"


def _called(log: Log) -> str:
    return f"{name_of(log.origin)} {log.route}"


def _named(name: StreamId) -> str:
    return f"{name_of(name.origin)} {name.epoch} {name.route}"
