"""The figures we publish are computed as the document says."""

import json

import pytest

from benchmarks.enrolments import make
from benchmarks.measure import HEAD, Measure, row, table


def test_a_measure_is_its_median_and_is_compared_with_the_floors_median() -> None:
    measure = Measure("m", "s", [4.0, 2.0, 90.0], [1.0, 2.0, 3.0])
    assert (measure.value, measure.ratio) == (4.0, 2.0)


def test_without_a_floor_there_is_no_ratio() -> None:
    assert row(Measure("m", "MB", [91.2]))[3:5] == ("–", "–")


@pytest.mark.parametrize(("number", "cell"), [(54_321.0, "54,300 x"), (2.3149, "2.31 x")])
def test_figures_show_no_more_digits_than_they_mean(number: float, cell: str) -> None:
    assert row(Measure("m", "x", [number]))[1] == cell


def test_the_table_is_one_that_markdown_understands() -> None:
    lines = table([row(Measure("m", "s", [1.0]))]).splitlines()
    assert {line.count("|") for line in lines} == {len(HEAD) + 1}
    assert set(lines[1]) == {"|", "-"}


def test_records_are_of_the_size_and_the_sameness_the_comparison_needs() -> None:
    records = make(500)
    sizes = [
        len(json.dumps(each, ensure_ascii=False, separators=(",", ":")).encode())
        for each in records
    ]
    assert 380 <= sum(sizes) / len(sizes) <= 440
    assert len({each["key"] for each in records}) == 500
    assert make(500) == records
