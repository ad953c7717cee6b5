"""The pay day of a month and the latest day of every step (发放日历)."""

from datetime import date

from node.cases.steps import holidays
from node.core.work import UnitOfWork
from node.payroll.rules import RunState, Step, calendar, pay_day_of
from node.policy import service as policy
from node.policy.benefit_bodies import PayCalendar


def _rules(uow: UnitOfWork, month: date) -> PayCalendar:
    county = uow.node.county or uow.node
    return policy.required(uow, PayCalendar, county, month).body


def pay_day(uow: UnitOfWork, month: date) -> date:
    """The day by which a month's pensions are on people's cards.

    Raises:
        Invalid: no pay calendar has reached this node.
    """
    return pay_day_of(month, _rules(uow, month).pay_day, holidays(uow))


def steps(uow: UnitOfWork, month: date) -> list[Step]:
    """The steps of a month's run with their latest days, in order."""
    rules, off = _rules(uow, month), holidays(uow)
    before = (
        (RunState.COMPUTED, rules.computed_before),
        (RunState.REVIEWED, rules.reviewed_before),
        (RunState.APPROVED, rules.approved_before),
        (RunState.FUNDED, rules.funded_before),
        (RunState.SENT, rules.sent_before),
        (RunState.RETURNED, 0),
    )
    return calendar(pay_day_of(month, rules.pay_day, off), before, off)
