"""Reading a roll: headings found, cells understood, and every bad one named by row and column."""

import io
from datetime import date, datetime
from typing import Any

import pytest
import xlsxwriter

from node.core.errors import Invalid
from node.registry.roll import (
    TITLES,
    CellProblem,
    read_roll,
    repeated,
    row_notices,
    row_problems,
)

TODAY = date(2026, 1, 15)
GRADES = {20_000, 50_000}
NUMBER = "419099196503150021"
OTHER = "419099195308200017"


def csv_of(*lines: str, encoding: str = "utf-8") -> bytes:
    return "\r\n".join(lines).encode(encoding)


def workbook(*rows: list[Any]) -> bytes:
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        for line, cells in enumerate(rows):
            for column, cell in enumerate(cells):
                if isinstance(cell, datetime):
                    sheet.write_datetime(line, column, cell, day)
                elif isinstance(cell, str):
                    sheet.write_string(line, column, cell)
                else:
                    sheet.write(line, column, cell)
    return content.getvalue()


FULL = workbook(
    ["荣庄村花名册"],
    [],
    list(TITLES.values()),
    [
        "王 芳",
        NUMBER,
        "女",
        "汉",
        datetime(1965, 3, 15),  # noqa: DTZ001  # a spreadsheet knows no zones
        "韩寺镇荣庄村一组",
        13812345678,
        "低保",
        200,
        "6219990000000000010",
    ],
)


def test_a_workbook_is_read_under_its_title_by_its_headings() -> None:
    (row,) = read_roll(FULL, filename="花名册.xlsx").rows
    assert row.number == 4
    assert row.problems == ()
    assert row.values == {
        "name": "王 芳",
        "citizen_number": NUMBER,
        "sex": "女",
        "ethnicity": "汉族",
        "born_on": date(1965, 3, 15),
        "household_address": "韩寺镇荣庄村一组",
        "phone": "13812345678",
        "category": "minimum_living",
        "grade": 20_000,
        "bank_card": "6219990000000000010",
    }
    assert not row_problems(row, on=TODAY, grades=GRADES)
    assert row.grade_fen == 20_000
    assert row.applicant().born_on == date(1965, 3, 15)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16"])
def test_a_csv_file_is_read_in_the_encodings_offices_use(encoding: str) -> None:
    content = csv_of("姓名,公民身份号码,民族", f"王芳,{NUMBER},回族", encoding=encoding)
    (row,) = read_roll(content, filename="花名册.csv").rows
    assert (row.values["name"], row.values["ethnicity"]) == ("王芳", "回族")


def test_text_copied_from_a_spreadsheet_is_separated_by_tabs() -> None:
    (row,) = read_roll(csv_of("姓名\t身份证号", f"王芳\t{NUMBER}"), filename="a.txt").rows
    assert row.values == {"name": "王芳", "citizen_number": NUMBER}


def test_columns_stand_in_any_order_and_under_other_names() -> None:
    content = csv_of("备注,缴费档次（元）*,身份证号码,姓 名", f"x,200元,{NUMBER},王芳")
    roll = read_roll(content, filename="a.csv")
    assert roll.ignored == ("备注",)
    assert roll.headings == {
        "grade": "缴费档次（元）*",
        "citizen_number": "身份证号码",
        "name": "姓 名",
    }
    assert roll.rows[0].values["grade"] == 20_000


def test_headings_an_office_has_named_before_are_known_again() -> None:
    content = csv_of("姓名,号码", f"王芳,{NUMBER}")
    with pytest.raises(Invalid, match="没有找到表头"):
        read_roll(content, filename="a.csv")
    roll = read_roll(content, filename="a.csv", headings={"号码": "citizen_number"})
    assert roll.rows[0].values["citizen_number"] == NUMBER


def test_a_heading_twice_is_refused() -> None:
    content = csv_of("姓名,公民身份号码,身份证号", f"王芳,{NUMBER},{NUMBER}")
    with pytest.raises(Invalid, match="出现了两次"):
        read_roll(content, filename="a.csv")


def test_empty_rows_are_passed_over_and_rows_keep_their_numbers() -> None:
    content = csv_of("姓名,公民身份号码", "", f"王芳,{NUMBER}", ",", f"王五,{OTHER}")
    assert [row.number for row in read_roll(content, filename="a.csv").rows] == [3, 5]


def test_a_short_line_has_empty_cells_at_its_end() -> None:
    content = csv_of("姓名,公民身份号码,联系电话", f"王芳,{NUMBER}")
    assert read_roll(content, filename="a.csv").rows[0].values["phone"] == ""


def test_a_number_a_spreadsheet_has_cut_is_reported_and_not_guessed() -> None:
    content = workbook(["姓名", "公民身份号码", "银行卡号"], ["王芳", float(NUMBER), 6.21999e18])
    (row,) = read_roll(content, filename="a.xlsx").rows
    assert [(problem.row, problem.column) for problem in row.problems] == [
        (2, "公民身份号码"),
        (2, "银行卡号"),
    ]
    assert "末尾几位已经丢失" in row.problems[0].message
    assert [problem.column for problem in row_problems(row, on=TODAY, grades=GRADES)] == [
        "公民身份号码",
        "银行卡号",
    ]


