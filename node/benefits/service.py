"""What can be done with pensions, by verb. Other capabilities begin here."""

from sqlmodel import col, select

from node.benefits.determination import Claim, claim_problems, determine_many
from node.benefits.due_list import Due, due_people
from node.benefits.models import Entitlement
from node.cases.queries import require_seeing
from node.core.errors import NotFound
from node.core.paging import Page, paged
from node.core.work import UnitOfWork
from node.registry.models import Person
from tiers import RegionCode

__all__ = [
    "Claim",
    "Due",
    "claim_problems",
    "determine_many",
    "due_people",
    "entitlement",
    "entitlement_of",
    "entitlements_in",
]


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
