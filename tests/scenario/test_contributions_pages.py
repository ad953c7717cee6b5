"""The year's cockpit, the counter and the list of payments, over HTTP."""

import io
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
import xlsxwriter

from tests.fixtures.county import COUNTY, OTHER_VILLAGE
from tests.fixtures.county_site import CountySite, open_county_site, words
from tests.fixtures.sites import with_places

AUTUMN = date(2025, 9, 1)
HEAD = ("公民身份号码", "缴费年度", "缴费档次", "缴费金额", "银行流水号", "缴款日期")


@pytest.fixture(scope="module")
def template(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_places(migrated_sqlite, tmp_path_factory.mktemp("places"), COUNTY)


@pytest.fixture
def desk(template: Path, tmp_path: Path) -> Iterator[CountySite]:
    """Three people of contributing age in two villages, and one of 75."""
    with open_county_site(template, tmp_path) as found:
        found.county.enrol(date(1980, 1, 1), date(1981, 1, 1), date(1950, 1, 1))
        found.county.enrol(date(1990, 1, 1), village=OTHER_VILLAGE, grade_fen=50_000)
        yield found.on(AUTUMN)


def numbers(desk: CountySite) -> list[str]:
    return list(desk.county.people.values())


def typed(payer: str, **over: str) -> dict[str, str]:
    form = {
        "payer": payer,
        "for_year": "2025",
        "grade_fen": "20000",
        "method": "counter",
        "reference": "SJ-0001",
        "paid_on": "2025-08-30",
    }
    return form | over


def workbook(*rows: tuple[object, ...]) -> bytes:
    content = io.BytesIO()
    with xlsxwriter.Workbook(content) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate((("中牟县 2025 年缴费名单",), HEAD, *rows)):
            for column, value in enumerate(row):
                sheet.write(number, column, value)
    return content.getvalue()


def test_the_cockpit_says_what_is_due_and_what_has_come(desk: CountySite) -> None:
    assert "应缴 3 人，已缴 0 人，还差 3 人" in words(desk.accountant.get("/contributions").text)
    answer = desk.accountant.post("/contributions/payments/new", typed(numbers(desk)[0]))
    assert answer.headers["location"].startswith("/contributions?done=")
    shown = words(desk.accountant.get("/contributions?done=1").text)
    assert "缴费已经入账" in shown
    assert "应缴 3 人，已缴 1 人，还差 2 人" in shown
    assert "33.33%" in shown
    assert "应缴（元） 900.00" in shown


def test_a_mistake_at_the_counter_comes_back_beside_its_field(desk: CountySite) -> None:
    first = typed(numbers(desk)[0])
    desk.accountant.post("/contributions/payments/new", first)
    for over, message in (
        ({"payer": ""}, "请填写公民身份号码"),
        ({"payer": "410199198001010000"}, "没有找到参保人"),
        ({}, "该流水号已经入账"),
        ({"reference": "SJ-0002"}, "2025 年度已经缴费"),
        ({"grade_fen": ""}, "请选择缴费档次"),
        ({"paid_on": "昨天"}, "请填写日期"),
    ):
        answer = desk.accountant.post("/contributions/payments/new", first | over)
        assert answer.status_code == 422
        assert message in words(answer.text)
        assert 'name="reference" class="w20" value="SJ-' in answer.text


def test_a_list_is_answered_line_by_line_and_never_counted_twice(desk: CountySite) -> None:
    one, two, _old, other = numbers(desk)
    file = workbook(
        (one, 2025, 200, 200, "B1", "2025-08-01"),
        (two, 2025, 200, 150, "B2", "2025-08-01"),
        (other, "2025年", 500, "", "B3", "20250801"),
        ("", 2025, 200, 200, "B4", "2025-08-01"),
        (two, "去年", 200, 200, "B5", "2025-08-01"),
    )
    sent = {"file": ("名单.xlsx", file)}
    answer = words(desk.accountant.post("/contributions/payments/file", files=sent).text)
    assert "入账（笔） 2" in answer
    assert "入账（元） 700.00" in answer
    assert "4 赵样本 实缴 150.00 元与档次 200.00 元不符" in answer
    assert "6 未知 没有找到参保人" in answer
    assert "7 未知 缴费年度应为四位数字" in answer

    again = words(desk.accountant.post("/contributions/payments/file", files=sent).text)
    assert "入账（笔） 0" in again
    assert "该流水号已经入账，不能重复记账" in again


def test_a_list_that_does_not_come_to_its_control_total_is_not_booked(desk: CountySite) -> None:
    file = workbook((numbers(desk)[0], 2025, 200, 200, "B1", "2025-08-01"))
    sent = {"file": ("名单.xlsx", file)}
    answer = desk.accountant.post("/contributions/payments/file", {"total": "2000.00"}, files=sent)
    assert answer.status_code == 422
    assert "文件合计 200 元与填写的总额不符，没有记账" in words(answer.text)
    assert "已缴 0 人" in words(desk.accountant.get("/contributions").text)


def test_a_file_without_its_headings_says_which(desk: CountySite) -> None:
    sent = {"file": ("名单.csv", "缴费年度,缴费档次,流水号,缴款日期\n2025,200,B1,2025-08-01\n")}
    answer = desk.accountant.post("/contributions/payments/file", files=sent)
    assert "文件缺少列：公民身份号码" in words(answer.text)
    nothing = desk.accountant.post("/contributions/payments/file", files={"file": ("x.csv", "a,b")})
    assert "没有找到表头" in words(nothing.text)


def test_subsidies_are_posted_from_the_cockpit(desk: CountySite) -> None:
    desk.accountant.post("/contributions/payments/new", typed(numbers(desk)[0]))
    assert "给 1 人记入 2025 年度补贴" in words(desk.accountant.get("/contributions").text)
    answer = desk.accountant.post("/contributions/subsidies", {"year": "2025"})
    assert answer.status_code == 303
    shown = words(desk.accountant.get("/contributions").text)
    assert "没有等待补贴的人" in shown
    assert "缴费补贴 1 人，30.00 元" in shown


def test_only_the_accountant_is_offered_to_book(desk: CountySite) -> None:
    assert "窗口缴费" not in words(desk.approver.get("/contributions").text)
    answer = desk.approver.post("/contributions/payments/new", typed(numbers(desk)[0]))
    assert answer.status_code == 403
    assert "会计" in words(answer.text)


def test_programs_get_an_answer_for_each_line(desk: CountySite) -> None:
    line = {
        "citizen_number": numbers(desk)[0],
        "for_year": 2025,
        "grade_fen": 20_000,
        "fen": 20_000,
        "method": "bank",
        "reference": "R1",
        "paid_on": "2025-08-01",
    }
    answer = desk.accountant.send("/api/contributions/payments", {"payments": [line, line]})
    assert (answer["posted"], answer["posted_fen"], answer["refused"]) == (1, 20_000, 1)
    assert [each["answer"] for each in answer["outcomes"]] == ["posted", "refused"]
    subsidies = desk.accountant.send("/api/contributions/subsidies", {"year": 2025})
    assert (subsidies["people"], subsidies["province_fen"]) == (1, 1_500)
    identity = answer["outcomes"][0]["contribution_id"]
    refused = desk.accountant.client.post(
        f"/api/contributions/payments/{identity}/reversal",
        json={"reason": "扣错人"},
        headers={"X-CSRF-Token": desk.accountant.token()},
    )
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
