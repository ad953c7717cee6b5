"""Who reaches 60 soon, or has and does not draw yet (到龄预告)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import select

from node.benefits.claimants import Claimant, claimants, enrolments, people
from node.benefits.determination import CLAIMED_DAYS_AHEAD
from node.benefits.records import entitlements
from node.benefits.rules import PENSION_AGE, due_from
from node.core.work import UnitOfWork
from tiers import RegionCode

SHOWN = 500


@dataclass(frozen=True, slots=True)
class Due:
    """A person on the list: the month by age, and how many years are missing."""

    claimant: Claimant
    by_age: date
    missing: int


def due_people(
    uow: UnitOfWork,
    *,
    region: RegionCode | None = None,
    days_ahead: int = CLAIMED_DAYS_AHEAD,
    limit: int = SHOWN,
) -> list[Due]:
    """Enrolled people who are 60 by then and have no entitlement, the longest waiting first.

    Only this county's (a township's, a village's) own people: others see totals in statistics.
    """
    county = uow.node.county
    if county is None:
        return []
    found = select(people.c.id).where(
        people.c.county_code == str(county),
        people.c.village.startswith((region or uow.actor.scope).prefix),
        people.c.born_on <= _born_by(uow.today + timedelta(days=days_ahead)),
        people.c.died_on.is_(None),
        people.c.id.in_(
            select(enrolments.c.person_id).where(
                enrolments.c.county_code == str(county), enrolments.c.closed_on.is_(None)
            )
        ),
        people.c.id.not_in(
            select(entitlements.c.person_id).where(entitlements.c.county_code == str(county))
        ),
    )
    ids = list(
        uow.connection.execute(found.order_by(people.c.born_on, people.c.id).limit(limit)).scalars()
    )
    return _listed(claimants(uow, ids), ids)


def _listed(known: dict[str, Claimant], ids: Sequence[str]) -> list[Due]:
    return [
        Due(
            claimant=known[person_id],
            by_age=due_from(known[person_id].born_on),
            missing=max(0, known[person_id].needed - known[person_id].paid_years),
        )
        for person_id in ids
    ]


def _born_by(day: date) -> date:
    """The latest birthday of people who are 60 on a day; 29 February falls to the 28th."""
    try:
        return day.replace(year=day.year - PENSION_AGE)
    except ValueError:
        return day.replace(year=day.year - PENSION_AGE, day=28)
