"""Signed calls over a line that may be bad: what goes out is signed, what comes back is checked.

Knows no HTTP library: `Post` carries the bytes. Keeps the difference to the parent's clock, which
every signed answer tells, and signs with that: a village PC may be days wrong and still gets in.
"""

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from sync import wire
from sync.certificate import Certificate
from sync.errors import Malformed, Untrusted
from sync.http_signatures import (
    Answer,
    Presented,
    Request,
    SignatureRefused,
    check_digest,
    read_signature,
    sign_request,
    verify,
)
from sync.keys import verifier
from sync.moment import Clock
from sync.peers import MessageKey
from sync.problems import STALE
from sync.wire import WIRE_LIMITS, Cargo, WireLimits

PREFIX = "/sync/v1"
MEDIA = "application/vnd.wuji.sync"
_NONCE_BYTES = 16
_OK, _UNAUTHORISED = 200, 401
_BUSY = (429, 503)
_GATEWAY = range(500, 600)


class LinkError(Exception):
    """A call did not get its answer. It may be made again later; nothing was lost."""


class LinkDown(LinkError):  # noqa: N818  # a state of the world
    """No connection, a broken one, or no answer in time.

    `reached`: the other side was there when the line went; `begun`: some of an answer had come.
    """

    def __init__(self, detail: str, *, reached: bool = False, begun: bool = False) -> None:
        super().__init__(detail)
        self.reached = reached
        self.begun = begun


class TurnedAway(LinkError):  # noqa: N818  # an answer, not an error
    """The parent is busy, and says when to come back, in seconds."""

    def __init__(self, detail: str, *, retry_after: float) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class NotGranted(LinkError):  # noqa: N818  # an answer, not an error
    """The parent will not do it: `code` and `status` say why, `more` holds what else it said."""

    def __init__(
        self, status: int, code: str, detail: str, more: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"{detail}（{status} {code}）")
        self.status = status
        self.code = code
        self.more = more or {}


class Reply(NamedTuple):
    """An answer as it came. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Post(Protocol):
    """Carries one request. `patience` is how long the other side may be silent, in seconds.

    Raises:
        LinkDown: there was no whole answer, or it was longer than `limit` bytes.
    """

    def __call__(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str],
        body: bytes,
        patience: float,
        limit: int,
    ) -> Reply: ...


FindPeer = Callable[[str, Iterable[Certificate]], Certificate | None]
"""(key name, certificates that came along) → who answers; None when that cannot be told yet.

Raises Untrusted when it is somebody who may not.
"""


@dataclass
class Line:
    """Calls to one parent. May be used by several threads.

    `offset` is what must be added to this node's clock to get the parent's, in seconds.
    """

    post: Post
    key: Callable[[], MessageKey]
    peer: FindPeer
    clock: Clock
    limits: WireLimits = WIRE_LIMITS
    patience: float = 60.0
    offset: float = field(default=0.0, init=False)

    def call(self, method: str, path: str, cargo: Cargo, *, wait: float = 0.0) -> Cargo:
        """Send a cargo and get the parent's signed answer.

        Signed anew and sent once more when the parent finds the clock wrong.

        Raises:
            LinkError: no answer came, or one that says no.
            Untrusted: what answers is not the parent.
            Malformed: the answer cannot be read.
        """
        body = wire.encode(cargo)
        reply, answer = self._ask(method, path, body, wait=wait)
        if reply.status == _UNAUTHORISED and answer and _code(reply) == STALE:
            reply, answer = self._ask(method, path, body, wait=wait)
        if reply.status != _OK:
            raise _refused(reply)
        if answer is None:
            raise Untrusted("对方的回复没有签名，可能不是本节点的上级", path=path)
        return answer

    def root_fingerprint(self) -> str:
        """What the other side says the root of its network is; it proves nothing, but tells early.

        Raises:
            LinkError: no answer came, or one that says no.
        """
        path = f"{PREFIX}/root"
        reply = self.post(
            "GET", path, headers={}, body=b"", patience=self.patience, limit=self.limits.body
        )
        if reply.status != _OK:
            raise _refused(reply)
        return str(wire.load(reply.body).get("root_fingerprint", ""))

    def _ask(
        self, method: str, path: str, body: bytes, *, wait: float
    ) -> tuple[Reply, Cargo | None]:
        """One request; the cargo of the answer, if the parent signed it."""
        sent_at = self._now()
        path = PREFIX + path
        signed = sign_request(
            method,
            path,
            "",
            body,
            key=self.key(),
            created=int(sent_at + self.offset),
            nonce=secrets.token_urlsafe(_NONCE_BYTES),
        )
        headers = signed | {"content-type": MEDIA}
        reply = self.post(
            method,
            path,
            headers=headers,
            body=body,
            patience=self.patience + wait,
            limit=self.limits.body,
        )
        cargo = wire.decode(reply.body, self.limits) if reply.status == _OK else Cargo()
        presented = self._check(reply, cargo, Request(method, path, "", headers))
        if presented is None:
            return reply, None
        if not wait or reply.status != _OK:
            # An answer that was waited for says too little of when the question arrived.
            self.offset = presented.created + 0.5 - (sent_at + self._now()) / 2
        return reply, cargo

    def _check(self, reply: Reply, cargo: Cargo, request: Request) -> Presented | None:
        """The parent's signature of an answer; None when it bears none.

        Raises:
            Untrusted: it bears one that is not the parent's.
        """
        try:
            presented = read_signature(reply.headers)
        except SignatureRefused:
            return None
        signer = self.peer(presented.keyid, cargo.certificates)
        if signer is None:
            return None
        try:
            check_digest(reply.headers, reply.body)
            verify(
                Answer(reply.status, reply.headers, request),
                presented,
                key=verifier(signer.alg, signer.key),
                alg=signer.alg,
            )
        except SignatureRefused as refused:
            raise Untrusted("对方回复的签名无效", reason=refused.code) from refused
        return presented

    def _now(self) -> float:
        return self.clock().timestamp()


def _refused(reply: Reply) -> LinkError:
    code = _code(reply)
    if reply.status in _BUSY:
        return TurnedAway(f"上级繁忙（{reply.status} {code}）", retry_after=_retry_after(reply))
    if reply.status in _GATEWAY:
        return LinkDown(f"上级暂时无法应答（{reply.status}）")
    problem = _problem(reply)
    return NotGranted(reply.status, code, problem.get("detail", ""), problem)


def _problem(reply: Reply) -> dict[str, str]:
    try:
        plain = wire.load(reply.body)
    except Malformed:
        return {}
    return {name: value[:500] for name, value in plain.items() if isinstance(value, str)}


def _code(reply: Reply) -> str:
    return _problem(reply).get("code", "")


def _retry_after(reply: Reply) -> float:
    """Seconds; the form with a date is not used between nodes."""
    value = reply.headers.get("retry-after", "")
    return float(value) if value.isdecimal() else 0.0
