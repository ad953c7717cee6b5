"""The steps of a run, who pays what, latest days; ages and segments of a pension."""

from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.benefits.life_rules import suspended_from
from node.benefits.rules import (
    AgeBand,
    BenefitTerms,
    age_in,
    components_of,
    months_back,
    segments,
)
from node.cases.working_days import Holidays
from node.core.errors import Conflict
from node.payroll.rules import (
    MOVES,
    ORDER,
    Payer,
    RunState,
    Shares,
    calendar,
    check_move,
    pay_day_of,
    requests,
    shared,
    working_days_before,
)

CENTRAL, PROVINCE, CITY, COUNTY = Payer.CENTRAL, Payer.PROVINCE, Payer.CITY, Payer.COUNTY
BASE = Shares(700_000, 200_000, 40_000, 60_000)
LOCAL = Shares(0, 0, 0, 1_000_000)
OCTOBER_OFF = Holidays(
    off=frozenset(date(2026, 10, day) for day in range(1, 8)),
    worked=frozenset({date(2026, 10, 10)}),
)


@pytest.mark.parametrize(
    ("fen", "parts"),
    [
        (0, (0, 0, 0, 0)),
        (100, (70, 20, 4, 6)),
        (11_300, (7_910, 2_260, 452, 678)),
        (1, (1, 0, 0, 0)),  # the largest remainder
        (7, (5, 1, 0, 1)),  # 4.9 1.4 0.28 0.42: two fen are left, for 0.9 and 0.42
        (13, (9, 3, 0, 1)),  # 9.1 2.6 0.52 0.78
        (3_389_999, (2_372_999, 678_000, 135_600, 203_400)),
    ],
)
def test_a_sum_is_shared_to_the_fen(fen: int, parts: tuple[int, int, int, int]) -> None:
    assert tuple(shared(fen, BASE).values()) == parts


@given(
    fen=st.integers(0, 10**12),
    cuts=st.lists(st.integers(0, 1_000_000), min_size=3, max_size=3).map(sorted),
)
def test_shares_add_up_and_nobody_pays_a_fen_beside_the_exact_part(
    fen: int, cuts: list[int]
) -> None:
    ppm = [b - a for a, b in zip([0, *cuts], [*cuts, 1_000_000], strict=True)]
    found = shared(fen, Shares(*ppm))
    assert sum(found.values()) == fen
    for part, share in zip(found.values(), ppm, strict=True):
        assert abs(part * 1_000_000 - fen * share) < 1_000_000


def test_each_payer_is_asked_for_its_parts_alone() -> None:
    sums = {"base": 1_000, "city": 50, "county": 30, "account": 400, "refund": 9, "makeup": 20}
    found = requests(sums, {"base": BASE, "makeup": LOCAL})
    assert found == {
        CENTRAL: {"base": 700},
        PROVINCE: {"base": 200},
        CITY: {"base": 40, "city": 50},
        COUNTY: {"base": 60, "county": 30, "makeup": 20},
        Payer.ACCOUNT: {"account": 400, "refund": 9},
    }
    with pytest.raises(KeyError):
        requests({"age": 1}, {"base": BASE})


@pytest.mark.parametrize(
    ("day", "count", "found"),
    [
        (date(2026, 3, 13), 0, date(2026, 3, 13)),  # a Friday
        (date(2026, 3, 15), 0, date(2026, 3, 13)),  # a Sunday
        (date(2026, 3, 13), 1, date(2026, 3, 12)),
        (date(2026, 3, 16), 1, date(2026, 3, 13)),
        (date(2026, 3, 15), 5, date(2026, 3, 6)),
    ],
)
def test_working_days_are_counted_backwards(day: date, count: int, found: date) -> None:
    assert working_days_before(day, count) == found


