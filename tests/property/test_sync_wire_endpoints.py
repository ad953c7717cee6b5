"""Whatever is sent to a parent, the answer is what was asked for or a signed problem."""

import asyncio
import secrets
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sync import wire, wording
from sync.gate import ServerLimits
from sync.http_signatures import content_digest, sign_request
from sync.peers import own_key
from sync.server import MEDIA, router
from sync.wire import Cargo
from sync.wording import PullRequest
from tests.scenario.sync_tree import TOWNSHIP, VILLAGE, Clock, Place, Tree, fact, sqlite_urls

ENDPOINTS = {
    "session": ("POST", "/sync/v1/session"),
    "segments": ("PUT", "/sync/v1/segments"),
    "pull": ("POST", "/sync/v1/pull"),
    "join": ("POST", "/sync/v1/join"),
}
endpoints = st.sampled_from(sorted(ENDPOINTS))
fuzzed = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


class World(NamedTuple):
    """A parent's endpoints and a child of it."""

    app: FastAPI
    child: Place
    samples: Mapping[str, bytes]

    def send(
        self, endpoint: str, body: bytes, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        method, path = ENDPOINTS[endpoint]
        if headers is None:
            headers = sign_request(
                method,
                path,
                "",
                body,
                key=own_key(self.child.replica),
                created=int(self.child.clock().timestamp()),
                nonce=secrets.token_urlsafe(16),
            )

        async def call() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://parent") as client:
                return await client.request(method, path, content=body, headers=dict(headers))

        return asyncio.run(call())


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    tree = Tree(sqlite_urls(tmp_path_factory.mktemp("fuzz")), Clock())
    tree.grow(TOWNSHIP, VILLAGE)
    tree[VILLAGE].write("up/county", *(fact(f"f{n}", n) for n in range(20)))
    tree[VILLAGE].replica.seal()
    replica = tree[VILLAGE].replica
    me = replica.identity()
    assert me
    chain = replica.chain_for({(me.node, me.epoch)})
    ready = replica.outgoing({}, budget=100_000)
    samples = {
        "session": wire.encode(wording.write_hello(replica.hello())),
        "segments": wire.encode(Cargo({}, chain, ready)),
        "pull": wire.encode(wording.write_pull(PullRequest([], 1000, 0))),
        "join": wire.encode(Cargo({"code": "x", "epoch": "y", "alg": "ed25519", "key": "00" * 32})),
    }
    app = FastAPI()
    limits = ServerLimits(joins_per_minute=10**6)
    app.include_router(router(tree[TOWNSHIP].replica, limits=limits))
    yield World(app, tree[VILLAGE], samples)
    tree.dispose()


def is_proper(answer: httpx.Response, *, is_signed: bool) -> bool:
    kind = answer.headers["content-type"]
    if answer.status_code == 200:
        wire.decode(answer.content)
        return kind == MEDIA and "signature" in answer.headers
    plain = answer.json()
    assert kind == "application/problem+json"
    assert plain["status"] == answer.status_code < 500 or answer.status_code == 503
    return not is_signed or "signature" in answer.headers


@fuzzed
@given(endpoint=endpoints, body=st.binary(max_size=300))
@example(endpoint="segments", body=wire.MAGIC)
@example(endpoint="pull", body=wire.encode(Cargo({"heads": [["a", "b", "c", 1, "0" * 64]]})))
def test_any_body_of_a_child_gets_a_proper_answer(world: World, endpoint: str, body: bytes) -> None:
    assert is_proper(world.send(endpoint, body), is_signed=True)


@fuzzed
@given(endpoint=endpoints, data=st.data())
def test_a_damaged_body_of_a_child_gets_a_proper_answer(
    world: World, endpoint: str, data: st.DataObject
) -> None:
    body = bytearray(world.samples[endpoint])
    for at in data.draw(st.lists(st.integers(0, len(body) - 1), min_size=1, max_size=5)):
        body[at] ^= data.draw(st.integers(1, 255))
    if data.draw(st.booleans()):
        body = body[: data.draw(st.integers(0, len(body)))]
    assert is_proper(world.send(endpoint, bytes(body)), is_signed=True)


header = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=80).map(str.strip)
inputs = header | st.builds(
    'wuji=({});created={};nonce="{}";keyid="{}"{}'.format,
    st.sampled_from(
        ['"@method" "@path" "content-digest"', '"@method"', '"@status";req', '"x"', ""]
    ),
    st.integers(0, 10**12),
    st.sampled_from(["", "n" * 22]),
    st.sampled_from([VILLAGE, VILLAGE + ";1", ";;", "x" * 99, ""]),
    st.sampled_from(["", ';alg="ed25519"', ';alg="none"', ";alg=1", ";x"]),
)
signatures = header | st.builds(
    "wuji=:{}:".format, st.sampled_from(["AAAA", "A" * 86 + "==", "", "="])
)


@fuzzed
@given(endpoint=endpoints, said=inputs, signature=signatures)
def test_any_signature_headers_get_a_proper_refusal(
    world: World, endpoint: str, said: str, signature: str
) -> None:
    body = world.samples[endpoint]
    headers = {"signature-input": said, "signature": signature}
    answer = world.send(endpoint, body, headers | {"content-digest": content_digest(body)})
    assert answer.status_code in {400, 401, 403}
    assert is_proper(answer, is_signed=False)
