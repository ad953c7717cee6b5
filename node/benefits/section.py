"""The pension's part of a person's page."""

from node.benefits.service import entitlement_of
from node.core.work import UnitOfWork
from node.registry.models import Person
from node.registry.sections import Section


def person_section(uow: UnitOfWork, person: Person) -> Section | None:
    """The monthly pension and the way to its calculation sheet; nothing before one is due."""
    found = entitlement_of(uow, person)
    if found is None:
        return None
    return Section(title="待遇", template="benefits/person.html", context={"pension": found})
