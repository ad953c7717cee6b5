"""Pages of the worklists and of the household list they compare with."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, UploadFile
from fastapi.responses import RedirectResponse, Response

from node.cases import views
from node.core.divisions import Places
from node.core.edge import Reading, Writing, page, redisplay
from node.core.errors import Invalid
from node.core.work import UnitOfWork
from node.registry import households, rolls
from node.registry.codes import NotEnrolled
from node.registry.matters import village_choices
from node.registry.worklist_files import printed, workbook_of
from node.registry.worklists import (
    SHOWN,
    WORKLISTS,
    Line,
    count_of,
    lines_of,
    place_of,
    whole,
    worklist,
)
from tiers import Level, RegionCode

router = APIRouter(prefix="/registry", include_in_schema=False)
Text = Annotated[str, Form()]

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@router.get("/worklists")
def index(request: Request, uow: Reading, region: str = "") -> Response:
    """Every worklist with how much stands on it."""
    place = place_of(uow, region)
    found = [(each, count_of(uow, each, place)) for each in WORKLISTS]
    context: dict[str, Any] = {"found": found, "regions": views.regions(uow), "region": region}
    return page(request, "registry/worklists.html", **context)


@router.get("/worklists/{code}")
def show(request: Request, code: str, uow: Reading, region: str = "") -> Response:
    """One worklist."""
    asked, place = worklist(code), place_of(uow, region)
    return page(
        request,
        "registry/worklist.html",
        asked=asked,
        lines=lines_of(uow, asked, place, most=SHOWN),
        total=count_of(uow, asked, place),
        regions=views.regions(uow),
        region=region,
    )


def _names(request: Request, lines: list[Line]) -> tuple[Places, dict[str, str]]:
    places: Places = request.app.state.node.places
    codes = {str(cell) for line in lines for cell in line.cells if str(cell) in places.names}
    return places, {code: places.name(code) for code in codes}


def _file_name(code: str, region: RegionCode, ending: str) -> dict[str, str]:
    name = f"{code}-{region}.{ending}"
    return {"Content-Disposition": f'attachment; filename="{name}"'}


@router.get("/worklists/{code}/list.xlsx")
def workbook(request: Request, code: str, uow: Writing, region: str = "") -> Response:
    """The whole list as an Excel file; telephones in full, which is recorded."""
    asked, place = worklist(code), place_of(uow, region)
    lines = list(whole(uow, asked, place))
    _, names = _names(request, lines)
    headers = _file_name(code, place, "xlsx")
    return Response(workbook_of(asked, lines, names), media_type=XLSX, headers=headers)


@router.get("/worklists/{code}/list.pdf")
def paper(request: Request, code: str, uow: Writing, region: str = "") -> Response:
    """The whole list to be printed; telephones in full, which is recorded."""
    asked, place = worklist(code), place_of(uow, region)
    lines = list(whole(uow, asked, place))
    places, names = _names(request, lines)
    title = places.path(str(place), below=str(uow.node.county or "")) or places.name(str(place))
    content = printed(asked, lines, names, place=title, on=uow.today)
    return Response(content, media_type="application/pdf")


@router.get("/households")
def household_lists(request: Request, uow: Reading, done: int = 0) -> Response:
    """The household lists of the actor's villages, and the form for a newer one."""
    context = _households_context(uow, "") | {"done": done}
    return page(request, "registry/households.html", **context)


def _households_context(uow: UnitOfWork, village: str) -> dict[str, Any]:
    scope = uow.actor.scope
    villages = [] if scope.level is Level.VILLAGE else village_choices(uow)
    return {
        "listed": households.listed(uow),
        "villages": villages,
        "village": village or (str(scope) if not villages else ""),
        "may_enter": views.may_enter(uow),
        "problems_found": (),
        "done": 0,
    }


@router.post("/households")
def upload(request: Request, uow: Writing, file: UploadFile, village: Text = "") -> Response:
    """Put a file in the place of a village's list; what cannot be read is shown."""
    context = _households_context(uow, village)
    with redisplay("registry/households.html", **context):
        content = file.file.read(rolls.FILE_LARGEST + 1)
        if not content:
            raise Invalid("请选择户籍名册文件", field="file")
        if len(content) > rolls.FILE_LARGEST:
            raise Invalid("文件超过 10 MB，请分成几个文件", field="file")
        place = village or str(uow.actor.scope)
        done = households.import_households(
            uow, content, filename=file.filename or "户籍名册", village=place
        )
    if not done.problems:
        return RedirectResponse(f"/registry/households?done={done.members}", status_code=303)
    context = _households_context(uow, village)
    context |= {"problems_found": done.problems[:SHOWN], "done": done.members}
    return page(request, "registry/households.html", **context)


def _member_context(uow: UnitOfWork, member_id: str) -> dict[str, Any]:
    member = households.member_of(uow, member_id)
    return {
        "member": member,
        "household": households.household_of(uow, member),
        "reasons": [("", "没有"), *((each.value, each.title) for each in NotEnrolled)],
        "may_enter": views.may_enter(uow),
    }


@router.get("/households/{member_id}")
def member(request: Request, member_id: str, uow: Reading) -> Response:
    """Somebody on the list who is not enrolled: note why, or begin the enrolment."""
    return page(request, "registry/household.html", **_member_context(uow, member_id))


@router.post("/households/{member_id}/reason")
def note(member_id: str, uow: Writing, reason: Text = "") -> Response:
    """Note why somebody is not enrolled."""
    with redisplay("registry/household.html", **_member_context(uow, member_id)):
        households.note_reason(uow, member_id, reason=reason)
    return RedirectResponse("/registry/worklists/not-enrolled", status_code=303)


@router.post("/households/{member_id}/enrolment")
def begin(member_id: str, uow: Writing) -> Response:
    """Begin an enrolment with what the list says."""
    draft = households.begin_enrolment(uow, member_id)
    return RedirectResponse(f"/cases/drafts/{draft}", status_code=303)
