"""参保登记: people and their enrolments."""

from typing import TYPE_CHECKING

from node.cases.subjects import SUBJECT_PAGES
from node.core.capability import Capability
from node.core.work import UnitOfWork
from node.registry.matters import Enrolment
from node.registry.records import OPENED, REGISTERED
from node.registry.replicas import REPLICAS
from node.registry.service import by_number

if TYPE_CHECKING:
    from fastapi import APIRouter


def _routers() -> "list[APIRouter]":
    from node.registry import api, pages  # noqa: PLC0415  # only a web process needs them

    return [api.router, pages.router]


def _matters() -> tuple[Enrolment, ...]:
    return (Enrolment(),)


def _page(uow: UnitOfWork, citizen_number: str) -> str | None:
    person = by_number(uow, citizen_number)
    return f"/registry/{person.id}" if person else None


SUBJECT_PAGES.append(_page)

CAPABILITY = Capability(
    name="registry",
    record_types=(REGISTERED, OPENED),
    matters=_matters,
    routers=_routers,
    replicas=REPLICAS,
)
