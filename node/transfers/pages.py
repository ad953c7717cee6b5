"""Pages: who comes and who goes, one transfer from the letter to the money."""

from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel

from node.accounts.sources import Source
from node.core.edge import Reading, Writing, page, redisplay
from node.core.errors import Invalid
from node.core.work import UnitOfWork
from node.transfers import printed, service
from node.transfers.counties import name_of
from node.transfers.records import is_outside
from node.transfers.release import letter_is_open, person_here
from node.transfers.rules import Step
from node.transfers.service import Side
from tiers import Level, Role

router = APIRouter(prefix="/transfers", include_in_schema=False)
CHIPS = {Step.REFUSED: "bad", Step.PAID: "done", Step.BANKED: "done"}


class Paper(StrEnum):
    """What can be printed of a transfer."""

    LETTER = "letter"
    SHEET = "sheet"


class Did(BaseModel):
    """What was typed into one of the forms of a transfer."""

    reason: str = ""
    reference: str = ""


@router.get("")
def index(request: Request, uow: Reading, side: Side = Side.OUT, number: int = 1) -> Response:
    """The list of a county, or of the counties of a city or the province."""
    return page(
        request,
        "transfers/index.html",
        side=side,
        sides=Side,
        listed=service.listed(uow, side, number=number),
        counts=service.counts(uow),
        county=name_of,
        keeps=uow.level is Level.COUNTY,
        chips=CHIPS,
    )


@router.get("/{transfer_id}")
def show(request: Request, uow: Reading, transfer_id: str) -> Response:
    """One transfer: where it is, what came along, what is to be done next."""
    context = _context(uow, transfer_id)
    return page(request, "transfers/transfer.html", typed=Did(), **context)


def _context(uow: UnitOfWork, transfer_id: str) -> dict[str, Any]:
    found = service.transfer(uow, transfer_id)
    here = str(uow.node)
    is_old = found.from_county == here
    is_there = Step.RECEIVED in found.steps or is_outside(found.first)
    accounts = uow.actor.holds(Role.ACCOUNTANT) and is_there
    answers = is_old and letter_is_open(found.steps)
    return {
        "transfer": found,
        "told": service.told(found),
        "county": name_of,
        "sources": Source,
        "chips": CHIPS,
        "person_id": person_here(uow, found.first) if answers else None,
        "enters": answers and uow.actor.holds(Role.ACCEPTOR),
        "refuses": answers and uow.actor.holds(Role.REVIEWER, Role.APPROVER),
        "pays": accounts and is_old and Step.PAID not in found.steps,
        "banks": accounts and found.to_county == here and Step.BANKED not in found.steps,
    }


@router.get("/{transfer_id}/{paper}.pdf")
def on_paper(request: Request, uow: Writing, transfer_id: str, paper: Paper) -> Response:
    """The letter or the information sheet; that a number was read is recorded."""
    found = service.transfer(uow, transfer_id)
    make = printed.letter if paper is Paper.LETTER else printed.sheet
    content = make(uow, found, request.app.state.node.places)
    head = {"Content-Disposition": f'inline; filename="transfer-{paper}.pdf"'}
    return Response(content, media_type="application/pdf", headers=head)


@router.post("/{transfer_id}/{step}")
def take_step(uow: Writing, transfer_id: str, step: str, typed: Annotated[Did, Form()]) -> Response:
    """The next step of a transfer."""
    with redisplay("transfers/transfer.html", typed=typed, **_context(uow, transfer_id)):
        match step:
            case "refusal":
                service.refuse(uow, transfer_id, reason=typed.reason)
            case "payment":
                service.pay(uow, transfer_id, reference=typed.reference)
            case "arrival":
                service.bank(uow, transfer_id, reference=typed.reference)
            case _:
                raise Invalid("没有这一步", field="step")
    return RedirectResponse(f"/transfers/{transfer_id}", status_code=303)
