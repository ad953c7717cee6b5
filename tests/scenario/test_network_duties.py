"""Four eyes and one's own village, asked of real nodes over HTTP, each refusal in plain Chinese."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from node.demo.client import Desk
from tests.fixtures.network import (
    BOTH,
    HANSI,
    HANSI_HOSTED,
    HANSI_VILLAGE,
    ZHONGMU,
    Network,
    network_of,
    pass_all,
)
from tests.fixtures.offices import enrolment_form

ELSEWHERE = "410122102201"  # a village of another township
UNKNOWN = (404, "没有找到这件业务，或不在您负责的区域内")


@pytest.fixture(scope="module")
def network(founded_network: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    folder = tmp_path_factory.mktemp("duties")
    with network_of(founded_network, folder, ZHONGMU, HANSI) as running:
        yield running


@pytest.fixture
def both(network: Network) -> Desk:
    """A second county user, who holds the posts of acceptor, reviewer and approver."""
    return network.desk(ZHONGMU, BOTH)


@pytest.fixture
def hosted(network: Network) -> Desk:
    """The coordinator of the village that has no machine."""
    return network.desk(HANSI, "hansi-dahong")


def enter(desk: Desk, serial: int, village: str) -> dict[str, Any]:
    """Enter one enrolment; the case."""
    form = enrolment_form(serial, village=village, household_address="大洪村荣庄村一组")
    answer = desk.post("/api/cases", {"matter": "enrolment", "forms": [form]})
    [outcome] = answer["outcomes"]
    assert outcome["refusal"] is None
    return {"id": outcome["id"]}


def refusal(answer: dict[str, Any]) -> tuple[str, str]:
    """Of the only case of an answer."""
    [outcome] = answer["outcomes"]
    assert answer["accepted"] == 0
    return outcome["refusal"]["code"], outcome["refusal"]["title"]


def state(desk: Desk, case: dict[str, Any]) -> str:
    return str(desk.get(f"/api/cases/{case['id']}")["state"])


def test_whoever_reviewed_a_case_may_not_approve_it(network: Network, both: Desk) -> None:
    case = enter(network.officer("accept"), 1, HANSI_VILLAGE)
    pass_all(both, "review", [case])
    assert state(both, case) == "approval"

    answer = pass_all(both, "approve", [case])

    assert refusal(answer) == ("forbidden", "您已复核过这件业务，须由另一人审批")
    assert state(both, case) == "approval"
    pass_all(network.officer("approve"), "approve", [case])
    assert state(both, case) == "approved"


def test_whoever_entered_a_case_may_neither_review_nor_approve_it(
    network: Network, both: Desk
) -> None:
    case = enter(both, 2, HANSI_VILLAGE)
    assert refusal(pass_all(both, "review", [case])) == (
        "forbidden",
        "您已录入过这件业务，须由另一人复核",
    )
    pass_all(network.officer("review"), "review", [case])
    assert refusal(pass_all(both, "approve", [case])) == (
        "forbidden",
        "您已录入过这件业务，须由另一人审批",
    )
    assert state(both, case) == "approval"


def test_a_case_one_may_not_approve_is_not_on_ones_desk(network: Network, both: Desk) -> None:
    case = enter(network.officer("accept"), 3, HANSI_VILLAGE)
    pass_all(both, "review", [case])
    other = network.officer("approve")
    assert case["id"] not in {each["id"] for each in network.waiting_at(both)}
    assert case["id"] in {each["id"] for each in network.waiting_at(other)}


def test_a_reviewer_has_no_say_in_approval(network: Network) -> None:
    reviewer = network.officer("review")
    case = enter(network.officer("accept"), 4, HANSI_VILLAGE)
    pass_all(reviewer, "review", [case])
    assert refusal(pass_all(reviewer, "approve", [case])) == ("forbidden", "审批由县级审批员办理")


def test_the_coordinator_of_a_hosted_village_sees_that_village_only(
    network: Network, hosted: Desk
) -> None:
    other = enter(network.clerk(), 5, HANSI_VILLAGE)
    own = enter(hosted, 6, HANSI_HOSTED)

    seen = hosted.get("/api/cases", size=500)["cases"]

    assert {case["village"] for case in seen} == {HANSI_HOSTED}
    assert own["id"] in {case["id"] for case in seen}
    assert other["id"] in {case["id"] for case in network.clerk().get("/api/cases")["cases"]}
    assert answered(hosted, f"/api/cases/{other['id']}") == UNKNOWN
    assert answered(hosted, "/api/cases", region=HANSI_VILLAGE)[0] == 200
    assert hosted.get("/api/cases", region=HANSI_VILLAGE)["total"] == 0


def test_the_coordinator_of_a_hosted_village_reads_no_other_roster(hosted: Desk) -> None:
    assert hosted.get("/api/registry/roster")["total"] == 0
    for place in (HANSI_VILLAGE, HANSI, ELSEWHERE):
        status, sentence = answered(hosted, "/api/registry/roster", region=place)
        assert (status, sentence) == (404, "不在您负责的区域内")


def test_the_coordinator_of_a_hosted_village_enters_for_no_other(hosted: Desk) -> None:
    form = enrolment_form(7, village=HANSI_VILLAGE)
    answer = hosted.post("/api/cases", {"matter": "enrolment", "forms": [form]})
    [outcome] = answer["outcomes"]
    assert outcome["refusal"]["title"] == "所选的村不在您负责的区域内"
    assert outcome["refusal"]["field"] == "village"


def answered(desk: Desk, path: str, **query: str) -> tuple[int, str]:
    """Status and sentence of an answer."""
    answer: httpx.Response = desk.client.get(path, params=query)
    return answer.status_code, str(answer.json().get("title", ""))


def test_an_administrator_sees_no_business(network: Network) -> None:
    administrator = network.desk(ZHONGMU, "zhongmu-admin")
    assert answered(administrator, "/api/cases") == (403, "系统管理岗不接触业务数据")
    assert answered(administrator, "/api/registry/roster")[0] == 403
