"""Laws of the month product and of dividing an amount, each checked against its definition."""

from fractions import Fraction

from hypothesis import example, given
from hypothesis import strategies as st

from node.accounts.rules import Entry, Movement, interest, month_product, settle, split
from node.accounts.sources import Source

fen = st.integers(-(10**9), 10**9)
rates = st.integers(0, 200_000)
lags = st.sampled_from([0, 1])
movements = st.lists(st.builds(Movement, month=st.integers(1, 12), fen=fen), max_size=30)
openings = st.dictionaries(st.sampled_from(Source), fen, max_size=9)
entries = st.lists(
    st.builds(Entry, source=st.sampled_from(Source), month=st.integers(1, 12), fen=fen),
    max_size=30,
)
weights = st.dictionaries(st.text(max_size=3), st.integers(0, 10**9), min_size=1, max_size=9)


def earning(opening: int, moved: list[Movement], month: int, lag: int) -> int:
    """The balance that earns in one month, counted from the vouchers."""
    return opening + sum(m.fen for m in moved if m.month + lag <= month)


@given(opening=st.integers(0, 10**10), moved=movements, lag=lags)
@example(opening=0, moved=[Movement(12, 3000)], lag=1)  # December earns nothing this year
def test_product_is_the_sum_of_opening_balances(
    opening: int, moved: list[Movement], lag: int
) -> None:
    each_month = [earning(opening, moved, month, lag) for month in range(1, 13)]
    assert month_product(opening, moved, lag=lag) == sum(each_month)


@given(opening=fen, moved=movements, through=st.integers(1, 11), lag=lags)
def test_a_year_in_two_settlements_has_the_product_of_the_whole(
    opening: int, moved: list[Movement], through: int, lag: int
) -> None:
    first = [m for m in moved if m.month <= through]
    second = [Movement(m.month - through, m.fen) for m in moved if m.month > through]
    carried = opening + sum(m.fen for m in first)
    parts = month_product(opening, first, through=through, lag=lag) + month_product(
        carried, second, through=12 - through, lag=lag
    )
    assert parts == month_product(opening, moved, lag=lag)


@given(opening=fen, moved=movements, month=st.integers(1, 12), amount=fen)
def test_a_reversal_in_the_same_month_leaves_no_trace_in_the_product(
    opening: int, moved: list[Movement], month: int, amount: int
) -> None:
    undone = [*moved, Movement(month, amount), Movement(month, -amount)]
    assert month_product(opening, undone) == month_product(opening, moved)


@given(product=st.integers(-(10**13), 10**13), rate=rates)
@example(product=6_000_000, rate=1)
@example(product=-6_000_000, rate=1)
def test_rounding_is_off_by_half_a_fen_at_most_and_a_half_goes_up(product: int, rate: int) -> None:
    error = interest(product, rate) * 12_000_000 - product * rate
    assert -6_000_000 < error <= 6_000_000


@given(opening=openings, moved=entries, rate=rates, lag=lags)
def test_the_sources_settle_independently_and_the_total_is_their_sum(
    opening: dict[Source, int], moved: list[Entry], rate: int, lag: int
) -> None:
    together = settle(opening, moved, rate_ppm=rate, lag=lag)
    for source in together.closing:
        alone = settle(
            {source: opening.get(source, 0)},
            [entry for entry in moved if entry.source is source],
            rate_ppm=rate,
            lag=lag,
        )
        assert alone.closing[source] == together.closing[source]
        assert alone.interest[source] == together.interest[source]
    principal = sum(opening.values()) + sum(entry.fen for entry in moved)
    assert together.total == principal + sum(together.interest.values())


@given(opening=openings, moved=entries, rate=rates, lag=lags)
def test_rounding_by_source_stays_within_half_a_fen_for_each(
    opening: dict[Source, int], moved: list[Entry], rate: int, lag: int
) -> None:
    settled = settle(opening, moved, rate_ppm=rate, lag=lag)
    exact = Fraction(sum(settled.product.values()) * rate, 12_000_000)
    assert abs(sum(settled.interest.values()) - exact) <= Fraction(len(settled.interest), 2)


@given(amount=fen, shares=weights)
def test_the_parts_add_up_and_each_is_within_a_fen_of_its_share(
    amount: int, shares: dict[str, int]
) -> None:
    whole = sum(shares.values())
    if whole == 0:
        amount = 0
    parts = split(amount, shares)
    assert list(parts) == list(shares)
    assert sum(parts.values()) == amount
    for name, part in parts.items():
        exact = Fraction(amount * shares[name], whole) if whole else Fraction(0)
        assert abs(part - exact) < 1


@given(amount=fen, shares=weights.filter(lambda shares: sum(shares.values()) > 0))
def test_what_is_taken_back_is_what_was_given(amount: int, shares: dict[str, int]) -> None:
    back = split(-amount, shares)
    assert back == {name: -part for name, part in split(amount, shares).items()}


@given(amount=st.integers(0, 10**9), shares=weights.filter(lambda shares: sum(shares.values()) > 0))
def test_no_one_with_a_smaller_remainder_gets_the_fen_left_over(
    amount: int, shares: dict[str, int]
) -> None:
    whole = sum(shares.values())
    parts = split(amount, shares)
    order = list(shares)
    given_more = {n for n in order if parts[n] > amount * shares[n] // whole}
    for lucky in given_more:
        for other in set(order) - given_more:
            mine, theirs = (amount * shares[n] % whole for n in (lucky, other))
            assert mine > theirs or (mine == theirs and order.index(lucky) < order.index(other))
