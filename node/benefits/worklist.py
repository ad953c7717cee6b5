"""Who has to be seen alive soon: the coordinator's certification round (生存认证)."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Select

from node.benefits.codes import BenefitState
from node.benefits.records import entitlements
from node.core.work import UnitOfWork
from node.policy import service as policy
from node.policy.benefit_bodies import Certification
from node.registry.records import people
from node.registry.worklists import Column, Line, Worklist
from node.registry.worklists_own import PERSON_COLUMNS, enrolled_people, person_line
from tiers import RegionCode

ALIVE = (BenefitState.IN_FORCE.value, BenefitState.SUSPENDED.value)


def certified_by(uow: UnitOfWork) -> date | None:
    """The day up to which an expiry calls for a reminder; none without a bulletin."""
    place = uow.node.county or uow.node
    found = policy.in_force(uow, Certification.kind, place, uow.today)
    if found is None or not isinstance(found.body, Certification):
        return None
    return uow.today + timedelta(days=found.body.remind_days)


def drawing(uow: UnitOfWork, region: RegionCode, *more: Any) -> Select[Any]:
    """Everybody of a region with a pension that has not ended, by village and name."""
    asked = enrolled_people(
        uow,
        region,
        entitlements.c.county_code == people.c.county_code,
        entitlements.c.person_id == people.c.id,
        entitlements.c.state.in_(ALIVE),
        *more,
    )
    return asked.add_columns(
        entitlements.c.certified_until, entitlements.c.state.label("benefit_state")
    )


def to_certify(uow: UnitOfWork, region: RegionCode) -> Select[Any]:
    """Pensioners whose certification has run out or is about to, the earliest first."""
    until = certified_by(uow)
    asked = drawing(uow, region, entitlements.c.certified_until <= (until or date.min))
    return asked.order_by(None).order_by(entitlements.c.certified_until, people.c.name)


def _line(uow: UnitOfWork, row: Mapping[str, Any]) -> Line:
    state = BenefitState(row["benefit_state"]).title
    return person_line(uow, row, row["certified_until"], state)


CERTIFY = Worklist(
    code="certification",
    title="生存认证到期",
    lead="认证快到期、已到期或因此暂停发放的人",
    columns=(*PERSON_COLUMNS, Column("认证有效期至", "day"), Column("待遇", width=8)),
    asked=to_certify,
    line=_line,
)
