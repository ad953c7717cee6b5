"""A person's whole timeline (一生一档): what every capability knows of them, in one order.

`contributions` and `benefits` stand above `registry`: they put a function into `PERSON_EVENTS` that
yields what happened, and the page merges it with cases and enrolments.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date

from node.cases import service as cases
from node.cases.matter import matter_title
from node.cases.rules import State
from node.core.clock import business_date
from node.core.work import UnitOfWork
from node.registry.models import Enrolment, Person

SHOWN = 60


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    `detail` is what came of it, a chip of `kind`; `note` a number or name beside the title, shown
    as it is; `fen` an amount that belongs to it.
    """

    on: date
    title: str
    detail: str = ""
    href: str = ""
    kind: str = "done"
    note: str = ""
    fen: int | None = None


PERSON_EVENTS: list[Callable[[UnitOfWork, Person], Iterable[Event]]] = []

_ENDED = {State.APPROVED: "done", State.REJECTED: "bad", State.WITHDRAWN: "other"}


def timeline_of(uow: UnitOfWork, person: Person, enrolments: Iterable[Enrolment]) -> list[Event]:
    """What happened to a person, the latest first; the last sixty events."""
    events = [*_enrolments(enrolments), *_cases(uow, person)]
    for tell in PERSON_EVENTS:
        events.extend(tell(uow, person))
    events.sort(key=lambda event: event.on, reverse=True)
    return events[:SHOWN]


def _enrolments(enrolments: Iterable[Enrolment]) -> Iterable[Event]:
    for one in enrolments:
        yield Event(one.opened_on, "参保生效")
        if one.closed_on:
            yield Event(one.closed_on, "终止参保", kind="other")


def _cases(uow: UnitOfWork, person: Person) -> Iterable[Event]:
    for case in cases.cases_of_person(uow, person.citizen_number):
        state = State(case.state)
        yield Event(
            on=business_date(case.moved_at),
            title=matter_title(case.matter),
            detail=state.title,
            href=f"/cases/{case.id}",
            kind=_ENDED.get(state, "wait"),
        )
