"""What may be paid for a year, what the government adds, and which years count.

Amounts are integer fen. Grades and subsidies come from bulletins in force; nothing here knows one.
Sources: 国发〔2014〕8号 §3 (grades), §4 (subsidies), §6 (years).
"""

from collections.abc import Collection, Iterable, Iterator
from enum import StrEnum

from node.accounts.sources import Source
from node.core.errors import Invalid
from node.core.money import yuan
from node.policy.bodies import GradeSubsidy
from node.registry.rules import short_yuan


class Method(StrEnum):
    """How a contribution came in."""

    BANK = "bank"
    COUNTER = "counter"
    COORDINATOR = "coordinator"
    COLLECTIVE = "collective"


def payment_problems(
    fen: int, *, grade_fen: int, year: int, paid_years: Collection[int], field: str = "fen"
) -> Iterator[Invalid]:
    """A payment is the whole grade, for a year not paid before."""
    if fen != grade_fen:
        yield Invalid(f"实缴 {yuan(fen)} 元与档次 {yuan(grade_fen)} 元不符", field=field)
    if year in paid_years:
        yield Invalid(f"{year} 年度已经缴费，同一年度不能重复缴费", field="year")


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
        raise Invalid(f"补贴标准中没有 {short_yuan(grade_fen)} 元档", field="grade")
    shares = {
        Source.SUBSIDY_PROVINCE: line.province_fen,
        Source.SUBSIDY_CITY: line.city_fen,
        Source.SUBSIDY_COUNTY: line.county_fen,
    }
    return {source: fen for source, fen in shares.items() if fen}


def count_paid_years(years: Iterable[int]) -> int:
    """Paid years (缴费年限): each calendar year once, however it was paid, also on behalf."""
    return len(set(years))


def make_up_years(*, paid_years: Collection[int], first_year: int, this_year: int) -> list[int]:
    """Past years somebody could still pay for, the oldest first; policy decides how many."""
    return [year for year in range(first_year, this_year) if year not in paid_years]
