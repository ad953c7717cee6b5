"""Which account interest rate (记账利率) is published for a year, as far as this node knows."""

from dataclasses import dataclass

from sqlmodel import col, select

from node.accounts.models import InterestRun, RateCorrection
from node.core.errors import Unavailable
from node.core.work import UnitOfWork
from node.policy import service as policy
from node.policy.bodies import AccountInterestRate
from node.policy.models import Bulletin


@dataclass(frozen=True, slots=True)
class Rate:
    """The rate of a year in parts per million, when money begins to earn, and the document."""

    year: int
    rate_ppm: int
    lag_months: int
    bulletin: Bulletin


def published_rates(uow: UnitOfWork) -> dict[int, Rate]:
    """The rate of each year. A rate is found by the year it names, not by when it took effect:
    it is usually published after the year has ended.
    """
    bulletins = [
        bulletin
        for bulletin in policy.listed(uow, kind=AccountInterestRate.kind)
        if bulletin.published_at is not None and bulletin.effective_from <= uow.today
    ]
    replaced = {bulletin.supersedes for bulletin in bulletins}
    found: dict[int, Rate] = {}
    for bulletin in sorted(bulletins, key=lambda each: (each.published_at, each.id)):
        body = policy.body_of(bulletin)
        if bulletin.id not in replaced and isinstance(body, AccountInterestRate):
            found[body.year] = Rate(body.year, body.rate_ppm, body.interest_lag_months, bulletin)
    return found


def rate_of(uow: UnitOfWork, year: int) -> Rate:
    """The rate of a year.

    Raises:
        Unavailable: the province has not published it, or the bulletin has not reached us yet.
    """
    found = published_rates(uow).get(year)
    if found is None:
        raise Unavailable(
            "省级还没有公布{year}年记账利率，暂不能结息",
            year=year,
        )
    return found


def latest_rate(uow: UnitOfWork, year: int) -> Rate:
    """The rate of a year if published, else of the last year before it that has one.

    Raises:
        Unavailable: no rate has been published at all.
    """
    known = {each: rate for each, rate in published_rates(uow).items() if each <= year}
    if not known:
        raise Unavailable("省级还没有公布过记账利率，暂不能结息", year=year)
    return known[max(known)]


def settled_rates(uow: UnitOfWork, county: str) -> dict[int, tuple[int, int]]:
    """Rate in ppm and months of lag of every settled year, the newest correction of it first."""
    runs = uow.session.exec(select(InterestRun).where(InterestRun.county_code == county))
    found = {run.year: (run.rate_ppm, run.lag_months) for run in runs}
    corrections = select(RateCorrection).where(RateCorrection.county_code == county)
    for again in uow.session.exec(corrections.order_by(col(RateCorrection.entry_no))):
        found[again.year] = (again.rate_ppm, found[again.year][1])
    return found
