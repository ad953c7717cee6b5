"""Worklists at a county's node over its pages: what stands on each, on paper and in a file."""

import io
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader
from python_calamine import CalamineWorkbook
from sqlmodel import select

from node.contributions.models import Contribution
from node.core.models import AccessLog
from node.registry.enrol import NewEnrolment, enrol_many
from node.registry.models import HouseholdMember, Person
from node.registry.standing import begin_drawing
from tests.fixtures.offices import COUNTY, HOSTED, VILLAGE, citizen_number, grades_bulletin
from tests.fixtures.schema import sqlite_copy
from tests.fixtures.sites import Browser, Clock, Site, open_site
from tiers import RegionCode, Role

SPRING = datetime(2026, 3, 16, 1, 0, tzinfo=UTC)
HEAD = "户号,与户主关系,姓名,公民身份号码,户籍地址,联系电话\n"


@pytest.fixture
def site(migrated_sqlite: Path, tmp_path: Path) -> Iterator[Site]:
    url = sqlite_copy(migrated_sqlite, tmp_path / "county.sqlite")
    opened = open_site(COUNTY, url=url, folder=tmp_path, clock=Clock(SPRING))
    with opened.node.work() as uow:
        uow.session.add(grades_bulletin((20_000,), uow.now))
    yield opened
    opened.close()


@pytest.fixture
def acceptor(site: Site) -> Browser:
    return site.browser("qian", Role.ACCEPTOR)


def enrol(site: Site, name: str, born: str, serial: int = 1, **over: Any) -> str:
    wanted = NewEnrolment(
        **{
            "name": name,
            "citizen_number": citizen_number(serial, born=born),
            "village": RegionCode(VILLAGE),
            "ethnicity": "汉族",
            "address": "荣庄村一组",
            "phone": "15400000001",
            "category": "ordinary",
            "grade_fen": 20_000,
            "bank_account": "",
            **over,
        }
    )
    with site.node.work() as uow:
        return str(enrol_many(uow, [wanted])[0])


def on_list(browser: Browser, code: str, **query: str) -> list[list[str]]:
    """The cells of the Excel file, without its head."""
    answer = browser.client.get(f"/registry/worklists/{code}/list.xlsx", params=query)
    assert answer.status_code == 200
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(answer.content)).get_sheet_by_index(0)
    return [[str(cell) for cell in row] for row in sheet.to_python()[1:]]


def names(browser: Browser, code: str, **query: str) -> list[str]:
    return [row[0] for row in on_list(browser, code, **query)]


def test_who_turns_60_within_90_days_and_contributes(site: Site, acceptor: Browser) -> None:
    enrol(site, "赵今天", "19660316", 1)
    enrol(site, "钱六月", "19660614", 3)
    enrol(site, "孙太迟", "19660615", 5)
    enrol(site, "李昨天", "19660315", 7)
    drawing = enrol(site, "周领取", "19660401", 9)
    with site.node.work() as uow:
        begin_drawing(uow, {drawing: ""})
    found = on_list(acceptor, "turning-60")
    assert [row[0] for row in found] == ["赵今天", "钱六月"]
    assert found[1][5:] == ["2026-06-14", "缴费中"]
    assert "4101" in found[0][1]
    assert "*" in found[0][1]  # the number stays masked wherever it goes


def test_birthdays_of_65_and_80_are_of_those_who_draw(site: Site, acceptor: Browser) -> None:
    ids = [
        enrol(site, "赵六五", "19610401", 1),
        enrol(site, "钱八十", "19460520", 3),
        enrol(site, "孙七十", "19560401", 5),
    ]
    enrol(site, "李缴费", "19610402", 7)
    with site.node.work() as uow:
        begin_drawing(uow, dict.fromkeys(ids, ""))
    found = on_list(acceptor, "birthdays")
    assert sorted((row[0], row[6]) for row in found) == [
        ("赵六五", "满 65 周岁"),
        ("钱八十", "满 80 周岁"),
    ]


def household_file(*lines: str) -> bytes:
    return (HEAD + "\n".join(lines)).encode("gb18030")


def test_the_household_list_says_who_is_not_enrolled(site: Site, acceptor: Browser) -> None:
    enrol(site, "赵已参", "19750315", 1)
    content = household_file(
        f"1,户主,赵已参,{citizen_number(1)},荣庄村一组,",
        f"1,配偶,钱未参,{citizen_number(2)},荣庄村一组,15400000002",
        f"1,子,赵学生,{citizen_number(3, born='20080101')},荣庄村一组,",
        f"1,女,赵小孩,{citizen_number(4, born='20150101')},荣庄村一组,",
        "2,户主,孙坏号,410199197503150000,荣庄村二组,",
    )
    page = acceptor.post(
        "/registry/households", {"village": VILLAGE}, files={"file": ("名册.csv", content)}
    )
    assert page.status_code == 200
    assert "校验位不符" in page.text
    assert sorted(names(acceptor, "not-enrolled")) == ["赵学生", "钱未参"]

    with site.node.work() as uow:
        student = uow.session.exec(
            select(HouseholdMember).where(HouseholdMember.name == "赵学生")
        ).one()
        wife = uow.session.exec(
            select(HouseholdMember).where(HouseholdMember.name == "钱未参")
        ).one()
    assert "同户人员" in acceptor.get(f"/registry/households/{wife.id}").text
    acceptor.post(f"/registry/households/{student.id}/reason", {"reason": "student"})
    assert names(acceptor, "not-enrolled") == ["钱未参"]

    begun = acceptor.post(f"/registry/households/{wife.id}/enrolment")
    form = acceptor.get(begun.headers["location"]).text
    assert citizen_number(2) in form
    typed = {
        "name": "钱未参",
        "citizen_number": citizen_number(2),
        "village": VILLAGE,
        "household_address": "荣庄村一组",
        "ethnicity": "汉族",
        "category": "ordinary",
        "grade_fen": "20000",
        "consent": "1",
        "confirmed": "1",
    }
    assert acceptor.post("/cases/new/enrolment", typed).status_code == 303
    assert names(acceptor, "not-enrolled") == []  # a case is under way


