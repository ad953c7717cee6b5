"""What may be paid for a year, what the government adds, and which years count.

Amounts are integer fen. Grades and subsidies come from bulletins in force; nothing here knows one.
Sources: 国发〔2014〕8号 §3 (grades), §4 (subsidies), §6 (years).
"""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from node.accounts.sources import Source
from node.core.errors import Invalid
from node.core.i18n import sentence
from node.core.money import yuan
from node.policy.bodies import GradeSubsidy
from node.policy.contribution_bodies import GroupPaidFor, MakeUpYears, OpenWay
from node.registry.rules import short_yuan
from tiers import RegionCode

LONGEST_YEARS = 100


class Method(StrEnum):
    """How a contribution came in."""

    BANK = "bank"
    COUNTER = "counter"
    COORDINATOR = "coordinator"
    COLLECTIVE = "collective"
    ON_BEHALF = "on_behalf"
    TRANSFERRED = "transferred"
    """Paid in another county or scheme before the person came here; nobody pays like this."""


def payment_problems(
    fen: int,
    *,
    grade_fen: int,
    year: int,
    paid_years: Collection[int],
    on_behalf_fen: int = 0,
    field: str = "fen",
) -> Iterator[Invalid]:
    """A payment is the whole grade less what is paid on behalf, for a year not paid before."""
    own = grade_fen - on_behalf_fen
    if fen != own:
        less = sentence(
            "（政府代缴 {behalf} 元后个人应缴 {own} 元）",
            behalf=yuan(on_behalf_fen),
            own=yuan(own),
        )
        yield Invalid(
            "实缴 {fen} 元与档次 {grade_fen} 元不符{less}",
            field=field,
            fen=yuan(fen),
            grade_fen=yuan(grade_fen),
            less=less if on_behalf_fen else "",
        )
    if year in paid_years:
        yield Invalid("{year} 年度已经缴费，同一年度不能重复缴费", field="year", year=year)


def subsidy(
    grade_fen: int, *, lines: Iterable[GradeSubsidy], make_up: bool = False
) -> dict[Source, int]:
    """The subsidy (缴费补贴) of one paid year by source; years made up (补缴) get none.

    The shares of the tiers are the bulletin's own and add up there; one that pays nothing gets
    no posting.

    Raises:
        Invalid: the bulletin has no line for the grade.
    """
    if make_up:
        return {}
    line = next((line for line in lines if line.grade_fen == grade_fen), None)
    if line is None:
        raise Invalid(
            "补贴标准中没有 {grade_fen} 元档", field="grade", grade_fen=short_yuan(grade_fen)
        )
    shares = {
        Source.SUBSIDY_PROVINCE: line.province_fen,
        Source.SUBSIDY_CITY: line.city_fen,
        Source.SUBSIDY_COUNTY: line.county_fen,
    }
    return {source: fen for source, fen in shares.items() if fen}


def count_paid_years(years: Iterable[int]) -> int:
    """Paid years (缴费年限): each calendar year once, however it was paid, also on behalf."""
    return len(set(years))


@dataclass(frozen=True, slots=True)
class Due:
    """What is due for a year, in fen: the grade, and who pays which part of it."""

    grade_fen: int
    own_fen: int
    province_fen: int = 0
    city_fen: int = 0
    county_fen: int = 0

    @property
    def on_behalf_fen(self) -> int:
        """What the governments pay."""
        return self.province_fen + self.city_fen + self.county_fen


def offered_grade(wanted_fen: int, *, grades: Collection[int]) -> int:
    """The grade that takes the place of one no longer offered: the next higher, else the highest.

    A convention of this project: a person who chose nothing new pays no less than before. Until
    the year is paid another grade may be chosen.
    """
    return min((grade for grade in grades if grade >= wanted_fen), default=max(grades))


