"""The lines behind a figure of a village, as queries: the same conditions as `cells`, not summed.

Every query has the same columns (`COLUMNS`); `amount` is what a line adds to the figure.
"""

from calendar import monthrange
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, and_, extract, func, literal, null, or_, select

from node.accounts.models import Account
from node.benefits.models import Entitlement
from node.statistics.cells import (
    INTEREST,
    PAID,
    SUBSIDIES,
    contribution,
    enrolment,
    posting,
    rate,
)
from node.statistics.rules import MONTHS, Period
from node.statistics.shares import PAID_HERE
from tiers import RegionCode

COLUMNS = (
    "kind",
    "id",
    "person_id",
    "account_no",
    "entry_no",
    "line_no",
    "day",
    "amount",
    "what",
    "source",
)

account: Table = Account.__table__  # type: ignore[attr-defined]
entitlement: Table = Entitlement.__table__  # type: ignore[attr-defined]

ANYWHERE = literal(value=True)


def people(measure: str, village: RegionCode, period: Period) -> Select[Any]:
    """The enrolments behind a number of people."""
    day = "closed_on" if measure == "left" else "opened_on"
    columns = _columns(
        kind=literal("enrolment"),
        id=enrolment.c.id,
        person_id=enrolment.c.person_id,
        day=enrolment.c[day],
        amount=literal(1),
    )
    end, closed = _end(period), enrolment.c.closed_on
    standing = (enrolment.c.opened_on <= end) & (closed.is_(None) | (closed > end))
    begins = date(period.year, period.month or 1, 1)
    condition = standing if measure == "enrolled" else enrolment.c[day].between(begins, end)
    return select(*columns).where(_here(enrolment, village), condition)


def _end(period: Period) -> date:
    """The last day of a period."""
    _first, days = monthrange(period.year, period.last_month)
    return date(period.year, period.last_month, days)


def accounts_of(village: RegionCode) -> ColumnElement[bool]:
    """Postings of the accounts that belong here now: found by index, and nearly always all."""
    mine = select(account.c.account_no).where(
        account.c.county_code == str(village.county), account.c.village == str(village)
    )
    return posting.c.account_no.in_(mine)


def _here(table: Table, village: RegionCode) -> ColumnElement[bool]:
    return (table.c.county_code == str(village.county)) & (table.c.village == str(village))


def _columns(**given: ColumnElement[Any]) -> list[ColumnElement[Any]]:
    """The columns every statement has, in one order."""
    return [given.get(name, null()).label(name) for name in COLUMNS]


def payers(village: RegionCode, period: Period, narrow: ColumnElement[bool]) -> Select[Any]:
    """As `cells` counts them: once for a year, where and when the first payment came."""
    standing = (contribution.c.county_code == str(village.county)) & (
        (contribution.c.for_year == period.year) & PAID_HERE
    )
    mine = select(contribution.c.person_id).where(standing, contribution.c.village == str(village))
    theirs = standing & contribution.c.person_id.in_(mine) & narrow
    first = (
        select(
            contribution.c.person_id,
            func.min(contribution.c.village).label("village"),
            func.min(contribution.c.paid_on).label("day"),
            func.min(contribution.c.account_no).label("account_no"),
            func.min(contribution.c.entry_no).label("entry_no"),
        )
        .where(theirs)
        .group_by(contribution.c.person_id)
        .subquery()
    )
    lines = (
        select(
            contribution.c.person_id,
            contribution.c.entry_no,
            func.min(contribution.c.line_no).label("line_no"),
        )
        .where(theirs)
        .group_by(contribution.c.person_id, contribution.c.entry_no)
        .subquery()
    )
    same = (lines.c.person_id == first.c.person_id) & (lines.c.entry_no == first.c.entry_no)
    columns = _columns(
        kind=literal("posting"),
        id=first.c.person_id,
        person_id=first.c.person_id,
        account_no=first.c.account_no,
        entry_no=first.c.entry_no,
        line_no=lines.c.line_no,
        day=first.c.day,
        amount=literal(1),
        what=literal("contribution"),
    )
    here = (first.c.village == str(village)) & _paid_in(first.c.day, period)
    return select(*columns).select_from(first.join(lines, same)).where(here)


def payments_of(village: RegionCode, period: Period) -> ColumnElement[bool]:
    """Payments into accounts that were paid into here: by index, nearly always all."""
    mine = select(contribution.c.account_no).where(
        _here(contribution, village), contribution.c.for_year == period.year
    )
    return contribution.c.account_no.in_(mine)


