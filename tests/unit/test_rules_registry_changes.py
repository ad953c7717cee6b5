"""The law of 变更、注销、暂停、恢复、特殊群体、档次: what may happen to a registration."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.registry.change_rules import (
    PRIORITY,
    Belonging,
    Detail,
    category_problems,
    choice_problems,
    closing_problems,
    detail_problems,
    may_become,
    overlap_problems,
    past_day_problems,
    prevailing,
    standing_problems,
)
from node.registry.codes import STANDING_OF, Category, CloseReason, Standing

TODAY = date(2026, 3, 16)


def said(problems: object) -> list[str]:
    return [problem.message for problem in problems]  # type: ignore[attr-defined]


def detail(said_before: str, now: str, new: str) -> Detail:
    return Detail("new_phone", "联系电话", said_before, now, new)


def test_five_pairs_of_states_are_lawful_and_no_others() -> None:
    assert set(STANDING_OF) == {("1", "1"), ("2", "2"), ("1", "3"), ("2", "3"), ("4", "3")}
    assert STANDING_OF["2", "3"] is Standing.SUSPENDED


@given(after=st.sampled_from(Standing))
def test_a_closed_enrolment_becomes_nothing_else(after: Standing) -> None:
    assert not may_become(Standing.CLOSED, after)


@given(before=st.sampled_from(Standing), after=st.sampled_from(Standing))
def test_a_step_that_may_not_be_is_said_with_the_standing(
    before: Standing, after: Standing
) -> None:
    found = said(standing_problems(before, after, doing="注销登记"))
    assert found == (
        [] if may_become(before, after) else [f"此人现为“{before.title}”，不能办理注销登记"]
    )


def test_nobody_goes_back_from_drawing_to_contributing() -> None:
    assert not may_become(Standing.DRAWING, Standing.ACTIVE)
    assert may_become(Standing.SUSPENDED, Standing.DRAWING)


@pytest.mark.parametrize(
    ("day", "message"),
    [
        (None, "请填写发生日期"),
        (date(2026, 3, 17), "发生日期不能晚于今天"),
        (date(1960, 1, 1), "发生日期不能早于 1975-03-15，请核对"),
    ],
)
def test_a_day_is_given_not_ahead_and_not_before_it_could(day: date | None, message: str) -> None:
    found = past_day_problems(
        day, today=TODAY, title="发生日期", not_before=date(1975, 3, 15), field="on"
    )
    assert said(found) == [message]


def test_closing_rests_on_evidence_and_vague_reasons_on_words() -> None:
    missing = said(closing_problems(CloseReason.OTHER, explanation=" ", has_evidence=False))
    assert missing == ["注销登记须有证明材料，请选择", "请说明具体情况"]
    assert not said(closing_problems(CloseReason.DEATH, explanation="", has_evidence=True))


def test_something_has_to_change() -> None:
    assert said(detail_problems([detail("1", "1", "")])) == ["请至少填写一项要变更的内容"]
    assert said(detail_problems([detail("1", "1", "1")])) == ["联系电话与现登记的相同，不需要变更"]
    assert not said(detail_problems([detail("1", "1", "2")]))


def test_what_somebody_else_changed_meanwhile_goes_back() -> None:
    (problem,) = detail_problems([detail("1", "3", "2")])
    assert problem.details["overtaken"] is True
    assert problem.field == "new_phone"


def test_a_group_suits_the_age() -> None:
    young = date(2009, 1, 1)
    assert said(category_problems(Category.FAMILY_PLANNING, born_on=young, on=TODAY))
    assert not said(category_problems(Category.MINIMUM_LIVING, born_on=young, on=TODAY))
    assert said(category_problems(Category.ORDINARY, born_on=young, on=TODAY))


def test_one_statement_of_a_group_at_a_time() -> None:
    low = Belonging(Category.MINIMUM_LIVING, date(2025, 1, 1), date(2025, 12, 31))
    later = Belonging(Category.MINIMUM_LIVING, date(2026, 1, 1))
    inside = Belonging(Category.MINIMUM_LIVING, date(2025, 6, 1))
    before = Belonging(Category.MINIMUM_LIVING, date(2024, 1, 1), date(2024, 12, 31))
    other = Belonging(Category.EXTREME_POVERTY, date(2025, 6, 1))
    assert not said(overlap_problems(later, [low]))
    assert not said(overlap_problems(before, [low]))
    assert not said(overlap_problems(other, [low]))
    assert said(overlap_problems(inside, [low])) == ["此人自 2025-01-01 起已认定为低保"]
    backwards = Belonging(Category.OTHER, date(2026, 2, 1), date(2026, 1, 1))
    assert said(overlap_problems(backwards, [])) == ["截止日期早于起始日期"]


groups = st.builds(
    Belonging,
    st.sampled_from(PRIORITY),
    st.dates(date(2020, 1, 1), date(2026, 12, 31)),
    st.none() | st.dates(date(2020, 1, 1), date(2027, 12, 31)),
)


@given(held=st.lists(groups, max_size=6), on=st.dates(date(2020, 1, 1), date(2027, 12, 31)))
def test_the_group_that_counts_is_one_that_holds_and_none_stands_before_it(
    held: list[Belonging], on: date
) -> None:
    counts = prevailing(held, on=on)
    holding = {each.category for each in held if each.holds(on)}
    if not holding:
        assert counts is Category.ORDINARY
    else:
        assert counts in holding
        assert all(PRIORITY.index(counts) <= PRIORITY.index(each) for each in holding)


@pytest.mark.parametrize(
    ("year", "born", "standing", "fields"),
    [
        (2026, date(1975, 1, 1), Standing.ACTIVE, []),
        (2027, date(1975, 1, 1), Standing.ACTIVE, []),
        (2028, date(1975, 1, 1), Standing.ACTIVE, ["year"]),
        (2025, date(1975, 1, 1), Standing.ACTIVE, ["year"]),
        (2027, date(1966, 1, 1), Standing.ACTIVE, ["year"]),
        (2026, date(1966, 1, 1), Standing.ACTIVE, []),
        (2026, date(1975, 1, 1), Standing.INTERRUPTED, ["citizen_number"]),
    ],
)
def test_a_grade_is_chosen_for_this_year_or_the_next_by_who_contributes(
    year: int, born: date, standing: Standing, fields: list[str]
) -> None:
    found = choice_problems(year=year, today=TODAY, born_on=born, standing=standing)
    assert [problem.field for problem in found] == fields
