"""Accounts, statements, the ledger and the year end for programs. Amounts are integer fen."""

from dataclasses import asdict
from datetime import date
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from node.accounts import general_ledger, late, ledger, service, year_end
from node.accounts.balances import balances
from node.accounts.models import InterestRun
from node.accounts.statement import statement
from node.accounts.verify import verify
from node.cases.queries import require_seeing
from node.core.edge import Reading, Writing
from node.core.errors import NotFound

router = APIRouter(prefix="/api/accounts", tags=["accounts"])


class YearIn(BaseModel):
    """A calendar year."""

    model_config = ConfigDict(extra="forbid")

    year: int = Field(ge=2009, le=2200)


class TrialOut(BaseModel):
    """A trial run waiting for approval."""

    model_config = ConfigDict(from_attributes=True)

    year: int
    accounts: int
    interest_fen: int
    requested_by_name: str
    approved_by_name: str


class RunOut(BaseModel):
    """A year that is closed."""

    model_config = ConfigDict(from_attributes=True)

    year: int
    rate_ppm: int
    lag_months: int
    accounts: int
    interest_fen: int
    closing_fen: int
    entry_no: int | None


class Reason(BaseModel):
    """Why something is taken back."""

    model_config = ConfigDict(extra="forbid")

    reason: str


class AccountOut(BaseModel):
    """An account with its balance by source."""

    number: str
    account_no: int
    person_id: str
    village: str
    opened_on: date
    closed_on: date | None
    balance: dict[str, int]
    total: int


class FindingOut(BaseModel):
    """One ledger invariant and whether it holds."""

    name: str
    ok: bool
    detail: str


@router.post("/year-ends", status_code=201)
def request_year_end(body: YearIn, uow: Writing) -> TrialOut:
    """Make a trial run of a year and put it up for approval (试算), by an accountant."""
    return TrialOut.model_validate(year_end.request_year_end(uow, body.year))


@router.post("/year-ends/{year}/approval")
def approve_year_end(year: int, uow: Writing) -> RunOut:
    """Post a year's interest (审批并记账), by an approver; again, it answers the same run."""
    return RunOut.model_validate(year_end.approve_year_end(uow, year))


@router.get("/year-ends/{year}")
def year_end_of(year: int, uow: Reading) -> RunOut:
    """The run that closed a year."""
    require_seeing(uow)
    run = uow.session.get(InterestRun, (str(uow.node.county), year))
    if run is None:
        raise NotFound("{year} 年度还没有结息", year=year)
    return RunOut.model_validate(run)


class LateIn(BaseModel):
    """A posting of a settled year that was never booked."""

    model_config = ConfigDict(extra="forbid")

    number: str
    source: str
    fen: int
    paid_on: date
    reason: str


class RequestOut(BaseModel):
    """What was asked of the books; `entry_no` once it is posted."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    subject: str
    requested_by_name: str
    decided_by_name: str
    entry_no: int | None


@router.post("/late-postings", status_code=201)
def request_late(body: LateIn, uow: Writing) -> RequestOut:
    """Put a late posting up for approval (补记), by an accountant."""
    asked = late.request_late(
        uow,
        body.number,
        source=body.source,
        fen=body.fen,
        paid_on=body.paid_on,
        reason=body.reason,
    )
    return RequestOut.model_validate(asked)


@router.post("/late-postings/{request_id}/approval")
def approve_late(request_id: str, uow: Writing) -> RequestOut:
    """Post it and correct the interest since, by an approver."""
    return RequestOut.model_validate(late.approve_late(uow, request_id))


@router.get("/verification")
def verification(uow: Reading) -> list[FindingOut]:
    """Every ledger invariant over what this node holds."""
    require_seeing(uow)
    return [FindingOut(**asdict(found)) for found in verify(uow)]


@router.get("/trial-balance/{year}")
def trial_balance(year: int, uow: Reading) -> dict[str, Any]:
    """The trial balance of this county's fund (科目余额表)."""
    require_seeing(uow)
    county = uow.node.county
    if county is None:
        raise NotFound("请到县级节点查看科目余额表")
    found = general_ledger.trial_balance(uow, county=county, year=year)
    return {**asdict(found), "difference": found.difference}


@router.post("/postings/{entry_no}/{line_no}/reversal", status_code=201)
def reverse(entry_no: int, line_no: int, body: Reason, uow: Writing) -> dict[str, int]:
    """Reverse a posting (红字冲销)."""
    mirror = ledger.reverse(uow, entry_no, line_no, reason=body.reason)
    return {"entry_no": mirror.entry_no, "line_no": mirror.line_no, "fen": mirror.fen}


@router.get("/{number}")
def account(number: str, uow: Reading) -> AccountOut:
    """One account, by its printed number or the county's serial."""
    require_seeing(uow)
    county, serial = service.read_number(number, here=uow.node)
    found = service.account(uow, county, serial)
    held = balances(uow, [serial], county=county)[serial]
    return AccountOut(
        number=service.printed(county, serial),
        **found.model_dump(exclude={"county_code"}),
        balance={source.value: fen for source, fen in held.items()},
        total=sum(held.values()),
    )


@router.get("/{number}/statements/{year}")
def statement_of(number: str, year: int, uow: Reading) -> dict[str, Any]:
    """The statement of a year (对账单)."""
    require_seeing(uow)
    county, serial = service.read_number(number, here=uow.node)
    found = statement(uow, service.account(uow, county, serial), year)
    return {
        "number": service.printed(county, serial),
        "year": year,
        "is_settled": found.is_settled,
        "opening": found.opening,
        "interest": found.interest,
        "closing": found.closing,
        "lines": [asdict(line) for line in found.lines],
        "sources": [asdict(each) for each in found.sources],
        "corrections": [asdict(each) for each in found.corrections],
    }
