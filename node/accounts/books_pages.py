"""Pages of the books: months and their closing, rates published anew, workbooks to sum."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from node.accounts import general_ledger, late, periods, rate_corrections, service
from node.accounts.books_paper import statement_workbook, trial_balance_workbook
from node.accounts.pages import county_asked
from node.accounts.requests import Kinds, requests
from node.accounts.sources import Source
from node.accounts.statement import statement
from node.cases.queries import require_seeing
from node.core.edge import Reading, Writing, page, redisplay
from node.core.work import UnitOfWork
from tiers import Level, Role

router = APIRouter(prefix="/accounts", include_in_schema=False)
Text = Annotated[str, Form()]

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def _context(uow: UnitOfWork, county: str = "", year: int | None = None) -> dict[str, Any]:
    place = county_asked(uow, county)
    asked = year or uow.today.year
    own = uow.level is Level.COUNTY
    return {
        "county": place,
        "year": asked,
        "years": list(range(uow.today.year, uow.today.year - 5, -1)),
        "periods": periods.periods(uow, county=place, year=asked),
        "keeps": own,
        "may_lock": own and uow.actor.holds(Role.ACCOUNTANT),
        "may_reopen": own and uow.actor.holds(Role.APPROVER),
        "waiting": rate_corrections.waiting_rates(uow) if own else [],
        "requests": requests(uow, Kinds.RATE) if own else [],
        "late": requests(uow, Kinds.LATE) if own else [],
        "sources": {source.value: source.title for source in Source},
        "reason": "",
        "month": None,
    }


@router.get("/books")
def books(request: Request, uow: Reading, county: str = "", year: int | None = None) -> Response:
    """The months of a year, open and closed; rates that were published anew."""
    return page(request, "accounts/books.html", **_context(uow, county, year))


@router.post("/books/{year}/{month}/lock")
def lock(uow: Writing, year: int, month: int) -> Response:
    """Close a month."""
    with redisplay("accounts/books.html", **_context(uow, year=year)):
        periods.close_month(uow, year, month)
    return RedirectResponse(f"/accounts/books?year={year}", status_code=303)


@router.post("/books/{year}/{month}/reopen")
def reopen(uow: Writing, year: int, month: int, reason: Text = "") -> Response:
    """Open a closed month again."""
    context = {**_context(uow, year=year), "reason": reason, "month": month}
    with redisplay("accounts/books.html", **context):
        periods.reopen_month(uow, year, month, reason=reason)
    return RedirectResponse(f"/accounts/books?year={year}", status_code=303)


@router.post("/books/rates")
def try_rate(uow: Writing, year: Annotated[int, Form()]) -> Response:
    """Try the correction of a year's rate."""
    with redisplay("accounts/books.html", **_context(uow)):
        rate_corrections.request_rate_correction(uow, year)
    return RedirectResponse("/accounts/books#rates", status_code=303)


@router.post("/books/rates/{request_id}/approval")
def approve_rate(uow: Writing, request_id: str) -> Response:
    """Post the correction of a year's rate."""
    with redisplay("accounts/books.html", **_context(uow)):
        rate_corrections.approve_rate_correction(uow, request_id)
    return RedirectResponse("/accounts/books#rates", status_code=303)


@router.post("/books/late/{request_id}/approval")
def approve_late(uow: Writing, request_id: str) -> Response:
    """Post a late posting and correct the interest since."""
    with redisplay("accounts/books.html", **_context(uow)):
        late.approve_late(uow, request_id)
    return RedirectResponse("/accounts/books#late", status_code=303)


@router.get("/ledger.xlsx")
def ledger_workbook(
    request: Request, uow: Reading, county: str = "", year: int | None = None
) -> Response:
    """The trial balance as a workbook."""
    place = county_asked(uow, county)
    asked = year or uow.today.year
    balance = general_ledger.trial_balance(uow, county=place, year=asked)
    title = f"{request.app.state.node.places.name(place)} {asked} 年科目余额表"
    return _download(trial_balance_workbook(balance, title=title), f"ledger-{place}-{asked}")


@router.get("/{number}/statements/{year}.xlsx")
def account_workbook(uow: Reading, number: str, year: int) -> Response:
    """An account's year as a workbook."""
    require_seeing(uow)
    county, serial = service.read_number(number, here=uow.node)
    account = service.account(uow, county, serial)
    title = f"个人账户 {service.printed(county, serial)} {year} 年明细"
    content = statement_workbook(statement(uow, account, year), title=title)
    return _download(content, f"account-{service.printed(county, serial)}-{year}")


def _download(content: bytes, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}.xlsx"'}
    return Response(content, media_type=XLSX, headers=headers)
