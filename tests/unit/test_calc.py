"""`wuji calc`: every worked example, and what it says to a file that cannot be right."""

import json
from pathlib import Path
from typing import Any

import pytest

from node.calc import calculate, read_cases
from node.core.errors import Invalid, Problems
from tests.cases.by_fractions import by_hand

CASES = Path(__file__).parents[1] / "cases"
FILES = (
    "interest.json",
    "benefits.json",
    "more-interest.json",
    "more-benefits.json",
    "corrections.json",
    "contributions.json",
    "transfers.json",
)


def examples() -> list[Any]:
    return [
        pytest.param(case, id=f"{file}: {case['name']}")
        for file in FILES
        for case in json.loads((CASES / file).read_text("utf-8"))
    ]


@pytest.mark.parametrize("case", examples())
def test_every_figure_of_a_worked_example_is_reproduced(case: dict[str, Any]) -> None:
    (found,) = calculate([case])
    assert json.loads(json.dumps(found["result"])) == case["expected"]


@pytest.mark.parametrize("case", examples())
def test_the_hand_with_fractions_comes_to_the_same_figures(case: dict[str, Any]) -> None:
    assert by_hand(case) == case["expected"]


@pytest.mark.parametrize("file", FILES)
def test_results_come_in_the_order_of_the_file(file: str) -> None:
    cases = read_cases((CASES / file).read_bytes())
    found = calculate(cases)
    assert [(each["kind"], each["name"]) for each in found] == [
        (case["kind"], case["name"]) for case in cases
    ]
    assert all(set(each) == {"kind", "name", "result"} for each in found)


def interest(**over: Any) -> dict[str, Any]:
    return {
        "kind": "interest",
        "name": "一个账户",
        "opening": {"individual": 100_000},
        "rate_ppm": 27_500,
        **over,
    }


def problems_of(*cases: Any) -> list[Invalid]:
    with pytest.raises(Problems) as caught:
        calculate(cases)
    return list(caught.value.problems)


def test_an_unknown_kind_names_the_example_and_the_kinds_there_are() -> None:
    (problem,) = problems_of(interest(), {"kind": "lottery", "name": "奖金"})
    assert problem.message == (
        "第 2 个算例“奖金”的 kind：种类“lottery”不认识，"
        "可用：contribution、interest、correction、entitlement、death、arrears、exhaustion、"
        "two_schemes、two_pensions"
    )
    assert (problem.field, problem.details["case"]) == ("kind", 2)


@pytest.mark.parametrize("kind", [None, 5, ["interest"]])
def test_a_kind_that_is_no_word_is_refused(kind: object) -> None:
    (problem,) = problems_of({"kind": kind, "name": "x"})
    assert problem.field == "kind"


def test_a_case_that_is_no_object_is_refused() -> None:
    (problem,) = problems_of("interest")
    assert "花括号" in problem.message


@pytest.mark.parametrize(
    ("over", "field", "says"),
    [
        ({"rate_ppm": 2.75}, "rate_ppm", "应为整数"),
        ({"rate_ppm": "27500"}, "rate_ppm", "应为整数"),
        ({"rate_ppm": True}, "rate_ppm", "应为整数"),
        ({"rate_ppm": -1}, "rate_ppm", "不能小于 0"),
        ({"through": 13}, "through", "不能大于 12"),
        ({"interest_lag_months": 2}, "interest_lag_months", "不能大于 1"),
        ({"opening": {"indivdual": 5}}, "opening.indivdual", "没有这种资金来源"),
        ({"opening": {"individual": 0.5}}, "opening.individual", "应为整数"),
        ({"opening": [5]}, "opening", "应为一个对象"),
        ({"posting": []}, "posting", "没有这一项"),
        ({"postings": {}}, "postings", "应为列表"),
        (
            {"postings": [{"source": "individual", "month": 0, "fen": 1}]},
            "postings[0].month",
            "小于 1",
        ),
        ({"postings": [{"source": "individual", "month": 1}]}, "postings[0].fen", "缺少"),
        (
            {"payments": [{"month": 2, "by_source": {"other": -5}}]},
            "payments[0].by_source.other",
            "小于",
        ),
        ({"name": 5}, "name", "应为文字"),
    ],
)
def test_a_wrong_field_is_named(over: dict[str, Any], field: str, says: str) -> None:
    (problem,) = problems_of(interest(**over))
    assert problem.field == field
    assert problem.message.startswith("第 1 个算例")
    assert says in problem.message


def test_everything_wrong_is_said_at_once() -> None:
    bad = interest(rate_ppm=-1, through=0)
    assert [problem.field for problem in problems_of(bad, {"kind": "death"})] == [
        "rate_ppm",
        "through",
        "balance",
        "funeral_months",
        "base_fen",
        "overpaid_fen",
    ]


@pytest.mark.parametrize("month", ["2026-13", "2026-1", "26-01", "2026-01-01", 202601, None])
def test_a_month_is_written_with_four_and_two_digits(month: object) -> None:
    (problem,) = problems_of(
        {
            "kind": "arrears",
            "old_base_fen": 1,
            "new_base_fen": 2,
            "effective_from": month,
            "first_run_with_new": "2026-03",
        }
    )
    assert problem.field == "effective_from"
    assert "YYYY-MM" in problem.message


def test_a_rule_that_refuses_is_told_with_the_example_it_refused() -> None:
    late = interest(through=3, postings=[{"source": "individual", "month": 4, "fen": 1}])
    with pytest.raises(Invalid, match="第 2 个算例“一个账户”的 month：记账月份不在结息期内"):
        calculate([interest(), late])


def test_what_is_expected_is_not_looked_at() -> None:
    (found,) = calculate([interest(expected={"total": "anything"})])
    assert found["result"]["total"] == 102_750


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[{"kind": }]', "第 1 行第 11 列"),
        ('{"kind": "interest"}', "方括号"),
        ('[{"opening": {"individual": 1, "individual": 2}}]', "写了两次"),
        (b"\xff\xfe[\x00]\x00x", "UTF-8"),
        ("[" * 100_000, "不是有效的 JSON"),
        ("", "不是有效的 JSON"),
    ],
)
def test_a_file_that_is_no_list_of_examples_is_explained(text: str | bytes, says: str) -> None:
    with pytest.raises(Invalid, match=says):
        read_cases(text)
