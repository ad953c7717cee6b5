"""Warnings that the person entering has to look at: the form goes on once they are confirmed.

A warning is no error: the value may be right. Whoever confirms stands for it, so the confirmation
is the opinion of the submitting step, where every desk above reads it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from node.cases.forms import read_form
from node.cases.matter import Matter, Notice
from node.cases.steps import OPINION_LONGEST
from node.core.errors import Invalid, Refusal
from node.core.work import UnitOfWork

CONFIRMED = "confirmed"


def notices_of(uow: UnitOfWork, matter: Matter[Any], values: Mapping[str, Any]) -> list[Notice]:
    """What to look at in a form as typed; nothing while it cannot be read at all."""
    try:
        return list(matter.notices(uow, read_form(matter.form, values)))
    except Refusal:
        return []


def require_confirmed(notices: Sequence[Notice], typed: Mapping[str, str]) -> None:
    """Let a form go on only when its warnings are confirmed.

    Asked after everything else, so that errors are mended before anybody confirms anything.

    Raises:
        Invalid: there are warnings and nobody has confirmed them.
    """
    if notices and not typed.get(CONFIRMED):
        raise Invalid("有需要核对的内容，请核对后勾选确认，再提交", field=CONFIRMED)


def confirmation(notices: Sequence[Notice]) -> str:
    """What the submitting step says of warnings that were confirmed."""
    if not notices:
        return ""
    said = "；".join(notice.message for notice in notices)
    return f"已核对确认：{said}"[:OPINION_LONGEST]
