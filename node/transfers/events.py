"""What transfers add to a person's timeline."""

from collections.abc import Iterable

from sqlalchemy import select

from node.core.work import UnitOfWork
from node.registry.models import Person
from node.registry.timeline import Event
from node.transfers.counties import name_of
from node.transfers.records import BY_NEW, steps
from node.transfers.rules import Step

TITLES = {
    Step.RELEASED: "关系转出",
    Step.RECEIVED: "关系转入",
    Step.PAID: "转移款付出",
    Step.BANKED: "转移款到账",
}


def person_events(uow: UnitOfWork, person: Person) -> Iterable[Event]:
    """Every step this person's county has taken, with where they went or came from."""
    mine = select(steps).where(
        steps.c.county_code == person.county_code, steps.c.person_id == person.id
    )
    for row in uow.connection.execute(mine).mappings():
        step = Step(row["step"])
        other = row["from_county"] if step in BY_NEW else row["to_county"]
        yield Event(
            on=row["taken_on"],
            title=TITLES.get(step, step.title),
            detail=step.title,
            href=f"/transfers/{row['id']}",
            note=name_of(other),
            fen=row["fen"] or None,
        )
