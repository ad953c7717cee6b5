"""Draft, check, publish, withdraw: two people for every bulletin, and what is published stands."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlmodel import select

from node.core.errors import Conflict, Forbidden, Invalid
from node.core.ids import new_id
from node.core.work import UnitOfWork
from node.policy.bodies import BODIES
from node.policy.body import Body
from node.policy.models import Bulletin, Withdrawal
from node.policy.records import publish_bulletin, publish_withdrawal
from tiers import Level, Role

LONGEST = {"number": 60, "title": 120, "text": 20_000, "reason": 200}


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
    """Enter a bulletin; it binds nobody until two people have stood for it.

    Raises:
        Forbidden: this node or this person makes no policy, or none of this kind.
        Invalid: number or title missing or too long, it ends before it begins, or it replaces no
            published bulletin of its kind and issuer.
        Conflict: the number exists already.
    """
    require_officer(uow, new.kind)
    _check(uow, new)
    bulletin = Bulletin(
        id=new_id(),
        region=str(uow.node),
        kind=new.kind,
        drafted_by=uow.actor.id,
        drafted_by_name=uow.actor.name,
        drafted_at=uow.now,
        **_content(new),
    )
    uow.session.add(bulletin)
    return bulletin


def redraft(uow: UnitOfWork, bulletin_id: str, new: Draft) -> Bulletin:
    """Correct a draft; whoever corrects it answers for it, and it has to be checked again.

    Raises:
        As `draft`; Conflict also when it is published.
    """
    require_officer(uow, new.kind)
    bulletin = _unpublished(uow, bulletin_id)
    _check(uow, new, own=bulletin.id)
    for name, value in _content(new).items():
        setattr(bulletin, name, value)
    bulletin.status = "draft"
    bulletin.drafted_by, bulletin.drafted_by_name = uow.actor.id, uow.actor.name
    bulletin.drafted_at = uow.now
    bulletin.checked_by, bulletin.checked_by_name, bulletin.checked_at = None, "", None
    return bulletin


def _content(new: Draft) -> dict[str, Any]:
    return {
        "number": new.number.strip(),
        "title": new.title.strip(),
        "effective_from": new.effective_from,
        "effective_to": new.effective_to,
        "body": new.body.model_dump(mode="json"),
        "text": new.text,
        "supersedes": new.supersedes or None,
    }


def _check(uow: UnitOfWork, new: Draft, *, own: str = "") -> None:
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
    same = select(Bulletin.id).where(Bulletin.number == new.number.strip(), Bulletin.id != own)
    if uow.session.exec(same).first():
        raise Conflict("这个文号已经录入过", field="number")


def _check_replaced(uow: UnitOfWork, new: Draft, replaced: str) -> None:
    old = uow.session.get(Bulletin, replaced)
    if old is None or old.status != "published" or old.kind != new.kind:
        raise Invalid("被替代的须是已发布的同种文件", field="supersedes")
    if old.region != str(uow.node):
        raise Invalid("只能替代本级发布的文件", field="supersedes")


def check(uow: UnitOfWork, bulletin_id: str) -> Bulletin:
    """Stand for a draft as the second person (核对).

    Raises:
        Forbidden: this person makes no policy, or entered the draft.
        Conflict: it has been published already.
    """
    bulletin = _unpublished(uow, bulletin_id)
    require_officer(uow, bulletin.kind)
    if bulletin.drafted_by == uow.actor.id:
        raise Forbidden("文件由您拟稿，须由另一人核对")
    bulletin.status = "checked"
    bulletin.checked_by, bulletin.checked_by_name = uow.actor.id, uow.actor.name
    bulletin.checked_at = uow.now
    return bulletin


def publish(uow: UnitOfWork, bulletin_id: str) -> Bulletin:
    """Publish. It runs down every branch and never changes again.

    The second person may check and publish in one act; once it is checked, either may publish.

    Raises:
        Forbidden: this person makes no policy, or nobody else has checked the draft.
        Conflict: it has been published already.
    """
    bulletin = _unpublished(uow, bulletin_id)
    require_officer(uow, bulletin.kind)
    if bulletin.status != "checked":
        bulletin = check(uow, bulletin_id)
    bulletin.status = "published"
    bulletin.published_by, bulletin.published_by_name = uow.actor.id, uow.actor.name
    bulletin.published_at = uow.now
    publish_bulletin(uow, bulletin)
    return bulletin


def discard(uow: UnitOfWork, bulletin_id: str) -> None:
    """Throw a draft away.

    Raises:
        Conflict: it is published and stands.
    """
    bulletin = _unpublished(uow, bulletin_id)
    require_officer(uow, bulletin.kind)
    uow.session.delete(bulletin)


def withdraw(uow: UnitOfWork, bulletin_id: str, *, holds_until: date, reason: str) -> Withdrawal:
    """End a published bulletin before its time. What was decided under it stays.

    Raises:
        Forbidden: it is not this node's, this person makes no policy, or published it alone: the
            one who published it does not withdraw it.
        Invalid: the day lies in the past, or there is no reason.
        Conflict: it is no published bulletin, or it is withdrawn already.
    """
    bulletin = uow.get(Bulletin, bulletin_id)
    require_officer(uow, bulletin.kind)
    if bulletin.region != str(uow.node):
        raise Forbidden("只能撤回本级发布的文件")
    if bulletin.status != "published":
        raise Conflict("还没有发布，可以直接删除")
    if bulletin.published_by == uow.actor.id:
        raise Forbidden("文件由您发布，须由另一人撤回")
    if uow.session.get(Withdrawal, bulletin_id) is not None:
        raise Conflict("这份文件已经撤回")
    if not reason.strip():
        raise Invalid("请写明撤回的原因", field="reason")
    if len(reason) > LONGEST["reason"]:
        raise Invalid(f"最多 {LONGEST['reason']} 个字", field="reason")
    if holds_until < uow.today:
        raise Invalid("最后执行日不能早于今天：已经按它办理的业务不改", field="holds_until")
    withdrawal = Withdrawal(
        bulletin_id=bulletin_id,
        region=bulletin.region,
        holds_until=holds_until,
        reason=reason.strip(),
        withdrawn_by=uow.actor.id,
        withdrawn_by_name=uow.actor.name,
        withdrawn_at=uow.now,
    )
    uow.session.add(withdrawal)
    publish_withdrawal(uow, withdrawal)
    return withdrawal


def may_issue(uow: UnitOfWork, kind: str) -> bool:
    """Whether this person may draft a kind at this node."""
    if not uow.actor.holds(Role.POLICY_OFFICER):
        return False
    if uow.level is Level.PROVINCE:
        return True
    body = BODIES.get(kind)
    adds = body is not None and body.may_be_added_to
    return adds and uow.level in (Level.CITY, Level.COUNTY)


def require_officer(uow: UnitOfWork, kind: str) -> None:
    """Let nobody past who may not issue this kind here.

    Raises:
        Forbidden: with the reason.
    """
    if not uow.actor.holds(Role.POLICY_OFFICER):
        raise Forbidden("只有政策岗可以拟稿、核对和发布政策文件")
    if not may_issue(uow, kind):
        raise Forbidden("这种文件只由省级发布，市县不能增加")


def _unpublished(uow: UnitOfWork, bulletin_id: str) -> Bulletin:
    bulletin = uow.get(Bulletin, bulletin_id)
    if bulletin.status == "published":
        raise Conflict("该文件已经发布，不能再改")
    return bulletin
