"""People at the county and on the replicas: found, listed, read in full, told of to others."""

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import pytest
from sqlmodel import select

import sync
from node.core.errors import Conflict, Forbidden, Invalid, NotFound
from node.core.models import AccessLog
from node.core.work import UnitOfWork
from node.registry import events, service
from node.registry.citizen_number import normal_number
from node.registry.events import Opened
from node.registry.models import Enrolment, Person
from node.registry.service import NewEnrolment
from tests.fixtures.offices import (
    COUNTY,
    HOSTED,
    TOWNSHIP,
    VILLAGE,
    County,
    citizen_number,
    deliver,
    open_county,
    person,
    written,
)
from tiers import RegionCode, Role


@pytest.fixture
def net(migrated_sqlite: Path, tmp_path: Path, migrated_url: str) -> Iterator[County]:
    opened = open_county(migrated_sqlite, tmp_path, migrated_url)
    yield opened
    opened.close()


@pytest.fixture
def heard() -> Iterator[list[Opened]]:
    told: list[Opened] = []

    def hear(_uow: UnitOfWork, opened: Sequence[Opened]) -> None:
        told.extend(opened)

    events.ENROLMENT_OPENED.append(hear)
    yield told
    events.ENROLMENT_OPENED.remove(hear)


def new(serial: int = 1, *, name: str = "赵样本", village: str = VILLAGE) -> NewEnrolment:
    return NewEnrolment(
        name=name,
        citizen_number=normal_number(citizen_number(serial)),
        village=RegionCode(village),
        ethnicity="汉族",
        address="中牟县韩寺镇荣庄村一组",
        phone="15400000001",
        category="ordinary",
        grade_fen=20_000,
        bank_account="6219990000000000010",
    )


def enrol(net: County, *wanted: NewEnrolment) -> list[object]:
    with net.county.work(net.approver) as uow:
        return list(service.enrol_many(uow, wanted))


def test_who_is_enrolled_is_told_to_everybody_who_listens_at_once(
    net: County, heard: list[Opened]
) -> None:
    ids = enrol(net, new(1), new(2, name="钱样本"))
    assert [opened.person_id for opened in heard] == ids
    assert {opened.county_code for opened in heard} == {COUNTY}
    assert {(opened.opened_on, opened.grade_fen) for opened in heard} == {
        (date(2026, 3, 16), 20_000)
    }


def test_one_person_has_one_open_enrolment(net: County, heard: list[Opened]) -> None:
    first = enrol(net, new(1), new(1, name="赵重复"))
    assert isinstance(first[1], Conflict)
    again = enrol(net, new(1))
    assert isinstance(again[0], Conflict)
    assert len(heard) == 1
    with net.county.work() as uow:
        assert len(uow.session.exec(select(Enrolment)).all()) == 1
        assert uow.session.exec(select(Person.name)).all() == ["赵样本"]


def test_only_an_approver_of_the_county_enrols(net: County) -> None:
    with net.county.work(net.reviewer) as uow, pytest.raises(Forbidden):
        service.enrol_many(uow, [new()])
    with net.township.work() as uow, pytest.raises(Forbidden, match="县级"):
        service.enrol_many(uow, [new()])


def test_a_village_has_its_own_people_and_no_others(net: County) -> None:
    enrol(net, new(1), new(2, name="钱样本", village=HOSTED))
    net.carry()
    with net.village.work(net.coordinator) as uow:
        assert [one.person.name for one in service.roster(uow, VILLAGE).items] == ["赵样本"]
        assert service.find(uow, "钱") == []
        with pytest.raises(NotFound):
            service.roster(uow, HOSTED)
    with net.township.work(net.clerk) as uow:
        assert service.roster(uow, TOWNSHIP).total == 2
        assert service.roster(uow, HOSTED).total == 1
    with net.township.work(net.hosted_coordinator) as uow:
        assert [one.person.name for one in service.find(uow, "钱样")] == ["钱样本"]
        assert service.find(uow, citizen_number(1)) == []


def test_people_are_found_by_number_however_it_is_typed(net: County) -> None:
    (person_id, _) = enrol(net, new(1), new(2, name="钱样本"))
    number = citizen_number(1)
    spaced = f" {number[:6]} {number[6:14]} {number[14:].lower()}"
    with net.county.work(net.reviewer) as uow:
        for text in (number, spaced, "赵样", "赵样本"):
            assert [one.person.id for one in service.find(uow, text)] == [person_id], text
        assert service.find(uow, citizen_number(9)) == []
        with pytest.raises(Invalid):
            service.find(uow, "  ")


def test_reading_a_number_in_full_needs_a_reason_and_is_recorded(net: County) -> None:
    (person_id,) = enrol(net, new())
    with net.county.work(net.reviewer) as uow:
        with pytest.raises(Invalid, match="原因"):
            service.unmask(uow, str(person_id), reason="")
        assert service.unmask(uow, str(person_id), reason="核对").name == "赵样本"
    with net.county.work() as uow:
        (entry,) = uow.session.exec(select(AccessLog)).all()
        assert (entry.actor_name, entry.subject) == ("李复核", person_id)


def test_an_administrator_sees_nobody(net: County) -> None:
    (person_id,) = enrol(net, new())
    administrator = person("系统管理员", COUNTY, Role.ADMINISTRATOR)
    with net.county.work(administrator) as uow, pytest.raises(Forbidden):
        service.person_of(uow, str(person_id))


def test_a_fact_that_arrives_again_changes_nothing_and_a_newer_one_does(net: County) -> None:
    enrol(net, new())
    facts = [item for item in written(net.county) if item.route.startswith("down/")]
    deliver(net.village, *facts)
    deliver(net.village, *facts)
    with net.village.work() as uow:
        assert len(uow.session.exec(select(Person)).all()) == 1
        assert len(uow.session.exec(select(Enrolment)).all()) == 1
    person_fact = next(item for item in facts if item.record.type == "person.registered")
    moved = person_fact.record._replace(body={**person_fact.record.body, "address": "新址"})
    deliver(net.village, person_fact._replace(record=moved))
    with net.village.work() as uow:
        assert uow.session.exec(select(Person.address)).one() == "新址"


def test_a_fact_about_another_place_than_it_says_is_refused(net: County) -> None:
    enrol(net, new())
    fact = next(item for item in written(net.county) if item.record.type == "person.registered")
    wrong = fact.record._replace(body={**fact.record.body, "village": HOSTED})
    with pytest.raises(sync.Refused, match="所属村"):
        deliver(net.village, fact._replace(record=wrong))


def test_a_newer_author_may_say_more_than_this_program_keeps(net: County) -> None:
    enrol(net, new())
    fact = next(item for item in written(net.county) if item.record.type == "person.registered")
    richer = fact.record._replace(body={**fact.record.body, "blood_group": "O"})
    deliver(net.village, fact._replace(record=richer))
    with net.village.work() as uow:
        assert uow.session.exec(select(Person.name)).one() == "赵样本"
