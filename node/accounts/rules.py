"""Interest of an individual account by the month-product method (月积数法).

Amounts are integer fen, rates parts per million a year, months 1 to 12.
Source: 国发〔2014〕8号 §7. The rate comes from a bulletin, never from this file.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from node.accounts.sources import Source, in_official_order
from node.core.errors import Invalid

MONTHS = 12
PPM_YEAR = MONTHS * 1_000_000

Part = TypeVar("Part")


@dataclass(frozen=True, slots=True)
class Movement:
    """What came in (positive) or went out (negative) in one month, in fen.

    Month 0 is what belongs to an earlier year and became known in this one.
    """

    month: int
    fen: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A movement of one source: a posting, a reversal (negative) or a pension drawn (negative)."""

    source: Source
    month: int
    fen: int


@dataclass(frozen=True, slots=True)
class Term:
    """One line of the explanation: an amount and the months it earned (月积数的一项).

    `month` 0 is the opening balance of the year.
    """

    month: int
    fen: int
    months: int

    @property
    def product(self) -> int:
        return self.fen * self.months


@dataclass(frozen=True, slots=True)
class Settlement:
    """Interest and balance of every source after a settlement (结息结果), in fen."""

    product: Mapping[Source, int]
    interest: Mapping[Source, int]
    closing: Mapping[Source, int]

    @property
    def total(self) -> int:
        """个人账户储存额: all sources together."""
        return sum(self.closing.values())


def product_terms(
    opening: int, movements: Iterable[Movement], *, through: int = 12, lag: int = 1
) -> list[Term]:
    """The terms whose products add up to the month product, in the order given.

    Money moved in month m earns from month m + `lag`. Practice varies, so the bulletin says which.

    Raises:
        Invalid: the settlement month, the lag or a movement lies outside the year being settled.
    """
    _check_period(through, lag)
    terms = [Term(0, opening, through)]
    for movement in movements:
        if not 0 <= movement.month <= through:
            raise Invalid("记账月份不在结息期内", field="month", month=movement.month)
        terms.append(
            Term(movement.month, movement.fen, earning_months(movement.month, through, lag))
        )
    return terms


def earning_months(month: int, through: int, lag: int) -> int:
    """How many months until the end of `through` money moved in `month` earns."""
    return through + 1 - lag - month if month else through


def month_product(
    opening: int, movements: Iterable[Movement], *, through: int = 12, lag: int = 1
) -> int:
    """Fen·months that earn interest from January through month `through`.

    Raises:
        Invalid: as `product_terms`.
    """
    terms = product_terms(opening, movements, through=through, lag=lag)
    return sum(term.product for term in terms)


def interest(product: int, rate_ppm: int) -> int:
    """Interest in fen on a month product, rounded half up, once.

    Not `round()`: that sends half a fen to the even neighbour, and half a fen is common here.
    A product below zero (an account corrected downwards) rounds the same way: minus half to zero.
    """
    return (2 * product * rate_ppm + PPM_YEAR) // (2 * PPM_YEAR)


