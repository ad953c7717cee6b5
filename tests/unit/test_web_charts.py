"""Charts: one scale, a zero line, missing values never drawn as zero."""

import re
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from node.web import charts

MOVE = re.compile(r"M(-?[\d.]+) (-?[\d.]+)v(-?[\d.]+)")


def columns(path: str) -> list[tuple[float, float, float]]:
    return [tuple(map(float, match.groups())) for match in MOVE.finditer(path)]  # type: ignore[misc]


def test_the_bar_of_full_scale_is_as_high_as_the_picture() -> None:
    drawn = charts.bars([100, 50], scale=100)
    assert [height for _, _, height in columns(drawn.path)] == [-24, -12]


def test_every_bar_stands_on_the_zero_line() -> None:
    drawn = charts.bars([3, 70, 100], scale=100)
    assert {foot for _, foot, _ in columns(drawn.path)} == {24}


def test_a_small_value_is_seen_and_a_missing_one_is_a_gap() -> None:
    drawn = charts.bars([1, None, 0, 1], scale=10_000)
    assert [(left, height) for left, _, height in columns(drawn.path)] == [(0, -1), (70.5, -1)]


def test_only_what_is_above_the_limit_is_red() -> None:
    drawn = charts.bars([10, 11, 12], scale=20, limit=11)
    assert len(columns(drawn.path)) == 2
    assert len(columns(drawn.over)) == 1


def test_a_value_over_the_scale_does_not_leave_the_picture() -> None:
    drawn = charts.bars([900], scale=100)
    assert columns(drawn.path)[0][2] == -24


def test_numbers_are_written_in_chinese_units() -> None:
    assert charts.figure(3_200) == "3,200"
    assert charts.figure(15_000) == "1.5万"
    assert charts.figure(200_000_000) == "2亿"
    assert charts.figure(-25_000) == "−2.5万"
    assert charts.figure(0) == "0"


@given(st.floats(0.001, 1e13))
def test_the_step_needs_few_lines_and_covers_the_span(span: float) -> None:
    step = charts.nice_step(span)
    lines = span / step
    assert 1.5 <= lines <= 4 + 1e-9


@given(st.lists(st.one_of(st.none(), st.integers(-(10**12), 10**12)), min_size=1, max_size=24))
def test_columns_start_at_zero_and_stay_inside(values: list[int | None]) -> None:
    picture = charts.columns([str(n) for n in range(len(values))], [("数", values)])
    zero = next(tick.at for tick in picture.ticks if tick.value == 0)
    bars = [bar for shape in picture.shapes for bar in columns(shape.path)]
    assert len(bars) == sum(1 for value in values if value)
    for left, foot, rise in bars:
        assert abs(foot - zero) <= 0.1
        assert charts.TOP - 0.2 <= foot + rise <= charts.HEIGHT - charts.BOTTOM + 0.2
        assert charts.LEFT <= left <= charts.WIDTH


def test_stacked_parts_stand_on_each_other() -> None:
    picture = charts.stacked(["一月"], [("下", [30]), ("上", [20])])
    (_, low_foot, low_rise), (_, high_foot, _) = (
        columns(shape.path)[0] for shape in picture.shapes
    )
    assert abs(low_foot + low_rise - high_foot) <= 0.1


def test_a_missing_value_breaks_the_line() -> None:
    picture = charts.lines(["1", "2", "3", "4"], [("人数", [1, None, 3, 4])])
    assert picture.shapes[0].path.count("M") == 2
    assert picture.shapes[0].path.count("L") == 1


def test_nothing_at_all_is_still_a_picture() -> None:
    for picture in (charts.columns([], []), charts.lines(["1"], [("人数", [None])])):
        assert picture.ticks[0].value == 0
        assert list(picture.shapes) == []


def test_long_names_leave_room_for_each_other() -> None:
    names = [f"某某某某某某{number}" for number in range(40)]
    labels = charts.columns(names, [("数", [1] * 40)]).labels
    gaps = [after.at - before.at for before, after in pairwise(labels)]
    assert min(gaps) >= len(names[0]) * 12
