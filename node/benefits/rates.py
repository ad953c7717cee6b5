"""What each month comes to (待遇标准): set when a pension is determined, and again when a bulletin
or an age changes it. Whole counties are changed by three statements a month.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from node.accounts.serials import own_county, serial
from node.benefits import rates_sql as sql
from node.benefits.models import RateChange
from node.benefits.rate_records import bring_up_to_date, publish_changed_rates, rates
from node.benefits.rules import Segment, months_between, months_from, next_month
from node.benefits.terms import Standards, standards_of_months
from node.core.db import BATCH_ROWS, MANY_ROWS, tell_planner
from node.core.errors import Invalid
from node.core.work import UnitOfWork
from node.core.working_table import working_table

VERSION = "benefit_rate"
LONGEST_MONTHS = 240
"""A bulletin that reaches further back than twenty years is a slip of the pen."""


def keep_rates(uow: UnitOfWork, segments: Mapping[str, tuple[str, Sequence[Segment]]]) -> None:
    """The first rates of new pensions: village and segments by entitlement."""
    version = serial(uow, VERSION)
    rows = [
        _row(uow, entitlement, village, version, segment)
        for entitlement, (village, found) in segments.items()
        for segment in found
    ]
    for start in range(0, len(rows), BATCH_ROWS):
        uow.connection.execute(rates.insert(), rows[start : start + BATCH_ROWS])
    publish_changed_rates(uow, version, this_month=None)


def _row(
    uow: UnitOfWork, entitlement: str, village: str, version: int, segment: Segment
) -> dict[str, Any]:
    parts = segment.components
    return {
        "county_code": str(uow.node),
        "entitlement_id": entitlement,
        "version": version,
        "from_month": segment.from_month,
        "to_month": segment.to_month,
        "village": village,
        "base_fen": parts.base,
        "city_fen": parts.city,
        "county_fen": parts.county,
        "years_fen": parts.years_supplement,
        "age_fen": parts.age_supplement,
        "account_fen": parts.account,
        "fen": parts.total,
        "superseded_by": None,
        "changed_in": version,
    }


@dataclass(frozen=True, slots=True)
class Changed:
    """A re-determination: its number, how many pensions it changed, and what it adds for months
    that were run already, in fen (negative: what was overpaid).
    """

    version: int
    people: int
    arrears_fen: int = 0


def redetermine(
    uow: UnitOfWork, *, from_month: date, through_month: date, reason: str
) -> Changed | None:
    """Bring every pension to the standards in force from a month on; None when nothing changes.

    Months that were run already are owed the difference: the next run pays it, line by line
    (补发), or shows what was overpaid. Done again, it finds nothing.

    Raises:
        Forbidden: this node is no county.
        Invalid: a bulletin that is needed has not reached this node, or the months are too many.
    """
    county = str(own_county(uow))
    months = list(months_from(from_month, next_month(through_month)))
    if not 1 <= len(months) <= LONGEST_MONTHS:
        raise Invalid(
            "调整期间须为 1 至 {most} 个月",
            field="from_month",
            most=LONGEST_MONTHS,
        )
    version = serial(uow, VERSION)
    with working_table(uow.connection, sql.found):
        people, arrears = _change_rates(uow, county, version, months)
        if people:
            bring_up_to_date(uow, county, changed=sql.CHANGED, this_month=months[-1])
            publish_changed_rates(uow, version, this_month=months[-1])
    if not people:
        return None
    uow.session.add(
        RateChange(
            county_code=county,
            version=version,
            from_month=months[0],
            through_month=months[-1],
            reason=reason,
            people=people,
            arrears_fen=arrears,
            made_by=uow.actor.id,
            made_by_name=uow.actor.name,
            made_at=uow.now,
        )
    )
    return Changed(version, people, arrears)


def _change_rates(
    uow: UnitOfWork, county: str, version: int, months: Sequence[date]
) -> tuple[int, int]:
    """Change the rates month by month: how many pensions, and what months run already are owed."""
    held = standards_of_months(uow, months[0], months[-1])
    arrears = 0
    before: Standards | None = None
    for month in months:
        standards = held[month]
        found = uow.connection.execute(
            sql.find(standards, month, after=before), _given(county, month, standards)
        ).rowcount
        before = standards
        if found:
            if found >= MANY_ROWS:
                tell_planner(uow.connection, sql.found)
            arrears += _put_in_place(uow, county, version, month)
    return int(uow.connection.execute(sql.COUNT).scalar_one()), arrears


def _given(county: str, month: date, standards: Standards) -> dict[str, Any]:
    terms = standards.terms
    return {
        "county": county,
        "month": month,
        "base": terms.base_fen,
        "city": terms.city_fen,
        "county_adds": terms.county_fen,
        "threshold": terms.years_threshold,
        "per_year": terms.per_year_fen,
    }


def _put_in_place(uow: UnitOfWork, county: str, version: int, month: date) -> int:
    """Let the rates that were found stand from a month on; what they add to months run already."""
    key = {"county": county, "version": version, "month": month}
    uow.connection.execute(sql.ADD, key)
    uow.connection.execute(sql.SUPERSEDE, key)
    uow.connection.execute(sql.CUT, {**key, "before": (month - timedelta(days=1)).replace(day=1)})
    more = uow.connection.execute(sql.MORE, {"month": month})
    return sum(
        int(fen) * months_between(month, _run_until(to_month, owed_from))
        for to_month, owed_from, fen in more
    )


def _run_until(to_month: date | None, owed_from: date) -> date:
    """The first month that was not run yet, or that a rate no longer reaches."""
    return owed_from if to_month is None else min(owed_from, next_month(to_month))
