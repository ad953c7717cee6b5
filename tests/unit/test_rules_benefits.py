"""When a pension begins, what is owed for it, how it ends, and the sheet that explains it."""

from datetime import date

import pytest

from node.accounts.sources import GOVERNMENT_SUBSIDIES, Source
from node.benefits.life_rules import (
    Certification,
    certification,
    certified_until,
    death_settlement,
    overpaid_months,
    refundable,
)
from node.benefits.rules import (
    AgeBand,
    BenefitTerms,
    MonthLine,
    arrears,
    determine,
    draw,
    due_from,
    exhaust,
    missing_years,
    months_from,
    next_month,
    required_years,
)
from node.benefits.sheet import SheetLine, calculation_sheet, told
from node.core.errors import Invalid
from node.registry.codes import CloseReason
from node.web import i18n

TERMS = BenefitTerms(
    base_fen=11_300,
    years_threshold=15,
    per_year_fen=300,
    age_supplement=(AgeBand(65, 500), AgeBand(80, 1_000)),
    divisor_months=139,
)
SCHEME_BEGAN = date(2012, 7, 1)


@pytest.mark.parametrize(
    ("born_on", "first"),
    [
        (date(1966, 3, 1), date(2026, 4, 1)),
        (date(1966, 3, 31), date(2026, 4, 1)),
        (date(1965, 12, 9), date(2026, 1, 1)),
        (date(1964, 2, 29), date(2024, 3, 1)),
    ],
)
def test_a_pension_is_due_from_the_month_after_the_60th_birthday(
    born_on: date, first: date
) -> None:
    assert due_from(born_on) == first


@pytest.mark.parametrize(
    ("born_on", "years"),
    [
        (date(1990, 1, 1), 15),
        (date(1967, 7, 2), 15),  # 44 when the scheme began
        (date(1967, 7, 1), 15),  # 45 on that day
        (date(1966, 7, 1), 14),
        (date(1960, 7, 1), 8),
        (date(1952, 7, 2), 1),  # 59
        (date(1952, 7, 1), 0),  # 60 on that day
        (date(1930, 1, 1), 0),
    ],
)
def test_the_first_generation_owes_the_years_that_were_left_to_60(
    born_on: date, years: int
) -> None:
    assert required_years(born_on, scheme_began=SCHEME_BEGAN) == years


def test_missing_years_are_never_negative() -> None:
    assert missing_years(12, 15) == 3
    assert missing_years(20, 15) == 0


@pytest.mark.parametrize(
    ("over", "field"),
    [
        ({"paid_years": -1}, "paid_years"),
        ({"age": -1}, "age"),
        ({"balance": {Source.INDIVIDUAL: 5, Source.COLLECTIVE: -1}}, "balance"),
    ],
)
def test_a_determination_from_impossible_facts_is_refused(
    over: dict[str, object], field: str
) -> None:
    facts = {"paid_years": 15, "age": 60, "balance": {Source.INDIVIDUAL: 139}, **over}
    with pytest.raises(Invalid) as caught:
        determine(TERMS, **facts)  # type: ignore[arg-type]
    assert caught.value.field == field


def test_a_divisor_of_nothing_is_refused() -> None:
    terms = BenefitTerms(11_300, 15, 300, (), 0)
    with pytest.raises(Invalid, match="计发月数"):
        determine(terms, paid_years=15, age=60, balance={})


def test_months_run_over_the_turn_of_the_year() -> None:
    assert next_month(date(2025, 12, 31)) == date(2026, 1, 1)
    assert list(months_from(date(2025, 11, 20), date(2026, 2, 3))) == [
        date(2025, 11, 1),
        date(2025, 12, 1),
        date(2026, 1, 1),
    ]
    assert not list(months_from(date(2026, 2, 1), date(2026, 2, 28)))


def test_a_lowered_standard_gives_negative_lines() -> None:
    lines = arrears(
        old_base_fen=12_300,
        new_base_fen=12_000,
        effective_from=date(2026, 3, 1),
        first_run_with_new=date(2026, 4, 1),
    )
    assert lines == [MonthLine(date(2026, 3, 1), -300)]


def test_the_month_of_death_is_the_last_one_due() -> None:
    died_on = date(2026, 5, 12)
    assert overpaid_months(died_on, date(2026, 7, 1)) == [date(2026, 6, 1), date(2026, 7, 1)]
    assert overpaid_months(died_on, date(2026, 5, 1)) == []
    assert overpaid_months(died_on, date(2026, 4, 1)) == []


def test_before_2014_the_heirs_did_not_get_the_government_s_part() -> None:
    found = death_settlement(
        balance={Source.INDIVIDUAL: 1_000, Source.SUBSIDY_COUNTY: 300},
        interest={Source.INDIVIDUAL: 10, Source.SUBSIDY_COUNTY: 3},
        funeral_months=0,
        base_fen=0,
        overpaid_fen=0,
        inheritable=set(Source) - GOVERNMENT_SUBSIDIES,
    )
    assert (found.account_refund_gross, found.paid_to_heirs) == (1_010, 1_010)


def test_a_death_settlement_refuses_a_negative_account() -> None:
    with pytest.raises(Invalid, match="为负"):
        death_settlement(
            balance={Source.INDIVIDUAL: -1},
            interest={},
            funeral_months=1,
            base_fen=1,
            overpaid_fen=0,
        )


def test_a_negative_overpayment_is_refused() -> None:
    with pytest.raises(Invalid, match="多发"):
        death_settlement(balance={}, interest={}, funeral_months=0, base_fen=0, overpaid_fen=-1)


