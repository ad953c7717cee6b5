"""Pages of late postings: asked for at the account, approved with the books."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from node.accounts import late, service
from node.accounts.sources import Source
from node.accounts.typed_days import day_typed
from node.cases.queries import require_seeing
from node.core.edge import Reading, Writing, page, redisplay
from node.core.money import parse_yuan
from node.core.work import UnitOfWork

router = APIRouter(prefix="/accounts", include_in_schema=False)
Text = Annotated[str, Form()]


def _context(uow: UnitOfWork, number: str, **typed: str) -> dict[str, Any]:
    require_seeing(uow)
    county, serial = service.read_number(number, here=uow.node)
    service.account(uow, county, serial)
    return {
        "number": service.printed(county, serial),
        "sources": [(source.value, source.title) for source in Source],
        "source": Source.COLLECTIVE.value,
        "amount": "",
        "paid_on": "",
        "reason": "",
        **typed,
    }


@router.get("/{number}/late")
def ask_late(request: Request, uow: Reading, number: str) -> Response:
    """The form."""
    return page(request, "accounts/late.html", **_context(uow, number))


@router.post("/{number}/late")
def put_up(
    uow: Writing,
    number: str,
    *,
    source: Text = "",
    amount: Text = "",
    paid_on: Text = "",
    reason: Text = "",
) -> Response:
    """Put it up for approval."""
    typed = {"source": source, "amount": amount, "paid_on": paid_on, "reason": reason}
    with redisplay("accounts/late.html", **_context(uow, number, **typed)):
        late.request_late(
            uow,
            number,
            source=source,
            fen=parse_yuan(amount, field="amount"),
            paid_on=day_typed(paid_on, field="paid_on"),
            reason=reason,
        )
    return RedirectResponse("/accounts/books#late", status_code=303)
