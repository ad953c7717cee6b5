"""Between the residents' and the employees' scheme (城乡养老保险制度衔接): who may, what counts,
what goes back. Pure; amounts are integer fen.

Source: 人社部发〔2014〕17号 城乡养老保险制度衔接暂行办法 §3 (条件), §5 (转入职工), §6 (转入居民),
§7 (重复缴费), §8 (重复领取). How many months the employees' scheme asks for is not known here.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from node.accounts.rules import MONTHS
from node.accounts.sources import GOVERNMENT_SUBSIDIES, Source, in_official_order
from node.core.errors import Invalid
from node.core.titled import TitledEnum

REFUNDED = (Source.INDIVIDUAL, Source.COLLECTIVE)
"""重复缴费退还本人的 (§7): what the person and the collective paid, not what governments added."""


class Way(TitledEnum):
    """Which way somebody crosses between the schemes."""

    TO_EMPLOYEES = "to_employees", "转入城镇职工基本养老保险"
    FROM_EMPLOYEES = "from_employees", "由城镇职工基本养老保险转入"


def crossing_problems(
    way: Way, *, employee_months: int, required_months: int, is_of_age: bool, draws: bool
) -> Iterator[Invalid]:
    """What keeps somebody from crossing (§3, §4): the age, the months, a pension drawn already.

    `is_of_age`: the retirement age of the employees' scheme is reached; `required_months` is what
    that scheme asks for (15 years, extended payment included).
    """
    if draws:
        yield Invalid("已经领取待遇的，不办理制度衔接", field="citizen_number")
    if not is_of_age:
        message = "达到城镇职工养老保险法定退休年龄后才能办理制度衔接"
        yield Invalid(message, field="is_of_age")
    enough = employee_months >= required_months
    years = required_months // MONTHS
    if way is Way.TO_EMPLOYEES and not enough:
        message = "职工养老保险缴费不满 {years} 年，可以转入城乡居民养老保险"
        yield Invalid(message, field="employee_months", years=years)
    if way is Way.FROM_EMPLOYEES and enough:
        message = "职工养老保险缴费满 {years} 年，应按职工养老保险领取"
        yield Invalid(message, field="employee_months", years=years)


@dataclass(frozen=True, slots=True)
class Counted:
    """缴费年限 after the years of both schemes are put together: every month once."""

    months: int
    overlap: Mapping[int, int]

    @property
    def years(self) -> int:
        """Whole years; the months left over are `months` modulo twelve."""
        return self.months // MONTHS


def counted(resident_years: Collection[int], employee_months: Mapping[int, int]) -> Counted:
    """Years of the residents' scheme with the months of the employees' added (§6), each month once:
    in a year of both, the months of the employees' scheme take the residents' place (§7).

    Raises:
        Invalid: a year is said to have more than twelve months, or fewer than none.
    """
    _check_months(employee_months)
    alone = sum(n for year, n in employee_months.items() if year not in set(resident_years))
    overlap = {
        year: employee_months[year]
        for year in sorted(set(resident_years))
        if employee_months.get(year)
    }
    return Counted(len(set(resident_years)) * MONTHS + alone, overlap)


EMPLOYEES_MONTHS = 15 * MONTHS
LATER_FROM, LATER_STEP, LATER_MOST = 2029, 6, 20 * MONTHS


def required_months(year: int) -> int:
    """Months of contributions a pension of the employees' scheme takes in a year: 15 years, from
    2030 on half a year more each year up to 20 (社会保险法 §16; 全国人民代表大会常务委员会关于实施
    渐进式延迟法定退休年龄的决定, 2024-09-13, 二).
    """
    more = LATER_STEP * max(0, year - LATER_FROM)
    return min(LATER_MOST, EMPLOYEES_MONTHS + more)


def years_added(resident_years: Collection[int], employee_months: Mapping[int, int]) -> list[int]:
    """Which calendar years the months of the employees' scheme are kept as, the earliest first.

    As many as whole years are gained; those with the most months, the earlier of equal ones (约定).

    Raises:
        Invalid: as `counted`.
    """
    gained = counted(resident_years, employee_months).years - len(set(resident_years))
    alone = [year for year, n in employee_months.items() if n and year not in set(resident_years)]
    ranked = sorted(alone, key=lambda year: (-employee_months[year], year))
    return sorted(ranked[:gained])


def overlap_refund(
    paid: Mapping[int, Mapping[Source, int]], employee_months: Mapping[int, int]
) -> dict[int, dict[Source, int]]:
    """What goes back to the person for years paid twice (§7), by year and source.

    Of the yearly principal the part of the months paid in both schemes, rounded half up to the fen
    for each source (约定); its interest stays with the account, and so do subsidies.

    Raises:
        Invalid: as `counted`.
    """
    _check_months(employee_months)
    found: dict[int, dict[Source, int]] = {}
    for year, parts in sorted(paid.items()):
        months = employee_months.get(year, 0)
        back = {
            source: (2 * parts[source] * months + MONTHS) // (2 * MONTHS)
            for source in REFUNDED
            if parts.get(source)
        }
        if any(back.values()):
            found[year] = {source: fen for source, fen in back.items() if fen}
    return found


@dataclass(frozen=True, slots=True)
class DoubleBenefit:
    """How the residents' membership of somebody who draws both pensions ends (§8), in fen."""

    refund_gross: int
    to_fund: int
    set_off: int
    paid: int
    claim_left: int


def double_benefit(balance: Mapping[Source, int], *, base_received_fen: int) -> DoubleBenefit:
    """Two pensions for the same months (重复领取): the residents' one ends.

    All but government subsidies goes back to the person; the base pension received meanwhile is
    owed and set off first; what is left of it is kept from the employees' pension.
    """
    subsidies = sum(balance.get(source, 0) for source in GOVERNMENT_SUBSIDIES)
    gross = sum(balance.values()) - subsidies
    set_off = min(gross, base_received_fen)
    return DoubleBenefit(gross, subsidies, set_off, gross - set_off, base_received_fen - set_off)


def moved(
    balance: Mapping[Source, int], refund: Mapping[int, Mapping[Source, int]]
) -> dict[Source, int]:
    """What goes along to the other scheme (§5): the whole account, less what goes back.

    Raises:
        Invalid: more would go back than a source holds.
    """
    back: dict[Source, int] = {}
    for parts in refund.values():
        for source, fen in parts.items():
            back[source] = back.get(source, 0) + fen
    if any(fen > balance.get(source, 0) for source, fen in back.items()):
        raise Invalid("个人账户余额不足以退还重复缴费，请先核对", field="employee_months")
    left = {source: balance[source] - back.get(source, 0) for source in in_official_order(balance)}
    return {source: fen for source, fen in left.items() if fen}


def _check_months(employee_months: Mapping[int, int]) -> None:
    for year, months in employee_months.items():
        if not 0 <= months <= MONTHS:
            message = "{year} 年的月数应为 0 至 12"
            raise Invalid(message, field="employee_months", year=year)
