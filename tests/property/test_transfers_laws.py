"""Laws of transfers: who has custody, what interest a move costs, what two schemes come to."""

from datetime import date

from hypothesis import example, given
from hypothesis import strategies as st

from node.accounts.rules import Entry, Movement, interest, month_product, settle
from node.accounts.sources import GOVERNMENT_SUBSIDIES, Source
from node.transfers.bridge_rules import (
    counted,
    double_benefit,
    moved,
    overlap_refund,
    required_months,
    years_added,
)
from node.transfers.records import CAUSES
from node.transfers.rules import Custody, Step, custody, is_open, settled_through, state

fen = st.integers(0, 10**9)
balances = st.dictionaries(st.sampled_from(list(Source)), fen)
years = st.integers(2009, 2040)
months_of = st.dictionaries(years, st.integers(0, 12), max_size=12)
orders = st.permutations([step for step in Step if step is not Step.REFUSED])


@given(order=orders)
def test_custody_passes_once_in_whatever_order_steps_become_known(order: list[Step]) -> None:
    """A step is taken in once its cause is there: everybody sees old, in flight, new, in turn."""
    known: set[Step] = set()
    seen = [custody(known)]
    while len(known) < len(order):
        ready = [s for s in order if s not in known and CAUSES.get(s) in known | {None}]
        known.add(ready[0])
        seen.append(custody(known))
    places = list(Custody)
    assert [places.index(each) for each in seen] == sorted(places.index(each) for each in seen)
    assert set(seen) == set(Custody)
    assert state(known) is Step.BANKED
    assert not is_open(known)


@given(
    opening=fen,
    entries=st.lists(st.builds(Movement, month=st.integers(1, 12), fen=fen), max_size=8),
    month=st.integers(1, 12),
    lag=st.sampled_from([0, 1]),
    rate=st.integers(0, 100_000),
)
@example(opening=0, entries=[Movement(1, 30)], month=1, lag=0, rate=200_000)
def test_moving_costs_no_interest(
    opening: int, entries: list[Movement], month: int, lag: int, rate: int
) -> None:
    """Settled by the old county and posted by the new one: as if settled and left where it was."""
    last = settled_through(date(2026, month, 15), lag=lag)
    if last.year < 2026:
        return  # with no lag January is all the new county's: the old one settles December
    kept = [Entry(Source.INDIVIDUAL, m.month, m.fen) for m in entries if m.month <= last.month]
    old = settle(
        {Source.INDIVIDUAL: opening}, kept, rate_ppm=rate, through=last.month, lag=lag
    ).total
    stays = interest(old * (12 - last.month), rate)
    moves = interest(month_product(0, [Movement(month, old)], lag=lag), rate)
    assert moves == stays


@given(resident=st.sets(years, max_size=12), months=months_of)
def test_every_month_counts_once(resident: set[int], months: dict[int, int]) -> None:
    covered = {(year, n) for year in resident for n in range(1, 13)}
    covered |= {(year, n) for year, most in months.items() for n in range(1, most + 1)}
    found = counted(resident, months)
    assert found.months == len(covered)
    assert set(found.overlap) == {year for year in resident if months.get(year)}
    assert found.years >= len(resident)


@given(resident=st.sets(years, max_size=12), months=months_of)
def test_months_become_as_many_years_as_are_gained(
    resident: set[int], months: dict[int, int]
) -> None:
    added = years_added(resident, months)
    assert not resident & set(added)
    assert len(resident) + len(added) == counted(resident, months).years
    left_out = [n for year, n in months.items() if year not in resident | set(added)]
    assert all(months[year] >= most for year in added for most in left_out)


@given(year=st.integers(2014, 2100))
def test_the_employees_scheme_asks_for_fifteen_years_and_slowly_for_twenty(year: int) -> None:
    known = {2029: 180, 2030: 186, 2038: 234, 2039: 240}
    months = required_months(year)
    assert 180 <= months <= required_months(year + 1) <= min(240, months + 6)
    assert {each: required_months(each) for each in known} == known


@given(paid=st.dictionaries(years, balances, max_size=6), months=months_of)
def test_what_goes_back_was_paid_and_grows_with_the_months(
    paid: dict[int, dict[Source, int]], months: dict[int, int]
) -> None:
    back = overlap_refund(paid, months)
    for year, parts in back.items():
        assert months[year] > 0
        for source, fen_back in parts.items():
            assert source not in GOVERNMENT_SUBSIDIES
            assert abs(12 * fen_back - paid[year][source] * months[year]) <= 6
            assert fen_back <= paid[year][source]
    assert overlap_refund(paid, dict.fromkeys(months, 0)) == {}


@given(balance=balances, months=st.integers(0, 12))
def test_what_goes_along_and_what_goes_back_is_all_there_is(
    balance: dict[Source, int], months: int
) -> None:
    back = overlap_refund({2024: balance}, {2024: months})
    along = moved(balance, back)
    returned = sum(sum(parts.values()) for parts in back.values())
    assert sum(along.values()) + returned == sum(balance.values())
    assert all(each > 0 for each in along.values())


@given(balance=balances, received=fen)
def test_the_end_of_a_double_pension_adds_up(balance: dict[Source, int], received: int) -> None:
    found = double_benefit(balance, base_received_fen=received)
    assert found.paid + found.set_off + found.to_fund == sum(balance.values())
    assert found.set_off + found.claim_left == received
    assert min(found.paid, found.claim_left) == 0 or found.paid == 0
