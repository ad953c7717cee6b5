"""Villages renamed, merged and divided by bulletin: names, people and open cases; history stays."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from node.cases import service as cases
from node.cases.rules import State
from node.core.divisions import store_divisions
from node.core.errors import Invalid
from node.policy.region_bodies import RegionChange
from node.registry import history
from node.registry import service as registry
from node.registry.matters import village_options
from node.registry.regions import apply_region_changes
from tests.fixtures.offices import (
    HOSTED,
    TOWNSHIP,
    VILLAGE,
    County,
    enrolment_form,
    grades_bulletin,
    open_county,
)
from tests.scenario.test_registry_changes import about, climb, decide, enrol

NEW = "410122101399"


@pytest.fixture
def net(migrated_sqlite: Path, tmp_path: Path, migrated_url: str) -> Iterator[County]:
    opened = open_county(migrated_sqlite, tmp_path, migrated_url)
    for office in opened.offices:
        store_divisions(office.engine, office.region)
    yield opened
    opened.close()


def publish(net: County, *steps: tuple[str, str, str, str], on: date = date(2026, 3, 1)) -> None:
    names = ("code", "change", "successor", "name")
    body = {"steps": [dict(zip(names, step, strict=True)) for step in steps]}
    RegionChange.model_validate(body)
    for office in net.offices:
        with office.work() as uow:
            bulletin = grades_bulletin((), uow.now)
            bulletin.kind, bulletin.body, bulletin.effective_from = "region_change", body, on
            bulletin.number = f"示例{steps[0][0]}{steps[0][1]}"
            uow.session.add(bulletin)


def run(net: County) -> list[str]:
    said = []
    for office in net.offices:
        with office.work() as uow:
            said.append(apply_region_changes(uow))
    net.carry()
    return said


def test_a_village_that_is_renamed_keeps_its_code_and_its_people(net: County) -> None:
    enrol(net, 1)
    publish(net, (VILLAGE, "更名", VILLAGE, "荣庄社区居委会"))
    assert run(net) == [f"{VILLAGE} 更名为荣庄社区居委会"] * 3
    assert run(net) == ["没有要调整的区划"] * 3
    with net.village.work(net.coordinator) as uow:
        assert village_options(uow) == [(VILLAGE, "荣庄社区居委会")]
        assert registry.roster(uow, VILLAGE).total == 1


def test_what_takes_effect_later_is_done_when_its_day_has_come(net: County) -> None:
    publish(net, (VILLAGE, "更名", VILLAGE, "荣庄社区居委会"), on=date(2026, 4, 1))
    assert run(net) == ["没有要调整的区划"] * 3


def test_merged_villages_people_and_open_cases_move_and_their_history_stays(net: County) -> None:
    person_id = enrol(net, 1, category="extreme_poverty")
    done = decide(net, "detail_change", about(new_phone="15400000002"))
    with net.village.work(net.coordinator) as uow:
        waiting = cases.submit(uow, "enrolment", enrolment_form(5)).id
    net.carry()
    publish(net, (VILLAGE, "并入", HOSTED, "大洪村委会"))
    assert run(net)[2] == f"{VILLAGE} 并入大洪村委会，1 人"
    assert run(net)[2] == "没有要调整的区划"

    with net.township.work(net.hosted_coordinator) as uow:
        (listed,) = registry.roster(uow, HOSTED).items
        assert listed.person.id == person_id
        (change, earlier) = history.changes_of(uow, listed.person)
        assert (change.matter, change.lines[0].after) == ("行政区划调整", HOSTED)
        assert earlier.matter == "变更登记（一般信息）"
        assert [group.title for group in history.groups_of_person(uow, listed.person)] == ["特困"]
        assert {case.id for case in cases.inbox(uow, cases.Tab.RECENT).items} == {done, waiting}
    climb(net, waiting)
    with net.county.work(net.approver) as uow:
        outcome = cases.approve_many(uow, [waiting])[0]
    assert outcome.state is State.APPROVED
    assert run(net)[2] == f"{VILLAGE} 并入大洪村委会，1 人"  # who was under way comes after
    with net.township.work(net.hosted_coordinator) as uow:
        assert registry.roster(uow, HOSTED).total == 2
    with net.village.work(net.coordinator) as uow:
        assert registry.roster(uow, VILLAGE).total == 0
        with pytest.raises(Invalid, match="已经撤并"):
            cases.submit(uow, "enrolment", enrolment_form(7))


def test_a_village_that_is_divided_gets_a_neighbour_people_move_to_one_by_one(net: County) -> None:
    enrol(net, 1)
    enrol(net, 3, name="钱样本")
    publish(net, (VILLAGE, "分设", NEW, "荣庄新村委会"))
    run(net)
    decide(
        net,
        "key_change",
        about(new_village=NEW, reason="分村", evidence="household_book"),
    )
    with net.township.work(net.clerk) as uow:
        assert (NEW, "荣庄新村委会") in village_options(uow)
        assert registry.roster(uow, NEW).total == 1
        assert registry.roster(uow, VILLAGE).total == 1


def test_steps_that_cannot_be_are_refused_with_a_sentence() -> None:
    for step, said in (
        ((VILLAGE, "更名", HOSTED, "某村委会"), "更名的代码不变"),
        ((VILLAGE, "并入", VILLAGE, "某村委会"), "并入和分设的代码不同"),
        ((VILLAGE, "并入", "419001100201", "某村委会"), "同一个县"),
        ((TOWNSHIP, "并入", "410122102000", "某镇"), "逐村列出"),
        ((VILLAGE, "并入", TOWNSHIP, "某镇"), "同一级"),
    ):
        body = dict(zip(("code", "change", "successor", "name"), step, strict=True))
        with pytest.raises(ValueError, match=said):
            RegionChange.model_validate({"steps": [body]})
