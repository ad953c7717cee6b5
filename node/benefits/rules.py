"""What a pension comes to, when it begins, and what is left when it ends.

Amounts are integer fen, months are the first day of the month. Every standard (base pension,
supplements, divisor, funeral grant) comes from a bulletin in force; the ages and years that
stand here as defaults are those of the State Council.
Sources: 国发〔2014〕8号 §5–§8, 人社部发〔2018〕21号 (supplements); conventions of this project are
marked 约定 and listed in docs/worked-examples.md.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from node.accounts.rules import split
from node.accounts.sources import Source
from node.core.errors import Invalid
from node.registry.rules import age_on

PENSION_AGE = 60
REQUIRED_YEARS = 15


@dataclass(frozen=True, slots=True)
class AgeBand:
    """From this age on, so many fen a month (高龄加发)."""

    from_age: int
    fen: int


@dataclass(frozen=True, slots=True)
class BenefitTerms:
    """The standards in force for one person and month, resolved from the bulletins.

    `base_fen` is the province's standard; what city and county add stands beside it.
    """

    base_fen: int
    years_threshold: int
    per_year_fen: int
    age_supplement: tuple[AgeBand, ...]
    divisor_months: int
    city_fen: int = 0
    county_fen: int = 0


@dataclass(frozen=True, slots=True)
class Components:
    """The parts of a monthly pension, in fen."""

    base: int
    years_supplement: int
    age_supplement: int
    account: int
    city: int = 0
    county: int = 0

    @property
    def total(self) -> int:
        fund = self.base + self.city + self.county
        return fund + self.years_supplement + self.age_supplement + self.account


@dataclass(frozen=True, slots=True)
class Determination:
    """A determined pension (待遇核定): its components, and which source gives what every month."""

    components: Components
    account_by_source: Mapping[Source, int]

    @property
    def monthly_total(self) -> int:
        return self.components.total


def determine(
    terms: BenefitTerms, *, paid_years: int, age: int, balance: Mapping[Source, int]
) -> Determination:
    """Determine a monthly pension from the standards, the years paid and the settled account.

    Raises:
        Invalid: a balance, the years or the age is negative, or the divisor is not positive.
    """
    if paid_years < 0:
        raise Invalid("缴费年限不能为负数", field="paid_years")
    if age < 0:
        raise Invalid("年龄不能为负数", field="age")
    account = account_pension(balance, divisor_months=terms.divisor_months)
    components = Components(
        base=terms.base_fen,
        years_supplement=years_supplement(terms, paid_years),
        age_supplement=age_supplement(terms.age_supplement, age),
        account=account,
        city=terms.city_fen,
        county=terms.county_fen,
    )
    return Determination(components, split(account, balance))


def account_pension(balance: Mapping[Source, int], *, divisor_months: int) -> int:
    """个人账户养老金: the whole balance by the divisor, rounded half up to the fen, once (约定).

    Raises:
        Invalid: a source is negative, or the divisor is not positive.
    """
    if divisor_months <= 0:
        raise Invalid("计发月数应大于零", field="divisor_months")
    for source, fen in balance.items():
        if fen < 0:
            raise Invalid(
                "{title}余额为负，请先查明原因", field="balance", fen=fen, title=source.title
            )
    whole = sum(balance.values())
    return (2 * whole + divisor_months) // (2 * divisor_months)


def years_supplement(terms: BenefitTerms, paid_years: int) -> int:
    """年限加发: so much a month for every paid year over the threshold."""
    return max(0, paid_years - terms.years_threshold) * terms.per_year_fen


def age_supplement(bands: Collection[AgeBand], age: int) -> int:
    """高龄加发: the highest band reached; bands replace each other, they do not add up (约定)."""
    band = reached_band(bands, age)
    return band.fen if band else 0


def reached_band(bands: Collection[AgeBand], age: int) -> AgeBand | None:
    """The band with the highest age the person has reached, if any."""
    reached = [band for band in bands if band.from_age <= age]
    return max(reached, key=lambda band: band.from_age, default=None)


def age_in(born_on: date, month: date) -> int:
    """The age that counts for a month's supplement: reached before the month began (次月起)."""
    return age_on(born_on, month.replace(day=1) - timedelta(days=1))


def due_from(born_on: date, *, pension_age: int = PENSION_AGE) -> date:
    """The first month paid: the one after the month of the 60th birthday (次月起)."""
    return next_month(date(born_on.year + pension_age, born_on.month, 1))


