"""The parent's end of a link: a FastAPI router under `/sync/v1`. See docs for the protocol.

    GET  /root       who the root of this network is (not signed; compared by telephone)
    POST /join       a code and a new key → certificate and chain; signed with that very key
    POST /renew      a child whose certificate runs out → the same for longer, and the chain
    POST /session    who a child is and what it understands → how far it is held here
    PUT  /segments   sealed segments, or a part of a large one → watermarks and a signed receipt
    POST /pull       heads held → what is routed to the child; waits when there is nothing
    POST /snapshot   the state of the child's region: the signed manifest, once it is made
    POST /snapshot/part   some bytes of a part of it

A request is let in step by step, each step cheaper than what it protects: the signature of its
headers, its age and nonce, the child's place, the length of its body, and only then the body.
Nothing here blocks the event loop: the database is asked in threads.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from random import Random, SystemRandom
from typing import NamedTuple

from fastapi import APIRouter
from sqlalchemy.exc import OperationalError
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from sync import problems, wire, wording
from sync.certificate import Certificate
from sync.errors import NotMember, SyncRefusal
from sync.gate import LIMITS, Busy, Gate, Place, ServerLimits
from sync.giving import Counter
from sync.http_signatures import (
    Presented,
    Request,
    SignatureRefused,
    check_digest,
    read_signature,
    sign_answer,
    verify,
)
from sync.keys import verifier
from sync.moment import stamp
from sync.nonces import Nonces, NoncesFull
from sync.peers import calling_child, joining_name, own_key, renewing_child
from sync.problems import Problem
from sync.replica import Replica
from sync.snapshot import SnapshotSource
from sync.snapshot_desk import SnapshotDesk
from sync.watch import Watch
from sync.wire import Cargo

PREFIX = "/sync/v1"
MEDIA = "application/vnd.wuji.sync"
_LENGTH_DIGITS = 12
_log = logging.getLogger(__name__)


class _Call(NamedTuple):
    """A request that was let in: from whom, with what, and the place it holds."""

    child: Certificate
    body: bytes
    place: Place
    http: HttpRequest


class _Kind(NamedTuple):
    """One kind of call: its name, the bytes its body may have, who serves it."""

    name: str
    limit: int
    serve: Callable[[_Call], Awaitable[bytes]]
    needs_engine: bool = True
    find_caller: Callable[[Replica, str], Certificate] = calling_child


class SyncRouter(APIRouter):
    """The routes of a parent. `close()` ends waiting pulls, so that a server can stop at once."""

    def __init__(self, gate: Gate, snapshots: SnapshotDesk) -> None:
        super().__init__(prefix=PREFIX, tags=["sync"])
        self._gate = gate
        self._snapshots = snapshots

    def close(self) -> None:
        """To be called when the process is asked to stop, from any thread."""
        self._snapshots.close()
        self._gate.close()


def router(
    replica: Replica,
    *,
    limits: ServerLimits = LIMITS,
    random: Random | None = None,
    snapshots: SnapshotSource | None = None,
) -> SyncRouter:
    """The routes through which this node's children reach it; `snapshots` reads what it holds."""
    gate = Gate(limits, random or SystemRandom())
    snapshot_desk = SnapshotDesk(replica, snapshots, limits)
    desk = _Desk(replica, limits, gate, snapshot_desk)
    routes = SyncRouter(gate, snapshot_desk)
    for method, path, endpoint in (
        ("GET", "/root", desk.root),
        ("POST", "/join", desk.join),
        ("POST", "/renew", desk.renew),
        ("POST", "/session", desk.session),
        ("PUT", "/segments", desk.segments),
        ("POST", "/pull", desk.pull),
        ("POST", "/snapshot", desk.snapshot),
        ("POST", "/snapshot/part", desk.snapshot_part),
    ):
        routes.add_api_route(path, endpoint, methods=[method], response_model=None)
    return routes


