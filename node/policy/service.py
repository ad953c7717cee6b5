"""Draft, publish, and ask what is in force.

Rules never hold a number that a policy sets: they ask `in_force(kind, region, on)`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Generic, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from sqlmodel import col, func, select

from node.core.errors import Conflict, Forbidden, Invalid
from node.core.ids import new_id
from node.core.work import UnitOfWork
from node.policy.bodies import BODIES, Body
from node.policy.models import Acknowledgement, Bulletin
from node.policy.records import publish_bulletin
from node.policy.rules import choose
from tiers import Level, RegionCode, Role

B = TypeVar("B", bound=Body)

LONGEST = {"number": 60, "title": 120, "text": 20_000}


@dataclass(frozen=True, slots=True)
class InForce(Generic[B]):
    """What holds at a place on a day: the document and its typed content."""

    bulletin: Bulletin
    body: B


@dataclass(frozen=True, slots=True)
class Draft:
    """What an officer enters; `body` is the typed content of the kind."""

    number: str
    kind: str
    title: str
    effective_from: date
    body: Body
    effective_to: date | None = None
    text: str = ""
    supersedes: str | None = None


def draft(uow: UnitOfWork, new: Draft) -> Bulletin:
    """Enter a bulletin; it binds nobody until another officer publishes it.

    Raises:
        Forbidden: this node or this person makes no policy.
        Invalid: number or title missing or too long, it ends before it begins, or it replaces no
            published bulletin of its kind.
        Conflict: the number exists already.
    """
    _require_officer(uow)
    _check(uow, new)
    bulletin = Bulletin(
        id=new_id(),
        number=new.number.strip(),
        kind=new.kind,
        title=new.title.strip(),
        region=str(uow.node),
        effective_from=new.effective_from,
        effective_to=new.effective_to,
        body=new.body.model_dump(mode="json"),
        text=new.text,
        supersedes=new.supersedes or None,
        drafted_by=uow.actor.id,
        drafted_by_name=uow.actor.name,
        drafted_at=uow.now,
    )
    uow.session.add(bulletin)
    return bulletin


def _check(uow: UnitOfWork, new: Draft) -> None:
    if not new.number.strip():
        raise Invalid("请填写文号，例如 豫人社〔2026〕5号", field="number")
    if not new.title.strip():
        raise Invalid("请填写标题", field="title")
    for field, text in (("number", new.number), ("title", new.title), ("text", new.text)):
        if len(text) > LONGEST[field]:
            raise Invalid(f"最多 {LONGEST[field]} 个字", field=field)
    if new.effective_to is not None and new.effective_to < new.effective_from:
        raise Invalid("截止日期早于生效日期", field="effective_to")
    if new.supersedes:
        _check_replaced(uow, new, new.supersedes)
    same = select(Bulletin.id).where(Bulletin.number == new.number.strip())
    if uow.session.exec(same).first():
        raise Conflict("这个文号已经录入过", field="number")


def _check_replaced(uow: UnitOfWork, new: Draft, replaced: str) -> None:
    old = uow.session.get(Bulletin, replaced)
    if old is None or old.status != "published" or old.kind != new.kind:
        raise Invalid("被替代的须是已发布的同种文件", field="supersedes")


def publish(uow: UnitOfWork, bulletin_id: str) -> Bulletin:
    """Publish a draft. It runs down every branch and never changes again.

    Raises:
        Forbidden: this person makes no policy, or entered the draft.
        Conflict: it has been published already.
    """
    _require_officer(uow)
    bulletin = uow.get(Bulletin, bulletin_id)
    if bulletin.status != "draft":
        raise Conflict("该文件已经发布，不能再改")
    if bulletin.drafted_by == uow.actor.id:
        raise Forbidden("文件由您拟稿，须由另一人核对后发布")
    bulletin.status = "published"
    bulletin.published_by = uow.actor.id
    bulletin.published_by_name = uow.actor.name
    bulletin.published_at = uow.now
    publish_bulletin(uow, bulletin)
    return bulletin


def _require_officer(uow: UnitOfWork) -> None:
    if uow.level is not Level.PROVINCE:
        raise Forbidden("政策文件由省级发布")
    if not uow.actor.holds(Role.POLICY_OFFICER):
        raise Forbidden("只有政策岗可以拟稿和发布政策文件")


def in_force(uow: UnitOfWork, kind: str, region: RegionCode, on: date) -> InForce[Body] | None:
    """What holds for a place on a day, as far as this node knows; None when nothing does."""
    statement = select(Bulletin).where(
        Bulletin.kind == kind,
        Bulletin.status == "published",
        col(Bulletin.effective_from) <= on,
    )
    bulletin = choose(uow.session.exec(statement).all(), region, on)
    return None if bulletin is None else InForce(bulletin, body_of(bulletin))


def required(uow: UnitOfWork, body: type[B], region: RegionCode, on: date) -> InForce[B]:
    """What holds for a place on a day.

    Raises:
        Invalid: no bulletin of this kind has reached this node.
    """
    found = in_force(uow, body.kind, region, on)
    if found is None or not isinstance(found.body, body):
        raise Invalid(f"本节点还没有收到{on.year}年适用的“{body.title}”文件", kind=body.kind)
    return InForce(found.bulletin, found.body)


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
    return _SENTENCES.get(error["type"], "应为整数").format(**limits)


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
    if uow.level is not Level.PROVINCE or not uow.actor.holds(Role.POLICY_OFFICER):
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
