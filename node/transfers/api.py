"""Transfers for programs. Amounts are integer fen."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel

from node.core.edge import Reading, Writing
from node.transfers import service
from node.transfers.service import Side, Transfer

router = APIRouter(prefix="/api/transfers", tags=["transfers"])


class Refused(BaseModel):
    """Why the old county does not let go."""

    reason: str = ""


class Moved(BaseModel):
    """The bank's reference of money that was paid or has come."""

    reference: str = ""


class StepOut(BaseModel):
    """One step."""

    step: str
    on: date
    by: str
    fen: int
    reference: str
    reason: str


class TransferOut(BaseModel):
    """A transfer as far as this node knows."""

    id: str
    name: str
    from_county: str
    to_county: str
    state: str
    custody: str
    fen: int | None
    due: date | None
    steps: list[StepOut]


class ListOut(BaseModel):
    """One page of a list."""

    transfers: list[TransferOut]
    total: int
    page: int
    pages: int


def _out(found: Transfer) -> TransferOut:
    return TransferOut(
        id=found.id,
        name=found.name,
        from_county=found.from_county,
        to_county=found.to_county,
        state=found.state.value,
        custody=found.custody.value,
        fen=found.fen,
        due=found.due,
        steps=[
            StepOut(
                step=step.value,
                on=row["taken_on"],
                by=row["taken_by_name"],
                fen=row["fen"],
                reference=row["reference"],
                reason=row["reason"],
            )
            for step, row in found.in_order()
        ],
    )


@router.get("")
def index(uow: Reading, side: Side = Side.OUT, page: Annotated[int, Query(ge=1)] = 1) -> ListOut:
    """Transfers that leave, come, or are done, those that have waited longest first."""
    found = service.listed(uow, side, number=page)
    return ListOut(
        transfers=[_out(each) for each in found.items],
        total=found.total,
        page=found.number,
        pages=found.pages,
    )


@router.get("/{transfer_id}")
def show(uow: Reading, transfer_id: str) -> TransferOut:
    """One transfer."""
    return _out(service.transfer(uow, transfer_id))


@router.post("/{transfer_id}/refusal")
def refuse(uow: Writing, transfer_id: str, body: Refused) -> dict[str, Any]:
    """Answer a letter with no (不予转出)."""
    service.refuse(uow, transfer_id, reason=body.reason)
    return {"id": transfer_id}


@router.post("/{transfer_id}/payment")
def pay(uow: Writing, transfer_id: str, body: Moved) -> dict[str, Any]:
    """The old county has paid the money over (付转移款)."""
    service.pay(uow, transfer_id, reference=body.reference)
    return {"id": transfer_id}


@router.post("/{transfer_id}/arrival")
def bank(uow: Writing, transfer_id: str, body: Moved) -> dict[str, Any]:
    """The money is on the new county's income account (转移款到账)."""
    service.bank(uow, transfer_id, reference=body.reference)
    return {"id": transfer_id}
