"""Pages of the year end: what stands where, the trial, the approval, and how far it has come."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlmodel import select

from node.accounts import year_end
from node.accounts.models import InterestRun, YearEndRequest
from node.accounts.rates import published_rates
from node.accounts.year_end_progress import running
from node.cases.queries import require_seeing
from node.core.edge import Reading, Writing, page
from node.core.work import UnitOfWork
from node.policy.models import Bulletin
from tiers import Role

router = APIRouter(prefix="/accounts", include_in_schema=False)

REFRESH_SECONDS = "2"
"""A page that shows a running year end is asked for again by the browser itself, so often."""


@dataclass(frozen=True, slots=True)
class YearEnd:
    """Where a year stands: closed, tried and waiting, or to be tried."""

    year: int
    run: InterestRun | None
    request: YearEndRequest | None
    rate_ppm: int | None
    bulletin: Bulletin | None


def year_ends_context(uow: UnitOfWork) -> dict[str, Any]:
    """What the section of year ends shows at the county."""
    return {
        "years": _year_ends(uow),
        "may_try": uow.actor.holds(Role.ACCOUNTANT),
        "may_approve": uow.actor.holds(Role.APPROVER),
        "running": running(str(uow.node)),
    }


def refreshed(shown: Response, context: Mapping[str, Any]) -> Response:
    """The page, asked for again while a year end runs."""
    if context.get("running"):
        shown.headers["Refresh"] = REFRESH_SECONDS
    return shown


def _year_ends(uow: UnitOfWork) -> list[YearEnd]:
    """The year that has ended last, and those closed before."""
    county = str(uow.node)
    runs = uow.session.exec(select(InterestRun).where(InterestRun.county_code == county)).all()
    closed = {run.year: run for run in runs}
    ended = (uow.today + timedelta(days=1)).year - 1
    rates = published_rates(uow)
    found = []
    for year in sorted({ended, *closed}, reverse=True):
        rate = rates.get(year)
        found.append(
            YearEnd(
                year=year,
                run=closed.get(year),
                request=uow.session.get(YearEndRequest, (county, year)),
                rate_ppm=rate.rate_ppm if rate else None,
                bulletin=rate.bulletin if rate else None,
            )
        )
    return found


@router.post("/year-ends")
def try_year(uow: Writing, year: Annotated[int, Form()]) -> Response:
    """Make the trial run of a year."""
    year_end.request_year_end(uow, year)
    return RedirectResponse("/accounts#year-ends", status_code=303)


@router.get("/year-ends/progress")
def year_end_running(request: Request, uow: Reading) -> Response:
    """How far the year end that runs has come, as a piece of a page; empty when none does."""
    require_seeing(uow)
    return page(request, "accounts/progress.html", running=running(str(uow.node)))


@router.post("/year-ends/{year}/approval")
def approve_year(uow: Writing, year: int) -> Response:
    """Post the interest of a year."""
    year_end.approve_year_end(uow, year)
    return RedirectResponse("/accounts#year-ends", status_code=303)
