"""The standards in force for a pension, resolved from the bulletins this node holds.

Conditions no bulletin kind sets yet stand here, with their source.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

from node.benefits.rules import (
    PENSION_AGE,
    REQUIRED_YEARS,
    AgeBand,
    BenefitTerms,
    months_from,
    next_month,
    required_years,
)
from node.core.work import UnitOfWork
from node.policy import service as policy
from node.policy.benefit_bodies import AgeSupplement, YearsSupplement
from node.policy.bodies import BasePension, PayoutDivisor
from node.policy.body import Body
from node.policy.service import InForce
from tiers import Level, RegionCode

B = TypeVar("B", bound=Body)

SCHEME_BEGAN = date(2012, 7, 1)
"""Henan: the merged scheme reached everybody in July 2012 (豫政 2012, 制度全覆盖)."""


@dataclass(frozen=True, slots=True)
class Standards:
    """The terms of a month and the documents behind them, by component."""

    terms: BenefitTerms
    references: Mapping[str, str]


def standards(uow: UnitOfWork, on: date) -> Standards:
    """What holds in this county on a day.

    Raises:
        Invalid: a bulletin that is needed has not reached this node.
    """
    county = uow.node.county or uow.node
    base = policy.required(uow, BasePension, county, on)
    divisor = policy.required(uow, PayoutDivisor, county, on)
    years = _optional(uow, YearsSupplement, county, on)
    ages = _optional(uow, AgeSupplement, county, on)
    more = {
        RegionCode(each.bulletin.region).level: each
        for each in policy.added(uow, BasePension, county, on)
    }
    terms = BenefitTerms(
        base_fen=base.body.monthly_fen,
        years_threshold=years.body.threshold_years if years else REQUIRED_YEARS,
        per_year_fen=years.body.per_year_fen if years else 0,
        age_supplement=tuple(AgeBand(b.from_age, b.fen) for b in ages.body.bands) if ages else (),
        divisor_months=divisor.body.divisor_months,
        city_fen=more[Level.CITY].body.monthly_fen if Level.CITY in more else 0,
        county_fen=more[Level.COUNTY].body.monthly_fen if Level.COUNTY in more else 0,
    )
    named: dict[str, InForce[Any] | None] = {
        "base": base,
        "account": divisor,
        "years_supplement": years,
        "age_supplement": ages,
        "city": more.get(Level.CITY),
        "county": more.get(Level.COUNTY),
    }
    return Standards(terms, {part: f.bulletin.number for part, f in named.items() if f is not None})


def _optional(uow: UnitOfWork, body: type[B], county: RegionCode, on: date) -> InForce[B] | None:
    """What a bulletin that need not exist says; without one nothing is added."""
    found = policy.in_force(uow, body.kind, county, on)
    if found is None or not isinstance(found.body, body):
        return None
    return InForce(found.bulletin, found.body)


def standards_of_months(uow: UnitOfWork, first: date, last: date) -> dict[date, Standards]:
    """The standards of each month, as they hold on its first day.

    Raises:
        Invalid: a bulletin that is needed has not reached this node.
    """
    return {month: standards(uow, month) for month in months_from(first, next_month(last))}


def years_needed(born_on: date) -> int:
    """Years somebody must have paid, the transitional rule included."""
    return required_years(
        born_on, scheme_began=SCHEME_BEGAN, pension_age=PENSION_AGE, years=REQUIRED_YEARS
    )
