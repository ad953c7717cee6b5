"""Pages: people and rosters, one person, rolls to import."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request, UploadFile
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel

from node.cases import service as cases
from node.cases import views
from node.cases.matter import matters
from node.cases.rows import rows
from node.core.edge import Reading, Writing, page, redisplay
from node.core.errors import Invalid
from node.core.work import UnitOfWork
from node.registry import history, rolls, service
from node.registry.codes import Category, Standing
from node.registry.matters import village_choices
from node.registry.models import Person
from node.registry.roll import TITLES
from node.registry.roll_answer import bad_rows_workbook
from node.registry.rolls import Verdict
from node.registry.rules import age_on
from node.registry.sections import sections_of
from node.registry.timeline import timeline_of
from tiers import Level

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


@router.get("/rolls")
def roll_list(request: Request, uow: Reading) -> Response:
    """Rolls uploaded by the reader, and the form for another."""
    return page(request, "registry/rolls.html", **_rolls_context(uow, ""))


def _rolls_context(uow: UnitOfWork, village: str) -> dict[str, Any]:
    scope = uow.actor.scope
    villages = [] if scope.level is Level.VILLAGE else village_choices(uow)
    return {
        "kept": rolls.kept_rolls(uow),
        "villages": villages,
        "village": village or (str(scope) if not villages else ""),
        "titles": TITLES,
        "may_enter": views.may_enter(uow),
    }


@router.post("/rolls")
def upload(uow: Writing, file: UploadFile, village: Text = "") -> Response:
    """Keep a roll, to be looked at before anything is entered."""
    with redisplay("registry/rolls.html", **_rolls_context(uow, village)):
        content = file.file.read(rolls.FILE_LARGEST + 1)
        if not content:
            raise Invalid("请选择花名册文件", field="file")
        name = file.filename or "花名册"
        place = village or str(uow.actor.scope)
        kept = rolls.keep_roll(uow, content, filename=name, village=place)
    return RedirectResponse(f"/registry/rolls/{kept.id}", status_code=303)


def _roll_context(uow: UnitOfWork, roll_id: str) -> dict[str, Any]:
    kept, checked = rolls.kept_roll(uow, roll_id)
    noticed = [row for row in checked.of(Verdict.GOOD) if row.notices]
    return {
        "kept": kept,
        "checked": checked,
        "good": checked.of(Verdict.GOOD),
        "bad": checked.of(Verdict.BAD),
        "already": checked.of(Verdict.ALREADY),
        "noticed": noticed[:ROWS_SHOWN],
        "column_title": rolls.column_title,
        "titles": TITLES,
        "shown": ROWS_SHOWN,
    }


@router.get("/rolls/{roll_id}")
def roll(request: Request, roll_id: str, uow: Reading, done: str = "") -> Response:
    """What a kept roll comes to: good rows, bad ones with their reasons, those known already."""
    return page(request, "registry/roll.html", done=done, **_roll_context(uow, roll_id))


@router.post("/rolls/{roll_id}/import")
def import_roll(roll_id: str, uow: Writing, consent: Text = "") -> Response:
    """Enter the good rows as cases."""
    with redisplay("registry/roll.html", done="", **_roll_context(uow, roll_id)):
        done = rolls.import_kept(uow, roll_id, consent=bool(consent))
    accepted = len(done.of(Verdict.GOOD))
    return RedirectResponse(f"/registry/rolls/{roll_id}?done={accepted}", status_code=303)


@router.get("/rolls/{roll_id}/bad.xlsx")
def bad_rows(roll_id: str, uow: Reading) -> Response:
    """The rows that cannot go on, with their reasons, to be corrected and sent again."""
    _, checked = rolls.kept_roll(uow, roll_id)
    content = bad_rows_workbook(checked.of(Verdict.BAD))
    headers = {"Content-Disposition": 'attachment; filename="bad-rows.xlsx"'}
    return Response(content, media_type=XLSX, headers=headers)


@router.post("/rolls/{roll_id}/discard")
def discard(roll_id: str, uow: Writing) -> Response:
    """Throw a kept roll away."""
    rolls.discard_roll(uow, roll_id)
    return RedirectResponse("/registry/rolls", status_code=303)


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