def due(
    wanted_fen: int | None,
    *,
    grades: Collection[int],
    category: str,
    groups: Iterable[GroupPaidFor] = (),
) -> Due | None:
    """What somebody owes for a year; None who has chosen no grade and is not paid for.

    A special group pays its grade less what is paid on behalf (代缴), and stands at least at the
    group's own grade (国发〔2014〕8号 三).
    """
    paid_for = next((line for line in groups if line.group == category), None)
    if wanted_fen is None and paid_for is None:
        return None
    if paid_for is None:
        grade = offered_grade(wanted_fen or 0, grades=grades)
        return Due(grade, grade)
    grade = paid_for.grade_fen
    if wanted_fen is not None and wanted_fen > grade:
        grade = offered_grade(wanted_fen, grades=grades)
    shares = (paid_for.province_fen, paid_for.city_fen, paid_for.county_fen)
    return Due(grade, grade - paid_for.fen, *shares)


def is_open(way: str, *, region: str, on: date, ways: Iterable[OpenWay] | None) -> bool:
    """Whether a way to pay is open at a place on a day.

    Without a bulletin bank and counter are open; cash in a coordinator's hands needs one that
    names it. A region contains a place when its code without the zeros at its end begins it.
    """
    if ways is None:
        return way != Method.COORDINATOR
    day = f"{on:%m-%d}"
    return any(
        each.way == way
        and region.startswith(RegionCode(each.region).prefix)
        and each.first <= day <= each.last
        for each in ways
    )


NO_MAKE_UP = "没有收到适用的补缴办法文件，不能办理补缴"


def make_up_problems(
    years: Collection[int],
    *,
    allowed: MakeUpYears | None,
    grade_fen: int,
    paid_years: Collection[int],
    busy_years: Collection[int] = (),
    this_year: int,
    sixteenth_year: int,
) -> Iterator[Invalid]:
    """Which years may be made up (补缴), and at which grade, as the bulletin says.

    `sixteenth_year` is the year somebody turned 16: before it nobody could be enrolled.
    `busy_years` are those whose money may be on its way.
    """
    if allowed is None:
        yield Invalid(NO_MAKE_UP, field="years")
        return
    if not years:
        yield Invalid("请填写要补缴的年度", field="years")
    if len(years) > allowed.most_years:
        yield Invalid("一次最多补缴 {most} 年", field="years", most=allowed.most_years)
    first = max(allowed.first_year, sixteenth_year)
    if wrong := [year for year in years if not first <= year < this_year]:
        message = "{years} 年度不能补缴，只能补缴 {first} 年至上年"
        yield Invalid(message, field="years", years=years_in_words(wrong), first=first)
    if again := set(years) & set(paid_years):
        yield Invalid("{years} 年度已经缴费", field="years", years=years_in_words(again))
    if busy := set(years) & set(busy_years) - set(paid_years):
        message = "{years} 年度已报银行扣款或已开收据，有结果后再办"
        yield Invalid(message, field="years", years=years_in_words(busy))
    if grade_fen < allowed.least_fen:
        least = short_yuan(allowed.least_fen)
        yield Invalid("补缴最低 {least} 元档", field="grade_fen", least=least)


_YEARS = re.compile(r"([0-9]{4})(?:[-－—–~～至到]+([0-9]{4}))?年?")
_BETWEEN = re.compile(r"[、，,;；\s]+")


def read_years(text: str) -> list[int]:
    """Years as people write them, `2019、2021-2023`, in order and each once.

    Raises:
        Invalid: it cannot be read, or a range runs backwards or over more than a lifetime.
    """
    found: set[int] = set()
    for part in filter(None, _BETWEEN.split(text.strip())):
        read = _YEARS.fullmatch(part)
        first = int(read[1]) if read else 1
        last = int(read[2] or first) if read else 0
        if not first <= last <= first + LONGEST_YEARS:
            raise Invalid(
                "“{part}”不是年度，应写成 2019、2021-2023 的样子", field="years", part=part
            )
        found.update(range(first, last + 1))
    return sorted(found)


def years_in_words(years: Collection[int]) -> str:
    """The same the other way round: runs of years as ranges."""
    runs: list[list[int]] = []
    for year in sorted(set(years)):
        if runs and runs[-1][-1] == year - 1:
            runs[-1].append(year)
        else:
            runs.append([year])
    return "、".join(f"{run[0]}-{run[-1]}" if run[1:] else f"{run[0]}" for run in runs)


def make_up_years(*, paid_years: Collection[int], first_year: int, this_year: int) -> list[int]:
    """Past years somebody could still pay for, the oldest first; policy decides how many."""
    return [year for year in range(first_year, this_year) if year not in paid_years]
