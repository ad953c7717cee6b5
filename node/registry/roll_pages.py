"""Pages of rolls: upload, name the columns, look at what each row comes to, import, corrections."""

from typing import Annotated, Any

from fastapi import APIRouter, BackgroundTasks, Depends, Form, Request, UploadFile
from fastapi.responses import RedirectResponse, Response

from node.cases import views
from node.core.edge import Reading, Writing, later, page, redisplay
from node.core.errors import Invalid
from node.core.work import UnitOfWork
from node.registry import roll_kept, rolls
from node.registry.matters import village_choices
from node.registry.roll import ALL_TITLES, TITLES
from node.registry.roll_answer import bad_rows_workbook
from node.registry.rolls import MIGRATION, ROLL, Verdict
from tiers import Level

router = APIRouter(prefix="/registry/rolls", include_in_schema=False)
Text = Annotated[str, Form()]

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ROWS_SHOWN = 200
KINDS = {ROLL: "参保登记花名册", MIGRATION: "存量数据（原系统已参保）"}
COLUMN = "column-"
REFRESH_SECONDS = "2"


async def _typed(request: Request) -> dict[str, str]:
    return {name: str(value) for name, value in (await request.form()).items()}


@router.get("")
def roll_list(request: Request, uow: Reading) -> Response:
    """Rolls uploaded by the reader, and the form for another."""
    return page(request, "registry/rolls.html", **_rolls_context(uow, "", ROLL))


def _rolls_context(uow: UnitOfWork, village: str, kind: str) -> dict[str, Any]:
    scope = uow.actor.scope
    villages = [] if scope.level is Level.VILLAGE else village_choices(uow)
    return {
        "kept": roll_kept.kept_rolls(uow),
        "villages": villages,
        "village": village or (str(scope) if not villages else ""),
        "kinds": list(KINDS.items()) if uow.level is Level.COUNTY else [],
        "kind": kind,
        "titles": TITLES,
        "may_enter": views.may_enter(uow),
    }


@router.post("")
def upload(uow: Writing, file: UploadFile, village: Text = "", kind: Text = ROLL) -> Response:
    """Keep a roll, to be looked at before anything is entered."""
    with redisplay("registry/rolls.html", **_rolls_context(uow, village, kind)):
        content = file.file.read(rolls.FILE_LARGEST + 1)
        if not content:
            raise Invalid("请选择花名册文件", field="file")
        if kind not in KINDS:
            raise Invalid("请选择花名册的种类", field="kind")
        kept = roll_kept.keep_roll(
            uow,
            content,
            filename=file.filename or "花名册",
            village=village or str(uow.actor.scope),
            kind=kind,
        )
        unknown = roll_kept.lacks_columns(uow, kept)
    return RedirectResponse(_address(kept.id, "columns" if unknown else ""), status_code=303)


def _address(roll_id: str, part: str = "") -> str:
    return f"/registry/rolls/{roll_id}" + (f"/{part}" if part else "")


def _columns_context(uow: UnitOfWork, roll_id: str) -> dict[str, Any]:
    kept = roll_kept.kept_file(uow, roll_id)
    return {
        "kept": kept,
        "columns": roll_kept.columns_of(uow, kept),
        "fields": [("", "不使用"), *ALL_TITLES.items()],
    }


@router.get("/{roll_id}/columns")
def columns(request: Request, roll_id: str, uow: Reading) -> Response:
    """Which column of the file is which; remembered for the next file of this office."""
    return page(request, "registry/roll_columns.html", **_columns_context(uow, roll_id))


@router.post("/{roll_id}/columns")
def name_columns(
    roll_id: str, uow: Writing, typed: Annotated[dict[str, str], Depends(_typed)]
) -> Response:
    """Remember what the columns mean."""
    context = _columns_context(uow, roll_id)
    meant = {
        heading: typed.get(f"{COLUMN}{place}", "")
        for place, (heading, _) in enumerate(context["columns"])
    }
    context["columns"] = list(meant.items())
    with redisplay("registry/roll_columns.html", **context):
        roll_kept.name_columns(uow, roll_id, meant)
    return RedirectResponse(_address(roll_id), status_code=303)


def _roll_context(uow: UnitOfWork, roll_id: str) -> dict[str, Any]:
    kept, checked = roll_kept.kept_roll(uow, roll_id)
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


@router.get("/{roll_id}")
def roll(request: Request, roll_id: str, uow: Reading) -> Response:
    """What a kept roll comes to: good rows, bad ones with their reasons, those known already.

    While it is imported, how far that is.
    """
    kept = roll_kept.kept_file(uow, roll_id)
    if kept.rows_done < kept.rows_total:
        is_moving = roll_kept.is_under_way(kept, uow)
        shown = page(request, "registry/roll_progress.html", kept=kept, is_moving=is_moving)
        if is_moving:
            shown.headers["Refresh"] = REFRESH_SECONDS  # without script, too
        return shown
    if roll_kept.lacks_columns(uow, kept):
        return RedirectResponse(_address(roll_id, "columns"), status_code=303)
    return page(request, "registry/roll.html", **_roll_context(uow, roll_id))


@router.post("/{roll_id}/import")
def import_roll(
    request: Request, roll_id: str, uow: Writing, tasks: BackgroundTasks, consent: Text = ""
) -> Response:
    """Begin to enter the good rows as cases; the page shows how far it is."""
    kept = roll_kept.kept_file(uow, roll_id)
    begun = kept.rows_done < kept.rows_total
    context = {"kept": kept, "is_moving": False} if begun else _roll_context(uow, roll_id)
    template = "registry/roll_progress.html" if begun else "registry/roll.html"
    with redisplay(template, **context):
        roll_kept.begin_import(uow, roll_id, consent=bool(consent))
    tasks.add_task(roll_kept.run_import, later(request), roll_id)
    return RedirectResponse(_address(roll_id), status_code=303, background=tasks)


@router.get("/{roll_id}/bad.xlsx")
def bad_rows(roll_id: str, uow: Reading) -> Response:
    """The rows that cannot go on, with their reasons, to be corrected and sent again."""
    _, checked = roll_kept.kept_roll(uow, roll_id)
    content = bad_rows_workbook(checked.of(Verdict.BAD))
    headers = {"Content-Disposition": 'attachment; filename="bad-rows.xlsx"'}
    return Response(content, media_type=XLSX, headers=headers)


@router.post("/{roll_id}/discard")
def discard(roll_id: str, uow: Writing) -> Response:
    """Throw a kept roll away."""
    roll_kept.discard_roll(uow, roll_id)
    return RedirectResponse("/registry/rolls", status_code=303)
