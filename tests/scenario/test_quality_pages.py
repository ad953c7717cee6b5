"""A finding's way: seen at the county, answered there, read above; what only the province sees."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import update

from node.quality.about_people import person
from node.quality.capability import run_check
from tests.fixtures.offices import COUNTY
from tests.fixtures.schema import sqlite_copy
from tests.fixtures.sites import Clock, Site, join, open_site, with_places
from tests.scenario.sync_tree import fall, rise
from tests.scenario.test_quality_catalogue import Population
from tiers import RegionCode, Role

PROVINCE, DIRECT = "410000000000", "419001000000"


@pytest.fixture
def network(migrated_sqlite: Path, tmp_path: Path) -> Iterator[tuple[Site, Site]]:
    """A province and a county of its own."""
    clock = Clock(datetime(2026, 6, 1, 1, tzinfo=UTC))
    known = with_places(migrated_sqlite, tmp_path, COUNTY)
    province, county = (
        open_site(code, url=sqlite_copy(known, tmp_path / code), folder=tmp_path, clock=clock)
        for code in (PROVINCE, DIRECT)
    )
    province.replica.found(node=PROVINCE, level="province")
    join(province, county)
    yield province, county
    for site in (province, county):
        site.close()


def sync(province: Site, county: Site) -> None:
    for site in (county, province):
        site.replica.seal()
    assert rise(county, province) == []  # type: ignore[arg-type]
    assert fall(province, county) == []  # type: ignore[arg-type]


def test_a_county_answers_and_the_province_reads_it(network: tuple[Site, Site]) -> None:
    province, county = network
    for site in network:
        with site.node.work() as uow:
            Population(uow).enrolled(RegionCode(DIRECT), died_on=date(2026, 1, 1))
            run_check(uow)
    auditor = county.browser("jihe", Role.AUDITOR)
    listed = auditor.get("/quality").text
    assert "已登记死亡，参保关系没有终止" in listed
    assert "2026-01-01 死亡登记" in listed
    form = {"rule": "dead_enrolled", "subject": "ep1", "answer": "", "note": "家属次日来办注销"}
    wrong = auditor.post("/quality/answer", form)
    assert wrong.status_code == 422
    assert "请选择核实结果" in wrong.text
    assert "家属次日来办注销" in wrong.text
    assert auditor.post("/quality/answer", {**form, "answer": "correcting"}).status_code == 303
    sync(province, county)
    supervisor = province.browser("duban", Role.QUALITY_SUPERVISOR)
    assert "家属次日来办注销" in supervisor.get("/quality?standing=answered").text
    assert supervisor.post("/quality/answer", {**form, "answer": "explained"}).status_code == 404


def test_what_only_the_province_sees_comes_down_and_goes_again(
    network: tuple[Site, Site],
) -> None:
    province, county = network
    with province.node.work() as uow:
        people = Population(uow)
        for code in (DIRECT, COUNTY):
            people.enrolled(RegionCode(code), citizen_index=b"one")
        assert run_check(uow) == "未了问题 2 个，下发 2 个"
    sync(province, county)
    auditor = county.browser("jihe", Role.AUDITOR)
    assert "在两个县同时参保" in auditor.get("/quality").text
    with province.node.work() as uow:
        elsewhere = person.c.county_code == COUNTY
        uow.connection.execute(update(person).where(elsewhere).values(citizen_index=b"other"))
    _tomorrow(province)
    with province.node.work() as uow:
        assert run_check(uow) == "未了问题 0 个，下发 2 个"
    sync(province, county)
    assert "在两个县同时参保" in auditor.enter().get("/quality?standing=gone").text


def _tomorrow(site: Site) -> None:
    clock = site.node.clock
    assert isinstance(clock, Clock)
    clock.forward(hours=9)


def test_the_check_can_be_asked_for(network: tuple[Site, Site]) -> None:
    province, _ = network
    with province.node.work() as uow:
        Population(uow).enrolled(RegionCode(DIRECT), died_on=uow.today)
    supervisor = province.browser("duban", Role.QUALITY_SUPERVISOR)
    assert "还没有核查过" in supervisor.get("/quality").text
    assert supervisor.post("/quality/check").status_code == 303
    assert "已登记死亡" in supervisor.get("/quality?severity=error&rule=dead_enrolled").text
