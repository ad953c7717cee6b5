"""Steps of the month that are late, climbing the tiers: the county sees a step the day before it is
due, the city once it is late, the province when it has been late for a working day.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select

from node.benefits.codes import BenefitState
from node.benefits.records import entitlements
from node.benefits.rules import months_from, next_month
from node.cases.steps import holidays
from node.cases.working_days import days_left
from node.core.errors import Invalid
from node.core.work import UnitOfWork
from node.payroll.calendar import steps
from node.payroll.rules import ORDER, RunKind, RunState, Step
from node.payroll.tables import reports, runs
from tiers import Level

AHEAD = {Level.COUNTY: 1, Level.CITY: -1, Level.PROVINCE: -2}
"""Working days left at which a tier is told: negative when the day is past."""
_DONE = ORDER.index(RunState.RETURNED)


@dataclass(frozen=True, slots=True)
class Alert:
    """A step of a county's month that is late or about to be."""

    county: str
    month: date
    step: Step
    left: int


def alerts(uow: UnitOfWork) -> list[Alert]:
    """What this tier is told today, the most urgent first."""
    if uow.level not in AHEAD:
        return []
    listed: dict[date, list[tuple[Step, int]]] = {}
    found = []
    for county, month, reached in _unfinished(uow):
        if month not in listed:
            listed[month] = _dated_steps(uow, month)
        found += [
            Alert(county, month, step, left)
            for step, left in listed[month]
            if ORDER.index(step.state) > reached
        ]
    return sorted(found, key=lambda each: (each.left, each.county, each.month))


def count_alerts(uow: UnitOfWork) -> int:
    """How many there are, for the head of every page."""
    return len(alerts(uow))


def _dated_steps(uow: UnitOfWork, month: date) -> list[tuple[Step, int]]:
    """Steps of a month that this tier is told of when they are not done, and the working days
    left; none where no calendar has arrived: then nothing can be late.
    """
    try:
        listed = steps(uow, month)
    except Invalid:
        return []
    off = holidays(uow)
    dated = ((step, days_left(step.latest, uow.today, off)) for step in listed)
    return [(step, left) for step, left in dated if left <= AHEAD[uow.level]]


def _unfinished(uow: UnitOfWork) -> Iterator[tuple[str, date, int]]:
    """Months of each county that are not yet with the bank and back, and how far they have come
    (−1: nothing is known). A month without a run is paid by the run that comes after it; before
    its first run a county is not asked for earlier months. Where the pay day is early, the first
    steps of the next month fall into this one.
    """
    this_month = uow.today.replace(day=1)
    coming = next_month(this_month)
    drawing = _drawing_since(uow, coming)
    come = _states(uow, this_month.replace(year=this_month.year - 1), coming)
    for county, since in sorted(drawing.items()):
        runs_of = come.get(county, {})
        open_runs = sorted(month for month, state in runs_of.items() if state < _DONE)
        begin = next_month(max(runs_of)) if runs_of else this_month
        not_begun = months_from(max(begin, since), next_month(coming))
        for month in [*open_runs, *not_begun]:
            yield county, month, runs_of.get(month, -1)


def _drawing_since(uow: UnitOfWork, month: date) -> dict[str, date]:
    """Counties in which somebody draws a pension by a month, and since when."""
    county, due = entitlements.c.county_code, entitlements.c.due_from
    drawing = (
        select(county, func.min(due))
        .where(
            entitlements.c.village.startswith(uow.actor.scope.prefix),
            entitlements.c.state == BenefitState.IN_FORCE.value,
            due <= month,
        )
        .group_by(county)
    )
    return dict(uow.connection.execute(drawing).all())


def _states(uow: UnitOfWork, first: date, last: date) -> dict[str, dict[date, int]]:
    """How far regular runs have come, by county and month. Reports speak from the approval on; a
    county also knows its own earlier steps.
    """
    table = runs if uow.level is Level.COUNTY else reports
    found = select(table.c.county_code, table.c.month, table.c.state).where(
        table.c.month.between(first, last),
        table.c.kind == RunKind.REGULAR.value,
        table.c.state != RunState.CANCELLED.value,
    )
    come: dict[str, dict[date, int]] = {}
    for county, month, state in uow.connection.execute(found):
        come.setdefault(county, {})[month] = ORDER.index(RunState(state))
    return come
