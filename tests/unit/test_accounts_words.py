"""The chart of accounts, account numbers, and interest in words."""

import pytest

from node.accounts.chart import CONTROL, Kind, Side, chart, opposite, read_chart
from node.accounts.explain import exact_yuan, interest_sentence
from node.accounts.rules import interest
from node.accounts.service import printed, read_number
from node.accounts.sources import GOVERNMENT_SUBSIDIES, Source
from node.core.errors import Invalid
from node.web import i18n
from tiers import RegionCode

COUNTY = RegionCode("410122000000")


def test_every_kind_of_posting_has_an_account_opposite_the_individual_accounts() -> None:
    for kind in set(Kind) - {Kind.REVERSAL}:
        for source in GOVERNMENT_SUBSIDIES if kind is Kind.SUBSIDY else Source:
            assert opposite(kind, source) in chart().accounts


def test_each_tier_owes_its_own_share_of_a_subsidy() -> None:
    found = {opposite(Kind.SUBSIDY, source) for source in GOVERNMENT_SUBSIDIES}
    assert found == {"due_from_province", "due_from_city", "due_from_county"}


def test_the_control_account_stands_on_the_credit_side() -> None:
    assert chart().accounts[CONTROL].side is Side.CREDIT


def test_codes_and_numbers_of_the_chart_are_used_once() -> None:
    accounts = chart().accounts.values()
    assert len({each.number for each in accounts}) == len(accounts)
    assert chart().title("no_such") == "no_such"


def test_a_chart_that_leaves_a_kind_open_fails_when_it_is_used() -> None:
    empty = read_chart(
        '[[account]]\ncode="a"\nnumber="1"\ntitle="甲"\nside="debit"\n[[contra]]\n'
        'kind="interest"\naccount="a"\n'
    )
    assert empty.opposite("interest", "individual") == "a"
    with pytest.raises(KeyError):
        empty.opposite("contribution", "individual")


@pytest.mark.parametrize(
    ("product", "ppm", "words"),
    [
        (6_810_000, 27_500, "156.0625"),
        (0, 27_500, "0.0000"),
        (1_881_472, 27_500, "43.1170…"),
        (-600_000, 20_000, "−10.0000"),
        (-1, 1, "−0.0000…"),
        (1, 1, "0.0000…"),
    ],
)
def test_the_exact_result_is_shown_before_it_is_rounded(product: int, ppm: int, words: str) -> None:
    assert exact_yuan(product, ppm) == words


def test_a_sentence_explains_the_interest() -> None:
    sentence = interest_sentence(6_810_000, 27_500)
    assert sentence == "积数 68,100.00 元·月 × 2.75% ÷ 12 = 156.0625，四舍五入到分"
    assert interest(6_810_000, 27_500) == 15_606


@pytest.mark.parametrize(
    ("typed", "county", "serial"),
    [
        ("410122-00000123", "410122000000", 123),
        (" 419001-00000007 ", "419001000000", 7),
        ("123", "410122000000", 123),
    ],
)
def test_an_account_number_is_read_as_it_is_printed(typed: str, county: str, serial: int) -> None:
    assert read_number(typed, here=COUNTY) == (county, serial)
    assert read_number(printed(county, serial), here=COUNTY) == (county, serial)


@pytest.mark.parametrize("typed", ["", "赵样本", "4101-5", "410122-", "41012X-5", "12 3 x"])
def test_what_is_no_account_number_is_refused(typed: str) -> None:
    with pytest.raises(Invalid, match="410122-00000123"):
        read_number(typed, here=COUNTY)


def test_a_bare_serial_means_nothing_above_the_county() -> None:
    with pytest.raises(Invalid):
        read_number("123", here=RegionCode("410000000000"))


def test_the_working_of_interest_can_be_read_in_english() -> None:
    token = i18n.speak(i18n.ENGLISH)
    try:
        told = i18n.gettext(interest_sentence(6_810_000, 27_500))
    finally:
        i18n.hush(token)
    assert told == "Product 68,100.00 yuan·months × 2.75% ÷ 12 = 156.0625, rounded to the fen"