def test_a_dry_source_is_made_up_by_the_others_and_own_money_goes_last() -> None:
    drawn = draw(
        {Source.INDIVIDUAL: 500, Source.COLLECTIVE: 30, Source.SUBSIDY_COUNTY: 10},
        {Source.INDIVIDUAL: 100, Source.COLLECTIVE: 20, Source.SUBSIDY_COUNTY: 25},
    )
    assert drawn.by_source == {
        Source.INDIVIDUAL: 105,
        Source.COLLECTIVE: 30,
        Source.SUBSIDY_COUNTY: 10,
    }
    assert (drawn.fund, sum(drawn.left.values())) == (0, 395)


def test_the_fund_pays_on_when_the_account_is_empty() -> None:
    months = list(exhaust({Source.INDIVIDUAL: 150}, {Source.INDIVIDUAL: 100}, months=3))
    assert [month.fund for month in months] == [0, 50, 100]
    assert months[-1].left == {Source.INDIVIDUAL: 0}


def test_a_negative_balance_cannot_be_drawn_from() -> None:
    with pytest.raises(Invalid):
        draw({Source.INDIVIDUAL: -1}, {Source.INDIVIDUAL: 1})


@pytest.mark.parametrize(
    ("certified_on", "months", "until"),
    [
        (date(2026, 1, 15), 12, date(2027, 1, 15)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2026, 8, 31), 6, date(2027, 2, 28)),
        (date(2026, 12, 1), 1, date(2027, 1, 1)),
    ],
)
def test_a_certification_holds_until_the_same_day(
    certified_on: date, months: int, until: date
) -> None:
    assert certified_until(certified_on, months=months) == until


@pytest.mark.parametrize(
    ("on", "state"),
    [
        (date(2026, 1, 15), Certification.CURRENT),
        (date(2026, 11, 15), Certification.CURRENT),
        (date(2026, 11, 16), Certification.DUE_SOON),
        (date(2027, 1, 15), Certification.DUE_SOON),
        (date(2027, 1, 16), Certification.EXPIRED),
    ],
)
def test_a_certification_is_due_sixty_days_before_it_ends(on: date, state: str) -> None:
    assert certification(date(2027, 1, 15), on=on, remind_days=60) == state


def test_the_sheet_explains_every_fen_with_its_bulletin() -> None:
    balance = {Source.INDIVIDUAL: 970_524, Source.COLLECTIVE: 0, Source.SUBSIDY_COUNTY: 111_594}
    found = determine(TERMS, paid_years=23, age=66, balance=balance)
    lines = calculation_sheet(
        found,
        TERMS,
        paid_years=23,
        age=66,
        balance=balance,
        references={"base": "豫人社〔2026〕5号", "account": "豫人社〔2014〕84号"},
    )
    assert lines == [
        SheetLine("基础养老金", "按现行标准", 11_300, "豫人社〔2026〕5号"),
        SheetLine("缴费年限加发", "（23 年 − 15 年）× 3.00 元", 2_400),
        SheetLine("高龄加发", "66 周岁，已满 65 周岁，每月 5.00 元", 500),
        SheetLine(
            "个人账户养老金",
            "储存额 10,821.18 元 ÷ 139，四舍五入到分",
            7_785,
            "豫人社〔2014〕84号",
        ),
        SheetLine("个人缴费", "77.85 × 9,705.24 ÷ 10,821.18", 6_982, part_of="个人账户养老金"),
        SheetLine("县级补贴", "77.85 × 1,115.94 ÷ 10,821.18", 803, part_of="个人账户养老金"),
        SheetLine("月养老金", "以上各项合计", 21_985),
    ]


def test_the_sheet_says_why_nothing_is_added() -> None:
    found = determine(TERMS, paid_years=0, age=60, balance={})
    lines = calculation_sheet(found, TERMS, paid_years=0, age=60, balance={}, references={})
    assert [(line.item, line.formula, line.fen) for line in lines] == [
        ("基础养老金", "按现行标准", 11_300),
        ("缴费年限加发", "缴费 0 年，未超过 15 年", 0),
        ("高龄加发", "60 周岁，未到加发年龄", 0),
        ("个人账户养老金", "个人账户没有储存额", 0),
        ("月养老金", "以上各项合计", 11_300),
    ]


@pytest.mark.parametrize(
    ("reason", "on", "to_fund"),
    [
        (CloseReason.DEATH, date(2014, 7, 1), frozenset()),
        (CloseReason.DEATH, date(2014, 6, 30), GOVERNMENT_SUBSIDIES),
        (CloseReason.EMIGRATED, date(2020, 1, 1), frozenset()),
        (CloseReason.EMPLOYEES_SCHEME, date(2020, 1, 1), GOVERNMENT_SUBSIDIES),
        (
            CloseReason.DUPLICATE,
            date(2020, 1, 1),
            GOVERNMENT_SUBSIDIES | {Source.PAID_ON_BEHALF},
        ),
        (CloseReason.OTHER, date(2020, 1, 1), frozenset()),
    ],
)
def test_the_reason_says_which_sources_are_paid_out(
    reason: CloseReason, on: date, to_fund: frozenset[Source]
) -> None:
    assert refundable(reason, on) == frozenset(Source) - to_fund


@pytest.mark.parametrize(
    ("kept", "read"),
    [
        (
            "储存额 3,037.50 元 ÷ 139，四舍五入到分",
            "Balance 3,037.50 yuan ÷ 139, rounded to the fen",
        ),
        ("（20 年 − 15 年）× 3.00 元", "(20 years − 15 years) × 3.00 yuan"),
        ("按现行标准", "at the present standard"),
        ("此前没有的说法", "此前没有的说法"),
    ],
)
def test_a_sheet_that_was_kept_can_be_read_in_english(kept: str, read: str) -> None:
    token = i18n.speak(i18n.ENGLISH)
    try:
        assert i18n.gettext(told(kept)) == read
    finally:
        i18n.hush(token)
