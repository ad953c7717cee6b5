"""The certification round (生存认证): a list to tick at the village, with or without a network, its
reminders on paper, and comparison lists at the county.
"""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request, UploadFile
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel

from node.attachments.service import Prepared
from node.benefits import certification_round as going_round
from node.benefits import comparison
from node.benefits.certification_printed import reminders_pdf
from node.benefits.certification_typed import Ticked, TickedForm
from node.benefits.codes import BenefitState, CertificationMethod
from node.benefits.matters_life import SurvivalCertification
from node.cases import views
from node.cases.queries import require_seeing
from node.cases.service import submit_many
from node.core.edge import Reading, Writing, page, redisplay
from node.core.errors import Invalid
from node.core.work import UnitOfWork
from node.registry.worklists import place_of
from tiers import Duty, Level, RegionCode, Role

router = APIRouter(prefix="/benefits/certifications", include_in_schema=False)
Text = Annotated[str, Form()]

LIST, COMPARISON = "benefits/certifications.html", "benefits/comparison.html"
EVERYBODY = "everybody"
SEEN_BY_HAND = tuple(each for each in CertificationMethod if each.is_seen)


def _context(uow: UnitOfWork, which: str = "", region: RegionCode | None = None) -> dict[str, Any]:
    require_seeing(uow)
    place, everybody = region or uow.actor.scope, which == EVERYBODY
    may = any(
        Duty.CERTIFY_SURVIVAL in Role(role).duties for role in uow.actor.roles if role in set(Role)
    )
    return {
        "listed": going_round.listed(uow, place, everybody=everybody),
        "counts": {
            "": going_round.count(uow, place, everybody=False),
            EVERYBODY: going_round.count(uow, place, everybody=True),
        },
        "which": which,
        "region": str(region or ""),
        "regions": views.regions(uow),
        "progress": going_round.progress(uow, place),
        "states": BenefitState,
        "methods": [(each.value, each.title) for each in SEEN_BY_HAND],
        "today": uow.today,
        "may": may,
        "compares": _compares(uow),
    }


def _compares(uow: UnitOfWork) -> bool:
    return uow.level is Level.COUNTY and views.may_enter(uow)


class Question(BaseModel):
    """Which list, of which place, and what came of the last one sent."""

    which: str = ""
    region: str = ""
    done: int = 0
    refused: int = 0


@router.get("")
def index(request: Request, uow: Reading, question: Annotated[Question, Query()]) -> Response:
    """Who has to be seen, the earliest first; whoever goes round ticks who was seen."""
    typed = {"certified_on": uow.today.isoformat(), "method": "", "people": []}
    place = place_of(uow, question.region) if question.region else None
    context = _context(uow, question.which, place)
    done = {"done": question.done, "refused": question.refused}
    return page(request, LIST, typed=typed, **done, **context)


@router.post("")
def certify(uow: Writing, ticked: TickedForm) -> Response:
    """Report everybody ticked: one case each, which the county decides."""
    typed = {
        "certified_on": ticked.certified_on,
        "method": ticked.method,
        "people": ticked.people,
    }
    context = _context(uow, ticked.which)
    with redisplay(LIST, typed=typed, done=0, refused=0, **context):
        forms, photos = _forms(uow, context, ticked)
        outcomes = submit_many(uow, SurvivalCertification.code, forms, photos=photos)
    refused = sum(1 for each in outcomes if each.refusal is not None)
    done = len(outcomes) - refused
    return RedirectResponse(
        f"/benefits/certifications?which={ticked.which}&done={done}&refused={refused}",
        status_code=303,
    )


def _forms(
    uow: UnitOfWork, context: dict[str, Any], ticked: Ticked
) -> tuple[list[dict[str, Any]], dict[int, list[Prepared]]]:
    """A form for everybody ticked who is on the list, and their photos by its place."""
    if ticked.refusal is not None:
        raise Invalid(ticked.refusal.message, field="people")
    day = _day(ticked.certified_on, field="certified_on")
    if ticked.method not in {each.value for each in SEEN_BY_HAND}:
        raise Invalid("请选择认证方式", field="method")
    wanted = set(ticked.people)
    rows = [row for row in context["listed"] if row["id"] in wanted]
    if not rows:
        raise Invalid("请勾选见到的人", field="people")
    forms = [
        {
            "name": row["name"],
            "citizen_number": row["citizen_number"],
            "village": row["village"],
            "certified_on": day.isoformat(),
            "method": ticked.method,
            "seen_by": uow.actor.name,
        }
        for row in rows
    ]
    photos = {
        place: [ticked.photos[row["id"]]]
        for place, row in enumerate(rows)
        if row["id"] in ticked.photos
    }
    return forms, photos


def _day(text: str, *, field: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError as error:
        raise Invalid("请填写日期，例如 2026-03-05", field=field) from error


@router.get("/reminders.pdf")
def reminders(request: Request, uow: Reading, region: str = "") -> Response:
    """Slips to hand out to whoever has to be seen."""
    content = reminders_pdf(uow, place_of(uow, region), request.app.state.node.places)
    head = {"Content-Disposition": 'inline; filename="reminders.pdf"'}
    return Response(content, media_type="application/pdf", headers=head)


def _comparison_context(uow: UnitOfWork) -> dict[str, Any]:
    require_seeing(uow)
    return {"may": _compares(uow), "shown": comparison.BAD_SHOWN}


@router.get("/comparison")
def comparison_form(request: Request, uow: Reading) -> Response:
    """The form for a list of another office."""
    typed = {"certified_on": uow.today.isoformat(), "source": "", "which": ""}
    return page(request, COMPARISON, typed=typed, found=None, **_comparison_context(uow))


@router.post("/comparison")
def compare(
    request: Request,
    uow: Writing,
    file: UploadFile,
    typed: Annotated[comparison.Said, Form()],
) -> Response:
    """Enter everybody on a list who draws a pension here, and say who was left out and why."""
    context = _comparison_context(uow)
    with redisplay(COMPARISON, typed=typed, found=None, **context):
        content = file.file.read(comparison.FILE_LARGEST + 1)
        if not content:
            raise Invalid("请选择名单文件", field="file")
        found = comparison.compare_list(
            uow,
            content,
            filename=file.filename or "名单",
            on=_day(typed.certified_on, field="certified_on"),
            source=typed.source,
            everybody=typed.which == EVERYBODY,
        )
    return page(request, COMPARISON, typed=typed, found=found, **context)
