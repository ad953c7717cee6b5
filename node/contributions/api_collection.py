"""Collection for programs: orders, batches, receipts, the queue, the income account.

Amounts are integer fen.
"""

from datetime import date
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from node.cases.queries import require_seeing
from node.contributions import service
from node.contributions.closing import close_day, close_month, income_month, month_problems
from node.contributions.closing import transfer as transfer_funds
from node.contributions.due_list import due_rows
from node.contributions.models import ReceiptHandover, UnmatchedMoney
from node.contributions.receipts import (
    Taken,
    allocate,
    confirm_handover,
    hand_over,
    handovers,
    take_cash,
    void,
)
from node.contributions.unmatched import queue
from node.core.edge import Reading, Writing
from node.core.signing import check
from tiers import RegionCode

router = APIRouter(prefix="/api/contributions", tags=["contributions"])

MOST_DUE = 5_000


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class YearIn(_In):
    """Which year."""

    year: int = Field(ge=2009, le=2200)


class WithholdIn(YearIn):
    """Which year, at which bank."""

    bank: str


class GradeIn(YearIn):
    """Whose grade of a year."""

    account_no: int
    grade_fen: int


class SeriesIn(_In):
    """Receipt numbers for a village."""

    village: str
    count: int


class CashIn(_In):
    """Cash for a year of an account of a village."""

    village: str
    account_no: int
    for_year: int


class VoidIn(_In):
    """Why a receipt is void."""

    village: str
    reason: str


class VillageIn(_In):
    """Which village."""

    village: str


class CountedIn(_In):
    """What the county counted, and the paying-in slip."""

    fen: int
    reference: str


class ProposalIn(_In):
    """What is to become of an item."""

    way: service.Way
    reason: str
    account_no: int | None = None
    for_year: int | None = None


class DecisionIn(_In):
    """Yes or no."""

    approve: bool = True


class TransferIn(_In):
    """What went on to the fiscal account."""

    fen: int
    on: date
    reference: str


class DayIn(_In):
    """What the bank's statement says of a day."""

    day: date
    bank_fen: int


class MonthIn(_In):
    """What the bank's statement says at the end of a month."""

    year: int
    month: int = Field(ge=1, le=12)
    bank_balance_fen: int


class CodeIn(_In):
    """The text of a code on paper."""

    code: str = Field(max_length=6_000)


@router.post("/orders")
def make_orders(body: YearIn, uow: Writing) -> dict[str, Any]:
    """Write what everybody owes for a year, or bring it up to date."""
    run = service.make_orders(uow, body.year)
    return {
        "year": run.year,
        "written": run.written,
        "own_fen": run.own_fen,
        "on_behalf_fen": run.on_behalf_fen,
        "without_grade": run.without_grade,
    }


@router.get("/due")
def list_due(uow: Reading, year: int, state: str = "", page: int = 1) -> list[dict[str, Any]]:
    """Who owes what, inside the region of whoever asks."""
    require_seeing(uow)
    rows = due_rows(uow, year, uow.actor.scope, state, page, MOST_DUE)
    return [
        {
            "account_no": row.account_no,
            "name": row.name,
            "village": row.village,
            "for_year": row.for_year,
            "grade_fen": row.grade_fen,
            "own_fen": row.own_fen,
            "state": row.state.value,
        }
        for row in rows
    ]


@router.post("/grades")
def change_grade(body: GradeIn, uow: Writing) -> dict[str, int]:
    """Another grade for a year that is not paid yet."""
    run = service.change_grade(uow, body.account_no, body.year, grade_fen=body.grade_fen)
    return {"written": run.written}


@router.post("/withholding")
def withhold(body: WithholdIn, uow: Writing) -> dict[str, Any]:
    """Make a batch of everybody who owes a year and has a card; `batch_no` null: nobody."""
    made = service.withhold(uow, body.year, bank_code=body.bank)
    batch = made.batch
    return {
        "batch_no": batch.batch_no if batch else None,
        "lines": batch.lines if batch else 0,
        "fen": batch.fen if batch else 0,
        "left_out": made.left_out,
    }


@router.post("/on-behalf")
def pay_on_behalf(body: YearIn, uow: Writing) -> dict[str, Any]:
    """Post what the governments pay for special groups, the money having come."""
    run = service.pay_on_behalf(uow, body.year)
    return {"people": run.people, "entry_no": run.entry_no}


@router.post("/receipts/series", status_code=201)
def allocate_series(body: SeriesIn, uow: Writing) -> dict[str, int]:
    """Give a village receipt numbers."""
    row = allocate(uow, RegionCode(body.village), body.count)
    return {"first_no": row.first_no, "last_no": row.last_no}


