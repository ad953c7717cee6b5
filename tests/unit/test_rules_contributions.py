"""Grades paid, subsidies that follow, years that count."""

import pytest

from node.accounts.sources import Source
from node.contributions.rules import (
    count_paid_years,
    make_up_years,
    payment_problems,
    read_years,
    subsidy,
    years_in_words,
)
from node.core.errors import Invalid
from node.policy.bodies import GradeSubsidy

LINES = (
    GradeSubsidy(grade_fen=20_000, fen=3_000, province_fen=1_500, city_fen=500, county_fen=1_000),
    GradeSubsidy(grade_fen=500_000, fen=34_000, province_fen=34_000, city_fen=0, county_fen=0),
)


def test_a_subsidy_is_split_by_the_tiers_that_pay_it() -> None:
    assert subsidy(20_000, lines=LINES) == {
        Source.SUBSIDY_PROVINCE: 1_500,
        Source.SUBSIDY_CITY: 500,
        Source.SUBSIDY_COUNTY: 1_000,
    }


def test_a_tier_that_pays_nothing_gets_no_posting() -> None:
    assert subsidy(500_000, lines=LINES) == {Source.SUBSIDY_PROVINCE: 34_000}


def test_a_year_made_up_gets_no_subsidy() -> None:
    assert subsidy(20_000, lines=LINES, make_up=True) == {}


def test_a_grade_without_a_subsidy_line_is_an_error_and_not_nothing() -> None:
    with pytest.raises(Invalid, match="没有 300 元档"):
        subsidy(30_000, lines=LINES)


def test_a_year_counts_once_however_often_it_was_paid() -> None:
    assert count_paid_years([2014, 2015, 2015, 2017]) == 3
    assert count_paid_years([]) == 0


def test_years_to_make_up_are_the_gaps_before_this_year() -> None:
    assert make_up_years(paid_years={2013, 2015}, first_year=2012, this_year=2016) == [2012, 2014]


def test_a_payment_is_the_whole_grade_for_a_year_not_paid_before() -> None:
    assert not list(payment_problems(20_000, grade_fen=20_000, year=2026, paid_years={2025}))
    found = payment_problems(10_000, grade_fen=20_000, year=2026, paid_years={2026})
    assert [problem.message for problem in found] == [
        "实缴 100.00 元与档次 200.00 元不符",
        "2026 年度已经缴费，同一年度不能重复缴费",
    ]


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("", []),
        ("2019", [2019]),
        ("2023、2019 2021-2022", [2019, 2021, 2022, 2023]),
        ("2019年，2021—2022年；2021", [2019, 2021, 2022]),
        ("2012至2014", [2012, 2013, 2014]),
    ],
)
def test_years_are_read_as_people_write_them(text: str, years: list[int]) -> None:
    assert read_years(text) == years
    assert read_years(years_in_words(years)) == years


@pytest.mark.parametrize("text", ["去年", "2023-2019", "1900-2200", "20231", "2019.5", "2019--"])
def test_what_is_no_year_is_refused_with_what_was_typed(text: str) -> None:
    with pytest.raises(Invalid, match="应写成 2019、2021-2023"):
        read_years(text)


def test_runs_of_years_are_written_as_ranges() -> None:
    assert years_in_words({2012, 2013, 2014, 2016, 2018, 2019}) == "2012-2014、2016、2018-2019"
