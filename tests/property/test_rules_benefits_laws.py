"""Laws of a pension: it adds up, nothing is paid that is not there, nobody goes without."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from node.accounts.sources import Source
from node.benefits.life_rules import death_settlement
from node.benefits.rules import (
    AgeBand,
    BenefitTerms,
    determine,
    draw,
    due_from,
    exhaust,
    required_years,
)
from node.benefits.sheet import calculation_sheet
from node.registry.rules import age_on

money = st.integers(0, 10**9)
balances = st.dictionaries(st.sampled_from(Source), money, max_size=9)
bands = st.lists(
    st.builds(AgeBand, st.integers(61, 100), st.integers(0, 100_000)),
    max_size=4,
    unique_by=lambda band: band.from_age,
)
terms = st.builds(
    BenefitTerms,
    base_fen=st.integers(0, 10**6),
    years_threshold=st.just(15),
    per_year_fen=st.integers(0, 10_000),
    age_supplement=bands.map(tuple),
    divisor_months=st.integers(1, 240),
)
years = st.integers(0, 60)
ages = st.integers(60, 110)


@given(terms=terms, paid=years, age=ages, balance=balances)
def test_the_account_part_is_the_sum_of_its_sources_and_within_half_a_fen(
    terms: BenefitTerms, paid: int, age: int, balance: dict[Source, int]
) -> None:
    found = determine(terms, paid_years=paid, age=age, balance=balance)
    account = found.components.account
    assert sum(found.account_by_source.values()) == account
    error = 2 * (account * terms.divisor_months - sum(balance.values()))
    assert -terms.divisor_months < error <= terms.divisor_months


@given(terms=terms, paid=years, age=ages, balance=balances)
def test_a_year_more_adds_one_supplement_from_the_threshold_on(
    terms: BenefitTerms, paid: int, age: int, balance: dict[Source, int]
) -> None:
    now = determine(terms, paid_years=paid, age=age, balance=balance)
    later = determine(terms, paid_years=paid + 1, age=age, balance=balance)
    gained = later.monthly_total - now.monthly_total
    assert gained == (terms.per_year_fen if paid >= terms.years_threshold else 0)


@given(terms=terms, paid=years, age=ages, balance=balances)
def test_the_lines_of_the_sheet_add_up_to_its_last_line(
    terms: BenefitTerms, paid: int, age: int, balance: dict[Source, int]
) -> None:
    found = determine(terms, paid_years=paid, age=age, balance=balance)
    *lines, total = calculation_sheet(
        found, terms, paid_years=paid, age=age, balance=balance, references={}
    )
    assert sum(line.fen for line in lines if not line.part_of) == total.fen
    parts = [line.fen for line in lines if line.part_of]
    assert sum(parts) == found.components.account


@given(balance=balances, parts=balances)
def test_a_draw_pays_exactly_what_is_due_and_takes_no_more_than_there_is(
    balance: dict[Source, int], parts: dict[Source, int]
) -> None:
    drawn = draw(balance, parts)
    due = sum(parts.values())
    assert sum(drawn.by_source.values()) + drawn.fund == due
    assert min([0, *drawn.left.values(), *drawn.by_source.values()]) == 0
    for source, left in drawn.left.items():
        assert left + drawn.by_source[source] == balance.get(source, 0)
    if drawn.fund:
        assert not any(drawn.left.values())


@given(balance=balances, parts=balances)
def test_own_money_helps_out_only_when_nothing_else_is_left(
    balance: dict[Source, int], parts: dict[Source, int]
) -> None:
    drawn = draw(balance, parts)
    own = drawn.by_source.get(Source.INDIVIDUAL, 0)
    if own > parts.get(Source.INDIVIDUAL, 0):
        assert not any(
            left for source, left in drawn.left.items() if source is not Source.INDIVIDUAL
        )


@given(balance=balances, parts=balances, months=st.integers(1, 60))
def test_for_life_means_the_same_amount_every_month(
    balance: dict[Source, int], parts: dict[Source, int], months: int
) -> None:
    due = sum(parts.values())
    drawn = list(exhaust(balance, parts, months=months))
    assert [sum(each.by_source.values()) + each.fund for each in drawn] == [due] * months
    from_fund = sum(each.fund for each in drawn)
    assert from_fund == max(0, due * months - sum(balance.values()))


@given(balance=balances, interest=balances, months=st.integers(0, 40), base=money, overpaid=money)
def test_a_death_settles_every_fen_overpaid_or_leaves_it_as_a_claim(
    balance: dict[Source, int], interest: dict[Source, int], months: int, base: int, overpaid: int
) -> None:
    found = death_settlement(
        balance=balance,
        interest=interest,
        funeral_months=months,
        base_fen=base,
        overpaid_fen=overpaid,
    )
    assert found.set_off_account + found.set_off_funeral + found.claim_left == overpaid
    assert found.paid_to_heirs >= 0
    assert not (found.paid_to_heirs and found.claim_left)
    assert not (found.set_off_funeral and found.set_off_account < found.account_refund_gross)


@given(born_on=st.dates(date(1900, 1, 1), date(2040, 12, 31)))
def test_a_pension_begins_in_the_first_month_that_is_wholly_after_the_birthday(
    born_on: date,
) -> None:
    first = due_from(born_on)
    assert first.day == 1
    assert age_on(born_on, first) >= 60
    month_before = date(first.year - (first.month == 1), (first.month - 2) % 12 + 1, 1)
    assert age_on(born_on, month_before) < 60 or (born_on.day == 1)


@given(born_on=st.dates(date(1900, 1, 1), date(2012, 6, 30)))
def test_nobody_owes_more_than_fifteen_years_or_more_than_were_left(born_on: date) -> None:
    began = date(2012, 7, 1)
    owed = required_years(born_on, scheme_began=began)
    assert 0 <= owed <= 15
    assert owed == 15 or owed + age_on(born_on, began) >= 60
