"""The standards in force for a pension, resolved from the bulletins this node holds.

Conditions no bulletin kind sets yet stand here, with their source.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from node.benefits.rules import PENSION_AGE, REQUIRED_YEARS, BenefitTerms, required_years
from node.core.work import UnitOfWork
from node.policy import service as policy
from node.policy.bodies import BasePension, PayoutDivisor

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
    terms = BenefitTerms(
        base_fen=base.body.monthly_fen,
        years_threshold=REQUIRED_YEARS,
        per_year_fen=0,
        age_supplement=(),
        divisor_months=divisor.body.divisor_months,
    )
    return Standards(terms, {"base": base.bulletin.number, "account": divisor.bulletin.number})


def years_needed(born_on: date) -> int:
    """Years somebody must have paid, the transitional rule included."""
    return required_years(
        born_on, scheme_began=SCHEME_BEGAN, pension_age=PENSION_AGE, years=REQUIRED_YEARS
    )
