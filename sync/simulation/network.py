"""The virtual network: it loses, repeats, delays, re-orders and cuts what it is given.

A call is carried at once or not at all, but what it left behind may still arrive: a request given
up by its sender, a second copy of one that was answered, an old answer to a pull (as a bundle would
be imported a second time). So everything old meets everything new, in any order.
"""

from collections.abc import Callable, Mapping
from random import Random
from typing import Protocol

from sync import wire
from sync.errors import Malformed
from sync.line import Line, LinkDown, NotGranted, Reply
from sync.simulation.desk import NAME
from sync.simulation.plan import FINE, Weather
from sync.wire import Cargo

_PATIENCE = 60.0
_HOUR = 3600.0
_OK = 200


class Ends(Protocol):
    """What the network needs to know of the world."""

    def reach_parent(
        self, child: str, method: str, path: str, *, headers: Mapping[str, str], body: bytes
    ) -> Reply | None:
        """What the parent answers; None when it does not."""
        ...

    def hand_down(self, child: str, body: bytes) -> None:
        """Give a child an old answer once more."""
        ...

    def is_cut_off(self, child: str) -> bool: ...

    def day(self) -> float: ...

    def comes_late(self, child: str, path: str, *, sent: float) -> None:
        """A call of that day arrives only now."""
        ...

    def later(self, seconds: float, then: Callable[[], None], what: str) -> None: ...

    def pass_time(self, seconds: float) -> None: ...


class Network:
    """All links of one world."""

    def __init__(self, ends: Ends, random: Random, weather: Mapping[str, Weather]) -> None:
        self._ends = ends
        self._random = random
        self._weather = dict(weather)
        self.calls = 0
        self.misfortunes: dict[str, int] = {}

    def heal(self) -> None:
        """Fine weather everywhere, from now on."""
        self._weather.clear()

    def carry(
        self, child: str, method: str, path: str, *, headers: Mapping[str, str], body: bytes
    ) -> Reply:
        """Carry one request from a child to its parent, and the answer back.

        Raises:
            LinkDown: no answer, or only a part of one.
        """
        self.calls += 1
        weather = self._weather.get(child, FINE)
        if self._ends.is_cut_off(child):
            raise LinkDown("partition")
        slow = self._happens("slow", weather.slow)
        self._ends.pass_time(self._random.uniform(20, _PATIENCE) if slow else 0.05)

        def arrive(what: bytes = body) -> Reply | None:
            return self._ends.reach_parent(child, method, path, headers=headers, body=what)

        self._misdirect(weather, arrive, child, path)
        sent = self._cut(weather, body)
        reply = arrive(sent)
        if reply is None or len(sent) < len(body):
            raise LinkDown("no answer", reached=True)
        if self._happens("unanswered", weather.unanswered):
            raise LinkDown("no answer", reached=True)
        return self._answer(weather, child, path, reply, carried=len(sent))

    def _misdirect(
        self, weather: Weather, arrive: Callable[[], Reply | None], child: str, path: str
    ) -> None:
        """Lose the request, or let it come late or a second time."""
        sent = self._ends.day()

        def arrive_late() -> None:
            self._ends.comes_late(child, path, sent=sent)
            arrive()

        if self._happens("lost", weather.lost):
            raise LinkDown("lost", reached=True)
        if self._happens("late", weather.late):
            self._later(arrive_late, f"late {path}")
            raise LinkDown("given up", reached=True)
        if self._happens("twice", weather.twice):
            if self._random.random() < 0.5:  # noqa: PLR2004
                arrive()
            else:
                self._later(arrive_late, f"second {path}")

    def _answer(
        self, weather: Weather, child: str, path: str, reply: Reply, *, carried: int
    ) -> Reply:
        if path.endswith("/pull") and self._happens("twice", weather.twice):
            old = reply.body
            self._later(lambda: self._ends.hand_down(child, old), "old answer")
        room = weather.dies_after - carried
        if weather.dies_after and len(reply.body) > room:
            self._count("died")
            raise LinkDown("the line went dead", reached=True, begun=True)
        whole = reply.body
        part = self._cut(weather, whole, even_if_long=False)
        if len(part) < len(whole) and "signature" in reply.headers:
            raise LinkDown("cut", reached=True, begun=True)
        return reply._replace(body=part)

    def _cut(self, weather: Weather, body: bytes, *, even_if_long: bool = True) -> bytes:
        """Only the beginning of it: up to where the line dies, or anywhere."""
        if even_if_long and weather.dies_after and len(body) > weather.dies_after:
            self._count("died")
            return body[: weather.dies_after]
        if body and self._happens("cut", weather.cut):
            return body[: self._random.randrange(len(body))]
        return body

    def _later(self, then: Callable[[], object], what: str) -> None:
        span = self._random.choice([0.01, 1.0, 24.0, 24.0 * 7]) * _HOUR

        def arrive() -> None:
            then()

        self._ends.later(self._random.uniform(0, span), arrive, what)

    def _happens(self, name: str, chance: float) -> bool:
        if chance and self._random.random() < chance:
            self._count(name)
            return True
        return False

    def _count(self, name: str) -> None:
        self.misfortunes[name] = self.misfortunes.get(name, 0) + 1


class VirtualPost:
    """What `sync.line.Line` posts with: the real line signs and checks, the network carries."""

    def __init__(self, network: Network, child: str) -> None:
        self._network = network
        self._child = child

    def __call__(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str],
        body: bytes,
        patience: float,  # noqa: ARG002  # the protocol's signature; the network has its own
        limit: int,
    ) -> Reply:
        reply = self._network.carry(self._child, method, path, headers=headers, body=body)
        if len(reply.body) > limit:
            raise LinkDown("too long", reached=True)
        return reply


class BareLine(Line):
    """A line without signatures: messages stand for themselves, whole or not."""

    def call(self, method: str, path: str, cargo: Cargo, *, wait: float = 0.0) -> Cargo:  # noqa: ARG002  # nobody waits here
        """Send a cargo, get one back.

        Raises:
            LinkError: no answer came, or one that says no.
            Malformed: the answer cannot be read.
        """
        reply = self.post(
            method,
            path,
            headers={NAME: self.key().keyid},
            body=wire.encode(cargo),
            patience=self.patience,
            limit=self.limits.body,
        )
        if reply.status != _OK:
            raise NotGranted(reply.status, "refused", reply.body.decode(errors="replace"))
        try:
            return wire.decode(reply.body, self.limits)
        except Malformed:
            raise LinkDown("half an answer", reached=True, begun=True) from None