def test_the_same_loss_in_a_csv_file_is_seen_too() -> None:
    (row,) = read_roll(csv_of("姓名,公民身份号码", "王芳,4.19099E+17"), filename="a.csv").rows
    assert "末尾几位已经丢失" in row.problems[0].message


@pytest.mark.parametrize(
    "typed", ["1965-3-15", "1965/03/15", "1965.3.15", "19650315", "1965年3月15日", " 1965-03-15 "]
)
def test_a_date_is_read_however_it_is_written(typed: str) -> None:
    content = csv_of("姓名,公民身份号码,出生日期", f"王芳,{NUMBER},{typed}")
    assert read_roll(content, filename="a.csv").rows[0].values["born_on"] == date(1965, 3, 15)


@pytest.mark.parametrize(
    ("title", "typed", "says"),
    [
        ("出生日期", "1965315", "日期应写成"),
        ("出生日期", "三月", "日期应写成"),
        ("出生日期", "1981-02-29", "没有这一天"),
        ("性别", "未知", "男或女"),
        ("民族", "火星", "火星"),
        ("人员类别", "富豪", "富豪"),
        ("缴费档次", "两百", "以元为单位"),
        ("联系电话", "1.3800E+10", "末尾几位已经丢失"),
    ],
)
def test_a_cell_that_means_nothing_is_reported_in_its_column(
    title: str, typed: str, says: str
) -> None:
    content = csv_of(f"姓名,公民身份号码,{title}", f"王芳,{NUMBER},{typed}")
    (row,) = read_roll(content, filename="a.csv").rows
    (problem,) = row.problems
    assert (problem.row, problem.column) == (2, title)
    assert says in problem.message
    assert row.typed[next(key for key, name in TITLES.items() if name == title)] == typed


def test_a_date_in_the_wrong_column_is_reported() -> None:
    moment = datetime(1965, 3, 15)  # noqa: DTZ001  # a spreadsheet knows no zones
    (row,) = read_roll(workbook(["姓名", "公民身份号码"], [moment, NUMBER]), filename="a.xlsx").rows
    assert row.problems == (CellProblem(2, "姓名", "这一格应为文字"),)
    assert row.typed["name"] == "1965-03-15"


def test_a_cell_is_blamed_once_and_the_rest_of_the_row_is_still_checked() -> None:
    content = csv_of("姓名,公民身份号码,缴费档次", "王1,4.19099E+17,300")
    (row,) = read_roll(content, filename="a.csv").rows
    found = row_problems(row, on=TODAY, grades=GRADES)
    assert [problem.column for problem in found] == ["公民身份号码", "姓名", "缴费档次"]


def test_a_person_who_contributes_no_longer_needs_no_grade() -> None:
    (row,) = read_roll(
        csv_of("姓名,公民身份号码,缴费档次", f"王五,{OTHER},"), filename="a.csv"
    ).rows
    assert row.grade_fen is None
    assert not row_problems(row, on=TODAY, grades=GRADES)


def test_a_number_further_up_is_named_in_the_later_row() -> None:
    content = csv_of(
        "姓名,公民身份号码", f"王芳,{NUMBER}", "无号,", "也无,", f"王芳,{NUMBER[:6]}６５0315002"
    )
    rows = read_roll(content, filename="a.csv").rows
    assert list(repeated(rows)) == [CellProblem(5, "公民身份号码", "与第 2 行的公民身份号码重复")]


def test_notices_of_a_row_refuse_nothing() -> None:
    (row,) = read_roll(FULL, filename="a.xlsx").rows
    found = row_notices(row, on=TODAY, known_prefixes={"410122"}, places=["外庄村"])
    assert [notice.field for notice in found] == ["citizen_number", "household_address"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "没有找到表头"),
        (b"PK\x03\x04 not a workbook", "已损坏"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 cut", "已损坏"),
        ("姓名,公民身份号码".encode(), "没有人员"),
        (b"\x81\xff\xff\x00,", "编码无法识别"),
        ('姓名,公民身份号码\n"'.encode() + "王".encode() * 200_000, "不是有效的 CSV"),
    ],
)
def test_a_file_that_is_no_roll_is_explained(content: bytes, says: str) -> None:
    with pytest.raises(Invalid, match=says) as caught:
        read_roll(content, filename="花名册")
    assert caught.value.field == "file"


def test_a_roll_that_is_too_long_is_refused_before_it_is_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("node.registry.roll_file.MAX_ROWS", 3)
    rows = [f"王芳,{NUMBER}"] * 3
    with pytest.raises(Invalid, match="最多导入 3 行"):
        read_roll(csv_of("姓名,公民身份号码", *rows), filename="a.csv")
    with pytest.raises(Invalid, match="最多导入 3 行"):
        read_roll(workbook(["姓名", "公民身份号码"], *([["王芳", NUMBER]] * 3)), filename="a.xlsx")