def test_a_newer_household_list_takes_the_place_and_keeps_what_was_noted(
    site: Site, acceptor: Browser
) -> None:
    first = household_file(f"1,户主,赵一,{citizen_number(1)},,", f"1,子,赵二,{citizen_number(3)},,")
    second = household_file(
        f"1,户主,赵一,{citizen_number(1)},,", f"1,孙,赵三,{citizen_number(5)},,"
    )
    post = lambda content: acceptor.post(  # noqa: E731
        "/registry/households", {"village": VILLAGE}, files={"file": ("名册.csv", content)}
    )
    post(first)
    with site.node.work() as uow:
        one = uow.session.exec(select(HouseholdMember).where(HouseholdMember.name == "赵一")).one()
    acceptor.post(f"/registry/households/{one.id}/reason", {"reason": "away"})
    assert post(second).status_code == 303
    found = on_list(acceptor, "not-enrolled")
    assert {(row[0], row[6]) for row in found} == {("赵一", "外出，联系不上"), ("赵三", "")}


def test_who_has_not_paid_this_year_is_listed_until_the_payment_stands(
    site: Site, acceptor: Browser
) -> None:
    person_id = enrol(site, "赵样本", "19750315")
    (row,) = on_list(acceptor, "unpaid")
    assert (row[0], float(row[5])) == ("赵样本", 200.0)
    with site.node.work() as uow:
        uow.session.add(
            Contribution(
                county_code=COUNTY,
                id="1",
                account_no=1,
                person_id=person_id,
                village=VILLAGE,
                for_year=2026,
                grade_fen=20_000,
                fen=20_000,
                method="bank",
                reference="1",
                paid_on=date(2026, 3, 1),
                entry_no=1,
                line_no=1,
                confirmed_at=uow.now,
            )
        )
    assert on_list(acceptor, "unpaid") == []


def test_what_came_back_is_listed_with_its_reason(site: Site, acceptor: Browser) -> None:
    reviewer = site.browser("li", Role.REVIEWER)
    typed = {
        "name": "赵样本",
        "citizen_number": citizen_number(1),
        "village": VILLAGE,
        "household_address": "荣庄村一组",
        "grade_fen": 20_000,
        "consent": True,
    }
    answer = acceptor.send("/api/cases", {"matter": "enrolment", "forms": [typed]})
    back = {"ids": [answer["outcomes"][0]["id"]], "reason": "地址不详"}
    reviewer.send("/api/cases/return", back)
    (row,) = on_list(acceptor, "returned")
    assert row[1:5] == ["参保登记", "赵样本", VILLAGE, "地址不详"]


def test_lists_are_narrowed_printed_and_their_telephones_are_recorded(
    site: Site, acceptor: Browser
) -> None:
    enrol(site, "赵样本", "19660401", 1)
    enrol(site, "钱邻村", "19660402", 3, village=RegionCode(HOSTED))
    assert names(acceptor, "turning-60", region=HOSTED) == ["钱邻村"]
    page = acceptor.get("/registry/worklists/turning-60").text
    assert "赵样本" in page
    assert "15400000001" not in page
    answer = acceptor.get("/registry/worklists/turning-60/list.pdf")
    text = "".join(sheet.extract_text() for sheet in PdfReader(io.BytesIO(answer.content)).pages)
    assert "15400000001" in text
    assert "90天内年满60周岁" in text.replace(" ", "")
    with site.node.work() as uow:
        logged = uow.session.exec(select(AccessLog.reason)).all()
    assert "导出或打印90 天内年满 60 周岁" in logged
    overview = acceptor.get("/registry/worklists").text
    assert "应参未参人员" in overview
    assert acceptor.get("/registry/worklists/nothing").status_code == 404
    assert acceptor.get("/registry/worklists/unpaid?region=419001000000").status_code == 404
    administrator = site.browser("admin", Role.ADMINISTRATOR)
    assert administrator.get("/registry/worklists").status_code == 403


def test_nobody_notes_or_imports_without_the_duty(site: Site) -> None:
    reviewer = site.browser("li", Role.REVIEWER)
    content = household_file(f"1,户主,赵一,{citizen_number(1)},,")
    files = {"file": ("名册.csv", content)}
    answer = reviewer.post("/registry/households", {"village": VILLAGE}, files=files)
    assert answer.status_code == 403
    with site.node.work() as uow:
        assert uow.session.exec(select(HouseholdMember)).all() == []
        assert uow.session.exec(select(Person)).all() == []
