"""What a parent does for a child, in bytes: read a body, ask the engine, write the answer.

Runs in threads; knows no HTTP.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from threading import Lock
from typing import Any

from sqlalchemy.exc import OperationalError

from sync import segment, wire, wording
from sync.certificate import Certificate
from sync.database import writing
from sync.errors import Malformed, NotMember, Untrusted
from sync.gate import ServerLimits
from sync.limits import KIB
from sync.links import CHILD, note_link
from sync.messages import PROTOCOL, Applicant, Head, Taken
from sync.meter import OUT
from sync.parts import Assembly
from sync.replica import Replica
from sync.segment import Sealed, read_header
from sync.trust import keep_certificates
from sync.wire import Cargo
from sync.wording import Progress, PullRequest

_NOTHING = Taken([], [], None, 0, 0, 0)
_HEADROOM = 64 * KIB  # of an answer, for certificates and framing
_EVERYTHING = 2**62 - 1
_CONTACT_EVERY = 60.0  # seconds between notes that a child, which has nothing to say, is there


class Counter:
    """Where children are served."""

    def __init__(self, replica: Replica, limits: ServerLimits) -> None:
        self._replica = replica
        self._limits = limits
        self._assembly = Assembly(capacity=limits.receiving)
        self._lock = Lock()
        self._noted: dict[str, float] = {}

    def root(self) -> Mapping[str, Any]:
        """Who the root of this network is, and who answers here."""
        me = self._replica.identity()
        if me is None:
            raise NotMember("本节点尚未加入网络")
        return {
            "node": me.node,
            "level": me.level,
            "root_fingerprint": me.root_fingerprint,
            "protocol": list(PROTOCOL),
        }

    def admit(self, code: str, applicant: Applicant) -> bytes:
        """Certify a new child."""
        return wire.encode(wording.write_admission(self._replica.admit(code, applicant)))

    def renew(self, child: Certificate) -> bytes:
        """The child's certificate for longer, and the chain above it."""
        chain = self._replica.renew(node=child.node, epoch=child.epoch)
        return wire.encode(Cargo({}, chain))

    def is_unknown(self, keyid: str) -> bool:
        """Whether this node has never heard of a key that claims to be a child's."""
        node, _, epoch = keyid.partition(";")
        return self._replica.certificate_of(node, epoch) is None

    def remember(self, body: bytes) -> None:
        """A child this node once certified shows its certificate: this is a restored backup, or a
        new machine, and then the child shows the whole chain.

        Raises:
            Untrusted: nothing in it was issued here, or its chain does not hold.
        """
        shown = self._read(body).certificates
        me = self._replica.identity()
        own = [found for found in shown if me and found.issuer == me.node and not found.is_root]
        if me is None or not own:
            raise Untrusted("对方没有本节点签发的证书")
        with writing(self._replica.site.engine) as connection:
            keep_certificates(connection, shown, fingerprint=me.root_fingerprint)

    def welcome(self, child: Certificate, body: bytes) -> bytes:
        """Open a session."""
        hello = wording.read_hello(self._read(body))
        if (hello.node, hello.epoch) != (child.node, child.epoch):
            raise Malformed("会话的节点与签名的节点不同", node=hello.node)
        return wire.encode(wording.write_hello(self._replica.welcome(hello)))

    def take(self, child: Certificate, body: bytes) -> bytes:
        """Take segments in, or a part of one that is too large for a single call."""
        cargo = self._read(body)
        segments, progress = list(cargo.segments), None
        if cargo.part:
            with self._lock:
                whole = self._assembly.add(child.node, cargo.part)
                progress = Progress(*self._assembly.have(child.node))
            if whole is not None:
                segments.append(wire.decode_segment(whole, self._limits.wire))
                progress = Progress(cargo.part.digest.hex(), cargo.part.total)
        taken = _NOTHING
        if segments or cargo.certificates:
            taken = self._replica.take(segments, cargo.certificates, from_node=child.node)
        return wire.encode(wording.write_taken(taken, progress))

    def read_pull(self, body: bytes) -> PullRequest:
        """What a child asks for."""
        return wording.read_pull(self._read(body))

    def give(self, child: Certificate, asked: PullRequest) -> bytes | None:
        """What the child lacks, up to what it asked for; None when that is nothing."""
        budget = max(KIB, min(asked.budget, self._limits.wire.body - _HEADROOM))
        left_alone = [Head(*stream, _EVERYTHING, "0" * 64) for stream in asked.without]
        heads = [*asked.heads, *left_alone]
        found = self._replica.pull_for(child.node, heads, budget=budget, back=asked.back)
        if not found:
            return None
        certificates = self._unknown_to(child, found)
        whole = segment.encode(found[0])
        if len(whole) > budget:
            part = wire.cut(whole, offset=0, size=budget)
            if part.digest.hex() == asked.digest and asked.offset < part.total:
                part = wire.cut(whole, offset=asked.offset, size=budget)
            return wire.encode(Cargo({}, certificates, (), part))
        chosen = fitting(found, budget)
        self._replica.meter.carried(child.node, OUT, chosen)
        return wire.encode(Cargo({}, certificates, chosen))

    def is_contact_due(self, child: Certificate) -> bool:
        """Whether it is time to note that a child, which only listens, is there: once a minute."""
        now = self._replica.site.clock().timestamp()
        if abs(now - self._noted.get(child.node, 0.0)) < _CONTACT_EVERY:
            return False
        self._noted[child.node] = now
        return True

    def note_contact(self, child: Certificate) -> None:
        """Note that a child is there; should it fail, the next minute brings another."""
        site = self._replica.site
        with suppress(OperationalError), writing(site.engine) as connection:
            note_link(connection, child.node, role=CHILD, last_contact=site.now(), failures=0)

    def _unknown_to(self, child: Certificate, found: Iterable[Sealed]) -> list[Certificate]:
        """Certificates of authors that do not stand above the child in its own chain."""
        bounds = self._limits.wire.segment
        headers = [read_header(sealed.header, bounds) for sealed in found]
        known = {(c.node, c.epoch) for c in self._replica.chain_for({(child.node, child.epoch)})}
        authors = {(header.origin, header.epoch) for header in headers} - known
        return self._replica.chain_for(authors) if authors else []

    def _read(self, body: bytes) -> Cargo:
        return wire.decode(body, self._limits.wire)


def fitting(segments: Sequence[Sealed], budget: int) -> list[Sealed]:
    """As many as the budget holds, and the first in any case."""
    chosen: list[Sealed] = []
    for sealed in segments:
        budget -= sealed.wire_bytes()
        if chosen and budget < 0:
            break
        chosen.append(sealed)
    return chosen
