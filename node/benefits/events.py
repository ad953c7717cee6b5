"""What benefits add to a person's timeline."""

from collections.abc import Iterable

from sqlmodel import col, select

from node.benefits.models import Entitlement
from node.core.clock import business_date
from node.core.work import UnitOfWork
from node.registry.models import Person
from node.registry.timeline import Event


def person_events(uow: UnitOfWork, person: Person) -> Iterable[Event]:
    """When a pension was determined, and what it came to a month."""
    statement = select(Entitlement).where(
        col(Entitlement.county_code) == person.county_code,
        col(Entitlement.person_id) == person.id,
    )
    for one in uow.session.exec(statement):
        yield Event(
            on=business_date(one.determined_at),
            title="核定待遇",
            detail="按月发放",
            href=f"/benefits/{one.id}",
            fen=one.monthly_fen,
        )
