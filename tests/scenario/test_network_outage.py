"""A township down for the whole of the county's review: the same ending, only later.

The same story is lived twice from the same beginning: once with every node up, once with the
township stopped after its first review. Ids and instants differ, nothing else may.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from node.accounts.balances import balances
from node.accounts.service import numbers_of
from node.cases.models import Case, CaseStep
from node.registry.models import Enrolment, Person
from node.statistics import recount
from tests.fixtures.network import (
    HANSI,
    HANSI_VILLAGE,
    TRUNK,
    YEAR,
    ZHONGMU,
    Network,
    network_of,
    pass_all,
)
from tiers import RegionCode

PEOPLE = 30
REJECTED = "已参加企业职工养老保险，不符合参保条件"
RETURNED = "请乡镇核实住址"


@dataclass
class Ending:
    """What every node says at the end, without ids and instants."""

    cases: dict[RegionCode, Counter[tuple[str, str, str, int]]]
    steps: dict[RegionCode, Counter[tuple[str, str, str]]]
    people: dict[RegionCode, dict[str, tuple[Any, ...]]]
    figures: dict[RegionCode, dict[str, int]]


@pytest.fixture(scope="module")
def undisturbed(founded_network: Path, tmp_path_factory: pytest.TempPathFactory) -> Ending:
    with network_of(founded_network, tmp_path_factory.mktemp("up"), *TRUNK) as network:
        _live(network, is_cut=False)
        return _ending(network)


@pytest.fixture(scope="module")
def cut(founded_network: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    with network_of(founded_network, tmp_path_factory.mktemp("cut"), *TRUNK) as network:
        _live(network, is_cut=True)
        yield network


def test_the_story_is_worth_comparing(undisturbed: Ending) -> None:
    states = Counter(
        state for (_, state, *_), n in undisturbed.cases[ZHONGMU].items() for _ in range(n)
    )
    assert states == {"approved": PEOPLE - 1, "rejected": 1}
    assert undisturbed.figures[ZHONGMU]["enrolled"] == PEOPLE - 1
    assert undisturbed.figures[ZHONGMU]["balance_fen"] > 0
    assert undisturbed.cases[HANSI_VILLAGE] == undisturbed.cases[ZHONGMU]


def test_a_township_down_for_the_whole_review_ends_in_the_same_state(
    undisturbed: Ending, cut: Network
) -> None:
    ending = _ending(cut)
    assert ending.cases == undisturbed.cases
    assert ending.steps == undisturbed.steps
    assert ending.people == undisturbed.people
    assert ending.figures == undisturbed.figures
    assert cut.broken_proofs() == []


def test_an_enrolment_typed_while_the_parent_is_down_is_kept_and_comes_back_decided(
    cut: Network,
) -> None:
    """The village's own line, not the review's: what is typed offline waits in the outbox."""
    cut.stop(HANSI)
    answer = cut.send_roll(cut.roll(1))
    assert answer["accepted"] == 1
    [case] = cut.coordinator().get("/api/cases", tab="recent", size=1)["cases"]
    assert (case["state"], case["holder"]) == ("first_review", "township")
    with cut.store(HANSI_VILLAGE) as node:
        cut.stage.wait_until("没有封存", lambda: node.replica.status().outbox == 0)
    cut.start(HANSI)

    pass_all(cut.clerk(), "first-review", cut.wait_for_work(cut.clerk(), 1))
    pass_all(cut.officer("review"), "review", cut.wait_for_work(cut.officer("review"), 1))
    pass_all(cut.officer("approve"), "approve", cut.wait_for_work(cut.officer("approve"), 1))

    def decided() -> bool:
        return cut.coordinator().get(f"/api/cases/{case['id']}")["state"] == "approved"

    cut.stage.wait_until("决定没有回到村里", decided)
    name = case["subject_name"]
    roster = cut.coordinator().get("/api/registry/roster", size=100)
    assert name in {person["name"] for person in roster["people"]}


def _live(network: Network, *, is_cut: bool) -> None:
    """Roll, first review, [the township stops,] review, decision, payments, [it comes back]."""
    roll = network.roll(PEOPLE)
    network.send_roll(roll)
    pass_all(network.clerk(), "first-review", network.wait_for_work(network.clerk(), PEOPLE))
    reviewer, approver = network.officer("review"), network.officer("approve")
    names = {case["subject_name"]: case for case in network.wait_for_work(reviewer, PEOPLE)}
    assert len(names) == PEOPLE
    network.settle()
    if is_cut:
        network.stop(HANSI)
    sent_back, turned_down, *good = [names[name] for name in sorted(names)]
    reviewer.post("/api/cases/return", {"ids": [sent_back["id"]], "reason": RETURNED})
    pass_all(reviewer, "review", [turned_down, *good])
    approver.post("/api/cases/reject", {"ids": [turned_down["id"]], "reason": REJECTED})
    pass_all(approver, "approve", good)
    paid = {case["subject_name"] for case in good}
    payments = [
        _payment(person) for person in roll.people if person.name in paid and person.grade_fen
    ]
    answer = network.officer("account").post("/api/contributions/payments", {"payments": payments})
    assert answer["refused"] == 0
    if is_cut:
        states = {
            case["state"] for case in network.coordinator().get("/api/cases", size=100)["cases"]
        }
        assert states == {"review"}  # as far as the village can know
        network.start(HANSI)
    pass_all(network.clerk(), "first-review", network.wait_for_work(network.clerk(), 1))
    pass_all(reviewer, "review", network.wait_for_work(reviewer, 1))
    pass_all(approver, "approve", network.wait_for_work(approver, 1))
    network.officer("account").post(f"/api/statistics/{YEAR}/report")
    network.settle()


def _payment(person: Any) -> dict[str, Any]:
    return {
        "citizen_number": person.citizen_number,
        "for_year": YEAR,
        "grade_fen": person.grade_fen,
        "fen": person.grade_fen,
        "method": "bank",
        "reference": person.citizen_number,
        "paid_on": str(date(YEAR, 2, 16)),
    }


def _ending(network: Network) -> Ending:
    ending = Ending({}, {}, {}, {})
    for code in TRUNK:
        with network.store(code) as node, node.work(writing=False) as uow:
            cases = uow.session.execute(
                select(Case.subject_name, Case.state, Case.remark, Case.version)  # type: ignore[call-overload]
            )
            ending.cases[code] = Counter(map(tuple, cases))
            steps = uow.session.execute(
                select(Case.subject_name, CaseStep.action, CaseStep.state).join(  # type: ignore[call-overload]
                    CaseStep, CaseStep.case_id == Case.id
                )
            )
            ending.steps[code] = Counter(map(tuple, steps))
            people = uow.session.execute(
                select(Person, Enrolment).join(Enrolment, Enrolment.person_id == Person.id)
            ).all()
            numbers = numbers_of(uow, [person.id for person, _ in people])
            money = balances(uow, list(numbers.values()))
            ending.people[code] = {
                person.citizen_number: (
                    person.name,
                    person.village,
                    enrolment.state,
                    enrolment.grade_fen,
                    money.get(numbers[person.id]),
                )
                for person, enrolment in people
            }
            ending.figures[code] = recount.whole(uow, code, YEAR)
    return ending
