"""资金需求预测: twelve months by payer with a chart, by county, and how far it was off."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from sqlmodel import col, select

from node.core.edge import Reading, Writing, page
from node.core.errors import Conflict
from node.core.work import UnitOfWork
from node.identity import require
from node.payroll import desk, foreseen
from node.payroll.forecast import MORTALITY_SOURCE, keep_forecast
from node.payroll.rules import Payer
from node.policy.models import Bulletin
from tiers import Level, Role

router = APIRouter(prefix="/payroll/forecast", include_in_schema=False)

KINDS = ("base_pension", "years_supplement", "age_supplement", "payout_divisor", "funeral_grant")
FEN = 100


def _announced(uow: UnitOfWork) -> list[Bulletin]:
    """Bulletins about amounts that are published and not in force yet."""
    found = select(Bulletin).where(
        Bulletin.status == "published",
        col(Bulletin.kind).in_(KINDS),
        Bulletin.effective_from > uow.today,
    )
    return list(uow.session.exec(found.order_by(col(Bulletin.effective_from))))


@router.get("")
def index(request: Request, uow: Reading) -> Response:
    """What the next twelve months will cost, and how good earlier forecasts were."""
    months, counties = foreseen.ahead(uow)
    payers = [payer for payer in Payer if any(payer.value in each.payers for each in months)]
    here = uow.level is Level.COUNTY
    context: dict[str, Any] = {
        "months": months,
        "counties": counties,
        "payers": payers,
        "series": [
            (payer.title, [each.payers.get(payer.value, 0) / FEN for each in months])
            for payer in payers
        ],
        "drawing": [each.people for each in months],
        "compared": foreseen.compared(uow),
        "announced": _announced(uow),
        "source": MORTALITY_SOURCE,
        "may": here and any(uow.actor.holds(role) for role in MAKERS),
        "parts": desk.PARTS,
    }
    return page(request, "payroll/forecast.html", **context)


MAKERS = (Role.PAYROLL_OFFICER, Role.ACCOUNTANT)


@router.post("")
def make(uow: Writing) -> Response:
    """Foresee again, from what is known now."""
    require(uow, *MAKERS)
    if not keep_forecast(uow, uow.today.replace(day=1)):
        raise Conflict("缺少待遇标准或资金分担文件，不能预测")
    return RedirectResponse("/payroll/forecast", status_code=303)
