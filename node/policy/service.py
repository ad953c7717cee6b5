"""What is in force where and when, as far as this node knows.

Rules never hold a number that a policy sets: they ask `in_force(kind, region, on)`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Generic, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from sqlmodel import col, func, select

from node.core.errors import Invalid
from node.core.i18n import sentence
from node.core.work import UnitOfWork
from node.policy.bodies import BODIES
from node.policy.body import Body
from node.policy.models import Acknowledgement, Bulletin, Withdrawal
from node.policy.rules import additions, choose, next_change
from tiers import RegionCode, Role

B = TypeVar("B", bound=Body)


@dataclass(frozen=True, slots=True)
class InForce(Generic[B]):
    """What holds at a place on a day: the document and its typed content."""

    bulletin: Bulletin
    body: B


def in_force(uow: UnitOfWork, kind: str, region: RegionCode, on: date) -> InForce[Body] | None:
    """The province's bulletin that holds for a place on a day; None when nothing does."""
    gone = withdrawals(uow)
    bulletin = choose(_published(uow, kind, until=on), region, on, withdrawn=gone)
    return None if bulletin is None else InForce(bulletin, body_of(bulletin))


def published_documents(uow: UnitOfWork, body: type[B], region: RegionCode) -> list[InForce[B]]:
    """Every published bulletin of a kind that speaks for a place, the earliest first."""
    order = (col(Bulletin.published_at), col(Bulletin.id))
    statement = select(Bulletin).where(Bulletin.kind == body.kind, Bulletin.status == "published")
    found = []
    for bulletin in uow.session.exec(statement.order_by(*order)):
        typed = body_of(bulletin)
        if isinstance(typed, body) and RegionCode(bulletin.region).contains(region):
            found.append(InForce(bulletin, typed))
    return found


def all_published(uow: UnitOfWork, body: type[B], region: RegionCode) -> list[B]:
    """What they say, for kinds whose body names its own year: each year's last word counts."""
    return [each.body for each in published_documents(uow, body, region)]


def required(uow: UnitOfWork, body: type[B], region: RegionCode, on: date) -> InForce[B]:
    """The province's bulletin that holds for a place on a day.

    Raises:
        Invalid: no bulletin of this kind has reached this node.
    """
    found = in_force(uow, body.kind, region, on)
    if found is None or not isinstance(found.body, body):
        raise Invalid(f"本节点还没有收到{on.year}年适用的“{body.title}”文件", kind=body.kind)
    return InForce(found.bulletin, found.body)


def added(uow: UnitOfWork, body: type[B], region: RegionCode, on: date) -> list[InForce[B]]:
    """What the city and the county of a place add on a day, in that order."""
    gone = withdrawals(uow)
    found = []
    for bulletin in additions(_published(uow, body.kind, until=on), region, on, withdrawn=gone):
        typed = body_of(bulletin)
        if isinstance(typed, body):
            found.append(InForce(bulletin, typed))
    return found


@dataclass(frozen=True, slots=True)
class Standing:
    """One kind at a place on a day: what holds, what lower tiers add, and what changes next."""

    kind: str
    title: str
    main: InForce[Body] | None
    added: Sequence[InForce[Body]]
    changes_on: date | None
    next: InForce[Body] | None


def standing(uow: UnitOfWork, region: RegionCode, on: date) -> list[Standing]:
    """Every kind of policy at a place on a day."""
    gone = withdrawals(uow)
    return [_standing(uow, kind, region, on, gone) for kind in BODIES]


def _standing(
    uow: UnitOfWork, kind: str, region: RegionCode, on: date, gone: Mapping[str, date]
) -> Standing:
    known = _published(uow, kind)
    main = choose(known, region, on, withdrawn=gone)
    change = next_change(known, region, on, withdrawn=gone)
    then = choose(known, region, change, withdrawn=gone) if change else None
    return Standing(
        kind=kind,
        title=BODIES[kind].title,
        main=_with_body(main),
        added=[InForce(b, body_of(b)) for b in additions(known, region, on, withdrawn=gone)],
        changes_on=change,
        next=_with_body(then),
    )


