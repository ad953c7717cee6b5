"""How old what a page shows is: when this node last reached the one above, and what waits to go.

A village works for weeks without a line. What it knows from above ages meanwhile, and every page
says how much.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, TypedDict

from node.web.filters import moment_text
from node.web.i18n import gettext, ngettext

LATE = timedelta(hours=2)
STALE = timedelta(days=1)
"""From here on a page says above its content that what comes from above is of an earlier day."""


class SyncState(TypedDict, total=False):
    """When this node last reached its parent (UTC), and how many records wait to go."""

    at: datetime | None
    waiting: int
    parent: str
    ok: bool


def freshness(state: object, now: datetime | None) -> dict[str, object] | None:
    """The line of the page head, whether all is well, and a sentence once the page is stale."""
    if not state:
        return None
    if isinstance(state, str):
        return {"ok": True, "text": state, "stale": ""}
    at, waiting = _read(state, "at", None), _read(state, "waiting", 0)
    parent = gettext(_read(state, "parent", "") or "上级")
    if at is None:
        text = gettext("! 尚未与%(parent)s同步，待上送 %(n)s 条", parent=parent, n=waiting)
        return {"ok": False, "text": text, "stale": ""}
    age = now - at if now is not None else timedelta(0)
    told = {"at": moment_text(at, now), "parent": parent, "n": waiting, "age": age_words(age)}
    ok = bool(_read(state, "ok", True)) and age < LATE
    return {"ok": ok, "text": _line(told, ok=ok, late=age >= LATE), "stale": _stale(told, age)}


def _line(told: Mapping[str, object], *, ok: bool, late: bool) -> str:
    if ok:
        return gettext("✓ %(at)s 与%(parent)s同步，待上送 %(n)s 条", **told)
    if late:
        return gettext("! 已 %(age)s没有与%(parent)s同步，待上送 %(n)s 条", **told)
    return gettext("! %(at)s 之后未能与%(parent)s同步，待上送 %(n)s 条", **told)


def _stale(told: Mapping[str, object], age: timedelta) -> str:
    if age < STALE:
        return ""
    return gettext(
        "已 %(age)s没有与%(parent)s同步：上级的办理结果、名册和账户截至 %(at)s；"
        "本机填写的不受影响，联网后自动上报",
        **told,
    )


def age_words(age: timedelta) -> str:
    """5 小时, 3 天: whole units, rounded down."""
    if age < STALE:
        hours = int(age.total_seconds()) // 3600
        return ngettext("%(n)s 小时", "%(n)s 小时", hours, n=hours)
    return ngettext("%(n)s 天", "%(n)s 天", age.days, n=age.days)


def _read(thing: object, name: str, default: object) -> Any:
    if isinstance(thing, Mapping):
        return thing.get(name, default)
    return getattr(thing, name, default)
