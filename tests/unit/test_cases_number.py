"""The case number survives the telephone."""

from datetime import date

import pytest

from node.cases.case_number import case_number, check_digit, read_case_number
from node.core.errors import Invalid
from tiers import RegionCode

NUMBER = case_number(RegionCode("410122101205"), date(2026, 3, 12), 16)


def test_it_says_origin_day_and_serial() -> None:
    assert NUMBER.startswith("410122101205-260312-0016-")


def test_the_check_digit_is_that_of_the_standard() -> None:
    assert check_digit("0794") == "5"  # the worked example of ISO 7064


def test_offline_villages_never_give_the_same_number() -> None:
    day = date(2026, 3, 12)
    codes = ("410122101205", "410122101206", "410122101000", "410122000000")
    assert len({case_number(RegionCode(code), day, 1) for code in codes}) == len(codes)


@pytest.mark.parametrize(
    "typed",
    [
        NUMBER,
        f"  {NUMBER} ",
        NUMBER.replace("-", "－"),
        NUMBER.replace("-", " "),
        "".join(chr(ord(c) + 0xFEE0) if c.isdigit() else c for c in NUMBER),
    ],
)
def test_it_is_read_as_people_type_it(typed: str) -> None:
    assert read_case_number(typed) == NUMBER


def test_every_single_wrong_digit_is_found() -> None:
    for place, char in enumerate(NUMBER):
        for other in "0123456789":
            if char.isdigit() and other != char:
                wrong = NUMBER[:place] + other + NUMBER[place + 1 :]
                with pytest.raises(Invalid, match="校验位不符"):
                    read_case_number(wrong)


@pytest.mark.parametrize("typed", ["", "赵样本", "410122-260312-16", "410122101205-260312-0016"])
def test_what_is_no_number_is_refused_with_an_example(typed: str) -> None:
    with pytest.raises(Invalid, match="受理号应形如"):
        read_case_number(typed)


def test_the_serial_may_outgrow_four_digits() -> None:
    long = case_number(RegionCode("410122000000"), date(2026, 3, 12), 12_345)
    assert read_case_number(long) == long
