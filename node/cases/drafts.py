"""Drafts (草稿): what somebody has typed and not sent. They stay on this node, encrypted.

Nothing typed is lost: a draft takes any values, finished or not, and only its owner sees it.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlmodel import col, select

from node.cases.matter import matter_of
from node.cases.models import Case, Draft
from node.cases.papers import drop_unnamed, read_papers
from node.core.errors import Invalid, NotFound
from node.core.ids import new_id
from node.core.work import UnitOfWork

VALUES_LONGEST = 64 * 1024
ID_LENGTH = 36


def save_draft(
    uow: UnitOfWork,
    matter_code: str,
    values: Mapping[str, Any],
    *,
    draft_id: str | None = None,
    case: Case | None = None,
) -> Draft:
    """Keep what was typed: the draft of this id, or of this case, is brought up to date.

    Raises:
        NotFound: there is no such matter, or the draft is somebody else's.
        Invalid: it is far longer than any form, or its id is none.
    """
    matter = matter_of(matter_code)
    if draft_id and len(draft_id) > ID_LENGTH:
        raise Invalid("草稿编号有误，请重新打开表单", field="draft")
    kept = json.dumps(dict(values), ensure_ascii=False, sort_keys=True)
    if len(kept.encode()) > VALUES_LONGEST:
        raise Invalid("填写的内容过长，无法保存草稿")
    draft = _mine(uow, draft_id) if draft_id else None
    if draft is None and case:
        draft = draft_of_case(uow, case.id)
    if draft is None:
        draft = Draft(
            id=draft_id or new_id(),
            owner=uow.actor.id,
            matter=matter.code,
            village=str(uow.actor.scope),
            case_id=case.id if case else None,
            values=kept,
            attachments=case.attachments if case else "",
            created_at=uow.now,
            updated_at=uow.now,
        )
    draft.values, draft.updated_at = kept, uow.now
    uow.session.add(draft)
    return draft


def open_draft(uow: UnitOfWork, draft_id: str) -> tuple[Draft, dict[str, Any]]:
    """A draft and the values typed into it.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    draft = _mine(uow, draft_id)
    if draft is None:
        raise NotFound("没有找到这份草稿，可能已经提交或删除")
    return draft, values_of(draft)


def values_of(draft: Draft) -> dict[str, Any]:
    """What was typed into a draft."""
    typed: dict[str, Any] = json.loads(draft.values)
    return typed


def draft_of_case(uow: UnitOfWork, case_id: str) -> Draft | None:
    """The actor's draft of a correction, if there is one."""
    statement = select(Draft).where(Draft.case_id == case_id, Draft.owner == uow.actor.id)
    return uow.session.exec(statement).first()


def list_drafts(uow: UnitOfWork, *, matter_code: str = "") -> Sequence[Draft]:
    """The actor's drafts, the latest first; corrections are found at their cases instead."""
    statement = select(Draft).where(Draft.owner == uow.actor.id, col(Draft.case_id).is_(None))
    if matter_code:
        statement = statement.where(Draft.matter == matter_code)
    return uow.session.exec(statement.order_by(col(Draft.updated_at).desc())).all()


def discard_draft(uow: UnitOfWork, draft_id: str) -> None:
    """Throw a draft away.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    draft, _ = open_draft(uow, draft_id)
    uow.session.delete(draft)
    uow.session.flush()
    drop_unnamed(uow, [paper.hash for paper in read_papers(draft.attachments)])


def forget_draft(uow: UnitOfWork, draft_id: str) -> None:
    """Drop a draft whose case was submitted; one that was never saved is no matter."""
    draft = _mine(uow, draft_id)
    if draft is not None:
        uow.session.delete(draft)


def _mine(uow: UnitOfWork, draft_id: str) -> Draft | None:
    draft = uow.session.get(Draft, draft_id)
    if draft is not None and draft.owner != uow.actor.id:
        raise NotFound("没有找到这份草稿，可能已经提交或删除")
    return draft
