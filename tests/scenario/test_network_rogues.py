"""Who speaks falsely to a running township is not heard: foreign, replayed, forged, re-ordered.

The village's machine is off; the test has its key and calls in its place.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import httpx
import pytest
import zstandard
from sqlalchemy import Engine, create_engine, func, select

from node.cases.models import Case
from node.network.state import open_incidents
from node.runtime import Node
from sync import Record, Replica, Sealed, store, wire
from sync.segment import read_header
from sync.wire import Cargo
from tests.fixtures.network import HANSI, HANSI_VILLAGE, ZHONGMU, Network, network_of
from tests.scenario.sync_links import PULL, SEGMENTS, Caller, calling
from tests.scenario.sync_tree import Place
from tiers import RegionCode

PEOPLE = 4
ROLLS = 3
AT = "2025-02-17T08:00:00.000Z"


@pytest.fixture(scope="module")
def network(founded_network: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """A running township, and a village that has worked offline and was switched off."""
    with network_of(founded_network, tmp_path_factory.mktemp("rogues"), HANSI) as running:
        running.start(HANSI_VILLAGE, offline=True)
        for _ in range(ROLLS):
            running.send_roll(running.roll(PEOPLE))
            _wait_until_sealed(running)
        running.stop(HANSI_VILLAGE)
        yield running


@pytest.fixture
def village(network: Network) -> Iterator[Caller]:
    """The village's key in the hands of the test."""
    with network.store(HANSI_VILLAGE) as node, calling(cast(Place, node), _url(network)) as caller:
        yield caller


@pytest.fixture
def segments(network: Network) -> list[Sealed]:
    """What the village has to send, in order."""
    with network.store(HANSI_VILLAGE) as node:
        found = _sealed(node, "up/county")
    assert len(found) == ROLLS
    return found


def test_a_node_of_another_root_is_not_heard(
    network: Network, segments: list[Sealed], tmp_path: Path
) -> None:
    """Same region, same level, a certificate as good as ours, but of another network."""
    with _elsewhere(tmp_path, network) as impostor:
        me = impostor.replica.identity()
        assert me
        chain = impostor.replica.chain_for({(me.node, me.epoch)})
        sealed = impostor.replica.outgoing({}, budget=1 << 20)
        assert len(sealed) == 1
        with calling(cast(Place, impostor), _url(network)) as caller:
            answers = [caller.pull(), caller.push(Cargo({}, chain, sealed))]
    assert [_problem(answer) for answer in answers] == [(403, "untrusted")] * 2
    assert _taken(network) == 0


def test_the_grandparent_and_the_parents_own_key_are_no_child(network: Network) -> None:
    for code in (ZHONGMU, HANSI):
        with network.store(code) as node, calling(cast(Place, node), _url(network)) as caller:
            assert _problem(caller.pull()) == (403, "untrusted")


def test_an_unsigned_call_is_refused(village: Caller) -> None:
    for method, path in (("POST", PULL), ("PUT", SEGMENTS)):
        assert _problem(village.send(method, path, wire.encode(Cargo()), {})) == (401, "unsigned")


def test_a_segment_before_its_turn_waits(
    network: Network, village: Caller, segments: list[Sealed]
) -> None:
    _, second, third = segments
    assert _refused(village.push(Cargo({}, segments=[second]))) == ["out_of_order"]
    assert _refused(village.push(Cargo({}, segments=[third, second]))) == ["out_of_order"]
    assert _taken(network) == 0


def test_a_segment_that_was_changed_on_the_way_is_refused(
    network: Network, village: Caller, segments: list[Sealed]
) -> None:
    first = segments[0]
    later = replace(read_header(first.header), sealed_at="2026-03-13T08:00:00.000Z").canonical()
    text = zstandard.decompress(first.body)
    other = zstandard.compress(text.replace(b'"version":1', b'"version":2', 1))
    assert other != first.body
    forged = {
        "untrusted": first._replace(header=later),
        "malformed": first._replace(body=other),
    }
    for code, segment in forged.items():
        assert _refused(village.push(Cargo({}, segments=[segment]))) == [code]
    cut = first._replace(body=first.body[:-3])
    assert _refused(village.push(Cargo({}, segments=[cut]))) == ["malformed"]
    assert _taken(network) == 0


