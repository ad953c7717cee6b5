"""What contributions add to a person's timeline."""

from collections.abc import Iterable

from sqlmodel import col, select

from node.contributions.models import Contribution
from node.core.work import UnitOfWork
from node.registry.models import Person
from node.registry.timeline import Event


def person_events(uow: UnitOfWork, person: Person) -> Iterable[Event]:
    """Every payment that was confirmed; one that was reversed says so."""
    statement = select(Contribution).where(
        col(Contribution.county_code) == person.county_code,
        col(Contribution.person_id) == person.id,
    )
    for one in uow.session.exec(statement):
        stands = one.reversed_entry is None
        yield Event(
            on=one.paid_on,
            title="补缴" if one.make_up else "缴费",
            detail="到账" if stands else "已冲销",
            kind="done" if stands else "bad",
            note=str(one.for_year),
            fen=one.fen,
        )
