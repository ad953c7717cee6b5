"""A village's list of collective subsidies, over HTTP: looked at, corrected, booked whole, once."""

import io
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
import xlsxwriter

from node.accounts.balances import balances
from node.accounts.sources import Source
from node.accounts.verify import verify
from tests.fixtures.county import COUNTY, OTHER_VILLAGE, VILLAGE
from tests.fixtures.county_site import CountySite, open_county_site, words
from tests.fixtures.sites import with_places

HEAD = ("姓名", "公民身份号码", "补助金额（元）")
PATH = "/contributions/collective"


@pytest.fixture(scope="module")
def template(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_places(migrated_sqlite, tmp_path_factory.mktemp("places"), COUNTY)


@pytest.fixture
def desk(template: Path, tmp_path: Path) -> Iterator[CountySite]:
    """Three people of a village and one of another."""
    with open_county_site(template, tmp_path) as found:
        found.county.enrol(*[date(1980, 1, 1)] * 3)
        found.county.enrol(date(1990, 1, 1), village=OTHER_VILLAGE)
        yield found.on(date(2025, 9, 1))


def file(*rows: tuple[object, ...], head: tuple[str, ...] = HEAD) -> dict[str, tuple[str, bytes]]:
    content = io.BytesIO()
    with xlsxwriter.Workbook(content) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate((("荣庄村集体补助名单",), head, *rows)):
            for column, value in enumerate(row):
                sheet.write(number, column, value)
    return {"file": ("荣庄.xlsx", content.getvalue())}


def typed(**over: str) -> dict[str, str]:
    form = {
        "village": VILLAGE,
        "for_year": "2025",
        "payer": "荣庄村经济合作社",
        "reference": "JT-1",
        "received_on": "2025-08-30",
        "total": "150.50",
    }
    return form | over


def numbers(desk: CountySite) -> list[str]:
    return list(desk.county.people.values())


def test_a_list_is_looked_at_and_then_booked_whole_and_once(desk: CountySite) -> None:
    one, two, three, _ = numbers(desk)
    rows = (("赵样本", one, 100), ("", two, 50.5), ("合计", "", 150.5))
    answer = desk.accountant.post(PATH, typed(), files=file(*rows))
    assert answer.status_code == 200
    shown = words(answer.text)
    assert "人数 2 合计（元） 150.50 需要改正（处） 0" in shown
    assert "3 赵样本 410122-00000001 100.00 4 赵样本 410122-00000002 50.50" in shown
    assert one not in answer.text
    kept = re.search(r'name="kept" value="([^"]+)"', answer.text)
    assert kept is not None
    assert "这一年还没有集体补助" in words(desk.accountant.get(PATH).text)

    booked = desk.accountant.post(f"{PATH}/booking", typed(kept=kept[1]))
    assert booked.headers["location"] == f"{PATH}?year=2025&done=1"
    shown = words(desk.accountant.get(booked.headers["location"]).text)
    assert "名单 1 已经入账" in shown
    assert "荣庄村经济合作社 JT-1 2025-08-30 2 150.50" in shown
    again = desk.accountant.post(f"{PATH}/booking", typed(kept=kept[1]))
    assert again.status_code == 422
    assert "该流水号已经入账，不能重复记账" in words(again.text)
    with desk.county.work() as uow:
        assert balances(uow, [1, 2, 3]) == {
            1: {Source.COLLECTIVE: 10_000},
            2: {Source.COLLECTIVE: 5_050},
            3: {},
        }
        assert all(each.ok for each in verify(uow))
    assert three


def test_every_cell_that_is_wrong_is_named_and_nothing_is_booked(desk: CountySite) -> None:
    one, two, _, other = numbers(desk)
    rows = (
        ("赵样本", one, 100),
        ("赵样本", one, 1),
        ("钱样本", two, 1),
        ("赵样本", other, 1),
        ("赵样本", "410199198001019999", 1),
        ("", "", 1),
        ("", two, "一百"),
        ("", two, 1_000.01),
        ("", two, 0),
    )
    answer = desk.accountant.post(PATH, typed(), files=file(*rows))
    shown = words(answer.text)
    for wrong in (
        "4 公民身份号码 赵样本在名单里出现两次",
        "5 姓名 与参保登记的姓名“赵样本”不符",
        "6 公民身份号码 赵样本不是这个村（社区）的人",
        "7 公民身份号码 没有找到这个人的个人账户",
        "8 公民身份号码 请填写公民身份号码",
        "9 补助金额 请填写以元为单位的金额",
        "10 补助金额 赵样本的补助须大于零，全年不超过最高档次 1,000.00 元",
        "11 补助金额 补助金额应大于零",
    ):
        assert wrong in shown
    assert "没有记账" in shown
    assert 'name="kept"' not in answer.text


def test_what_was_typed_stays_with_every_mistake_beside_its_field(desk: CountySite) -> None:
    one = numbers(desk)[0]
    rows = (("赵样本", one, 100),)
    wrong = typed(village="", for_year="2031", received_on="昨天", total="很多")
    answer = desk.accountant.post(PATH, wrong, files=file(*rows))
    assert answer.status_code == 422
    for message in ("请选择村（社区）", "请选择补助年度", "日期写作", "以元为单位"):
        assert message in words(answer.text)
    assert 'value="荣庄村经济合作社"' in answer.text

    for over, message in (
        ({"payer": " "}, "请填写补助单位"),
        ({"total": "99"}, "名单合计 100.00 元，与到账的 99.00 元不符"),
        ({"received_on": "2025-09-02"}, "到账日期不能晚于今天"),
    ):
        answer = desk.accountant.post(PATH, typed(total="100") | over, files=file(*rows))
        assert answer.status_code == 422
        assert message in words(answer.text)
    for sent, message in (
        ({"file": ("空.xlsx", b"")}, "请选择名单文件"),
        (file(*rows, head=("姓名", "身份证号", "备注")), "没有找到表头"),
        (file(), "名单里没有人"),
    ):
        answer = desk.accountant.post(PATH, typed(), files=sent)
        assert answer.status_code == 422
        assert message in words(answer.text)
    answer = desk.accountant.post(f"{PATH}/booking", typed(kept="1:x"))
    assert "请先选择名单文件并核对" in words(answer.text)


def test_only_an_accountant_books_a_list(desk: CountySite) -> None:
    shown = desk.approver.get(PATH)
    assert shown.status_code == 200
    assert "导入名单" not in words(shown.text)
    assert (
        desk.approver.post(f"{PATH}/booking", typed(kept="1:100:3", total="1")).status_code == 403
    )
