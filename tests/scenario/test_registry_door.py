"""Warnings at the door: shown to whoever enters, confirmed by them, read by every desk above."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from node.cases.matter import matter_of
from node.registry.door import Arrival, notices_many
from node.registry.matters import EnrolmentForm
from node.registry.prefixes import accept_unassigned_prefixes
from tests.fixtures.offices import (
    VILLAGE,
    County,
    citizen_number,
    enrolment_form,
    grades_bulletin,
    open_county,
)
from tests.fixtures.schema import sqlite_copy
from tests.fixtures.sites import Browser, Clock, Site, open_site
from tests.scenario.test_registry_changes import enrol
from tiers import Role

SPRING = datetime(2026, 3, 16, 1, 0, tzinfo=UTC)


@pytest.fixture
def net(migrated_sqlite: Path, tmp_path: Path, migrated_sqlite_url: str) -> Iterator[County]:
    opened = open_county(migrated_sqlite, tmp_path, migrated_sqlite_url)
    yield opened
    opened.close()


@pytest.fixture
def site(migrated_sqlite: Path, tmp_path: Path) -> Iterator[Site]:
    url = sqlite_copy(migrated_sqlite, tmp_path / "village.sqlite")
    opened = open_site(VILLAGE, url=url, folder=tmp_path, clock=Clock(SPRING))
    with opened.node.work() as uow:
        uow.session.add(grades_bulletin((20_000,), uow.now))
    yield opened
    opened.close()


def arrival(**over: object) -> Arrival:
    return EnrolmentForm.model_validate(enrolment_form(**over)).arrival()  # type: ignore[arg-type]


def messages(net: County, *arrivals: Arrival) -> list[list[str]]:
    with net.village.work(net.coordinator) as uow:
        return [[each.message for each in found] for found in notices_many(uow, arrivals)]


def test_a_prefix_never_assigned_is_pointed_out_unless_the_node_is_told_not_to(
    net: County,
) -> None:
    (found,) = messages(net, arrival())
    assert found == ["号码前六位 410199 不在现行区划代码中，请核对是否录错"]
    accept_unassigned_prefixes(net.village.engine, accepted=True)
    assert messages(net, arrival()) == [[]]


def test_somebody_very_like_an_enrolled_person_is_pointed_out(net: County) -> None:
    accept_unassigned_prefixes(net.village.engine, accepted=True)
    enrol(net, 1)
    found = messages(net, arrival(serial=777), arrival(serial=778, name="钱样本"))
    assert "相似度 90" in found[0][0]
    assert found[1] == []


def test_groups_and_late_grades_are_pointed_out_and_impossible_groups_refused(
    net: County,
) -> None:
    accept_unassigned_prefixes(net.village.engine, accepted=True)
    old = citizen_number(5, born="19600101")
    (found,) = messages(net, arrival(citizen_number=old, category="minimum_living"))
    assert [text[:8] for text in found] == ["低保须有相应证件", "已满 60 周岁"]
    young = EnrolmentForm.model_validate(
        enrolment_form(
            citizen_number=citizen_number(5, born="20090101"), category="family_planning"
        )
    )
    with net.village.work(net.coordinator) as uow:
        problems = list(matter_of("enrolment").check(uow, young))
    assert [problem.field for problem in problems] == ["category"]


def form(**over: object) -> dict[str, str]:
    typed = enrolment_form(**over) | {"consent": "1", "do": "submit"}  # type: ignore[arg-type]
    return {name: str(value) for name, value in typed.items()}


def send(browser: Browser, **over: object) -> str:
    answer = browser.post("/cases/new/enrolment", form(**over))
    if answer.status_code == 303:
        return browser.get(answer.headers["location"]).text
    assert answer.status_code == 422
    return answer.text


def test_a_warning_is_confirmed_by_whoever_enters_and_errors_come_first(site: Site) -> None:
    coordinator = site.browser("zhang", Role.COORDINATOR)
    odd = {"phone": "15466666666"}
    wrong = send(coordinator, **odd, name="")
    assert "请填写姓名" in wrong
    asked = send(coordinator, **odd)
    assert "联系电话后八位相同" in asked
    assert 'name="confirmed"' in asked
    assert 'value="赵样本"' in asked  # nothing typed is lost
    done = send(coordinator, **odd, confirmed="1")
    assert "已核对确认：联系电话后八位相同" in done


def test_a_form_without_warnings_asks_for_no_confirmation(site: Site) -> None:
    coordinator = site.browser("zhang", Role.COORDINATOR)
    assert "已核对确认" not in send(coordinator)
