"""Pages: people and rosters, one person, rolls to import."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel

from node.cases import service as cases
from node.cases import views
from node.cases.matter import matters
from node.cases.rows import rows
from node.core.edge import Reading, Writing, page, redisplay
from node.core.work import UnitOfWork
from node.registry import history, service
from node.registry.codes import Category, Standing
from node.registry.models import Person
from node.registry.rules import age_on
from node.registry.sections import sections_of
from node.registry.timeline import timeline_of

router = APIRouter(prefix="/registry", include_in_schema=False)
Text = Annotated[str, Form()]

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
KINDS = {Standing.ACTIVE: "done", Standing.DRAWING: "done", Standing.CLOSED: "other"}
STATES = {each.value: (KINDS.get(each, "wait"), each.title) for each in Standing}
CATEGORIES = {category.value: category.title for category in Category}
ROWS_SHOWN = 200


class Asked(BaseModel):
    """Whom to look for, or whose roster to show."""

    text: str = ""
    region: str = ""
    page: int = 1


@router.get("")
def index(request: Request, uow: Reading, asked: Annotated[Asked, Query()]) -> Response:
    """Find a person, or read the roster of a village."""
    regions = views.regions(uow)
    context: dict[str, Any] = {
        "asked": asked,
        "regions": regions,
        "may_enter": views.may_enter(uow),
        "states": STATES,
        "categories": CATEGORIES,
        "today": uow.today,
        "age_on": age_on,
        "listed": None,
        "found": [],
    }
    if asked.text.strip():
        context["found"] = service.find(uow, asked.text)
    else:
        region = asked.region or str(uow.actor.scope)
        context["listed"] = service.roster(uow, region, number=asked.page)
        context["found"] = context["listed"].items
    return page(request, "registry/index.html", **context)


def _person_context(uow: UnitOfWork, person: Person, *, full: bool) -> dict[str, Any]:
    enrolments = service.enrolments_of(uow, person)
    numbers = history.numbers_had(uow, person)
    found = rows(uow, [c for n in numbers for c in cases.cases_of_person(uow, n)])
    return {
        "person": person,
        "age": age_on(person.born_on, uow.today),
        "category": CATEGORIES.get(person.category, person.category),
        "enrolments": enrolments,
        "events": timeline_of(uow, person, enrolments),
        "states": STATES,
        "cases": found,
        "beginnings": _beginnings(uow, person),
        "changes": history.changes_of(uow, person, full=full),
        "groups": history.groups_of_person(uow, person),
        "sections": sections_of(uow, person),
        "full": full,
        "reason": "",
    }


def _beginnings(uow: UnitOfWork, person: Person) -> list[tuple[str, str]]:
    """The matters that the reader may begin for a person: address and title."""
    if not views.may_enter(uow):
        return []
    return [
        (f"/cases/new/{matter.code}/for/{person.id}", matter.title)
        for matter in matters()
        if matter.beginning(uow, person.id) is not None
    ]


@router.get("/{person_id}")
def show(request: Request, person_id: str, uow: Reading) -> Response:
    """One person: facts, enrolments, what higher capabilities know, cases."""
    person = service.person_of(uow, person_id)
    return page(request, "registry/person.html", **_person_context(uow, person, full=False))


@router.post("/{person_id}/reveal")
def reveal(request: Request, person_id: str, uow: Writing, reason: Text = "") -> Response:
    """The same with the numbers in full; the reading is recorded."""
    person = service.person_of(uow, person_id)
    with redisplay("registry/person.html", **_person_context(uow, person, full=False)):
        service.unmask(uow, person_id, reason=reason)
    return page(request, "registry/person.html", **_person_context(uow, person, full=True))
