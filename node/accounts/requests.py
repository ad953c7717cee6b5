"""What one person asks of the books and another approves (两人办理)."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlmodel import col, select

from node.accounts.models import LedgerRequest
from node.accounts.serials import own_county
from node.core.errors import Conflict, NotFound
from node.core.ids import new_id
from node.core.titled import TitledEnum
from node.core.work import UnitOfWork
from node.identity import require
from tiers import Role


class Kinds(TitledEnum):
    """What can be asked."""

    RATE = "rate", "利率更正"
    LATE = "late", "补记以前年度"
    OPENING = "opening", "期初数据"


def ask(
    uow: UnitOfWork,
    kind: Kinds,
    *,
    subject: str,
    body: Mapping[str, Any],
    told: Mapping[str, Any],
    reason: str = "",
) -> LedgerRequest:
    """Put something up for approval; asked again, it replaces what is still waiting.

    Raises:
        Forbidden: this node or this person keeps no accounts.
    """
    county = str(own_county(uow))
    require(uow, Role.ACCOUNTANT)
    for waiting in requests(uow, kind, subject=subject):
        if waiting.decided_at is None:
            uow.session.delete(waiting)
    request = LedgerRequest(
        id=new_id(),
        county_code=county,
        kind=kind,
        subject=subject,
        reason=reason,
        body=dict(body),
        told=dict(told),
        requested_by=uow.actor.id,
        requested_by_name=uow.actor.name,
        requested_at=uow.now,
    )
    uow.session.add(request)
    return request


def decide(uow: UnitOfWork, kind: Kinds, request_id: str, *, approve: bool = True) -> LedgerRequest:
    """Take what was asked in hand, as somebody else who approves.

    Raises:
        Forbidden: this person does not approve.
        NotFound: nobody asked for it.
        Conflict: it is decided, or was asked by the same person.
    """
    require(uow, Role.APPROVER)
    request = uow.session.get(LedgerRequest, request_id)
    if request is None or request.kind != kind or request.county_code != str(own_county(uow)):
        raise NotFound("没有这项待审批的申请，可能会计已重新提交")
    if request.decided_at is not None:
        raise Conflict("已由{who}办理，不能再次审批", who=request.decided_by_name)
    if request.requested_by == uow.actor.id:
        raise Conflict("申请和审批须由两个人办理")
    request.decided_by, request.decided_by_name = uow.actor.id, uow.actor.name
    request.decided_at, request.is_approved = uow.now, approve
    uow.session.add(request)
    return request


def requests(
    uow: UnitOfWork, kind: Kinds, *, subject: str | None = None
) -> Sequence[LedgerRequest]:
    """What was asked of this county's books, the newest first."""
    found = select(LedgerRequest).where(
        LedgerRequest.county_code == str(own_county(uow)), LedgerRequest.kind == kind
    )
    if subject is not None:
        found = found.where(LedgerRequest.subject == subject)
    return uow.session.exec(found.order_by(col(LedgerRequest.requested_at).desc())).all()