def required_years(
    born_on: date,
    *,
    scheme_began: date,
    pension_age: int = PENSION_AGE,
    years: int = REQUIRED_YEARS,
) -> int:
    """Years that must be paid before a pension: 15, or the years to 60 for the first generation.

    Who was 45 to 59 when the scheme began here owes the full years then left to 60; who was
    60 owes nothing and draws the base pension (国发〔2014〕8号 §6).
    """
    left = pension_age - age_on(born_on, scheme_began)
    return min(years, max(0, left))


def missing_years(paid_years: int, required: int) -> int:
    """Years that may be made up (补缴) to reach a pension."""
    return max(0, required - paid_years)


def next_month(month: date) -> date:
    """The first day of the month after."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def months_from(first: date, until: date) -> Iterator[date]:
    """Each month from that of `first` up to, not including, that of `until`."""
    month, end = first.replace(day=1), until.replace(day=1)
    while month < end:
        yield month
        month = next_month(month)


def months_between(first: date, until: date) -> int:
    """How many months there are from that of `first` up to, not including, that of `until`."""
    return (until.year - first.year) * 12 + until.month - first.month


@dataclass(frozen=True, slots=True)
class MonthLine:
    """An amount for one month."""

    month: date
    fen: int


def arrears(
    *, old_base_fen: int, new_base_fen: int, effective_from: date, first_run_with_new: date
) -> list[MonthLine]:
    """补发 of a retroactive standard: the difference, one line per month already paid.

    A standard that was lowered gives negative lines: what was overpaid in each month.
    """
    difference = new_base_fen - old_base_fen
    return [
        MonthLine(month, difference) for month in months_from(effective_from, first_run_with_new)
    ]


@dataclass(frozen=True, slots=True)
class Draw:
    """One month's account pension: what each source gave, what the fund added, what is left."""

    by_source: Mapping[Source, int]
    fund: int
    left: Mapping[Source, int]


def draw(balance: Mapping[Source, int], parts: Mapping[Source, int]) -> Draw:
    """Take a month's account pension out of the account.

    A source that has run dry is made up from the others in the order of the list, the person's
    own money last; what the whole account cannot give the fund pays, for life (终身保障).

    Raises:
        Invalid: a part or a balance is negative.
    """
    sources = list(dict.fromkeys([*parts, *balance]))
    if any(fen < 0 for fen in (*parts.values(), *balance.values())):
        raise Invalid("余额和每月支付额不能为负数", field="balance")
    left = {source: balance.get(source, 0) for source in sources}
    given = dict.fromkeys(sources, 0)
    short = 0
    for source in sources:
        wanted = parts.get(source, 0)
        short += wanted - _take(source, wanted, left, given)
    # sorted() is stable: False before True puts the person's own money last
    for source in sorted(sources, key=lambda source: source is Source.INDIVIDUAL):
        short -= _take(source, short, left, given)
    return Draw(given, short, left)


def exhaust(
    balance: Mapping[Source, int], parts: Mapping[Source, int], *, months: int
) -> Iterator[Draw]:
    """Draw month after month, without interest, whether or not anything is left."""
    for _ in range(months):
        drawn = draw(balance, parts)
        yield drawn
        balance = drawn.left


def _take(source: Source, fen: int, left: dict[Source, int], given: dict[Source, int]) -> int:
    taken = min(fen, left[source])
    left[source] -= taken
    given[source] += taken
    return taken


@dataclass(frozen=True, slots=True)
class Segment:
    """Months with one amount; the last one is open and has no `to_month`."""

    from_month: date
    to_month: date | None
    components: Components


def components_of(
    terms: BenefitTerms, *, paid_years: int, born_on: date, account: int, month: date
) -> Components:
    """What one month comes to: the standards of that month, the account part as determined."""
    return Components(
        base=terms.base_fen,
        years_supplement=years_supplement(terms, paid_years),
        age_supplement=age_supplement(terms.age_supplement, age_in(born_on, month)),
        account=account,
        city=terms.city_fen,
        county=terms.county_fen,
    )


def segments(months: Sequence[tuple[date, Components]]) -> list[Segment]:
    """Months in their order as runs of equal amounts; the last run goes on."""
    found: list[Segment] = []
    for month, components in months:
        if found and found[-1].components == components:
            continue
        if found:
            before = (month - timedelta(days=1)).replace(day=1)
            found[-1] = replace(found[-1], to_month=before)
        found.append(Segment(month, None, components))
    return found


def months_back(month: date, count: int) -> date:
    """The first day of the month so many months before."""
    whole = month.year * 12 + month.month - 1 - count
    return date(whole // 12, whole % 12 + 1, 1)
