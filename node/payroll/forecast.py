"""Twelve months ahead (资金需求预测): a county's pensioners and those who turn 60, grouped by
statements over entitlements and accounts, carried through `forecast_rules`, kept and told.

What is not foreseen: suspensions and resumptions, arrears, interest of accounts, years that people
make up. The comparison with what happened shows what that comes to.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

from sqlalchemy import Date, Integer, String, select, text
from sqlalchemy import bindparam as bind

from node.accounts.balances import balances
from node.accounts.serials import own_county
from node.benefits.claimants import Claimant, claimants, enrolments, people
from node.benefits.records import entitlements
from node.benefits.rules import PENSION_AGE, account_pension, next_month
from node.benefits.terms import standards_of_months
from node.core.db import upsert
from node.core.errors import Invalid
from node.core.work import UnitOfWork
from node.payroll.forecast_records import publish_forecast
from node.payroll.forecast_rules import (
    ForecastMonth,
    Group,
    MonthTerms,
    Mortality,
    forecast,
    months_ahead,
)
from node.payroll.rules import Shares
from node.payroll.tables import forecasts
from node.policy import service as policy
from node.policy.benefit_bodies import FundingShares, FuneralGrant

SEXES = {"男": "male", "女": "female"}
MORTALITY_SOURCE = (
    "中国人身保险业经验生命表（2010—2013）非养老类业务一表，保监发〔2016〕107号；"
    "表中数值未与原文逐格核对，正式使用前须由省级核对或换用本省的生命表"
)
"""Said beside the figures, with what is not known about them."""


@cache
def mortality() -> Mortality:
    """The table that ships with the program, by sex and age."""
    content = files("node.payroll").joinpath("data/mortality.csv").read_text(encoding="utf-8")
    lines = [line.split(",") for line in content.splitlines() if not line.startswith("#")]
    ages = {int(age): (int(male), int(female)) for age, male, female in lines[1:]}
    return {
        "male": {age: male for age, (male, _) in ages.items()},
        "female": {age: female for age, (_, female) in ages.items()},
    }


# Months are counted from the year 0, so that both databases can take one from another.
def _counted(column: str) -> str:
    words = f"CAST({column} AS TEXT)"
    year, month = f"substr({words}, 1, 4)", f"substr({words}, 6, 2)"
    return f"(CAST({year} AS INTEGER) * 12 + CAST({month} AS INTEGER) - 1)"


_DRAWN = f"(:now - {_counted('e.due_from')})"
_LEFT = f"(e.balance_fen - e.account_fen * {_DRAWN})"
_DRY = f"({_counted('e.due_from')} + e.divisor_months)"

_GROUPS = text(f"""
    SELECT p.sex, {_counted("p.born_on")} AS born,
        CASE WHEN {_DRY} > :last THEN 0 WHEN {_DRY} < :now THEN :now ELSE {_DRY} END AS dry,
        count(*) AS people,
        CAST(sum(CASE WHEN e.paid_years > :threshold THEN e.paid_years - :threshold ELSE 0 END)
            AS BIGINT) AS years_over,
        CAST(sum(e.account_fen) AS BIGINT) AS account_fen,
        CAST(sum(CASE WHEN {_LEFT} > 0 THEN {_LEFT} ELSE 0 END) AS BIGINT) AS balance_fen
    FROM entitlement e
    JOIN person p ON p.county_code = e.county_code AND p.id = e.person_id
    WHERE e.county_code = :county AND e.state = 'in_force'
        AND (e.last_month IS NULL OR e.last_month >= :month) AND e.due_from <= :month
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
""").bindparams(
    bind("now", type_=Integer()),
    bind("last", type_=Integer()),
    bind("threshold", type_=Integer()),
    bind("county", type_=String()),
    bind("month", type_=Date()),
)


def keep_forecast(uow: UnitOfWork, made_for: date) -> list[ForecastMonth]:
    """Foresee the twelve months after one, keep and tell it; again for the same month replaces it.
    Where a bulletin it needs is missing nothing is foreseen.

    Raises:
        Forbidden: this node is no county.
    """
    county = str(own_county(uow))
    try:
        found = foresee(uow, next_month(made_for))
    except (Invalid, KeyError):  # no standards, or a part without shares
        return []
    rows = [
        {
            "county_code": county,
            "made_for": made_for,
            "month": each.month,
            "people": each.people,
            "beginning": each.beginning,
            "deaths": each.deaths,
            "fen": each.fen,
            "parts": dict(each.parts),
            "payers": dict(each.payers),
            "made_at": uow.now,
        }
        for each in found
    ]
    upsert(uow.connection, forecasts, rows)
    publish_forecast(uow, rows)
    return found


def foresee(uow: UnitOfWork, first: date) -> list[ForecastMonth]:
    """Twelve months of this county from one on.

    Raises:
        Forbidden: this node is no county.
        Invalid: a bulletin is missing.
        KeyError: the bulletin about shares lacks a part.
    """
    own_county(uow)
    months = months_ahead(first)
    held = standards_of_months(uow, months[0], months[-1])
    terms = {month: _terms(uow, month, held[month].terms) for month in months}
    thresholds = sorted({each.terms.years_threshold for each in terms.values()})
    groups = [
        *_drawing(uow, months, thresholds),
        *_beginning(uow, months, thresholds, divisor=held[first].terms.divisor_months),
    ]
    return forecast(groups, terms, mortality())


def _terms(uow: UnitOfWork, month: date, terms: Any) -> MonthTerms:
    body = policy.required(uow, FundingShares, uow.node, month).body
    shares = {
        each.part.value: Shares(each.central_ppm, each.province_ppm, each.city_ppm, each.county_ppm)
        for each in body.shares
    }
    grant = policy.in_force(uow, FuneralGrant.kind, uow.node, month)
    months = grant.body.months_of_base if grant and isinstance(grant.body, FuneralGrant) else 0
    return MonthTerms(terms, shares, months if "funeral" in shares else 0)


def _number(month: date) -> int:
    return month.year * 12 + month.month - 1


def _month(number: int) -> date:
    return date(number // 12, number % 12 + 1, 1)


def _drawing(uow: UnitOfWork, months: Sequence[date], thresholds: Sequence[int]) -> Iterator[Group]:
    """Those who draw now, alike by sex, month of birth and the month their accounts run dry."""
    found: dict[tuple[str, int, int], dict[int, Any]] = {}
    for threshold in thresholds:
        given = {
            "county": str(uow.node),
            "month": months[0],
            "now": _number(months[0]),
            "last": _number(months[-1]),
            "threshold": threshold,
        }
        for row in uow.connection.execute(_GROUPS, given):
            found.setdefault((row.sex, row.born, row.dry), {})[threshold] = row
    for (sex, born, dry), rows in found.items():
        row = rows[thresholds[0]]
        yield Group(
            sex=SEXES.get(sex, sex),
            born=_month(int(born)),
            people=row.people,
            years_over={each: rows[each].years_over for each in thresholds},
            account_fen=row.account_fen,
            balance_fen=row.balance_fen,
            runs_dry=_month(int(dry)) if dry else None,
        )


def _beginning(
    uow: UnitOfWork, months: Sequence[date], thresholds: Sequence[int], *, divisor: int
) -> Iterator[Group]:
    """Those who may draw within the months: whoever turns 60 and has paid the years, and whoever
    could claim already, from the first month on.
    """
    sexes = _turning_60(uow, months[-1])
    known = claimants(uow, list(sexes))
    ready = {who: each for who, each in known.items() if _is_ready(each, months[-1])}
    numbers = [each.account_no for each in ready.values() if each.account_no is not None]
    held = balances(uow, numbers)
    for who, each in ready.items():
        balance = held.get(each.account_no, {}) if each.account_no is not None else {}
        due = each.due_from or months[0]
        yield Group(
            sex=SEXES.get(sexes[who], sexes[who]),
            born=each.born_on.replace(day=1),
            people=1,
            years_over={least: max(0, each.paid_years - least) for least in thresholds},
            account_fen=account_pension(balance, divisor_months=divisor),
            balance_fen=sum(balance.values()),
            begins=max(due, months[0]),
        )


def _is_ready(claimant: Claimant, last: date) -> bool:
    return claimant.due_from is not None and claimant.due_from <= last


def _turning_60(uow: UnitOfWork, last: date) -> Mapping[str, str]:
    """Sex by person of those enrolled who are 60 by a month and have no pension."""
    county = str(uow.node)
    born_by = date(last.year - PENSION_AGE, last.month, 1)
    found = select(people.c.id, people.c.sex).where(
        people.c.county_code == county,
        people.c.born_on < born_by,
        people.c.died_on.is_(None),
        people.c.id.in_(
            select(enrolments.c.person_id).where(
                enrolments.c.county_code == county, enrolments.c.closed_on.is_(None)
            )
        ),
        people.c.id.not_in(
            select(entitlements.c.person_id).where(entitlements.c.county_code == county)
        ),
    )
    return {row.id: row.sex for row in uow.connection.execute(found)}