@router.post("/receipts", status_code=201)
def issue_receipt(body: CashIn, uow: Writing) -> dict[str, Any]:
    """Take cash at a village and write the receipt."""
    taken = Taken(body.account_no, body.for_year)
    row = take_cash(uow, RegionCode(body.village), taken)
    return {"receipt_no": row.receipt_no, "fen": row.fen}


@router.post("/receipts/{receipt_no}/void")
def void_receipt(receipt_no: int, body: VoidIn, uow: Writing) -> dict[str, Any]:
    """Void a spoiled receipt."""
    row = void(uow, RegionCode(body.village), receipt_no, reason=body.reason)
    return {"receipt_no": row.receipt_no, "voided": row.voided}


@router.post("/handovers", status_code=201)
def make_handover(body: VillageIn, uow: Writing) -> dict[str, Any]:
    """Hand over receipts and cash since the last time."""
    return _handover(hand_over(uow, RegionCode(body.village)))


@router.get("/handovers")
def list_handovers(uow: Reading, village: str = "") -> list[dict[str, Any]]:
    """Handovers this node holds, of one village or of all."""
    require_seeing(uow)
    found = select(ReceiptHandover).where(
        handovers.c.village.startswith(RegionCode(village).prefix if village else uow.node.prefix)
    )
    rows = uow.session.scalars(found.order_by(handovers.c.village, handovers.c.first_no))
    return [_handover(row) for row in rows]


def _handover(row: ReceiptHandover) -> dict[str, Any]:
    return {
        "village": row.village,
        "first_no": row.first_no,
        "last_no": row.last_no,
        "receipts": row.receipts,
        "voids": row.voids,
        "fen": row.fen,
        "confirmed": row.confirmed_on is not None,
    }


@router.post("/handovers/{village}/{first_no}/confirmation")
def confirm(village: str, first_no: int, body: CountedIn, uow: Writing) -> dict[str, int]:
    """The county has the money: the receipts become payments."""
    place = RegionCode(village)
    booked = confirm_handover(uow, place, first_no, fen=body.fen, reference=body.reference)
    return {"posted": booked.posted, "aside": booked.aside}


@router.get("/queue")
def list_queue(uow: Reading, state: str = "", page: int = 1) -> list[dict[str, Any]]:
    """Money in doubt."""
    require_seeing(uow)
    return [_item(item) for item in queue(uow, state=state, number=page).items]


def _item(item: UnmatchedMoney) -> dict[str, Any]:
    names = ("item_no", "kind", "fen", "payer", "account_no", "for_year", "state", "resolution")
    return {name: getattr(item, name) for name in names}


@router.post("/queue/{item_no}/proposal")
def propose(item_no: int, body: ProposalIn, uow: Writing) -> dict[str, Any]:
    """Say what is to become of an item."""
    given = service.Proposal(body.way, body.reason, body.account_no, body.for_year)
    return _item(service.propose(uow, item_no, given))


@router.post("/queue/{item_no}/decision")
def decide(item_no: int, body: DecisionIn, uow: Writing) -> dict[str, Any]:
    """Let it happen, or send it back."""
    return _item(service.decide(uow, item_no, approve=body.approve))


@router.post("/transfers", status_code=201)
def transfer(body: TransferIn, uow: Writing) -> dict[str, int]:
    """Money from the income account to the fiscal special account."""
    return {"entry_no": transfer_funds(uow, fen=body.fen, on=body.on, reference=body.reference)}


@router.get("/months/{year}/{month}")
def show_month(year: int, month: int, uow: Reading) -> dict[str, Any]:
    """The income account over a month, and what keeps it open."""
    require_seeing(uow)
    found = income_month(uow, year, month)
    return {
        "opening_fen": found.opening_fen,
        "received_fen": found.received_fen,
        "transferred_fen": found.transferred_fen,
        "balance_fen": found.balance_fen,
        "to_transfer_fen": found.to_transfer_fen,
        "closed": found.closing is not None,
        "days": [
            {
                "day": each.day.isoformat(),
                "received_fen": each.received_fen,
                "transferred_fen": each.transferred_fen,
                "closed": each.closing is not None,
            }
            for each in found.days
        ],
        "problems": [problem.message for problem in month_problems(uow, found)],
    }


@router.post("/days")
def reconcile_day(body: DayIn, uow: Writing) -> dict[str, int]:
    """A day whose credits at the bank are those of the books."""
    return {"received_fen": close_day(uow, body.day, bank_fen=body.bank_fen).received_fen}


@router.post("/months")
def reconcile_month(body: MonthIn, uow: Writing) -> dict[str, int]:
    """A month without a fen unexplained."""
    closing = close_month(uow, body.year, body.month, bank_balance_fen=body.bank_balance_fen)
    return {"balance_fen": closing.balance_fen}


@router.post("/codes")
def check_code(body: CodeIn, uow: Reading) -> dict[str, Any]:
    """What a code on paper proves."""
    found = check(uow.connection, body.code)
    return {"node": found.node, "facts": found.facts}
