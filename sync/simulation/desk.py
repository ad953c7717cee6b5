"""The parent's end of a virtual link: what `sync.server` does for a request, without HTTP.

Signed calls pass the same gates in the same order: who signed, is it fresh and new, does the digest
fit the body. Bare messages carry only a name, as a bundle on a stick would: there the engine's own
checks stand alone, and a message cut in half reaches the decoder.
"""

from collections.abc import Callable, Mapping

from sync import problems, wire
from sync.certificate import Certificate
from sync.errors import SyncRefusal
from sync.gate import ServerLimits
from sync.giving import Counter
from sync.http_signatures import (
    Request,
    SignatureRefused,
    check_digest,
    read_signature,
    sign_answer,
    verify,
)
from sync.keys import verifier
from sync.line import PREFIX, Reply
from sync.moment import stamp
from sync.nonces import Nonces
from sync.peers import calling_child, own_key
from sync.problems import Problem
from sync.replica import Replica
from sync.wire import Cargo

NAME = "sim-name"
"""The header of a bare message that says whose it is."""

_OK = 200


class Desk:
    """Serves the children of one running program."""

    def __init__(self, replica: Replica, *, is_signed: bool) -> None:
        self._replica = replica
        self._is_signed = is_signed
        self._counter = Counter(replica, ServerLimits())
        self._nonces = Nonces(began=self._now())
        self._served: Mapping[str, Callable[[Certificate, bytes], bytes]] = {
            "/session": self._counter.welcome,
            "/segments": self._counter.take,
            "/pull": self._give,
        }

    def answer(self, method: str, path: str, *, headers: Mapping[str, str], body: bytes) -> Reply:
        """Answer one request; refusals are answers, too."""
        request = Request(method, path, "", headers)
        try:
            if path == f"{PREFIX}/root":
                return Reply(_OK, {}, wire.dump(self._counter.root()))
            is_session = path.removeprefix(PREFIX) == "/session"
            if is_session and self._counter.is_unknown(self._keyid(request)):
                self._counter.remember(body)
            child = self._caller(request)
            if self._is_signed:
                check_digest(headers, body)
            reply = Reply(_OK, {}, self._served[path.removeprefix(PREFIX)](child, body))
        except SignatureRefused as no:
            clock = stamp(self._replica.site.clock())
            reply = _refused(problems.from_signature(no, clock=clock))
        except SyncRefusal as no:
            reply = _refused(problems.from_refusal(no, retry_after=1))
        return self._signed(reply, request)

    def _keyid(self, request: Request) -> str:
        if not self._is_signed:
            return request.headers[NAME]
        return read_signature(request.headers).keyid

    def _caller(self, request: Request) -> Certificate:
        if not self._is_signed:
            return calling_child(self._replica, request.headers[NAME])
        presented = read_signature(request.headers)
        child = calling_child(self._replica, presented.keyid)
        verify(request, presented, key=verifier(child.alg, child.key), alg=child.alg)
        self._nonces.admit(
            presented.keyid, presented.nonce, created=presented.created, now=self._now()
        )
        return child

    def _give(self, child: Certificate, body: bytes) -> bytes:
        found = self._counter.give(child, self._counter.read_pull(body))
        return wire.encode(Cargo()) if found is None else found

    def _signed(self, reply: Reply, request: Request) -> Reply:
        if not self._is_signed:
            return reply
        try:
            signature = sign_answer(
                reply.status,
                reply.body,
                request=request,
                key=own_key(self._replica),
                created=self._now(),
            )
        except SignatureRefused:  # the request bears no signature an answer could be bound to
            return reply
        return reply._replace(headers={**reply.headers, **signature})

    def _now(self) -> int:
        return int(self._replica.site.clock().timestamp())


def _refused(problem: Problem) -> Reply:
    return Reply(problem.status, problem.headers(), problem.body())
