"""What the next twelve months will cost: who is alive to be paid, by which standards and purses.

Pure; everything is integers. Of a group the expected part is counted in parts of `UNIT`; fen are
rounded half up once for each part of a month. Sources: business rules §8 (people turning 60,
mortality, announced policy); deaths are spread evenly over a year of age (the usual actuarial
assumption).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from node.benefits.rules import BenefitTerms, age_supplement, next_month
from node.payroll.rules import Shares, requests

UNIT = 10**12
WHOLE_PPM = 1_000_000
MONTHS = 12

Mortality = Mapping[str, Mapping[int, int]]
"""By sex and age in whole years: the chance to die within a year, in parts per million."""


@dataclass(frozen=True, slots=True)
class Group:
    """People who are alike for a forecast: sums over them, amounts in fen a month.

    `born` is the month of birth, `begins` the first month paid (none: paid already),
    `runs_dry` the first month the accounts give nothing (none: not within sight).
    `years_over` sums the paid years over a threshold, by threshold.
    """

    sex: str
    born: date
    people: int
    years_over: Mapping[int, int]
    account_fen: int
    balance_fen: int
    begins: date | None = None
    runs_dry: date | None = None


@dataclass(frozen=True, slots=True)
class MonthTerms:
    """What holds in a month: standards, who pays which part, months of the funeral grant."""

    terms: BenefitTerms
    shares: Mapping[str, Shares]
    funeral_months: int = 0


@dataclass(frozen=True, slots=True)
class ForecastMonth:
    """A month as foreseen. `people` and `deaths` are rounded expectations; `parts` and `payers`
    hold the same fen, by part of the pension and by payer.
    """

    month: date
    people: int
    beginning: int
    deaths: int
    parts: Mapping[str, int]
    payers: Mapping[str, int]

    @property
    def fen(self) -> int:
        return sum(self.parts.values())


def forecast(
    groups: Iterable[Group], standards: Mapping[date, MonthTerms], mortality: Mortality
) -> list[ForecastMonth]:
    """The months of `standards`, in order. Everybody is alive when the first of them begins.

    Raises:
        KeyError: a shared part has money and no shares.
    """
    months = sorted(standards)
    sums = {month: dict.fromkeys(_PARTS, 0) for month in months}
    counts = {month: [0, 0, 0] for month in months}
    for group in groups:
        alive = UNIT
        for month in months:
            dying = _dying(group, month, alive, mortality)
            if group.begins is None or group.begins <= month:
                _count(counts[month], group, month, alive, dying)
                _add(sums[month], group, (month, standards[month]), alive=alive, dying=dying)
            alive -= dying
    return [_month(month, sums[month], counts[month], standards[month]) for month in months]


_PARTS = ("base", "city", "county", "years", "age", "account", "makeup", "funeral", "refund")


def _dying(group: Group, month: date, alive: int, mortality: Mortality) -> int:
    """Who of those alive dies in a month: a twelfth of the year's deaths of an age."""
    age, past = age_and_months(group.born, month)
    yearly = yearly_ppm(mortality, group.sex, age)
    left = 12 * WHOLE_PPM - past * yearly
    return min(alive, _half_up(alive * yearly, left)) if left > 0 else alive


def age_and_months(born: date, month: date) -> tuple[int, int]:
    """Age in whole years when a month begins, and the months since the birthday."""
    whole = (month.year - born.year) * 12 + month.month - born.month
    return divmod(max(0, whole), 12)


def supplement_age(born: date, month: date) -> int:
    """The age that counts for a month's supplement: reached before the month began (次月起), so
    not yet in the month of the birthday itself.
    """
    whole = (month.year - born.year) * 12 + month.month - born.month
    return max(0, whole - 1) // 12


def yearly_ppm(mortality: Mortality, sex: str, age: int) -> int:
    """The chance to die within a year; ages beyond the table are as its nearest one."""
    table = mortality[sex]
    return table[min(max(age, min(table)), max(table))]


def _count(counts: list[int], group: Group, month: date, alive: int, dying: int) -> None:
    counts[0] += group.people * alive
    counts[1] += group.people * alive if group.begins == month else 0
    counts[2] += group.people * dying


def _add(
    sums: dict[str, int], group: Group, at: tuple[date, MonthTerms], *, alive: int, dying: int
) -> None:
    """What a group costs in a month: the month of death is paid, then account and grant."""
    month, held = at
    terms = held.terms
    age = supplement_age(group.born, month)
    people = group.people * alive
    sums["base"] += people * terms.base_fen
    sums["city"] += people * terms.city_fen
    sums["county"] += people * terms.county_fen
    sums["years"] += group.years_over.get(terms.years_threshold, 0) * terms.per_year_fen * alive
    sums["age"] += people * age_supplement(terms.age_supplement, age)
    dry = group.runs_dry is not None and group.runs_dry <= month
    sums["makeup" if dry else "account"] += group.account_fen * alive
    sums["funeral"] += group.people * dying * held.funeral_months * terms.base_fen
    sums["refund"] += 0 if dry else group.balance_fen * dying


def _month(
    month: date, sums: Mapping[str, int], counts: Sequence[int], held: MonthTerms
) -> ForecastMonth:
    parts = {part: _half_up(fen, UNIT) for part, fen in sums.items()}
    parts = {part: fen for part, fen in parts.items() if fen}
    payers = requests(parts, held.shares)
    people, beginning, deaths = (_half_up(count, UNIT) for count in counts)
    return ForecastMonth(
        month=month,
        people=people,
        beginning=beginning,
        deaths=deaths,
        parts=parts,
        payers={payer.value: sum(of.values()) for payer, of in payers.items()},
    )


def _half_up(number: int, divisor: int) -> int:
    return (2 * number + divisor) // (2 * divisor)


def months_ahead(first: date, count: int = MONTHS) -> list[date]:
    """So many months, from one on."""
    found = [first]
    while len(found) < count:
        found.append(next_month(found[-1]))
    return found


def error_ppm(foreseen_fen: int, actual_fen: int) -> int | None:
    """How far a forecast was off, in parts per million of what happened, to the hundredth of a per
    cent: positive when it was too high. None where nothing was due.
    """
    if not actual_fen:
        return None
    return _half_up((foreseen_fen - actual_fen) * 10_000, actual_fen) * 100
