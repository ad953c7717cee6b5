"""Lists of the payroll for programs: who was paid in a month, what is owed back, what is foreseen.

Amounts are integer fen, months the first day of the month. What a page masks is left out here.
"""

from dataclasses import asdict
from datetime import date
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from node.core.edge import Reading
from node.core.errors import Invalid
from node.payroll import foreseen, recoveries
from node.payroll import month as months
from node.payroll.api import Month
from node.payroll.month import Came
from node.registry.worklists import place_of

router = APIRouter(prefix="/api/payroll", tags=["payroll"])


class PersonOut(BaseModel):
    """One person's month; `why` and `remedy` are empty where everything is as it should be."""

    person_id: str
    name: str
    village: str
    came: Came
    fen: int
    lines: int
    paid_on: date | None
    why: str
    remedy: str


class MonthOut(BaseModel):
    """A month of a place: how many came to what, and a page of the people."""

    month: date
    tallies: dict[Came, int]
    total: int
    page: int
    people: list[PersonOut]


@router.get("/months")
def months_told(uow: Reading) -> list[date]:
    """The months this node has been told of, the newest first."""
    return list(months.months_told(uow))


@router.get("/months/{month}")
def of_month(
    uow: Reading, month: Month, *, region: str = "", came: Came | None = None, page: int = 1
) -> MonthOut:
    """Who was paid in a month, who was not and why (本月发放), for the place somebody works for."""
    place = place_of(uow, region)
    listed = months.people_paid(uow, place, month, came=came, number=page)
    return MonthOut(
        month=month,
        tallies={each.came: each.people for each in months.tallies(uow, place, month)},
        total=listed.total,
        page=listed.number,
        people=[
            PersonOut(
                person_id=each.person_id,
                name=each.name,
                village=each.village,
                came=each.came,
                fen=each.fen,
                lines=each.lines,
                paid_on=each.paid_on,
                why=each.why,
                remedy=each.remedy.value if each.remedy else "",
            )
            for each in listed.items
        ],
    )


@router.get("/recoveries")
def owed_back(uow: Reading, state: str = recoveries.OPEN, page: int = 1) -> dict[str, Any]:
    """What was paid too much and is owed back (追回), those that owe most first.

    Raises:
        Invalid: there is no such state.
    """
    if state not in {recoveries.OPEN, recoveries.CLOSED, "all"}:
        raise Invalid("没有这种状态", field="state")
    found = recoveries.owed_in(uow, state="" if state == "all" else state, number=page)
    return {
        "total": found.total,
        "page": found.number,
        "recoveries": [asdict(each) for each in found.items],
        "places": [asdict(each) for each in recoveries.sums(uow)],
    }


@router.get("/forecast")
def foreseen_months(uow: Reading) -> dict[str, Any]:
    """The next twelve months by payer and by county, and how far earlier forecasts were off."""
    ahead, counties = foreseen.ahead(uow)
    return {
        "months": [asdict(each) for each in ahead],
        "counties": [asdict(each) for each in counties],
        "compared": [asdict(each) for each in foreseen.compared(uow)],
    }