def _with_body(bulletin: Bulletin | None) -> InForce[Body] | None:
    return None if bulletin is None else InForce(bulletin, body_of(bulletin))


def _published(uow: UnitOfWork, kind: str, *, until: date | None = None) -> Sequence[Bulletin]:
    statement = select(Bulletin).where(Bulletin.kind == kind, Bulletin.status == "published")
    if until is not None:
        statement = statement.where(col(Bulletin.effective_from) <= until)
    return uow.session.exec(statement).all()


def withdrawals(uow: UnitOfWork) -> dict[str, date]:
    """The last day of every bulletin that was withdrawn."""
    rows = uow.session.exec(select(col(Withdrawal.bulletin_id), col(Withdrawal.holds_until)))
    return dict(rows.all())


def predecessor(uow: UnitOfWork, bulletin: Bulletin) -> Bulletin | None:
    """What a bulletin takes the place of: the one it names, else the last of its kind and issuer
    that took effect before it.
    """
    if bulletin.supersedes:
        return uow.session.get(Bulletin, bulletin.supersedes)
    statement = (
        select(Bulletin)
        .where(
            Bulletin.kind == bulletin.kind,
            Bulletin.region == bulletin.region,
            Bulletin.status == "published",
            col(Bulletin.effective_from) < bulletin.effective_from,
        )
        .order_by(col(Bulletin.effective_from).desc(), col(Bulletin.published_at).desc())
        .limit(1)
    )
    return uow.session.exec(statement).first()


def body_of(bulletin: Bulletin) -> Body:
    """The typed content of a bulletin."""
    return BODIES[bulletin.kind].model_validate(bulletin.body)


def typed_body(kind: str, values: object) -> Body:
    """Values from outside as the body of a kind.

    Raises:
        Invalid: there is no such kind, or a value does not fit; `field` names it.
    """
    if kind not in BODIES:
        raise Invalid("没有这种政策文件", field="kind")
    try:
        return BODIES[kind].model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "body"
        raise Invalid(f"政策内容有误：{_message(first)}", field=field) from error


def _message(error: ErrorDetails) -> str:
    """What pydantic found, as a Chinese sentence."""
    if error["type"] == "value_error":
        return error["msg"].removeprefix("Value error, ")
    limits = {name: value for name, value in error.get("ctx", {}).items() if name != "error"}
    return sentence(_SENTENCES.get(error["type"], "应为整数"), **limits)


_SENTENCES = {
    "missing": "缺少这一项",
    "extra_forbidden": "没有这一项",
    "greater_than_equal": "不能小于 {ge}",
    "less_than_equal": "不能大于 {le}",
    "too_short": "至少要有 {min_length} 项",
    "too_long": "最多 {max_length} 项",
    "tuple_type": "应为列表",
    "model_type": "应为一组有名称的值",
    "model_attributes_type": "应为一组有名称的值",
}


def listed(uow: UnitOfWork, *, kind: str = "") -> Sequence[Bulletin]:
    """Every bulletin this node holds, newest first; drafts only where policy is made."""
    statement = select(Bulletin).order_by(
        col(Bulletin.effective_from).desc(), col(Bulletin.id).desc()
    )
    if kind:
        statement = statement.where(Bulletin.kind == kind)
    if not uow.actor.holds(Role.POLICY_OFFICER):
        statement = statement.where(Bulletin.status == "published")
    return uow.session.exec(statement).all()


def acknowledged_nodes(uow: UnitOfWork, bulletin_id: str) -> dict[str, Acknowledgement]:
    """Which nodes below hold a bulletin, by node."""
    statement = select(Acknowledgement).where(Acknowledgement.bulletin_id == bulletin_id)
    return {row.node: row for row in uow.session.exec(statement)}


def acknowledgement_counts(uow: UnitOfWork) -> dict[str, int]:
    """How many nodes below hold each bulletin."""
    statement = select(Acknowledgement.bulletin_id, func.count()).group_by(
        col(Acknowledgement.bulletin_id)
    )
    return dict(uow.session.exec(statement).all())