def _paid_in(day: ColumnElement[Any], period: Period) -> ColumnElement[bool]:
    """Paid before its year counts in January, after it in December."""
    if not period.month:
        return literal(value=True)
    year = extract("year", day)
    same = and_(year == period.year, extract("month", day) == period.month)
    early = year < period.year if period.month == 1 else literal(value=False)
    late = year > period.year if period.month == MONTHS else literal(value=False)
    return or_(same, early, late)


def pensions_of(village: RegionCode) -> ColumnElement[bool]:
    """Rates of pensions that belong here now: found by index, and nearly always all there are."""
    mine = select(entitlement.c.id).where(_here(entitlement, village))
    return rate.c.entitlement_id.in_(mine)


def pensions(
    measure: str, village: RegionCode, period: Period, narrow: ColumnElement[bool]
) -> Select[Any]:
    """The pensions that stand in the last month of a period."""
    month = date(period.year, period.last_month, 1)
    same = (entitlement.c.county_code == rate.c.county_code) & (
        entitlement.c.id == rate.c.entitlement_id
    )
    columns = _columns(
        kind=literal("entitlement"),
        id=rate.c.entitlement_id,
        person_id=entitlement.c.person_id,
        account_no=entitlement.c.account_no,
        day=rate.c.from_month,
        amount=rate.c.fen if measure == "monthly_fen" else literal(1),
    )
    return (
        select(*columns)
        .select_from(rate.outerjoin(entitlement, same))
        .where(
            _here(rate, village),
            narrow,
            rate.c.superseded_by.is_(None),
            rate.c.from_month <= month,
            or_(rate.c.to_month.is_(None), rate.c.to_month >= month),
        )
    )


_POSTINGS: Mapping[str, ColumnElement[bool]] = {
    "contributions_fen": posting.c.kind.in_(PAID) & (posting.c.source == "individual"),
    "subsidies_fen": (posting.c.kind == "subsidy") & posting.c.source.in_(SUBSIDIES),
    "interest_fen": posting.c.kind.in_(INTEREST),
}


def postings(
    measure: str, village: RegionCode, period: Period, narrow: ColumnElement[bool]
) -> Select[Any]:
    """The postings of a period behind an amount."""
    year = posting.c.year == period.year
    own = year & (posting.c.month == period.month) if period.month else year
    return _posted(_here(posting, village) & _POSTINGS[measure] & own & narrow)


def first_year(village: RegionCode) -> Select[Any]:
    """The first year a county has postings of; one look into the index."""
    return select(func.min(posting.c.year)).where(posting.c.county_code == str(village.county))


def postings_of_account(
    village: RegionCode, period: Period, years: Sequence[int], account_no: int
) -> Select[Any]:
    """Every posting of an account of a village, wherever it came in, until the end of a period.

    `years` are those with postings (from `first_year` on).
    """
    mine = (posting.c.county_code == str(village.county)) & accounts_of(village)
    return _posted(mine & _until(period, years) & (posting.c.account_no == account_no))


def _posted(condition: ColumnElement[bool]) -> Select[Any]:
    columns = _columns(
        kind=literal("posting"),
        account_no=posting.c.account_no,
        entry_no=posting.c.entry_no,
        line_no=posting.c.line_no,
        day=posting.c.business_date,
        amount=posting.c.fen,
        what=posting.c.kind,
        source=posting.c.source,
    )
    return select(*columns).where(condition)


def _until(period: Period, years: Sequence[int]) -> ColumnElement[bool]:
    """Years are listed as well as compared: the index of postings names the year before the
    account, and is of use to a few accounts only year by year.
    """
    return posting.c.year.in_(years) & or_(
        posting.c.year < period.year,
        and_(posting.c.year == period.year, posting.c.month <= period.last_month),
    )


def balances(village: RegionCode, period: Period, years: Sequence[int]) -> Select[Any]:
    """What each account that belongs here now held at the end of a period."""
    columns = _columns(
        kind=literal("account"),
        account_no=posting.c.account_no,
        day=func.max(posting.c.business_date),
        amount=func.sum(posting.c.fen),
    )
    return (
        select(*columns)
        .where(
            posting.c.county_code == str(village.county),
            accounts_of(village),
            _until(period, years),
        )
        .group_by(posting.c.account_no)
        .having(func.sum(posting.c.fen) != 0)
    )
