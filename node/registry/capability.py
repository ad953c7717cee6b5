"""参保登记: people and their enrolments."""

from typing import TYPE_CHECKING, Any

from node.cases.matter import Matter
from node.cases.subjects import SUBJECT_PAGES
from node.core.capability import Capability, Job
from node.core.work import UnitOfWork
from node.registry.matters import Enrolment
from node.registry.matters_category import CategoryEnd, CategoryGrant
from node.registry.matters_change import DetailChange, KeyChange
from node.registry.matters_complaint import Complaint
from node.registry.matters_grade import GradeChoice
from node.registry.matters_standing import (
    Cancellation,
    ContributionPause,
    ContributionResumption,
)
from node.registry.moves import RECORD_TYPES as OF_MOVES
from node.registry.records import RECORD_TYPES
from node.registry.regions import apply_region_changes
from node.registry.replicas import REPLICAS
from node.registry.service import by_number
from node.registry.worklists import WORKLISTS
from node.registry.worklists_own import OWN

if TYPE_CHECKING:
    from fastapi import APIRouter


def _routers() -> "list[APIRouter]":
    from node.registry import (  # noqa: PLC0415  # for a web process only
        api,
        pages,
        roll_pages,
        worklist_pages,
    )

    return [api.router, worklist_pages.router, roll_pages.router, pages.router]


def _matters() -> tuple[Matter[Any], ...]:
    return (
        Enrolment(),
        DetailChange(),
        KeyChange(),
        GradeChoice(),
        ContributionPause(),
        ContributionResumption(),
        CategoryGrant(),
        CategoryEnd(),
        Cancellation(),
        Complaint(),
    )


def _page(uow: UnitOfWork, citizen_number: str) -> str | None:
    person = by_number(uow, citizen_number)
    return f"/registry/{person.id}" if person else None


SUBJECT_PAGES.append(_page)

WORKLISTS.extend(OWN)

CAPABILITY = Capability(
    name="registry",
    record_types=(*RECORD_TYPES, *OF_MOVES),
    matters=_matters,
    routers=_routers,
    jobs=(Job("registry.regions", "执行行政区划调整", 60, apply_region_changes),),
    replicas=REPLICAS,
)
