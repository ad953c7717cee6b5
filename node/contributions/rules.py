"""What may be paid for a year, what the government adds, and which years count.

Amounts are integer fen. Grades and subsidies come from bulletins in force; nothing here knows one.
Sources: 国发〔2014〕8号 §3 (grades), §4 (subsidies), §6 (years).
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from node.accounts.sources import Source
from node.core.errors import Invalid
from node.core.money import yuan
from node.registry.rules import short_yuan


class Method(StrEnum):
    """How a contribution came in."""

    BANK = "bank"
    COUNTER = "counter"
    COORDINATOR = "coordinator"
    COLLECTIVE = "collective"


@dataclass(frozen=True, slots=True)
class SubsidyLine:
    """One grade of a subsidy bulletin and what each tier pays of it; the parts are the amount."""

    grade_fen: int
    fen: int
    province_fen: int
    city_fen: int
    county_fen: int

    def by_source(self) -> dict[Source, int]:
        """The parts that are posted; a tier that pays nothing gets no line."""
        parts = {
            Source.SUBSIDY_PROVINCE: self.province_fen,
            Source.SUBSIDY_CITY: self.city_fen,
            Source.SUBSIDY_COUNTY: self.county_fen,
        }
        return {source: fen for source, fen in parts.items() if fen}


def payment_problems(
    fen: int, *, grade_fen: int, year: int, paid_years: Collection[int], field: str = "fen"
) -> Iterator[Invalid]:
    """A payment is the whole grade, for a year not paid before."""
    if fen != grade_fen:
        yield Invalid(f"实缴 {yuan(fen)} 元与档次 {yuan(grade_fen)} 元不符", field=field)
    if year in paid_years:
        yield Invalid(f"{year} 年度已经缴费，同一年度不能重复缴费", field="year")


def subsidy_line_problems(line: SubsidyLine, *, field: str = "lines") -> Iterator[Invalid]:
    """The shares of province, city and county are the amount, to the fen, and none is negative."""
    parts = (line.province_fen, line.city_fen, line.county_fen)
    if min(parts) < 0:
        yield Invalid(f"{short_yuan(line.grade_fen)} 元档的分担金额不能为负数", field=field)
    if sum(parts) != line.fen:
        yield Invalid(
            f"{short_yuan(line.grade_fen)} 元档省、市、县分担合计 {yuan(sum(parts))} 元，"
            f"与补贴标准 {yuan(line.fen)} 元不符",
            field=field,
        )


def subsidy(
    grade_fen: int, *, lines: Iterable[SubsidyLine], make_up: bool = False
) -> dict[Source, int]:
    """The subsidy (缴费补贴) of one paid year by source; years made up (补缴) get none.

    Raises:
        Invalid: the bulletin has no line for the grade, or its parts are not the amount.
    """
    if make_up:
        return {}
    for line in lines:
        if line.grade_fen == grade_fen:
            for problem in subsidy_line_problems(line):
                raise problem
            return line.by_source()
    raise Invalid(f"补贴标准中没有 {short_yuan(grade_fen)} 元档", field="grade")


def count_paid_years(years: Iterable[int]) -> int:
    """Paid years (缴费年限): each calendar year once, however it was paid, also on behalf."""
    return len(set(years))


def make_up_years(*, paid_years: Collection[int], first_year: int, this_year: int) -> list[int]:
    """Past years somebody could still pay for, the oldest first; policy decides how many."""
    return [year for year in range(first_year, this_year) if year not in paid_years]
