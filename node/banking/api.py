"""Banks for programs: exchange files, look at batches."""

from io import BytesIO
from typing import Annotated

from fastapi import APIRouter, Form, Request, UploadFile
from pydantic import BaseModel

from node.banking import queries, service
from node.core.edge import Reading, Writing, house
from node.core.errors import Invalid

router = APIRouter(prefix="/api/banking", tags=["banking"])


class ExchangedOut(BaseModel):
    """What a run of the exchange did, by file name; `quiet` when there was nothing to do."""

    sent: list[str]
    taken: list[str]
    refused: list[str]
    put_away: list[str]
    quiet: bool


class BatchOut(BaseModel):
    """A batch and how its lines stand. Amounts are integer fen."""

    batch_no: int
    bank: str
    direction: str
    purpose: str
    reference: str
    lines: int
    fen: int
    is_sent: bool
    succeeded: int
    succeeded_fen: int
    failed: int
    open: int
    unclear: int


class TakenOut(BaseModel):
    """What a result file brought."""

    result_no: int
    is_duplicate: bool
    lines: int
    fen: int
    outcomes: dict[str, int]
    states: dict[str, int]


@router.post("/exchange")
def exchange(request: Request, uow: Writing) -> ExchangedOut:
    """Exchange files with the banks through the folder of this node's settings, now."""
    queries.require_desk(uow)
    folder = house(request).settings.bank_folder
    if folder is None:
        raise Invalid("没有配置与银行交换文件的文件夹 bank_folder")
    done = service.exchange(uow, folder)
    return ExchangedOut(
        sent=done.sent,
        taken=done.taken,
        refused=done.refused,
        put_away=done.put_away,
        quiet=done.is_quiet,
    )


@router.get("/batches")
def list_batches(uow: Reading, purpose: str = "", page: int = 1) -> list[BatchOut]:
    """Batches, the newest first."""
    queries.require_desk(uow, may_look=True)
    found = queries.batch_rows(uow, number=page, purpose=purpose)
    return [
        BatchOut(
            batch_no=row.batch.batch_no,
            bank=row.batch.bank,
            direction=row.batch.direction,
            purpose=row.batch.purpose,
            reference=row.batch.reference,
            lines=row.batch.lines,
            fen=row.batch.fen,
            is_sent=row.batch.sent_at is not None,
            succeeded=row.succeeded,
            succeeded_fen=row.succeeded_fen,
            failed=row.failed,
            open=row.open,
            unclear=row.unclear,
        )
        for row in queries.standing(uow, found.items)
    ]


@router.post("/results")
def take_result(
    uow: Writing,
    file: UploadFile,
    bank: Annotated[str, Form()],
    lines: Annotated[int | None, Form()] = None,
    fen: Annotated[int | None, Form()] = None,
) -> TakenOut:
    """Take a result file; `lines` and `fen` are its control totals, where it holds none."""
    queries.require_desk(uow)
    totals = None if lines is None or fen is None else service.Totals(lines, fen)
    taken = service.take_result(
        uow, bank, BytesIO(file.file.read()), file_name=file.filename or "", totals=totals
    )
    return TakenOut(
        result_no=taken.result_no,
        is_duplicate=taken.is_duplicate,
        lines=taken.lines,
        fen=taken.fen,
        outcomes={outcome.value: number for outcome, number in taken.outcomes.items()},
        states={state.value: number for state, number in taken.states.items()},
    )
