"""Contributions for programs. Amounts are integer fen."""

from dataclasses import asdict
from datetime import date

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, model_validator

from node.contributions import service
from node.core.edge import Writing

router = APIRouter(prefix="/api/contributions", tags=["contributions"])

MOST = 50_000


class PaymentIn(BaseModel):
    """A payment that a bank or a receipt confirms; who paid is said in one of two ways."""

    model_config = ConfigDict(extra="forbid")

    citizen_number: str = Field(default="", max_length=32)
    account_no: int | None = None
    for_year: int
    grade_fen: int
    fen: int
    method: str
    reference: str = Field(max_length=128)
    paid_on: date

    @model_validator(mode="after")
    def _named(self) -> "PaymentIn":
        if bool(self.citizen_number) == (self.account_no is not None):
            raise ValueError("citizen_number or account_no, one of the two")
        return self


class PaymentsIn(BaseModel):
    """A batch. `batch` is its name in the books, made up when not given."""

    model_config = ConfigDict(extra="forbid")

    batch: str = Field(default="", max_length=64)
    payments: list[PaymentIn] = Field(min_length=1, max_length=MOST)


class OutcomeOut(BaseModel):
    """What became of a line: `answer` is posted or refused."""

    line: int
    answer: str
    reason: str
    field: str
    name: str
    account_no: int | None
    contribution_id: str
    fen: int


class PaymentsOut(BaseModel):
    """The answer to a batch, in its order."""

    posted: int
    posted_fen: int
    refused: int
    outcomes: list[OutcomeOut]


class SubsidiesIn(BaseModel):
    """Whose year, and when the money came."""

    model_config = ConfigDict(extra="forbid")

    year: int = Field(ge=2009, le=2200)
    arrived_on: date | None = None


class SubsidiesOut(BaseModel):
    """What was posted; `entry_no` is null when nobody was waiting."""

    year: int
    people: int
    province_fen: int
    city_fen: int
    county_fen: int
    entry_no: int | None
    bulletin: str


class Reason(BaseModel):
    """Why a payment is taken back."""

    model_config = ConfigDict(extra="forbid")

    reason: str


@router.post("/payments")
def confirm_payments(body: PaymentsIn, uow: Writing) -> PaymentsOut:
    """Book confirmed payments; each line is booked or refused by itself."""
    payments = [service.Payment(**line.model_dump()) for line in body.payments]
    outcomes = service.confirm_payments(uow, payments, batch=body.batch)
    posted = [each for each in outcomes if each.answer is service.Answer.POSTED]
    return PaymentsOut(
        posted=len(posted),
        posted_fen=sum(each.fen for each in posted),
        refused=len(outcomes) - len(posted),
        outcomes=[OutcomeOut(**asdict(each)) for each in outcomes],
    )


@router.post("/payments/{contribution_id}/reversal", status_code=201)
def reverse_payment(contribution_id: str, body: Reason, uow: Writing) -> dict[str, int | None]:
    """Reverse a payment (红字冲销)."""
    found = service.reverse_payment(uow, contribution_id, reason=body.reason)
    return {"entry_no": found.reversed_entry}


@router.post("/subsidies")
def pay_subsidies(body: SubsidiesIn, uow: Writing) -> SubsidiesOut:
    """Post the subsidies of a year to everybody who paid it and has none yet."""
    return SubsidiesOut(**asdict(service.pay_subsidies(uow, body.year, arrived_on=body.arrived_on)))