class _Desk:
    """Lets requests in, has them served, signs the answers."""

    def __init__(
        self, replica: Replica, limits: ServerLimits, gate: Gate, snapshots: SnapshotDesk
    ) -> None:
        self._replica = replica
        self._limits = limits
        self._gate = gate
        self._counter = Counter(replica, limits)
        self._snapshots = snapshots
        self._nonces = Nonces(began=self._now(), window=limits.skew)
        self._notes: set[asyncio.Task[None]] = set()
        self._watch = Watch(
            replica.bell, partial(gate.look_up, replica.newest), recheck=limits.recheck
        )

    async def root(self) -> Response:
        """The root of this node's network: its fingerprint is compared by telephone at joining."""
        try:
            plain = await self._gate.look_up(self._counter.root)
        except NotMember as refusal:
            return _reply_problem(problems.from_refusal(refusal, retry_after=60))
        return Response(wire.dump(plain), media_type="application/json")

    async def join(self, http: HttpRequest) -> Response:
        """Certify a node that knows a join code and holds the key it shows."""
        return await self._answer(http, self._join)

    async def renew(self, http: HttpRequest) -> Response:
        """Renew a child's certificate."""
        kind = _Kind("renew", self._limits.join_body, self._renew, find_caller=renewing_child)
        return await self._answer(http, partial(self._let_in, kind))

    async def session(self, http: HttpRequest) -> Response:
        """Open a session."""
        kind = _Kind("session", self._limits.session_body, self._welcome)
        return await self._answer(http, partial(self._let_in, kind))

    async def segments(self, http: HttpRequest) -> Response:
        """Take segments in."""
        kind = _Kind("segments", self._limits.wire.body, self._take)
        return await self._answer(http, partial(self._let_in, kind))

    async def pull(self, http: HttpRequest) -> Response:
        """Give what concerns the child, or wait for it."""
        kind = _Kind("pull", self._limits.session_body, self._give, needs_engine=False)
        return await self._answer(http, partial(self._let_in, kind))

    async def snapshot(self, http: HttpRequest) -> Response:
        """Tell of the snapshot for the child, and have it made when there is none."""
        kind = _Kind("snapshot", self._limits.join_body, self._offer, needs_engine=False)
        return await self._answer(http, partial(self._let_in, kind))

    async def snapshot_part(self, http: HttpRequest) -> Response:
        """Give some bytes of a part of it."""
        kind = _Kind("snapshot-part", self._limits.join_body, self._give_part, needs_engine=False)
        return await self._answer(http, partial(self._let_in, kind))

    async def _answer(
        self,
        http: HttpRequest,
        serve: Callable[[HttpRequest, Request, Presented], Awaitable[bytes]],
    ) -> Response:
        """The one place where what happened becomes an answer, and answers are signed."""
        request = _signed_part(http)
        try:
            with self._gate.entering():
                presented = read_signature(request.headers)
                reply = Response(await serve(http, request, presented), media_type=MEDIA)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it
        except (Problem, SignatureRefused, Busy, NoncesFull, SyncRefusal, OperationalError) as no:
            problem = self._problem(no)
            _log.info("%s %s: %s %s", request.method, request.path, problem.status, problem.detail)
            reply = _reply_problem(problem)
        try:
            return await self._gate.look_up(self._sign, reply, request)
        except (NotMember, SignatureRefused):
            return reply  # nothing to sign with, or nothing to bind the answer to

    def _problem(self, no: Exception) -> Problem:
        later = self._gate.retry_after()
        if isinstance(no, Problem):
            return no
        if isinstance(no, SignatureRefused):
            return problems.from_signature(no, clock=stamp(self._replica.site.clock()))
        if isinstance(no, Busy):
            return problems.from_busy(no, retry_after=later)
        if isinstance(no, SyncRefusal):
            return problems.from_refusal(no, retry_after=later)
        if isinstance(no, NoncesFull):
            return Problem(429, "nonces", "too many requests within the window", retry_after=60)
        return Problem(503, "database", "the database did not answer in time", retry_after=later)

    def _sign(self, reply: Response, request: Request) -> Response:
        key = own_key(self._replica)
        headers = sign_answer(
            reply.status_code, bytes(reply.body), request=request, key=key, created=self._now()
        )
        reply.headers.update(headers)
        return reply

    async def _let_in(
        self, kind: _Kind, http: HttpRequest, request: Request, presented: Presented
    ) -> bytes:
        body = None
        if kind.name == "session" and await self._gate.look_up(
            self._counter.is_unknown, presented.keyid
        ):
            body = await self._body(http, request, self._limits.join_body)
            await self._gate.engine(self._counter.remember, body)
        child = await self._gate.look_up(self._caller, kind, request, presented)
        self._nonces.admit(
            presented.keyid, presented.nonce, created=presented.created, now=self._now()
        )
        with self._gate.one_at_a_time(child.node, kind.name) as place:
            if kind.needs_engine:
                self._gate.refuse_when_full()
            if body is None:
                body = await self._body(http, request, kind.limit)
            return await kind.serve(_Call(child, body, place, http))

    def _caller(self, kind: _Kind, request: Request, presented: Presented) -> Certificate:
        child = kind.find_caller(self._replica, presented.keyid)
        verify(request, presented, key=verifier(child.alg, child.key), alg=child.alg)
        return child

    async def _body(self, http: HttpRequest, request: Request, limit: int) -> bytes:
        length = request.headers.get("content-length", "")
        if not length.isdecimal():
            raise Problem(411, "length", "Content-Length is required")
        if len(length) > _LENGTH_DIGITS or int(length) > limit:
            raise Problem(413, "too-large", f"at most {limit} bytes", more={"limit": limit})
        with self._gate.receiving(int(length)):
            body = await self._receive(http, limit)
        await self._gate.look_up(check_digest, request.headers, body)
        return body

    async def _receive(self, http: HttpRequest, limit: int) -> bytes:
        pieces = bytearray()
        stream = http.stream()
        try:
            async with asyncio.timeout(self._limits.longest):
                while True:
                    async with asyncio.timeout(self._limits.idle):
                        piece = await anext(stream, None)
                    if piece is None:
                        return bytes(pieces)
                    pieces += piece
                    if len(pieces) > limit:
                        raise Problem(413, "too-large", f"at most {limit} bytes")
        except TimeoutError as error:
            raise Problem(408, "slow", "the body did not come in time") from error

    async def _join(self, http: HttpRequest, request: Request, presented: Presented) -> bytes:
        self._gate.join_attempt(asyncio.get_running_loop().time())
        body = await self._body(http, request, self._limits.join_body)
        code, applicant = wording.read_application(wire.decode(body, self._limits.wire))
        if presented.keyid != joining_name(applicant.epoch):
            raise SignatureRefused("unknown-key", "the key of the application must sign it")
        check = verifier(applicant.alg, applicant.key)
        verify(request, presented, key=check, alg=applicant.alg)
        return await self._gate.engine(self._counter.admit, code, applicant)

    async def _welcome(self, call: _Call) -> bytes:
        return await self._gate.engine(self._counter.welcome, call.child, call.body)

    async def _renew(self, call: _Call) -> bytes:
        return await self._gate.engine(self._counter.renew, call.child)

    async def _take(self, call: _Call) -> bytes:
        return await self._gate.engine(self._counter.take, call.child, call.body)

    async def _give(self, call: _Call) -> bytes:
        self._note_contact(call.child)
        asked = await self._gate.look_up(self._counter.read_pull, call.body)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + min(asked.wait, self._limits.wait)
        async with self._watch.news() as rung:
            while True:
                rung.clear()
                found = await self._gate.look_up(self._counter.give, call.child, asked)
                left = deadline - loop.time()
                if found is not None:
                    return found
                if left <= 0 or call.place.leave.is_set():
                    return wire.encode(Cargo())
                with call.place.waiting():
                    await _wait(call, rung, seconds=left)

    async def _offer(self, call: _Call) -> bytes:
        """What is not ready is waited for a little, so that a small one needs no second call."""
        answer, made = await self._gate.look_up(self._snapshots.ask, call.child, call.body)
        if made is None:
            return answer
        await asyncio.wait([asyncio.wrap_future(made)], timeout=self._limits.wait)
        answer, _ = await self._gate.look_up(self._snapshots.ask, call.child, call.body)
        return answer

    async def _give_part(self, call: _Call) -> bytes:
        return await self._gate.look_up(self._snapshots.part, call.child, call.body)

    def _note_contact(self, child: Certificate) -> None:
        """Beside the call, since it writes: nobody shall wait for policy behind a long taking."""
        if self._counter.is_contact_due(child):
            task = asyncio.ensure_future(self._gate.aside(self._counter.note_contact, child))
            self._notes.add(task)
            task.add_done_callback(self._notes.discard)

    def _now(self) -> int:
        return int(self._replica.site.clock().timestamp())


async def _wait(call: _Call, rung: asyncio.Event, *, seconds: float) -> None:
    """Until there may be something new, the place must be left, or the child has gone.

    Raises:
        ClientDisconnect: the child has gone.
    """
    gone = asyncio.ensure_future(call.http.receive())
    tasks = [gone, *map(asyncio.ensure_future, (rung.wait(), call.place.leave.wait()))]
    try:
        await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if gone.done():
            raise ClientDisconnect
    finally:
        for task in tasks:
            task.cancel()


def _signed_part(http: HttpRequest) -> Request:
    """What a signature can cover of a request. The path is the one that was sent, undecoded."""
    path = http.scope.get("raw_path") or http.scope["path"].encode()
    return Request(
        method=http.method,
        path=path.decode("latin-1"),
        query=http.scope["query_string"].decode("latin-1"),
        headers={name.lower(): value for name, value in http.headers.items()},
    )


def _reply_problem(problem: Problem) -> Response:
    return Response(
        problem.body(),
        status_code=problem.status,
        headers=problem.headers(),
        media_type=problems.MEDIA,
    )