def test_a_recorded_request_opens_nothing_a_second_time(
    network: Network, village: Caller, segments: list[Sealed]
) -> None:
    body = wire.encode(Cargo({}, segments=segments[:1]))
    headers = village.sign("PUT", SEGMENTS, body)
    first = village.send("PUT", SEGMENTS, body, headers)
    assert _refused(first) == []
    assert _taken(network) == PEOPLE

    assert _problem(village.send("PUT", SEGMENTS, body, headers)) == (401, "replayed")
    stale = village.sign("PUT", SEGMENTS, body, age=301)
    assert _problem(village.send("PUT", SEGMENTS, body, stale)) == (401, "stale")
    again = village.push(Cargo({}, segments=segments[:1]))
    assert wire.decode(again.content).head["counts"] == [0, 0, 0]
    assert _taken(network) == PEOPLE


def test_after_all_this_the_village_is_switched_on_and_everything_arrives_once(
    network: Network,
) -> None:
    network.start(HANSI_VILLAGE)
    network.settle()
    assert _taken(network) == PEOPLE * ROLLS
    (said,) = network.broken_proofs()
    assert said.startswith(f"{HANSI} 没有搁置的记录和未了的事件 搁置 0 条")
    with network.store(HANSI) as node, node.engine.connect() as connection:
        (incident,) = open_incidents(connection)
    assert (incident.kind, incident.origin) == ("altered", HANSI_VILLAGE)


@contextmanager
def _elsewhere(folder: Path, network: Network) -> Iterator[SimpleNamespace]:
    """A village of the same name, which has joined a township of the same name, of nobody."""
    engines = [create_engine(f"sqlite:///{folder / name}.sqlite") for name in ("above", "below")]
    above, below = (_replica(engine, network) for engine in engines)
    try:
        above.found(node=HANSI, level="township")
        code = above.issue_join_code(region=HANSI_VILLAGE, level="village")
        admission = above.admit(code, below.apply_to_join(region=HANSI_VILLAGE))
        root = admission.root_fingerprint
        below.adopt(admission.certificate, admission.chain, fingerprint=root)
        record = Record("case.submitted", 1, "forged", HANSI_VILLAGE, AT, "nobody", {})
        with engines[1].begin() as connection:
            below.append(
                connection, origin=HANSI_VILLAGE, route="up/county", txn="1", records=[record]
            )
        below.seal()
        yield SimpleNamespace(replica=below, clock=network.world.now)
    finally:
        for engine in engines:
            engine.dispose()


def _replica(engine: Engine, network: Network) -> Replica:
    store.metadata.create_all(engine)
    return Replica(engine, authority=lambda *_: None, handlers={}, clock=network.world.now)


def _url(network: Network) -> str:
    return network.post(HANSI).url


def _wait_until_sealed(network: Network) -> None:
    with network.store(HANSI_VILLAGE) as node:
        network.stage.wait_until("没有封存", lambda: node.replica.status().outbox == 0)


def _sealed(node: Node, route: str) -> list[Sealed]:
    columns = store.segment.c
    wanted = select(columns.header, columns.signature, columns.body).order_by(columns.position)
    with node.engine.connect() as connection:
        rows = connection.execute(wanted).all()
    found = [Sealed(bytes(h), bytes(s), node.keyring.open(bytes(b))) for h, s, b in rows]
    own = [(read_header(one.header).stream, one) for one in found]
    return [one for name, one in own if name.origin == node.code and name.route == route]


def _problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


def _refused(answer: httpx.Response) -> list[str]:
    """Why each refused segment was refused."""
    assert answer.status_code == 200
    return [code for *_, code, _reason in wire.decode(answer.content).head["refused"]]


def _taken(network: Network) -> int:
    """Cases of the village that the township holds."""
    with network.store(RegionCode(HANSI)) as node, node.engine.connect() as connection:
        wanted = select(func.count()).select_from(Case).where(Case.village == HANSI_VILLAGE)
        return int(connection.execute(wanted).scalar_one())
