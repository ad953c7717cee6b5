"""The rates a county is scored from, counted on this node's replica: numerator and denominator.

The city counts from the county's facts and types over nothing (domain §11.4).
"""

from collections.abc import Callable, Mapping
from datetime import date

from sqlalchemy import Table, case, func, select

from node.benefits.models import Entitlement
from node.contributions.models import Contribution
from node.core.work import UnitOfWork
from node.payroll.models import RunReport
from node.policy.assessment_bodies import Indicator
from node.quality.models import QualityFinding, QualityScore
from node.registry.models import Enrolment
from node.statistics import figures
from node.statistics.rules import Period
from node.statistics.shares import PAID_HERE
from node.supervision.models import UsageDigest
from tiers import Level, RegionCode

HIGH_GRADE_FEN = 50_000
"""五百元: from here on a grade counts as high (domain §11.4)."""
PPM = 1_000_000

contribution: Table = Contribution.__table__  # type: ignore[attr-defined]
enrolment: Table = Enrolment.__table__  # type: ignore[attr-defined]
entitlement: Table = Entitlement.__table__  # type: ignore[attr-defined]
run: Table = RunReport.__table__  # type: ignore[attr-defined]
score: Table = QualityScore.__table__  # type: ignore[attr-defined]
finding: Table = QualityFinding.__table__  # type: ignore[attr-defined]
digest: Table = UsageDigest.__table__  # type: ignore[attr-defined]

Share = tuple[int, int]


def value(uow: UnitOfWork, indicator: Indicator, county: RegionCode, year: int) -> Share:
    """What an indicator comes to for a county and a year: part and whole; (0, 0) for nothing."""
    return _COUNTED[indicator](uow, county, year)


def _end(uow: UnitOfWork, year: int) -> date:
    """The end of the year, or today while it lasts."""
    return min(date(year, 12, 31), uow.today)


def _paying(uow: UnitOfWork, county: RegionCode, year: int) -> Share:
    whole = figures.whole(uow, county, Period(year))
    return whole["payers"], max(whole["enrolled"] - whole["drawing"], 0)


def _renewal(uow: UnitOfWork, county: RegionCode, year: int) -> Share:
    """Who paid the year before and still should pay, and of them who paid this year."""
    standing = (contribution.c.county_code == str(county)) & PAID_HERE
    end = _end(uow, year)
    before = select(contribution.c.person_id).where(standing, contribution.c.for_year == year - 1)
    paid = select(contribution.c.person_id).where(standing, contribution.c.for_year == year)
    drawing = select(entitlement.c.person_id).where(
        entitlement.c.county_code == str(county), entitlement.c.due_from <= end
    )
    due = (
        select(enrolment.c.person_id)
        .where(
            enrolment.c.county_code == str(county),
            enrolment.c.closed_on.is_(None) | (enrolment.c.closed_on > end),
            enrolment.c.person_id.in_(before),
            enrolment.c.person_id.not_in(drawing),
        )
        .distinct()
        .subquery()
    )
    again = func.sum(case((due.c.person_id.in_(paid), 1), else_=0))
    part, whole = uow.connection.execute(select(again, func.count()).select_from(due)).one()
    return int(part or 0), int(whole)


def _high_grade(uow: UnitOfWork, county: RegionCode, year: int) -> Share:
    grades = figures.shares(uow, county, Level.COUNTY, Period(year), ("payers", "grade"))
    mine = grades.get(county, {})
    high = sum(people for grade, people in mine.items() if grade and int(grade) >= HIGH_GRADE_FEN)
    return high, sum(mine.values())


def _runs(part: str, whole: str) -> Callable[[UnitOfWork, RegionCode, int], Share]:
    def counted(uow: UnitOfWork, county: RegionCode, year: int) -> Share:
        months = run.c.month.between(date(year, 1, 1), date(year, 12, 31))
        due = (run.c.county_code == str(county)) & months & (run.c.pay_day <= uow.today)
        sums = select(func.sum(run.c[part]), func.sum(run.c[whole])).where(due)
        found = uow.connection.execute(sums).one()
        return int(found[0] or 0), int(found[1] or 0)

    return counted


def _certified(uow: UnitOfWork, county: RegionCode, year: int) -> Share:
    end = _end(uow, year)
    mine = (entitlement.c.county_code == str(county)) & (entitlement.c.state == "in_force")
    valid = func.sum(case((entitlement.c.certified_until >= end, 1), else_=0))
    since = mine & (entitlement.c.due_from <= end)
    part, whole = uow.connection.execute(
        select(valid, func.count()).select_from(entitlement).where(since)
    ).one()
    return int(part or 0), int(whole)


def _quality(uow: UnitOfWork, county: RegionCode, year: int) -> Share:
    """The newest score of the year."""
    within = score.c.day.between(date(year, 1, 1), date(year, 12, 31))
    newest = select(score.c.score_ppm).where(score.c.county_code == str(county), within)
    found = uow.connection.scalar(newest.order_by(score.c.day.desc()).limit(1))
    return (0, 0) if found is None else (int(found), PPM)


def _findings(uow: UnitOfWork, county: RegionCode, year: int) -> Share:
    """Of what fell due in the year, what was gone by its day."""
    within = finding.c.due_on.between(date(year, 1, 1), _end(uow, year))
    rows = uow.connection.execute(
        select(finding.c.due_on, finding.c.gone_at).where(
            finding.c.county_code == str(county), within
        )
    ).all()
    in_time = [row for row in rows if row.gone_at is not None and row.gone_at.date() <= row.due_on]
    return len(in_time), len(rows)


def _told(uow: UnitOfWork, county: RegionCode, year: int) -> Share:
    """Days told since the county told its first, of the days that have ended since."""
    mine = digest.c.county_code == str(county)
    first = uow.connection.scalar(select(func.min(digest.c.day)).where(mine))
    if first is None:
        return 0, 0
    begins = max(first, date(year, 1, 1))
    last = min(date(year, 12, 31), date.fromordinal(uow.today.toordinal() - 1))
    days = (last - begins).days + 1
    told = select(func.count()).select_from(digest).where(mine, digest.c.day.between(begins, last))
    return int(uow.connection.scalar(told) or 0), max(days, 0)


_COUNTED: Mapping[Indicator, Callable[[UnitOfWork, RegionCode, int], Share]] = {
    Indicator.PAYING: _paying,
    Indicator.RENEWAL: _renewal,
    Indicator.HIGH_GRADE: _high_grade,
    Indicator.ON_TIME: _runs("on_time_people", "people"),
    Indicator.IN_FULL: _runs("paid_fen", "fen"),
    Indicator.CERTIFIED: _certified,
    Indicator.QUALITY: _quality,
    Indicator.FINDINGS: _findings,
    Indicator.TOLD: _told,
}
