"""Pages of receipts: the coordinator collects, the county counts, anybody verifies."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import select

from node.accounts.service import printed
from node.cases.queries import require_seeing
from node.contributions.collection_ways import way_is_open
from node.contributions.downloads import file_answer
from node.contributions.due_list import SHOWN, DueState, due_rows, due_totals
from node.contributions.models import Contribution, Receipt, ReceiptHandover, ReceiptSeries
from node.contributions.receipt_paper import WAYS, cash_receipt, payment_receipt
from node.contributions.receipts import (
    Taken,
    allocate,
    confirm_handover,
    hand_over,
    handovers,
    not_handed_over,
    printed_number,
    series,
    take_cash,
    void,
)
from node.core.edge import Reading, Writing, page, redisplay
from node.core.errors import Invalid
from node.core.money import parse_yuan
from node.core.signing import check
from node.core.work import UnitOfWork
from node.identity import require_inside
from node.policy.contribution_bodies import Way
from tiers import Level, RegionCode, Role

router = APIRouter(prefix="/contributions", include_in_schema=False)
Text = Annotated[str, Form()]
PDF = "application/pdf"
HANDOVERS_SHOWN = 200


@router.get("/receipts")
def receipts(request: Request, uow: Reading, done: str = "") -> Response:
    """The coordinator's round, or the county's counting."""
    require_seeing(uow)
    if uow.actor.scope.level is Level.VILLAGE:
        return page(request, "contributions/round.html", done=done, **_round_context(uow))
    return page(request, "contributions/receipts.html", done=done, **_county_context(uow))


def _round_context(uow: UnitOfWork) -> dict[str, Any]:
    require_seeing(uow)
    village, year = uow.actor.scope, uow.today.year
    return {
        "village": village,
        "year": year,
        "rows": due_rows(uow, year, village, DueState.DUE.value, 1, SHOWN),
        "totals": due_totals(uow, year, village),
        "states": DueState,
        "mine": not_handed_over(uow, village),
        "handed": _handovers(uow, village),
        "number": printed_number,
        "printed": printed,
        "is_open": way_is_open(uow, Way.COORDINATOR, region=village),
        "typed": {},
    }


def _county_context(uow: UnitOfWork) -> dict[str, Any]:
    require_seeing(uow)
    spans = select(ReceiptSeries).where(series.c.village.startswith(uow.actor.scope.prefix))
    return {
        "handed": _handovers(uow, uow.actor.scope),
        "spans": uow.session.scalars(spans.order_by(series.c.first_no.desc()).limit(50)).all(),
        "number": printed_number,
        "keeps": uow.level is Level.COUNTY and uow.actor.holds(Role.ACCOUNTANT),
        "typed": {},
    }


def _handovers(uow: UnitOfWork, region: RegionCode) -> list[ReceiptHandover]:
    found = select(ReceiptHandover).where(handovers.c.village.startswith(region.prefix))
    order = (handovers.c.confirmed_on.is_not(None), handovers.c.handed_at.desc())
    return list(uow.session.scalars(found.order_by(*order).limit(HANDOVERS_SHOWN)))


@router.post("/receipts")
def take(
    uow: Writing, account_no: Annotated[int, Form()], for_year: Annotated[int, Form()]
) -> Response:
    """Take cash and write the receipt."""
    with redisplay("contributions/round.html", done="", **_round_context(uow)):
        receipt = take_cash(uow, uow.actor.scope, Taken(account_no, for_year))
    return RedirectResponse(f"/contributions/receipts?done={receipt.receipt_no}", status_code=303)


@router.post("/receipts/{receipt_no}/void")
def void_receipt(uow: Writing, receipt_no: int, reason: Text = "") -> Response:
    """Void a spoiled receipt."""
    with redisplay("contributions/round.html", done="", **_round_context(uow)):
        void(uow, uow.actor.scope, receipt_no, reason=reason)
    return RedirectResponse("/contributions/receipts", status_code=303)


@router.post("/receipts/handover")
def make_handover(uow: Writing) -> Response:
    """Hand over receipts and cash."""
    with redisplay("contributions/round.html", done="", **_round_context(uow)):
        hand_over(uow, uow.actor.scope)
    return RedirectResponse("/contributions/receipts", status_code=303)


@router.get("/receipts/{receipt_no}.pdf")
def print_receipt(uow: Reading, receipt_no: int) -> Response:
    """A coordinator's receipt on paper."""
    require_seeing(uow)
    receipt = uow.get(Receipt, str(uow.node.county), receipt_no)
    require_inside(uow, RegionCode(receipt.village))
    name = f"{printed_number(receipt.county_code, receipt_no)}.pdf"
    return file_answer(name, cash_receipt(uow, receipt), PDF, inline=True)


@router.get("/payments/{contribution_id}/receipt.pdf")
def print_payment(uow: Reading, contribution_id: str) -> Response:
    """The receipt of a payment in the books, on paper."""
    require_seeing(uow)
    paid = uow.get(Contribution, str(uow.node.county), contribution_id)
    require_inside(uow, RegionCode(paid.village))
    return file_answer("缴费收据.pdf", payment_receipt(uow, paid), PDF, inline=True)


@router.post("/receipts/series")
def give_numbers(uow: Writing, village: Text = "", count: Text = "") -> Response:
    """Give a village receipt numbers."""
    context = _county_context(uow) | {"typed": {"village": village, "count": count}}
    with redisplay("contributions/receipts.html", done="", **context):
        if not village.strip().isdigit():
            raise Invalid("请填写 12 位村（社区）代码", field="village")
        if not count.strip().isdigit():
            raise Invalid("请填写收据张数", field="count")
        allocate(uow, RegionCode(village.strip()), int(count))
    return RedirectResponse("/contributions/receipts", status_code=303)


@router.post("/receipts/handovers/{village}/{first_no}")
def count_money(
    uow: Writing, village: str, first_no: int, yuan: Text = "", reference: Text = ""
) -> Response:
    """The county has counted the money: the receipts become payments."""
    context = _county_context(uow) | {"typed": {"yuan": yuan, "reference": reference}}
    with redisplay("contributions/receipts.html", done="", **context):
        fen = parse_yuan(yuan, field="fen")
        booked = confirm_handover(uow, RegionCode(village), first_no, fen=fen, reference=reference)
    return RedirectResponse(f"/contributions/receipts?done={booked.posted}", status_code=303)


@router.get("/verify")
def ask_code(request: Request, uow: Reading) -> Response:
    """The form for the code of a receipt."""
    require_seeing(uow)
    return page(request, "contributions/verify.html", code="", checked=None, ways=WAYS)


@router.post("/verify")
def verify(request: Request, uow: Writing, code: Text = "") -> Response:
    """What a code proves; nothing is changed."""
    require_seeing(uow)
    with redisplay("contributions/verify.html", code=code, checked=None, ways=WAYS):
        checked = check(uow.connection, code)
    return page(request, "contributions/verify.html", code=code, checked=checked, ways=WAYS)
