"""Pages: accounts and their statements, the fund's ledger, the year end."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response
from sqlmodel import col, select

from node.accounts import general_ledger, ledger, service
from node.accounts.balances import balances, control_balance, totals_by_source
from node.accounts.chart import Kind, chart
from node.accounts.models import Account, InterestRun, Posting
from node.accounts.sources import Source
from node.accounts.statement import statement, years_of
from node.accounts.verify import verify
from node.accounts.year_end_pages import refreshed, year_ends_context
from node.cases.queries import require_seeing
from node.core.edge import Reading, Writing, page, redisplay
from node.core.errors import Invalid, NotFound
from node.core.work import UnitOfWork
from node.policy.models import Bulletin
from node.registry import service as registry
from node.registry.matters import village_choices
from node.registry.models import Person
from tiers import Level, RegionCode, Role

router = APIRouter(prefix="/accounts", include_in_schema=False)
Text = Annotated[str, Form()]

KINDS = {kind.value: kind.title for kind in Kind}
SOURCES = {source.value: source.title for source in Source}


@dataclass(frozen=True, slots=True)
class Found:
    """An account of a list, with who has it and what is in it."""

    number: str
    account: Account
    person: Person
    fen: int


@router.get("")
def index(request: Request, uow: Reading, text: str = "") -> Response:
    """Find an account; the control account and the year end for those who keep the books."""
    require_seeing(uow)
    counts = general_ledger.account_counts(uow)
    context: dict[str, Any] = {
        "text": text,
        "found": _find(uow, text) if text.strip() else [],
        "counts": counts,
        "counties": [_county_line(uow, code, counts[code]) for code in counts],
        "keeps": uow.level is Level.COUNTY,
        "holds_ledger": uow.level.rank <= Level.COUNTY.rank,
        "villages": village_choices(uow) if uow.level.rank >= Level.COUNTY.rank else [],
        "last_year": uow.today.year - 1,
    }
    if uow.level is Level.COUNTY:
        context |= year_ends_context(uow)
    return refreshed(page(request, "accounts/index.html", **context), context)


def _find(uow: UnitOfWork, text: str) -> list[Found]:
    """By account number, citizen number or name."""
    try:
        county, serial = service.read_number(text, here=uow.node)
        account = service.account(uow, county, serial)
    except (Invalid, NotFound):
        listed = [item.person for item in registry.find(uow, text)]
        accounts = [(person, service.account_of(uow, person)) for person in listed]
    else:
        accounts = [(registry.person_of(uow, account.person_id), account)]
    return [_found(uow, person, account) for person, account in accounts if account]


def _found(uow: UnitOfWork, person: Person, account: Account) -> Found:
    county = RegionCode(account.county_code)
    held = balances(uow, [account.account_no], county=county)[account.account_no]
    number = service.printed(account.county_code, account.account_no)
    return Found(number, account, person, sum(held.values()))


def _county_line(uow: UnitOfWork, code: str, accounts: int) -> dict[str, Any]:
    newest = select(InterestRun).where(InterestRun.county_code == code)
    return {
        "code": code,
        "accounts": accounts,
        "control": control_balance(uow, county=RegionCode(code)),
        "run": uow.session.exec(newest.order_by(col(InterestRun.year).desc())).first(),
    }


def county_asked(uow: UnitOfWork, code: str) -> RegionCode:
    """The county whose books are asked for: this node's own, or one below.

    Raises:
        NotFound: no county is named, or it lies elsewhere.
    """
    require_seeing(uow)
    county = uow.node.county or (RegionCode(code) if code else None)
    if county is None or uow.level.rank > Level.COUNTY.rank or not uow.node.contains(county):
        raise NotFound("请先选择一个县，账簿由县级经办机构保存")
    if not uow.actor.scope.contains(county):
        raise NotFound("不在您负责的区域内")
    return county


@router.get("/ledger")
def trial_balance(
    request: Request, uow: Reading, county: str = "", year: int | None = None
) -> Response:
    """The trial balance (科目余额表) of a year."""
    place = county_asked(uow, county)
    asked = year or uow.today.year
    return page(
        request,
        "accounts/ledger.html",
        county=place,
        balance=general_ledger.trial_balance(uow, county=place, year=asked),
        years=list(range(uow.today.year, uow.today.year - 5, -1)),
    )


@router.get("/check")
def check(request: Request, uow: Reading, county: str = "") -> Response:
    """Every invariant of the ledger, and all accounts added up against the control account."""
    place = county_asked(uow, county)
    totals = totals_by_source(uow, county=place, scope=place)
    return page(
        request,
        "accounts/check.html",
        county=place,
        totals=totals,
        whole=sum(each.fen for each in totals),
        control=control_balance(uow, county=place),
        findings=verify(uow),
    )


@router.get("/entries")
def vouchers(
    request: Request,
    uow: Reading,
    county: str = "",
    year: int | None = None,
    page_number: Annotated[int, Query(alias="page")] = 1,
) -> Response:
    """Vouchers, newest first."""
    place = county_asked(uow, county)
    return page(
        request,
        "accounts/entries.html",
        county=place,
        year=year,
        listed=general_ledger.vouchers(uow, county=place, year=year, number=page_number),
        kinds=KINDS,
    )


@router.get("/entries/{entry_no}")
def voucher(request: Request, uow: Reading, entry_no: int, county: str = "") -> Response:
    """One voucher: its lines and the postings behind its control line."""
    place = county_asked(uow, county)
    found = general_ledger.voucher(uow, county=place, entry_no=entry_no)
    bulletin = uow.session.get(Bulletin, found.entry.trace)
    return page(
        request,
        "accounts/entry.html",
        county=place,
        voucher=found,
        bulletin=bulletin if found.entry.trace_kind == "bulletin" else None,
        kinds=KINDS,
        sources=SOURCES,
        chart=chart(),
        printed=service.printed,
    )


def _reversal(uow: UnitOfWork, entry_no: int, line_no: int, reason: str) -> dict[str, Any]:
    require_seeing(uow)
    posting = uow.get(Posting, str(uow.node.county), entry_no, line_no)
    county = RegionCode(posting.county_code)
    account = service.account(uow, county, posting.account_no)
    return {
        "posting": posting,
        "person": registry.person_of(uow, account.person_id),
        "number": service.printed(posting.county_code, posting.account_no),
        "kind": KINDS.get(posting.kind, posting.kind),
        "source": SOURCES.get(posting.source, posting.source),
        "reason": reason,
    }


@router.get("/postings/{entry_no}/{line_no}/reversal")
def ask_reversal(request: Request, uow: Reading, entry_no: int, line_no: int) -> Response:
    """What would be taken back, and the form for the reason."""
    return page(request, "accounts/reversal.html", **_reversal(uow, entry_no, line_no, ""))


@router.post("/postings/{entry_no}/{line_no}/reversal")
def reverse(uow: Writing, entry_no: int, line_no: int, reason: Text = "") -> Response:
    """Take a posting back."""
    context = _reversal(uow, entry_no, line_no, reason)
    with redisplay("accounts/reversal.html", **context):
        mirror = ledger.reverse(uow, entry_no, line_no, reason=reason)
    number = service.printed(mirror.county_code, mirror.account_no)
    return RedirectResponse(f"/accounts/{number}?year={mirror.year}", status_code=303)


@router.get("/{number}")
def show(request: Request, uow: Reading, number: str, year: int | None = None) -> Response:
    """One account, a year at a time."""
    context = _account(uow, number, year)
    context["may_reverse"] = uow.level is Level.COUNTY and uow.actor.holds(Role.ACCOUNTANT)
    return page(request, "accounts/account.html", **context)


@router.get("/{number}/statements/{year}")
def printed_statement(request: Request, uow: Reading, number: str, year: int) -> Response:
    """The statement of a year as it is printed and handed over (对账单)."""
    context = _account(uow, number, year)
    return page(request, "accounts/statement.html", printed_on=uow.today, **context)


def _account(uow: UnitOfWork, number: str, year: int | None) -> dict[str, Any]:
    require_seeing(uow)
    county, serial = service.read_number(number, here=uow.node)
    account = service.account(uow, county, serial)
    years = years_of(uow, account)
    asked = year or years[0]
    held = balances(uow, [serial], county=county)[serial]
    return {
        "number": service.printed(county, serial),
        "account": account,
        "person": registry.person_of(uow, account.person_id),
        "years": years,
        "year": asked,
        "statement": statement(uow, account, asked),
        "held": [(source.title, fen) for source, fen in held.items()],
        "total": sum(held.values()),
        "holds_ledger": uow.level.rank <= Level.COUNTY.rank,
        "last_day": date(asked, 12, 31),
    }
