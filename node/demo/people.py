"""Villages full of people who do not exist, the same ones for the same seed.

Citizen numbers carry a county prefix that was never assigned, phones and cards begin with digits
nobody was given. Ages follow a village of Henan: few of the young, many between 50 and 70.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import TypeVar

from node.accounts.sources import Source
from node.demo.names import family_of, given_name, surname
from node.registry.citizen_number import Sex, check_character
from node.registry.codes import Category
from node.registry.rules import CHILDBEARING_AGE, age_on, place_stem

PREFIX = "410199"
PHONE_PREFIX = "15400"
CARD_PREFIX = "6219990"

PENSION_AGE = 60
SCHEME_YEAR = 2012
TURNING_60 = 3
VILLAGES = 16

_AGES: Mapping[range, int] = {
    range(16, 20): 5,
    range(20, 30): 11,
    range(30, 40): 15,
    range(40, 50): 18,
    range(50, 60): 23,
    range(60, 70): 16,
    range(70, 80): 9,
    range(80, 91): 3,
}
_GRADES: Mapping[int, int] = {
    20_000: 52,
    30_000: 14,
    50_000: 13,
    80_000: 4,
    100_000: 8,
    200_000: 5,
    300_000: 2,
    500_000: 2,
}
_CATEGORIES: Mapping[Category, int] = {
    Category.ORDINARY: 890,
    Category.MINIMUM_LIVING: 45,
    Category.REGISTERED_POOR: 30,
    Category.SEVERELY_DISABLED: 20,
    Category.EXTREME_POVERTY: 8,
    Category.FAMILY_PLANNING: 7,
}
_ETHNICITIES: Mapping[str, int] = {"汉族": 980, "回族": 17, "满族": 2, "蒙古族": 1}
_GROUPS = "一二三四五六七八"
_YEARLY_SUBSIDY: Mapping[Source, int] = {
    Source.SUBSIDY_PROVINCE: 1_500,
    Source.SUBSIDY_CITY: 500,
    Source.SUBSIDY_COUNTY: 1_000,
}
_LOWEST_GRADE = 10_000
_PAYS_EVERY_YEAR = 0.85

Kind = TypeVar("Kind")


@dataclass(frozen=True, slots=True)
class Villager:
    """One invented person, and what an older system would know of years already paid.

    `grade_fen` is nothing for those who contribute no longer. `opening` is the account balance by
    source at the end of last year, in fen; neither it nor `paid_years` stands on the roll.
    """

    name: str
    citizen_number: str
    sex: Sex
    born_on: date
    ethnicity: str
    household_address: str
    phone: str
    category: Category
    grade_fen: int | None
    bank_card: str
    paid_years: int
    opening: Mapping[Source, int]


def villagers(
    village: str, *, place: str, index: int, seed: int, on: date, count: int = 300
) -> list[Villager]:
    """The people of one village on the day `on`; the first three turn 60 in that year.

    `place` is what stands before the village in an address (河南省郑州市中牟县韩寺镇). Villages of
    one demo have different `index`es, so that no two people share a citizen number.

    Raises:
        ValueError: the index is not below `VILLAGES`.
    """
    if index not in range(VILLAGES):
        raise ValueError(f"village index {index} is not in 0..{VILLAGES - 1}")
    draw = Random(f"{seed}/{index}/{village}")  # noqa: S311  # invented people, not keys
    numbers = _Numbers(index)
    years = [on.year - PENSION_AGE] * min(TURNING_60, count)
    births = [date(year, 1, 1) + timedelta(draw.randrange(365)) for year in years]
    births += [_birth_date(draw, on) for _ in range(count - len(births))]
    return [
        _villager(draw, village, place=place, on=on, born_on=born_on, numbers=numbers)
        for born_on in births
    ]


def citizen_number(born_on: date, sequence: int) -> str:
    """A number that holds, under a prefix that was never assigned: it is nobody's."""
    first17 = f"{PREFIX}{born_on:%Y%m%d}{sequence:03d}"
    return first17 + check_character(first17)


