"""Laws of a forecast: it adds up, nobody is counted twice, nothing is invented."""

from dataclasses import replace
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from node.benefits.rules import AgeBand, BenefitTerms
from node.payroll.forecast import mortality
from node.payroll.forecast_rules import (
    Group,
    MonthTerms,
    age_and_months,
    error_ppm,
    forecast,
    months_ahead,
    supplement_age,
)
from node.payroll.rules import Shares

FIRST = date(2026, 3, 1)
SHARES = {part: Shares(500_000, 250_000, 150_000, 100_000) for part in ("base", "years", "age")}
SHARES |= {part: Shares(0, 0, 0, 1_000_000) for part in ("makeup", "funeral")}
TERMS = BenefitTerms(12_300, 15, 300, (AgeBand(65, 500), AgeBand(80, 1_500)), 139, 100, 200)
NOBODY_DIES = {sex: dict.fromkeys(range(59, 106), 0) for sex in ("male", "female")}

months = st.integers(0, 11).map(lambda place: months_ahead(FIRST)[place])
groups = st.builds(
    Group,
    sex=st.sampled_from(["male", "female"]),
    born=st.builds(date, st.integers(1920, 1966), st.integers(1, 12), st.just(1)),
    people=st.integers(1, 500),
    years_over=st.builds(dict, st.just({15: 40})),
    account_fen=st.integers(0, 10**7),
    balance_fen=st.integers(0, 10**9),
    begins=st.none() | months,
    runs_dry=st.none() | months,
)


def held(terms: BenefitTerms = TERMS, funeral: int = 12) -> dict[date, MonthTerms]:
    return {month: MonthTerms(terms, SHARES, funeral) for month in months_ahead(FIRST)}


@given(st.lists(groups, max_size=6))
def test_parts_and_payers_are_the_same_money(some: list[Group]) -> None:
    for month in forecast(some, held(), mortality()):
        assert sum(month.parts.values()) == sum(month.payers.values()) == month.fen
        assert all(fen > 0 for fen in month.parts.values())
        assert 0 <= month.deaths <= month.people
        assert month.beginning <= month.people


@given(st.lists(groups, max_size=6))
def test_where_nobody_dies_a_month_is_what_everybody_alive_is_due(some: list[Group]) -> None:
    for month in forecast(some, held(), NOBODY_DIES):
        here = [each for each in some if each.begins is None or each.begins <= month.month]
        count = sum(each.people for each in here)
        assert (month.people, month.deaths) == (count, 0)
        assert month.parts.get("base", 0) == count * 12_300
        account = sum(each.account_fen for each in here)
        assert month.parts.get("account", 0) + month.parts.get("makeup", 0) == account


@given(groups)
def test_pensions_never_grow_by_dying_and_one_of_a_hundred_and_five_is_gone(group: Group) -> None:
    group = replace(group, begins=None)
    many = [month.people for month in forecast([group], held(), mortality())]
    assert many == sorted(many, reverse=True)
    old = replace(group, born=date(1920, 3, 1), people=100)
    assert forecast([old], held(), mortality())[-1].people < 100


@given(st.lists(groups, min_size=2, max_size=6))
def test_a_place_is_the_sum_of_its_parts(some: list[Group]) -> None:
    whole = forecast(some, held(), mortality())
    first, rest = (forecast(each, held(), mortality()) for each in (some[:1], some[1:]))
    for month, one, other in zip(whole, first, rest, strict=True):
        assert abs(month.fen - one.fen - other.fen) <= 9  # half a fen for each part


def test_a_new_standard_counts_from_its_month_on() -> None:
    group = Group("female", date(1961, 5, 1), 10, {15: 0}, 0, 0)
    raised = held() | {
        month: MonthTerms(replace(TERMS, base_fen=13_300), SHARES, 0)
        for month in months_ahead(FIRST)[6:]
    }
    found = forecast([group], raised, NOBODY_DIES)
    assert [month.parts["base"] for month in found] == [123_000] * 6 + [133_000] * 6
    # 65 in May: the supplement from June on
    assert [month.parts.get("age", 0) for month in found[:5]] == [0, 0, 0, 5_000, 5_000]


def test_a_years_deaths_are_spread_evenly() -> None:
    one_dies = {sex: dict.fromkeys(range(59, 106), 120_000) for sex in ("male", "female")}
    group = Group("male", date(1960, 3, 1), 1_000, {15: 0}, 0, 100_000)
    found = forecast([group], held(), one_dies)
    assert [month.deaths for month in found] == [10] * 12
    assert [month.people for month in found[:3]] == [1000, 990, 980]
    assert found[0].parts["funeral"] == 10 * 12 * 12_300
    assert found[0].parts["refund"] == 1_000


def test_ages_and_errors() -> None:
    assert age_and_months(date(1960, 3, 1), FIRST) == (66, 0)
    assert supplement_age(date(1960, 3, 1), FIRST) == 65
    assert error_ppm(110, 100) == 100_000
    assert error_ppm(1, 0) is None
    assert set(mortality()) == {"male", "female"}
    assert mortality()["male"][60] == 9_161
