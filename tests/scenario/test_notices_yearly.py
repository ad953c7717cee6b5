"""The list of a year's contributors hangs in the village: made, sent down, printed, objected to."""

import re
from collections.abc import Iterator
from datetime import date
from io import BytesIO
from pathlib import Path

import pytest
from pypdf import PdfReader
from sqlmodel import select

from node.contributions.service import confirm_payments
from node.notices import service
from node.notices.capability import CAPABILITY
from node.notices.models import NoticeCase, PublicNotice
from node.notices.yearly import title_of
from tests.fixtures.county import COUNTY, OTHER_VILLAGE, VILLAGE, payment, payments, publish
from tests.fixtures.county_site import CountySite, open_county_site, words
from tests.fixtures.offices import KINDS, carry, open_office, person
from tests.fixtures.schema import sqlite_copy
from tests.fixtures.sites import with_places
from tiers import Role

KINDS.update({kind.name: kind for kind in CAPABILITY.record_types})
HANGS = {"enrolment": 0, "benefit_claim": 0, "category_grant": 0, "contribution_list": 10}
BORN = date(1980, 5, 1)


@pytest.fixture
def county(migrated_sqlite: Path, tmp_path: Path) -> Iterator[CountySite]:
    """Three people of two villages have paid for 2025, a fourth has not."""
    template = with_places(migrated_sqlite, tmp_path, COUNTY)
    with open_county_site(template, tmp_path) as found:
        paid = [
            *found.county.enrol(BORN, BORN),
            *found.county.enrol(BORN, village=OTHER_VILLAGE),
        ]
        found.county.enrol(BORN)
        with found.county.on(date(2025, 4, 1)).work(found.county.accountant) as uow:
            confirm_payments(uow, payments(paid, paid_on=date(2025, 3, 5)))
        yield found.on(date(2025, 10, 8))


def ask(county: CountySite, year: str = "2025") -> str:
    answer = county.approver.post("/notices/yearly", {"list": "contribution_list", "year": year})
    return "" if answer.status_code == 303 else words(answer.text)


def test_each_village_gets_its_list_once(county: CountySite) -> None:
    assert "年度名单" not in words(county.approver.get("/notices").text)
    assert "没有规定公示这种名单" in ask(county)
    publish(county.county, "public_notice", HANGS)
    assert "不能晚于今年" in ask(county, "2026")
    assert "没有可以公示的人" in ask(county, "2024")
    assert "请填写年度" in ask(county, "今年")
    assert (
        county.accountant.post(
            "/notices/yearly", {"list": "contribution_list", "year": "2025"}
        ).status_code
        == 403
    )
    assert ask(county) == ""
    assert "不能重复生成" in ask(county)
    assert words(county.approver.get("/notices").text).count("2025 缴费名单") == 2


def test_the_village_prints_it_masked_and_objections_are_answered(
    county: CountySite, migrated_sqlite: Path, tmp_path: Path
) -> None:
    publish(county.county, "public_notice", HANGS)
    assert ask(county) == ""
    office = county.county.office
    village = open_office(sqlite_copy(migrated_sqlite, tmp_path / "v.sqlite"), VILLAGE, grades=())
    village.now = office.now
    coordinator = person("张协办", VILLAGE, Role.COORDINATOR)
    carry(office, village)
    with village.work(coordinator) as uow:
        (notice,) = service.listed(uow)
        assert (title_of(notice), notice.year, notice.days) == ("缴费名单", 2025, 10)
        rows = service.rows_of(notice)
        assert [row["values"] for row in rows] == [["200.00", "200.00", "0.00"]] * 2
        assert all("********" in row["number"] for row in rows)
        assert uow.session.exec(select(NoticeCase)).all() == []
        service.post(uow, notice.id, on=uow.today)
        line = service.line_of(rows[0])
        service.object_to(
            uow, notice.id, case_id=line, words="此人缴的是 500 元档", objector="", on=uow.today
        )
    carry(office, village)
    village.engine.dispose()
    found = f"/notices/{notice.id}"
    pdf = PdfReader(BytesIO(county.approver.get(f"{found}/print").content))
    posted = pdf.pages[0].extract_text().replace("\n", "")
    for told in ("2025 年度缴费名单公示表", "缴费已经入账", "赵样本", "200.00", "之日起 10"):
        assert told in posted, told
    assert all(number not in posted for number in county.county.people.values())
    text = county.approver.get(found).text
    assert "此人缴的是 500 元档" in words(text)
    (answering,) = re.findall(rf'action="({found}/objections/[0-9a-f-]+)"', text)
    told = {"upheld": "yes", "words": "已核实，按 500 元更正"}
    assert county.approver.post(answering, told).status_code == 303
    assert "异议成立" in words(county.approver.get(found).text)
    with office.work() as uow:
        assert len(uow.session.exec(select(PublicNotice)).all()) == 2


def test_who_comes_after_is_on_no_second_list(county: CountySite) -> None:
    publish(county.county, "public_notice", HANGS)
    assert ask(county) == ""
    (late,) = county.county.enrol(BORN, village="410122100203")
    with county.county.work(county.county.accountant) as uow:
        confirm_payments(uow, [payment(late, paid_on=date(2025, 10, 8))])
    assert ask(county) == ""  # a village that has none yet
    with county.county.work() as uow:
        assert len(uow.session.exec(select(PublicNotice)).all()) == 3
