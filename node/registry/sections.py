"""Parts that higher capabilities add to the page of a person.

`accounts` and `benefits` stand above `registry`: they put a function into `PERSON_SECTIONS` that
gives a template and its context, or None when they have nothing to say about a person.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from node.core.work import UnitOfWork
from node.registry.models import Person


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the page: `template` is included with `section` being `context`."""

    title: str
    template: str
    context: Mapping[str, Any] = field(default_factory=dict)


PERSON_SECTIONS: list[Callable[[UnitOfWork, Person], Section | None]] = []


def sections_of(uow: UnitOfWork, person: Person) -> list[Section]:
    """What the capabilities of this node say about a person."""
    found = (tell(uow, person) for tell in PERSON_SECTIONS)
    return [section for section in found if section is not None]
