"""Steps of the month that are late, climbing the tiers: the county sees a step the day before it is
due, the city once it is late, the province when it has been late for a working day.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from node.benefits.codes import BenefitState
from node.benefits.records import entitlements
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


@dataclass(frozen=True, slots=True)
class Alert:
    """A step of a county's month that is late or about to be."""

    county: str
    month: date
    step: Step
    left: int


def alerts(uow: UnitOfWork) -> list[Alert]:
    """What this tier is told today, the most urgent first."""
    ahead = AHEAD.get(uow.level)
    if ahead is None:
        return []
    month = uow.today.replace(day=1)
    try:
        listed = steps(uow, month)
    except Invalid:  # no calendar, nothing can be late
        return []
    off = holidays(uow)
    dated = [(step, days_left(step.latest, uow.today, off)) for step in listed]
    found = [
        Alert(county, month, step, left)
        for county, reached in _reached(uow, month)
        for step, left in dated
        if ORDER.index(step.state) > reached and left <= ahead
    ]
    return sorted(found, key=lambda each: (each.left, each.county))


def _reached(uow: UnitOfWork, month: date) -> Iterator[tuple[str, int]]:
    """How far each county with pensioners has come; −1 where nothing is known."""
    drawing = select(entitlements.c.county_code).where(
        entitlements.c.village.startswith(uow.actor.scope.prefix),
        entitlements.c.state == BenefitState.IN_FORCE.value,
        entitlements.c.due_from <= month,
    )
    known = _states(uow, month)
    for county in uow.connection.execute(drawing.distinct().order_by("county_code")).scalars():
        state = known.get(county)
        yield county, ORDER.index(RunState(state)) if state else -1


def _states(uow: UnitOfWork, month: date) -> dict[str, str]:
    """Reports speak from the approval on; a county also knows its own earlier steps."""
    table = runs if uow.level is Level.COUNTY else reports
    found = select(table.c.county_code, table.c.state).where(
        table.c.month == month,
        table.c.kind == RunKind.REGULAR.value,
        table.c.state != RunState.CANCELLED.value,
    )
    return {row.county_code: row.state for row in uow.connection.execute(found)}