def settle(
    opening: Mapping[Source, int],
    entries: Iterable[Entry] = (),
    *,
    rate_ppm: int,
    through: int = 12,
    lag: int = 1,
) -> Settlement:
    """Settle every source through month `through` (12 at year end), each rounded by itself.

    The sources reported are those with an opening balance or an entry, in official order.

    Raises:
        Invalid: the rate is negative, or as `product_terms`.
    """
    if rate_ppm < 0:
        raise Invalid("记账利率不能为负数", field="rate_ppm")
    moved = _by_source(entries)
    product: dict[Source, int] = {}
    earned: dict[Source, int] = {}
    closing: dict[Source, int] = {}
    for source in in_official_order([*opening, *moved]):
        start, movements = opening.get(source, 0), moved.get(source, [])
        product[source] = month_product(start, movements, through=through, lag=lag)
        earned[source] = interest(product[source], rate_ppm)
        closing[source] = start + sum(movement.fen for movement in movements) + earned[source]
    return Settlement(product=product, interest=earned, closing=closing)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A settled part of a year of one source: the months after `start` up to `through`.

    `rate_ppm` is the rate it was settled at, `rate_now` the one that holds today.
    """

    year: int
    start: int
    through: int
    product: int
    interest: int
    rate_ppm: int
    lag: int
    rate_now: int


@dataclass(frozen=True, slots=True)
class Late:
    """A movement of a settled year that became known only now, in fen.

    `is_after`: it takes back what came after a settlement through `month`, and counts from then.
    """

    year: int
    month: int
    fen: int
    is_after: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """What a stretch comes to now; `carried` is the difference it began with, in fen."""

    stretch: Stretch
    carried: int
    product: int
    interest: int

    @property
    def difference(self) -> int:
        """What is still to be credited (or taken back, below zero)."""
        return self.interest - self.stretch.interest


def corrected(stretches: Iterable[Stretch], late: Sequence[Late] = ()) -> list[Change]:
    """Settle again what is settled, as if everything had been known from the start.

    `stretches` are those of one source in the order of time, from the first year concerned to the
    last one settled. Only those that change are answered. Interest found for an earlier stretch is
    carried into the later ones, where it earns itself.

    Source: 国发〔2014〕8号 §7, every contribution bears interest: a correction re-computes that
    of its year and of every later one.
    """
    changes = []
    earned = 0
    for each in stretches:
        carried = earned + sum(move.fen for move in late if _is_before(move, each))
        product = each.product + carried * (each.through - each.start)
        product += sum(
            move.fen * earning_months(move.month, each.through, each.lag)
            for move in late
            if move.year == each.year and _is_inside(move, each)
        )
        found = interest(product, each.rate_now)
        if product != each.product or found != each.interest:
            changes.append(Change(each, carried, product, found))
        earned += found - each.interest
    return changes


def _is_inside(move: Late, stretch: Stretch) -> bool:
    ends = move.is_after and move.month == stretch.through
    return stretch.start < move.month <= stretch.through and not ends


def _is_before(move: Late, stretch: Stretch) -> bool:
    return (move.year, move.month) <= (stretch.year, stretch.start)


def drawn(month: int, by_source: Mapping[Source, int]) -> list[Entry]:
    """A pension paid in `month` as entries: what each source gave, now negative."""
    return [Entry(source, month, -fen) for source, fen in by_source.items()]


def split(fen: int, weights: Mapping[Part, int]) -> dict[Part, int]:
    """Divide `fen` in proportion to `weights` so that the parts add up (最大余数法).

    A fen left over goes to the largest remainder; of equal ones, to the part that stands first
    in `weights`. A negative amount is the mirror image of the positive one, so that a reversal
    takes back from everyone what was given.

    Raises:
        Invalid: a weight is negative, or there is an amount and nothing to divide it by.
    """
    if fen < 0:
        return {part: -share for part, share in split(-fen, weights).items()}
    whole = sum(weights.values())
    if any(weight < 0 for weight in weights.values()):
        raise Invalid("分摊比例不能为负数", field="weights")
    if whole == 0:
        if fen:
            raise Invalid("没有可以分摊的比例", field="weights")
        return dict.fromkeys(weights, 0)
    shares = {part: fen * weight // whole for part, weight in weights.items()}
    left = fen - sum(shares.values())
    # sorted() is stable: equal remainders keep the order of the list
    for part in sorted(weights, key=lambda part: -(fen * weights[part] % whole))[:left]:
        shares[part] += 1
    return shares


def _check_period(through: int, lag: int) -> None:
    if not 1 <= through <= MONTHS:
        raise Invalid("结息月份应为 1 至 12", field="through", through=through)
    if lag not in (0, 1):
        raise Invalid("起息间隔应为 0（当月起息）或 1（次月起息）", field="lag", lag=lag)


def _by_source(entries: Iterable[Entry]) -> dict[Source, Sequence[Movement]]:
    moved: dict[Source, list[Movement]] = {}
    for entry in entries:
        moved.setdefault(entry.source, []).append(Movement(entry.month, entry.fen))
    return dict(moved)
