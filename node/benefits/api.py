"""Pensions for programs. Amounts are integer fen."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from node.benefits import service
from node.cases.queries import require_seeing
from node.core.edge import Reading, Writing
from tiers import RegionCode

router = APIRouter(prefix="/api/benefits", tags=["benefits"])


@dataclass(frozen=True, slots=True)
class DueOut:
    """A person who is 60 soon, or is and does not draw yet."""

    person_id: str
    name: str
    village: str
    born_on: date
    by_age: date
    due_from: date | None
    paid_years: int
    needed_years: int
    missing_years: int


class EntitlementOut(BaseModel):
    """A pension with its calculation sheet."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    person_id: str
    account_no: int | None
    village: str
    due_from: date
    paid_years: int
    base_fen: int
    account_fen: int
    monthly_fen: int
    balance_fen: int
    divisor_months: int
    account_by_source: dict[str, int]
    sheet: list[dict[str, Any]]
    state: str
    case_id: str | None


class EntitlementsOut(BaseModel):
    """One page of pensions."""

    total: int
    pages: int
    items: list[EntitlementOut]


@router.get("/due")
def due(uow: Reading, days_ahead: int = 90) -> list[DueOut]:
    """Who may claim a pension, soon or already (到龄预告)."""
    require_seeing(uow)
    return [
        DueOut(
            person_id=each.claimant.person_id,
            name=each.claimant.name,
            village=each.claimant.village,
            born_on=each.claimant.born_on,
            by_age=each.by_age,
            due_from=each.claimant.due_from,
            paid_years=each.claimant.paid_years,
            needed_years=each.claimant.needed,
            missing_years=each.missing,
        )
        for each in service.due_people(uow, days_ahead=days_ahead)
    ]


@router.get("/entitlements")
def entitlements(uow: Reading, region: str = "", number: int = 1) -> EntitlementsOut:
    """Pensions in force, newest first."""
    place = RegionCode(region) if region else None
    found = service.entitlements_in(uow, region=place, number=number)
    items = [EntitlementOut.model_validate(row) for row in found.items]
    return EntitlementsOut(total=found.total, pages=found.pages, items=items)


@router.get("/entitlements/{entitlement_id}")
def entitlement(entitlement_id: str, uow: Reading) -> EntitlementOut:
    """One pension with its calculation sheet (计算书)."""
    return EntitlementOut.model_validate(service.entitlement(uow, entitlement_id))


class NewRates(BaseModel):
    """From which month the standards have changed, and by what."""

    from_month: str
    reason: str = ""


@router.post("/redeterminations", status_code=201)
def redetermine(uow: Writing, new: NewRates) -> dict[str, int]:
    """Bring every pension to the standards in force from a month on (待遇调整)."""
    changed = service.change_rates(uow, from_month=new.from_month, reason=new.reason)
    return {"people": changed.people if changed else 0}
