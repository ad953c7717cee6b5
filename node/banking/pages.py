"""Pages: batches and how they stand, their files to carry to the bank, results to load."""

from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form, Request, UploadFile
from fastapi.responses import RedirectResponse, Response

from node.banking import queries, service
from node.banking.incoming import read_control
from node.banking.models import BankBatch, BankFile, BankResult
from node.banking.rules import OUTCOME_TITLES, LineState, Outcome
from node.core.edge import Reading, Writing, page, redisplay
from node.core.errors import Invalid, NotFound
from node.core.money import parse_yuan
from node.core.work import UnitOfWork

router = APIRouter(prefix="/banking", include_in_schema=False)
Text = Annotated[str, Form()]

CHIPS = {
    LineState.WAITING: "other",
    LineState.SENT: "wait",
    LineState.SUCCEEDED: "done",
    LineState.FAILED: "bad",
    LineState.UNCLEAR: "wait",
    LineState.RETURNED: "bad",
}
PURPOSES = {"contributions": "缴费代扣", "payroll": "待遇发放"}


def _index_context(uow: UnitOfWork, number: int = 1) -> dict[str, Any]:
    queries.require_desk(uow, may_look=True)
    found = queries.batch_rows(uow, number=number)
    return {
        "found": found,
        "rows": queries.standing(uow, found.items),
        "results": queries.newest_results(uow),
        "banks": service.banks(),
        "purposes": PURPOSES,
        "directions": service.Direction,
        "works": uow.actor.holds(*queries.DESKS),
    }


@router.get("")
def index(
    request: Request, uow: Reading, number: int = 1, taken: int = 0, again: bool = False
) -> Response:
    """Every batch, and the results that came last."""
    context = _index_context(uow, number)
    return page(request, "banking/index.html", taken=taken, again=again, typed={}, **context)


@router.get("/batches/{batch_no}")
def show(
    request: Request, uow: Reading, batch_no: int, state: str = "", number: int = 1
) -> Response:
    """One batch: its files and its lines."""
    return page(request, "banking/batch.html", **_batch_context(uow, batch_no, state, number))


def _batch_context(uow: UnitOfWork, batch_no: int, state: str, number: int) -> dict[str, Any]:
    queries.require_desk(uow, may_look=True)
    batch = uow.get(BankBatch, str(uow.node.county), batch_no)
    bank = service.bank(batch.bank)
    lines = queries.lines_of(uow, batch_no, state=state, number=number)
    return {
        "batch": batch,
        "bank": bank,
        "direction": service.Direction(batch.direction),
        "files": service.parts_of(uow, batch_no),
        "control": bool(bank.control_suffix),
        "counts": service.line_counts(uow, batch_no),
        "states": LineState,
        "chips": CHIPS,
        "lines": lines,
        "reasons": {line.code: bank.answer(line.code).reason for line in lines.items if line.code},
        "state": state,
        "works": uow.actor.holds(*queries.DESKS),
    }


@router.post("/batches/{batch_no}/sent")
def mark_sent(uow: Writing, batch_no: int) -> Response:
    """The files have been carried to the bank."""
    queries.require_desk(uow)
    with redisplay("banking/batch.html", **_batch_context(uow, batch_no, "", 1)):
        service.mark_sent(uow, batch_no)
    return RedirectResponse(f"/banking/batches/{batch_no}", status_code=303)


@router.get("/batches/{batch_no}/files/{part_no}")
def download(uow: Reading, batch_no: int, part_no: int, control: bool = False) -> Response:
    """One file of a batch, or the control file that goes with it."""
    queries.require_desk(uow)
    county = str(uow.node.county)
    batch = uow.get(BankBatch, county, batch_no)
    part = uow.get(BankFile, county, batch_no, part_no)
    if not control:
        return _file(part.file_name, b"".join(service.write_part(uow, batch, part)))
    found = service.part_control(batch, part)
    if found is None:
        raise NotFound("这家银行没有控制文件")
    return _file(*found)


def _file(name: str, content: bytes) -> Response:
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}"}
    return Response(content, media_type="application/octet-stream", headers=headers)


@dataclass
class Loaded:
    """What is sent with a result file."""

    file: UploadFile
    control: UploadFile | None = None
    bank: Text = ""
    lines: Text = ""
    yuan: Text = ""


@router.post("/results")
def take_result(uow: Writing, loaded: Annotated[Loaded, Depends()]) -> Response:
    """Load a result file that people carried."""
    queries.require_desk(uow)
    typed = {"bank": loaded.bank, "lines": loaded.lines, "yuan": loaded.yuan}
    with redisplay("banking/index.html", taken=0, again=False, typed=typed, **_index_context(uow)):
        if not loaded.file.filename:
            raise Invalid("请选择回盘文件", field="file")
        taken = service.take_result(
            uow,
            loaded.bank,
            loaded.file.file,
            file_name=loaded.file.filename,
            totals=_totals(loaded),
        )
    again = "&again=1" if taken.is_duplicate else ""
    return RedirectResponse(f"/banking?taken={taken.result_no}{again}", status_code=303)


def _totals(loaded: Loaded) -> service.Totals | None:
    if loaded.control is not None and loaded.control.filename:
        return read_control(service.bank(loaded.bank), loaded.control.file.read(1_000))[1]
    if not loaded.lines.strip() and not loaded.yuan.strip():
        return None
    if not loaded.lines.strip().isdigit():
        raise Invalid("请填写银行给出的总笔数", field="lines")
    return service.Totals(int(loaded.lines), parse_yuan(loaded.yuan, field="yuan"))


@router.get("/results/{result_no}")
def show_result(request: Request, uow: Reading, result_no: int) -> Response:
    """The rows of a result file that somebody has to look at."""
    queries.require_desk(uow, may_look=True)
    result = uow.get(BankResult, str(uow.node.county), result_no)
    return page(
        request,
        "banking/result.html",
        result=result,
        bank=service.bank(result.bank),
        rows=queries.rows_to_look_at(uow, result_no),
        titles={outcome.value: OUTCOME_TITLES[outcome] for outcome in Outcome},
        states=LineState,
    )
