"""Power cuts: village, township, county are killed in the middle; nothing is lost, nothing doubled.

When exactly a process dies is left to chance: what must hold afterwards is the same at any moment.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from node.accounts.models import Account
from node.cases.models import Case, CaseStep
from node.core.errors import Refusal
from node.registry.models import Enrolment
from sync.store import stream
from tests.fixtures.network import (
    HANSI,
    HANSI_VILLAGE,
    TRUNK,
    ZHONGMU,
    Network,
    network_of,
    pass_all,
)
from tiers import RegionCode

PEOPLE = 60
FROM_THE_VILLAGE = (stream.c.origin == HANSI_VILLAGE) & (stream.c.route == "up/county")


@pytest.fixture(scope="module")
def network(founded_network: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    with network_of(founded_network, tmp_path_factory.mktemp("kills"), *TRUNK) as running:
        yield running


def test_a_village_killed_while_it_imports_a_roll_has_all_of_it_or_nothing(
    network: Network,
) -> None:
    roll = network.roll(PEOPLE)
    network.coordinator()  # logged in before, so that what is cut off is the import
    _kill_during(network, HANSI_VILLAGE, lambda: network.send_roll(roll), after=0.1)
    assert _rows(network, HANSI_VILLAGE, Case) in {0, PEOPLE}
    network.start(HANSI_VILLAGE)

    answer = network.send_roll(roll)

    # `already` counts the row that stands twice on the sheet, once its first is entered
    assert answer["accepted"] + min(answer["already"], PEOPLE) == PEOPLE
    assert _rows(network, HANSI_VILLAGE, Case) == PEOPLE
    _everything_is_everywhere(network)


def test_a_village_killed_while_it_sends_goes_on_where_the_township_stands(
    network: Network,
) -> None:
    network.stop(HANSI)
    network.send_roll(network.roll(PEOPLE))
    _wait_until_sealed(network, HANSI_VILLAGE)
    held = _held_of_the_village(network, HANSI)
    network.start(HANSI)
    _wait_until_it_moves(network, HANSI, held)
    network.kill(HANSI_VILLAGE)
    network.start(HANSI_VILLAGE)

    _everything_is_everywhere(network)


def test_a_township_killed_while_it_takes_and_passes_on_loses_nothing(network: Network) -> None:
    held = _held_of_the_village(network, HANSI)
    network.send_roll(network.roll(PEOPLE))
    _wait_until_it_moves(network, HANSI, held)
    network.kill(HANSI)
    network.start(HANSI)

    _everything_is_everywhere(network)


def test_a_township_killed_while_its_clerk_passes_cases_passed_all_or_none(
    network: Network,
) -> None:
    cases = network.wait_for_work(network.clerk(), 3 * PEOPLE)
    passing = partial(pass_all, network.clerk(), "first-review", cases)
    _kill_during(network, HANSI, passing, after=0.1)
    left = _states(network, HANSI)["first_review"]
    assert left in {0, len(cases)}
    network.start(HANSI)
    if left:
        pass_all(network.clerk(), "first-review", cases)

    _everything_is_everywhere(network)
    assert _states(network, ZHONGMU) == {"review": len(cases)}


def test_a_county_killed_while_it_approves_decides_each_case_once(network: Network) -> None:
    cases = network.wait_for_work(network.officer("review"), 3 * PEOPLE)
    pass_all(network.officer("review"), "review", cases)
    _kill_during(
        network, ZHONGMU, partial(pass_all, network.officer("approve"), "approve", cases), after=0.2
    )
    decided = _states(network, ZHONGMU)["approved"]
    assert decided in {0, len(cases)}
    network.start(ZHONGMU)
    if not decided:
        pass_all(network.officer("approve"), "approve", cases)

    _everything_is_everywhere(network)
    for code in TRUNK:
        assert _states(network, code) == {"approved": len(cases)}
        assert _rows(network, code, Enrolment) == _rows(network, code, Account) == len(cases)
        assert _approvals(network, code) == len(cases)


def _kill_during(
    network: Network, code: RegionCode, work: Callable[[], Any], *, after: float
) -> None:
    """Kill a node some seconds after a request to it has begun."""
    begun = threading.Event()

    def request() -> None:
        begun.set()
        with suppress(httpx.TransportError, Refusal):  # what one sees when a machine goes dark
            work()

    thread = threading.Thread(target=request)
    thread.start()
    begun.wait()
    thread.join(after)
    network.kill(code)
    thread.join()


def _everything_is_everywhere(network: Network) -> None:
    """Every stream equal, every proof holds, every node says the same of every case, once."""
    network.settle()
    assert network.broken_proofs() == []
    cases = {code: _cases(network, code) for code in TRUNK}
    steps = {code: _steps(network, code) for code in TRUNK}
    assert cases[HANSI_VILLAGE] == cases[HANSI] == cases[ZHONGMU]
    assert steps[HANSI_VILLAGE] == steps[HANSI] == steps[ZHONGMU]
    submissions = Counter(case for case, action, *_ in steps[ZHONGMU] if action == "submit")
    assert set(submissions.values()) <= {1}
    assert len(submissions) == len(cases[ZHONGMU])


def _cases(network: Network, code: RegionCode) -> list[tuple[Any, ...]]:
    with network.store(code) as node, node.work(writing=False) as uow:
        wanted = select(Case.id, Case.number, Case.state, Case.holder, Case.version)  # type: ignore[call-overload]
        return sorted(map(tuple, uow.session.execute(wanted)))


def _steps(network: Network, code: RegionCode) -> list[tuple[Any, ...]]:
    with network.store(code) as node, node.work(writing=False) as uow:
        wanted = select(CaseStep.case_id, CaseStep.action, CaseStep.id, CaseStep.state)  # type: ignore[call-overload]
        return sorted(map(tuple, uow.session.execute(wanted)))


def _states(network: Network, code: RegionCode) -> Counter[str]:
    return Counter(state for _, _, state, *_ in _cases(network, code))


def _approvals(network: Network, code: RegionCode) -> int:
    return sum(action == "approve" for _, action, *_ in _steps(network, code))


def _rows(network: Network, code: RegionCode, model: Any) -> int:
    with network.store(code) as node, node.engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(model)).scalar_one()


def _held_of_the_village(network: Network, code: RegionCode) -> int:
    with network.store(code) as node, node.engine.connect() as connection:
        return connection.execute(select(stream.c.head).where(FROM_THE_VILLAGE)).scalar() or 0


def _wait_until_it_moves(network: Network, code: RegionCode, held: int) -> None:
    """Wait until a node has taken something of the village, unless there is nothing to take."""
    if held < _held_of_the_village(network, HANSI_VILLAGE):
        network.stage.wait_until("没有新数据", lambda: _held_of_the_village(network, code) > held)


def _wait_until_sealed(network: Network, code: RegionCode) -> None:
    with network.store(code) as node:
        network.stage.wait_until("没有封存", lambda: node.replica.status().outbox == 0)
