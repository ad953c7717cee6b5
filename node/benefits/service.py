"""What can be done with pensions, by verb. Other capabilities begin here."""

from datetime import date

from sqlmodel import col, select

from node.benefits.determination import Claim, claim_problems, determine_many
from node.benefits.due_list import Due, due_people
from node.benefits.models import Entitlement
from node.benefits.rates import Changed, redetermine
from node.cases.queries import require_seeing
from node.core.errors import Invalid, NotFound
from node.core.paging import Page, paged
from node.core.work import UnitOfWork
from node.identity import require_duty
from node.registry.models import Person
from tiers import Duty, RegionCode

__all__ = [
    "Claim",
    "Due",
    "change_rates",
    "claim_problems",
    "determine_many",
    "due_people",
    "entitlement",
    "entitlement_of",
    "entitlements_in",
]


def change_rates(uow: UnitOfWork, *, from_month: str, reason: str) -> Changed | None:
    """Bring every pension to the standards in force, by somebody who approves (待遇调整).

    Raises:
        Forbidden: this node is no county, or the post approves nothing.
        Invalid: the month is none, or no reason is given.
    """
    require_duty(uow, Duty.APPROVE)
    try:
        first = date.fromisoformat(f"{from_month.strip()[:7]}-01")
    except ValueError as error:
        raise Invalid("请填写月份，例如 2026-03", field="from_month") from error
    if not reason.strip():
        raise Invalid("请写明调整依据", field="reason")
    through = max(first, uow.today.replace(day=1))
    return redetermine(uow, from_month=first, through_month=through, reason=reason.strip())


def entitlement(uow: UnitOfWork, entitlement_id: str) -> Entitlement:
    """One pension inside the region this person works for.

    Raises:
        NotFound: there is none, or it lies elsewhere.
    """
    require_seeing(uow)
    found = uow.session.exec(select(Entitlement).where(Entitlement.id == entitlement_id)).first()
    if found is None or not uow.actor.scope.contains(found.village):
        raise NotFound("没有找到这份待遇核定，或不在您负责的区域内")
    return found


def entitlement_of(uow: UnitOfWork, person: Person) -> Entitlement | None:
    """The pension of a person, once determined."""
    found = select(Entitlement).where(
        Entitlement.county_code == person.county_code, Entitlement.person_id == person.id
    )
    return uow.session.exec(found).first()


def entitlements_in(
    uow: UnitOfWork, *, region: RegionCode | None = None, number: int = 1
) -> Page[Entitlement]:
    """Pensions in force, the newest first."""
    require_seeing(uow)
    place = region or uow.actor.scope
    statement = select(Entitlement).where(
        col(Entitlement.village).startswith(place.prefix),
        col(Entitlement.village).startswith(uow.actor.scope.prefix),
    )
    if place.county is not None:
        statement = statement.where(Entitlement.county_code == str(place.county))
    ordered = statement.order_by(col(Entitlement.determined_at).desc(), col(Entitlement.id).desc())
    return paged(uow.session, ordered, number=number)
