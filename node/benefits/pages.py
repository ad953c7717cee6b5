"""Pages: who may claim, pensions in force, one pension with its calculation sheet."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from sqlmodel import col, select

from node.accounts.service import printed
from node.accounts.sources import Source
from node.benefits import service
from node.benefits.codes import BenefitState
from node.benefits.models import Entitlement
from node.benefits.sheet import told
from node.cases.queries import require_seeing
from node.core.edge import Reading, page
from node.core.work import UnitOfWork
from node.registry import service as registry
from node.registry.models import Person
from tiers import Duty, Role

router = APIRouter(prefix="/benefits", include_in_schema=False)

AHEAD = (30, 90, 180, 365)
SOURCES = {source.value: source.title for source in Source}


@router.get("")
def index(
    request: Request,
    uow: Reading,
    days: int = 90,
    page_number: Annotated[int, Query(alias="page")] = 1,
) -> Response:
    """The due list and the pensions in force."""
    require_seeing(uow)
    listed = service.entitlements_in(uow, number=page_number)
    enters = any(Duty.ENTER in Role(role).duties for role in uow.actor.roles if role in set(Role))
    return page(
        request,
        "benefits/index.html",
        days=days,
        ahead=AHEAD,
        due=service.due_people(uow, days_ahead=days),
        listed=listed,
        people=_people(uow, listed.items),
        today=uow.today,
        may_enter=enters,
        has_due_list=uow.node.county is not None,
    )


def _people(uow: UnitOfWork, pensions: Any) -> dict[str, Person]:
    wanted = [row.person_id for row in pensions]
    found = uow.session.exec(select(Person).where(col(Person.id).in_(wanted)))
    return {person.id: person for person in found}


@router.get("/{entitlement_id}")
def show(request: Request, uow: Reading, entitlement_id: str) -> Response:
    """One pension with its calculation sheet (待遇核定表、计算书); it prints as it stands."""
    pension = service.entitlement(uow, entitlement_id)
    return page(request, "benefits/entitlement.html", **_sheet(uow, pension))


def _sheet(uow: UnitOfWork, pension: Entitlement) -> dict[str, Any]:
    person = registry.person_of(uow, pension.person_id)
    number = printed(pension.county_code, pension.account_no) if pension.account_no else ""
    return {
        "pension": pension,
        "person": person,
        "number": number,
        "sources": SOURCES,
        "states": BenefitState,
        "told": told,
        "today": uow.today,
    }
