"""What is said on a link to the parent: open a session, push what is missing there, pull the rest.

Each step is one call and leaves everything durable; whatever dies, the next step goes on from what
both databases say. Knows no HTTP and never waits by itself.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import select

from sync import log, restoring, segment, wire, wording
from sync.ahead import Ahead, Start, at_once
from sync.backoff import Budget
from sync.certificate import Certificate
from sync.database import reading, writing
from sync.errors import Cloned, Expired, NotMember, Untrusted
from sync.giving import fitting
from sync.limits import Limits
from sync.line import Line, LinkDown, NotGranted
from sync.links import PARENT, note_link
from sync.messages import Declined, Head, Hello, Taken, Welcome
from sync.meter import OUT
from sync.moment import parse_stamp
from sync.parts import Assembly
from sync.replica import Replica
from sync.segment import Sealed, StreamId, read_header
from sync.session import note_clone
from sync.store import outbox
from sync.trust import Setup
from sync.wire import Cargo
from sync.wording import PullRequest

_log = logging.getLogger(__name__)
_SHORTEST_WAIT = 5.0
_OUT_OF_ORDER = "out_of_order"
_TOO_LARGE = 413
_CERTIFICATE = 640  # bytes, about
_MOST_CERTIFICATES = 200


class Step(NamedTuple):
    """What one call moved. `moved` is false when there was nothing left to move."""

    moved: bool = False
    segments: int = 0
    records: int = 0
    held: int = 0
    refused: tuple[Declined, ...] = ()


NOTHING = Step()


@dataclass
class Push:
    """Upwards: how far the parent holds our streams, and how much it can bear at once."""

    replica: Replica
    line: Line
    timer: Callable[[], float]
    budget: Budget = field(default_factory=Budget)
    start: Start = at_once
    _ahead: Ahead = field(init=False)
    _parent_heads: dict[StreamId, Head] = field(default_factory=dict, init=False)
    _left_alone: set[StreamId] = field(default_factory=set, init=False)
    _shown: set[Setup] = field(default_factory=set, init=False)
    _sent: tuple[str, int] = field(default=("", 0), init=False)
    _disagreed: dict[StreamId, int] = field(default_factory=dict, init=False)
    is_stale: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self._ahead = Ahead(self.replica, self.start)

    def open_session(self) -> None:
        """Say who we are, and learn how far the parent holds our streams.

        Raises:
            LinkError, Untrusted, Malformed: as `Line.call`; or the parent is not the right one.
        """
        refuse_other_root(self.replica, self.line)
        said, welcome = self._greet()
        self._parent_heads = self.replica.accept_welcome(welcome)
        self._left_alone.clear()
        self.is_stale = False
        self._shown = {(c.node, c.epoch) for c in (*said.certificates, *welcome.certificates)}
        if self.replica.is_renewal_due(now=parse_stamp(welcome.clock)):
            self._renew_in_time()

    def renew(self) -> Certificate:
        """Ask the parent for this node's certificate for longer; asking twice does no harm.

        Raises:
            LinkError, Untrusted, Malformed: as `Line.call`.
        """
        answer = self.line.call("POST", "/renew", Cargo({}))
        return self.replica.keep_renewed(answer.certificates)

    def _renew_in_time(self) -> None:
        """There is time yet: a parent that cannot renew today must not stop what else goes on."""
        try:
            self.renew()
        except NotGranted as refusal:
            _log.warning("the parent did not renew this node's certificate: %s", refusal)

    def _greet(self) -> tuple[Hello, Welcome]:
        """Open the session; with a certificate that ran out, have it renewed first.

        The parent holds the rest of our chain, since it is its own; but not if it is a new machine.
        """
        said = self.replica.hello()
        own = [found for found in said.certificates if found.node == said.node]
        try:
            return said, self._say(said._replace(certificates=own))
        except NotGranted as refusal:
            if refusal.code not in {Expired.code, Untrusted.code}:
                raise
            if refusal.code == Expired.code:
                self.renew()
        said = self.replica.hello()
        return said, self._say(said)

    def _say(self, hello: Hello) -> Welcome:
        return wording.read_welcome(self._call(hello))

    def _call(self, hello: Hello) -> Cargo:
        try:
            return self.line.call("POST", "/session", wording.write_hello(hello))
        except NotGranted as refusal:
            if refusal.code == Cloned.code:
                told = Cloned(str(refusal))
                note_clone(self.replica.site, hello.node, hello.epoch, told, peer=None)
            raise

    def step(self) -> Step:
        """Send the next segments, or the next part of a large one.

        Raises:
            LinkError, Untrusted, Malformed: as `Line.call`; the next session goes on from there.
        """
        if self.replica.wants_session():
            self.open_session()
        ready = self._ahead.ready(
            self._parent_heads, budget=self.budget.size, without=self._left_alone
        )
        if not ready:
            return NOTHING
        started = self.timer()
        try:
            step = self._send(ready)
        except LinkDown as error:
            if error.reached:
                self.budget.failed()
            raise
        except NotGranted as refusal:
            if refusal.status == _TOO_LARGE:
                self.budget.failed()
                self.budget.largest = self.budget.size
            raise
        self.budget.succeeded(seconds=self.timer() - started)
        return step

    def _send(self, ready: list[Sealed]) -> Step:
        whole = segment.encode(ready[0])
        if len(whole) > self.budget.size:
            return self._send_part(ready[0], whole)
        chosen = fitting(ready, self.budget.size)
        certificates = self._introductions(chosen)
        while len(certificates) > self._most_certificates() and len(chosen) > 1:
            chosen = chosen[: len(chosen) // 2]
            certificates = self._introductions(chosen)
        self._ahead.begin(
            self._parent_heads | ends_of(chosen, self.replica.site.limits),
            budget=self.budget.size,
            without=self._left_alone,
        )
        return self._deliver(chosen, Cargo({}, certificates, chosen))

    def _most_certificates(self) -> int:
        """They ride on top of the budget, so they may not weigh more than it."""
        return min(max(self.budget.size // _CERTIFICATE, 4), _MOST_CERTIFICATES)

    def _send_part(self, sealed: Sealed, whole: bytes) -> Step:
        """The parent says how much it has; what was lost on the way is sent again."""
        part = wire.cut(whole, offset=0, size=self.budget.size)
        name = part.digest.hex()
        if self._sent[0] == name:
            part = wire.cut(whole, offset=self._sent[1] % len(whole), size=self.budget.size)
        step = self._deliver([sealed], Cargo({}, self._introductions([sealed]), (), part))
        if not step.segments and not step.refused and self._sent == (name, part.offset):
            raise LinkDown("上级没有收下分片")
        return step

    def _deliver(self, sent: list[Sealed], cargo: Cargo) -> Step:
        answer = self.line.call("PUT", "/segments", cargo)
        taken = wording.read_taken(answer)
        self._meter(sent, taken)
        if progress := wording.read_progress(answer):
            self._sent = (progress.digest, progress.have)
        if taken.receipt:
            self._ahead.heard(taken.receipt)
        before = dict(self._parent_heads)
        self._parent_heads.update({head.stream: head for head in taken.watermarks})
        self._left_alone.update(_streams(taken.refused))
        self._mind_the_order(taken)
        if not cargo.part and not taken.refused and before == self._parent_heads:
            raise LinkDown("上级没有收下任何记录")
        self._shown.update((c.node, c.epoch) for c in cargo.certificates)
        return _step(taken, taken.segments if cargo.part else len(sent))

    def _meter(self, sent: list[Sealed], taken: Taken) -> None:
        peer, meter = parent_of(self.replica), self.replica.meter
        meter.carried(peer, OUT, sent[: taken.segments])
        meter.refused(peer, taken.refused)

    def _mind_the_order(self, taken: Taken) -> None:
        """A stream that does not fit calls for a new session, but once for each place it ends."""
        refused = [each for each in taken.refused if each.code == _OUT_OF_ORDER]
        for name in _streams(refused):
            head = self._parent_heads.get(name)
            ends = head.seq if head else 0
            self.is_stale |= self._disagreed.get(name) != ends
            self._disagreed[name] = ends

    def _introductions(self, chosen: list[Sealed]) -> list[Certificate]:
        """Certificates of authors the parent was not shown in this session."""
        bounds = self.replica.site.limits
        headers = [read_header(sealed.header, bounds) for sealed in chosen]
        unknown = {(header.origin, header.epoch) for header in headers} - self._shown
        if not unknown:
            return []
        chain = self.replica.chain_for(unknown)
        return [c for c in chain if (c.node, c.epoch) not in self._shown]


@dataclass
class Pull:
    """Downwards: what comes from the parent, waiting for it when there is nothing."""

    replica: Replica
    line: Line
    timer: Callable[[], float]
    longest_wait: float = 25.0
    budget: Budget = field(default_factory=Budget)
    _assembly: Assembly = field(default_factory=Assembly, init=False)
    _left_alone: set[StreamId] = field(default_factory=set, init=False)
    _wait: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self._wait = self.longest_wait

    def step(self, *, is_waiting: bool = False) -> Step:
        """Ask for what comes next, and take it.

        Raises:
            LinkError, Untrusted, Malformed: as `Line.call`.
        """
        wait = self._wait if is_waiting else 0.0
        started = self.timer()
        try:
            answer = self.line.call(
                "POST", "/pull", wording.write_pull(self._request(wait)), wait=wait
            )
        except LinkDown as error:
            self._learn(error, waited=self.timer() - started if wait else 0.0)
            raise
        self._wait = min(self.longest_wait, self._wait * 1.25)
        if answer.part or answer.segments:
            self.budget.succeeded(seconds=max(0.0, self.timer() - started - wait))
        return self._take(answer)

    def start_afresh(self) -> None:
        """Ask again for the streams of which something was refused."""
        self._left_alone = set()  # another thread may be reading the old one

    def _request(self, wait: float) -> PullRequest:
        digest, have = self._assembly.have(PARENT)
        return PullRequest(
            heads=self.replica.heads_from_above(),
            budget=self.budget.size,
            wait=int(wait),
            digest=digest,
            offset=have,
            without=sorted(self._left_alone),
            back=[h for h in self.replica.heads_to_take_back() if h.stream not in self._left_alone],
        )

    def _learn(self, error: LinkDown, *, waited: float) -> None:
        """Too large an answer, or too long a silence for some box between here and there."""
        if waited >= _SHORTEST_WAIT and not error.begun:
            self._wait = max(min(_SHORTEST_WAIT, self.longest_wait), self._wait / 2)
        elif error.reached:
            self.budget.failed()

    def _take(self, answer: Cargo) -> Step:
        segments = list(answer.segments)
        if answer.part:
            whole = self._assembly.add(PARENT, answer.part)
            if whole is None:
                return Step(moved=True)
            segments = [wire.decode_segment(whole, self.line.limits)]
        if not segments:
            return NOTHING
        parent = parent_of(self.replica)
        taken = self.replica.take(segments, answer.certificates, from_node=parent)
        self._left_alone.update(_streams(taken.refused))
        return _step(taken, taken.segments)


def seal_what_is_written(replica: Replica) -> bool:
    """Seal the next of what is in the outbox; whether there was any. Looking costs no write lock.

    One step at a time: with a backlog, what is sealed is on its way while the rest is sealed.
    """
    with reading(replica.site.engine) as connection:
        is_written = connection.execute(select(outbox.c.id).limit(1)).first() is not None
        # A fork of which all came back leaves nothing to seal, and is healed all the same.
        is_due = is_written or restoring.is_held(connection)
    return is_due and log.seal_step(replica.site).segments > 0


def parent_of(replica: Replica) -> str:
    """The node this one joined under.

    Raises:
        NotMember: it joined under none.
    """
    me = replica.identity()
    if me is None or me.parent is None:
        raise NotMember("本节点没有上级")
    return me.parent


def refuse_other_root(replica: Replica, line: Line) -> None:
    """Say nothing to a parent of another network.

    Raises:
        Untrusted: the root is not the one this node joined under.
    """
    me = replica.identity()
    found = line.root_fingerprint()
    if me is None or found != me.root_fingerprint:
        raise Untrusted("上级的根证书指纹与加入时不同，已停止连接", found=found)


def note_contact(replica: Replica) -> None:
    """The parent answered, though there may have been nothing to move."""
    site = replica.site
    parent = parent_of(replica)
    with writing(site.engine) as connection:
        note_link(connection, parent, role=PARENT, last_contact=site.now(), failures=0)


def ends_of(sealed: Iterable[Sealed], limits: Limits) -> dict[StreamId, Head]:
    """Where the streams of these segments stand once all of them are taken."""
    ends = {}
    for each in sealed:
        header = read_header(each.header, limits)
        ends[header.stream] = Head(*header.stream, header.last, each.hash().hex())
    return ends


def _streams(refused: Iterable[Declined]) -> set[StreamId]:
    return {StreamId(each.origin, each.epoch, each.route) for each in refused if each.origin}


def _step(taken: Taken, segments: int) -> Step:
    return Step(
        moved=True,
        segments=segments,
        records=taken.applied,
        held=taken.held,
        refused=tuple(taken.refused),
    )
