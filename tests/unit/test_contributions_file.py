"""A list of payments as banks and villages send it."""

from datetime import date

import pytest

from node.contributions.payments_file import read_payments
from node.core.errors import Invalid
from tiers import RegionCode

COUNTY = RegionCode("410122000000")
HEAD = "公民身份号码,缴费年度,档次,金额,缴费方式,流水号,缴款日期"


def lines(*rows: str, head: str = HEAD) -> bytes:
    return "\n".join((head, *rows)).encode()


def read(content: bytes) -> list[tuple[int, object, str]]:
    found = read_payments(content, filename="名单.csv", here=COUNTY)
    return [(line.row, line.payment, line.problem) for line in found]


def test_a_line_says_who_paid_what_and_when() -> None:
    ((row, payment, problem),) = read(
        lines('419099198001010011,2026年,200,"1,200.00",窗口,R1,2026/3/5')
    )
    assert (row, problem) == (2, "")
    assert payment is not None
    assert (payment.for_year, payment.grade_fen, payment.fen) == (2026, 20_000, 120_000)  # type: ignore[attr-defined]
    assert (payment.method, payment.paid_on) == ("counter", date(2026, 3, 5))  # type: ignore[attr-defined]


def test_without_an_amount_the_grade_was_paid_and_without_a_way_it_was_the_bank() -> None:
    ((_, payment, _),) = read(lines("419099198001010011,2026,500,,,R1,20260305"))
    assert (payment.fen, payment.method) == (50_000, "bank")  # type: ignore[attr-defined]


def test_a_payer_may_be_named_by_account_number() -> None:
    head = "账户号,年度,档次,流水号,日期"
    ((_, payment, _),) = read(lines("410122-00000007,2026,500,R1,2026-03-05", head=head))
    assert (payment.account_no, payment.citizen_number) == (7, "")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("419099198001010011,去年,200,200,窗口,R1,2026-03-05", "缴费年度应为四位数字"),
        ("419099198001010011,2026,二百,200,窗口,R1,2026-03-05", "请填写以元为单位的金额"),
        ("419099198001010011,2026,200,200,刷脸,R1,2026-03-05", "没有“刷脸”这种缴费方式"),
        ("419099198001010011,2026,200,200,窗口,R1,三月五日", "日期应写成"),
        ("419099198001010011,2026,200,200,窗口,R1,", "请填写缴款日期"),
        ("4.19099198001010E+17,2026,200,200,窗口,R1,2026-03-05", "末尾几位已经丢失"),
    ],
)
def test_a_line_that_cannot_be_read_says_why_and_where(row: str, problem: str) -> None:
    ((number, payment, said),) = read(lines(row))
    assert (number, payment) == (2, None)
    assert problem in said


def test_titles_above_the_headings_and_blank_rows_are_left_out() -> None:
    content = f"中牟县缴费名单\n\n{HEAD}\n,,,,,,\n419099198001010011,2026,200,,,R1,2026-03-05\n"
    assert [row for row, _, _ in read(content.encode())] == [5]


@pytest.mark.parametrize(
    ("head", "missing"),
    [
        ("公民身份号码,缴费年度,档次,流水号", "缴款日期"),
        ("缴费年度,档次,流水号,缴款日期", "公民身份号码"),
    ],
)
def test_a_missing_column_is_named(head: str, missing: str) -> None:
    with pytest.raises(Invalid, match=missing):
        read(lines("x", head=head))
