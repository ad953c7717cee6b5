"""Interest by the month-product method: the cases of the rule that examples do not reach."""

import pytest

from node.accounts.rules import (
    Entry,
    Movement,
    Term,
    drawn,
    interest,
    month_product,
    product_terms,
    settle,
    split,
)
from node.accounts.sources import GOVERNMENT_SUBSIDIES, OFFICIAL_ORDER, Source, in_official_order
from node.core.errors import Invalid


def test_a_posting_earns_from_the_month_after() -> None:
    assert month_product(0, [Movement(3, 10_000)]) == 90_000


def test_with_a_lag_of_nothing_the_month_itself_earns() -> None:
    assert month_product(0, [Movement(3, 10_000)], lag=0) == 100_000


def test_the_terms_explain_the_product_line_by_line() -> None:
    terms = product_terms(500, [Movement(2, 100), Movement(8, -40)], through=8)
    assert terms == [Term(0, 500, 8), Term(2, 100, 6), Term(8, -40, 0)]
    assert [term.product for term in terms] == [4_000, 600, 0]


@pytest.mark.parametrize("month", [-1, 9, 13])
def test_a_movement_outside_the_months_settled_is_refused(month: int) -> None:
    with pytest.raises(Invalid, match="不在结息期内"):
        month_product(0, [Movement(month, 1)], through=8)


@pytest.mark.parametrize("through", [0, 13, -3])
def test_a_year_has_twelve_months(through: int) -> None:
    with pytest.raises(Invalid) as caught:
        month_product(0, [], through=through)
    assert caught.value.field == "through"


@pytest.mark.parametrize("lag", [-1, 2])
def test_only_two_conventions_of_lag_are_known(lag: int) -> None:
    with pytest.raises(Invalid) as caught:
        month_product(0, [], lag=lag)
    assert caught.value.field == "lag"


@pytest.mark.parametrize(
    ("product", "fen"),
    [(0, 0), (5_999_999, 0), (6_000_000, 1), (17_999_999, 1), (18_000_000, 2), (-6_000_000, 0)],
)
def test_half_a_fen_goes_up_and_never_to_the_even_neighbour(product: int, fen: int) -> None:
    assert interest(product, 1) == fen


def test_a_negative_rate_is_refused() -> None:
    with pytest.raises(Invalid, match="利率"):
        settle({Source.INDIVIDUAL: 1}, rate_ppm=-1)


def test_a_settlement_lists_sources_in_official_order() -> None:
    settled = settle(
        {Source.OTHER: 1, Source.INDIVIDUAL: 2},
        [Entry(Source.SUBSIDY_CITY, 5, 3)],
        rate_ppm=0,
    )
    assert list(settled.closing) == [Source.INDIVIDUAL, Source.SUBSIDY_CITY, Source.OTHER]
    assert settled.total == 6


def test_a_settlement_keeps_the_product_it_was_computed_from() -> None:
    settled = settle({Source.INDIVIDUAL: 1_000}, [Entry(Source.INDIVIDUAL, 6, 500)], rate_ppm=1)
    assert settled.product == {Source.INDIVIDUAL: 15_000}


def test_a_pension_drawn_lowers_the_product_from_the_month_after() -> None:
    paid = drawn(4, {Source.INDIVIDUAL: 100})
    assert paid == [Entry(Source.INDIVIDUAL, 4, -100)]
    settled = settle({Source.INDIVIDUAL: 1_000}, paid, rate_ppm=0)
    assert settled.product[Source.INDIVIDUAL] == 12 * 1_000 - 8 * 100


def test_a_fen_left_over_goes_to_the_largest_remainder() -> None:
    assert split(100, {"a": 1, "b": 2, "c": 3}) == {"a": 17, "b": 33, "c": 50}


def test_equal_remainders_go_by_the_order_of_the_list() -> None:
    assert split(2, {"a": 1, "b": 1, "c": 1}) == {"a": 1, "b": 1, "c": 0}
    assert split(2, {"c": 1, "b": 1, "a": 1}) == {"c": 1, "b": 1, "a": 0}


def test_nothing_to_divide_gives_everyone_nothing() -> None:
    assert split(0, {"a": 0, "b": 0}) == {"a": 0, "b": 0}
    assert split(0, {}) == {}


def test_an_amount_without_anybody_to_bear_it_is_refused() -> None:
    with pytest.raises(Invalid):
        split(1, {"a": 0})
    with pytest.raises(Invalid):
        split(1, {})


def test_a_negative_share_is_refused() -> None:
    with pytest.raises(Invalid, match="负数"):
        split(10, {"a": 3, "b": -1})


def test_every_source_has_a_chinese_title_and_stands_in_the_list_once() -> None:
    assert [source.title for source in OFFICIAL_ORDER] == [
        "个人缴费",
        "集体补助",
        "省级补贴",
        "市级补贴",
        "县级补贴",
        "政府代缴",
        "被征地补助",
        "老农保",
        "其他资助",
    ]
    assert in_official_order(reversed(OFFICIAL_ORDER)) == list(OFFICIAL_ORDER)
    assert all(source.title.endswith("级补贴") for source in GOVERNMENT_SUBSIDIES)