def test_holidays_do_not_count_and_worked_weekends_do() -> None:
    assert working_days_before(date(2026, 10, 12), 1, OCTOBER_OFF) == date(2026, 10, 10)
    assert working_days_before(date(2026, 10, 12), 4, OCTOBER_OFF) == date(2026, 9, 30)
    assert pay_day_of(date(2026, 10, 1), 5, OCTOBER_OFF) == date(2026, 9, 30)
    assert pay_day_of(date(2026, 2, 1), 15) == date(2026, 2, 13)


def test_the_steps_of_a_month_have_their_latest_days() -> None:
    listed = calendar(
        date(2026, 3, 13), [(RunState.COMPUTED, 8), (RunState.APPROVED, 6), (RunState.SENT, 1)]
    )
    assert [(step.title, step.latest.day) for step in listed] == [
        ("已编制", 3),
        ("已审批", 5),
        ("已报银行", 12),
    ]


def test_a_run_goes_forward_only_and_is_cancelled_before_its_approval() -> None:
    for now, then in pairwise(ORDER):
        check_move(now, then)
    cancelled = {now for now, moves in MOVES.items() if RunState.CANCELLED in moves}
    assert cancelled == {RunState.COMPUTED, RunState.REVIEWED}
    with pytest.raises(Conflict, match="已编制"):
        check_move(RunState.COMPUTED, RunState.SENT)


@pytest.mark.parametrize(
    ("born", "month", "age"),
    [
        (date(1961, 3, 15), date(2026, 3, 1), 64),
        (date(1961, 3, 15), date(2026, 4, 1), 65),  # the month after the birthday
        (date(1961, 3, 1), date(2026, 3, 1), 64),
        (date(1961, 3, 31), date(2026, 4, 1), 65),
        (date(1960, 2, 29), date(2025, 3, 1), 64),  # turns 65 on 1 March 2025
        (date(1960, 2, 29), date(2025, 4, 1), 65),
    ],
)
def test_an_age_counts_from_the_month_after_it_is_reached(
    born: date, month: date, age: int
) -> None:
    assert age_in(born, month) == age


@pytest.mark.parametrize(
    ("until", "grace", "month"),
    [
        (date(2026, 3, 15), 0, date(2026, 4, 1)),
        (date(2026, 3, 31), 0, date(2026, 4, 1)),
        (date(2026, 12, 1), 0, date(2027, 1, 1)),
        (date(2026, 3, 15), 1, date(2026, 5, 1)),
        (date(2026, 11, 30), 2, date(2027, 2, 1)),
    ],
)
def test_who_is_not_certified_is_paid_to_the_end_of_the_grace(
    until: date, grace: int, month: date
) -> None:
    assert suspended_from(until, grace_months=grace) == month


@pytest.mark.parametrize(
    ("month", "count", "found"),
    [
        (date(2026, 3, 1), 0, date(2026, 3, 1)),
        (date(2026, 3, 1), 3, date(2025, 12, 1)),
        (date(2026, 1, 1), 139, date(2014, 6, 1)),
    ],
)
def test_months_are_counted_back(month: date, count: int, found: date) -> None:
    assert months_back(month, count) == found


def test_equal_months_are_one_segment_and_the_last_one_is_open() -> None:
    bands = (AgeBand(65, 500),)
    before = BenefitTerms(11_300, 15, 300, bands, 139, county_fen=200)
    after = BenefitTerms(12_300, 15, 300, bands, 139, county_fen=200)
    months = [
        (
            date(2026, month, 1),
            components_of(
                before if month < 5 else after,
                paid_years=17,
                born_on=date(1961, 2, 10),
                account=2_000,
                month=date(2026, month, 1),
            ),
        )
        for month in range(1, 8)
    ]
    found = segments(months)
    assert [(each.from_month.month, each.to_month, each.components.total) for each in found] == [
        (1, date(2026, 2, 1), 11_300 + 200 + 600 + 2_000),
        (3, date(2026, 4, 1), 11_300 + 200 + 600 + 2_000 + 500),
        (5, None, 12_300 + 200 + 600 + 2_000 + 500),
    ]