def with_luhn(digits: str) -> str:
    """The digits and their Luhn check digit."""
    doubled = (int(char) * (1 if index % 2 else 2) for index, char in enumerate(reversed(digits)))
    total = sum(value // 10 + value % 10 for value in doubled)
    return f"{digits}{-total % 10}"


class _Numbers:
    """Citizen numbers of one village: its own stretch of sequences, none given twice."""

    def __init__(self, index: int) -> None:
        self._each = 960 // VILLAGES
        self._first = 1 + index * self._each
        self._given: set[str] = set()

    def take(self, draw: Random, born_on: date, sex: Sex) -> str:
        odd = sex is Sex.MALE
        while True:
            sequence = self._first + draw.randrange(self._each)
            number = citizen_number(born_on, sequence)
            if sequence % 2 == odd and number not in self._given:
                self._given.add(number)
                return number


def _villager(
    draw: Random, village: str, *, place: str, on: date, born_on: date, numbers: _Numbers
) -> Villager:
    sex = draw.choice((Sex.MALE, Sex.FEMALE))
    stem = place_stem(village)
    family = surname(draw, common_here=family_of(stem))
    given = given_name(draw, male=sex is Sex.MALE, born_in=born_on.year)
    grade = _weighted(draw, _GRADES)
    paid_years = _paid_years(draw, born_on, on)
    return Villager(
        name=family + given,
        citizen_number=numbers.take(draw, born_on, sex),
        sex=sex,
        born_on=born_on,
        ethnicity=_weighted(draw, _ETHNICITIES),
        household_address=f"{place}{stem}村{draw.choice(_GROUPS)}组",
        phone=_phone(draw, born_on),
        category=_category(draw, age_on(born_on, on)),
        grade_fen=grade if age_on(born_on, on) < PENSION_AGE else None,
        bank_card=with_luhn(f"{CARD_PREFIX}{draw.randrange(10**11):011d}"),
        paid_years=paid_years,
        opening=_opening(paid_years),
    )


def _category(draw: Random, age: int) -> Category:
    """A special group somebody of this age can belong to, as the door asks."""
    drawn = _weighted(draw, _CATEGORIES)
    return (
        Category.ORDINARY if drawn is Category.FAMILY_PLANNING and age < CHILDBEARING_AGE else drawn
    )


def _birth_date(draw: Random, on: date) -> date:
    band = _weighted(draw, _AGES)
    age = draw.choice(band)
    latest = date(on.year - age, on.month, min(on.day, 28))
    return latest - timedelta(draw.randrange(365))


def _paid_years(draw: Random, born_on: date, on: date) -> int:
    """Years from 16, or the beginning of the scheme, up to last year or 60; some missed a few."""
    if SCHEME_YEAR - born_on.year >= PENSION_AGE:
        return 0
    first = max(SCHEME_YEAR, born_on.year + 17)
    last = min(on.year - 1, born_on.year + PENSION_AGE)
    possible = max(0, last - first + 1)
    turning = on.year - born_on.year == PENSION_AGE
    if turning or draw.random() < _PAYS_EVERY_YEAR:
        return possible
    return draw.randint(0, possible)


def _opening(paid_years: int) -> dict[Source, int]:
    """The lowest grade and its subsidy for every year; the older system kept no interest."""
    if not paid_years:
        return {}
    yearly = {Source.INDIVIDUAL: _LOWEST_GRADE, **_YEARLY_SUBSIDY}
    return {source: fen * paid_years for source, fen in yearly.items()}


def _phone(draw: Random, born_on: date) -> str:
    """Most have a phone; of those born before 1950 many do not."""
    missing = 0.4 if born_on.year < 1950 else 0.03  # noqa: PLR2004  # a remark on habits, no rule
    return "" if draw.random() < missing else f"{PHONE_PREFIX}{draw.randrange(10**6):06d}"


def _weighted(draw: Random, weights: Mapping[Kind, int]) -> Kind:
    return draw.choices(tuple(weights), tuple(weights.values()))[0]
