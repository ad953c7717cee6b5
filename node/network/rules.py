"""When a node needs somebody's eye. Pure; the thresholds are settings (`[alerts]`).

Source: docs/protocol.md, "Silence is news" and lesson L15: a village may be without a line for
weeks and loses nothing, so silence is told early and never forced. Each rule looks at what a node
says of itself (`Signs`), or at its silence; nothing here counts a person.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from node.core.i18n import _

BAD, WAIT = "bad", "wait"
RANK = {BAD: 2, WAIT: 1}
FORKS = ("fork", "cloned")
RELAYS = ("withheld", "unchecked", "altered")
PARKED = ("newer", "unknown")


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From where on a sign is an alert. The numbers stand in docs/operators.zh.md, 第十四节."""

    late: timedelta = timedelta(hours=2)
    silent: timedelta = timedelta(hours=48)
    stuck: timedelta = timedelta(hours=24)
    quarantine_open: int = 100
    quarantine_growth: int = 10
    skew: timedelta = timedelta(seconds=300)
    certificate: timedelta = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Signs:
    """What is known of one node.

    `heard` is when its last word came (None: not yet), `joined` since when it is a member.
    `refused` are records in quarantine, `opened` and `decided` those of the last 24 hours;
    `oldest` is since when the oldest record waits to go up; `skew` the clock against its parent's.
    """

    heard: datetime | None = None
    joined: datetime | None = None
    waiting: int | None = None
    oldest: datetime | None = None
    held: int = 0
    refused: int = 0
    opened: int = 0
    decided: int = 0
    parked: int = 0
    skew: timedelta = timedelta(0)
    incidents: Mapping[str, int] = field(default_factory=dict)
    certificate_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing to look at: `text` is a sentence with `%(name)s` places for `values`."""

    rule: str
    severity: str
    text: str
    values: Mapping[str, object] = field(default_factory=dict)


def state_of(signs: Signs, now: datetime, thresholds: Thresholds) -> str:
    """normal, late or silent by how long nothing has come; unknown while too young to judge.

    A node that joined and never said a word is silent once it had the time to speak.
    """
    last = signs.heard or signs.joined
    if last is not None and now - last >= thresholds.silent:
        return "silent"
    if signs.heard is None:
        return "unknown"
    return "late" if now - signs.heard >= thresholds.late else "normal"


def alerts(signs: Signs, now: datetime, thresholds: Thresholds) -> Iterator[Alert]:
    """Everything about one node that somebody should look at, silence excepted."""
    yield from _incidents(signs)
    yield from _quarantine(signs, thresholds)
    yield from _certificate(signs, now, thresholds)
    if abs(signs.skew) >= thresholds.skew:
        seconds = int(signs.skew / timedelta(seconds=1))
        text = _("时钟与上级相差 %(seconds)s 秒，请校准时间")
        yield Alert("skew", WAIT, text, {"seconds": f"{seconds:+,}"})
    if signs.oldest is not None and now - signs.oldest >= thresholds.stuck:
        text = _("%(n)s 条记录等待上送，最早的已等 %(hours)s 小时")
        hours = (now - signs.oldest) // timedelta(hours=1)
        yield Alert("stuck", WAIT, text, {"n": signs.waiting or 0, "hours": hours})
    if signs.parked:
        text = _("%(n)s 条记录要升级程序后才能办理")
        yield Alert("parked", WAIT, text, {"n": signs.parked})


def silence(heard: datetime | None, now: datetime, *, below: int) -> Alert:
    """A node that is silent; `below` counts the nodes beneath it that are silent with it."""
    days = (now - heard).days if heard else None
    if days is None:
        text, values = _("加入以后从未报告"), {}
    else:
        text, values = _("%(days)s 天没有消息"), {"days": days}
    if below:
        text = (
            _("%(days)s 天没有消息，连同下级 %(below)s 个节点")
            if heard
            else _("加入以后从未报告，连同下级 %(below)s 个节点")
        )
        values = {**values, "below": below}
    return Alert("silent", BAD, text, values)


def _incidents(signs: Signs) -> Iterator[Alert]:
    forks = sum(signs.incidents.get(kind, 0) for kind in FORKS)
    relays = sum(signs.incidents.get(kind, 0) for kind in RELAYS)
    others = sum(signs.incidents.values()) - forks - relays
    if forks:
        text = _("记录流分叉或一个身份两台机器：%(n)s 处")
        yield Alert("fork", BAD, text, {"n": forks})
    if relays:
        text = _("记录在途中被扣下或改动：%(n)s 处，名字见“需要人看的事件”")
        yield Alert("relay", BAD, text, {"n": relays})
    if others:
        yield Alert("incident", WAIT, _("%(n)s 件事件没有了结"), {"n": others})


def _quarantine(signs: Signs, thresholds: Thresholds) -> Iterator[Alert]:
    growth = signs.opened - signs.decided
    if growth >= thresholds.quarantine_growth:
        text = _("一天里新搁置 %(opened)s 条、处理 %(decided)s 条，还有 %(n)s 条待人处理")
        values = {"opened": signs.opened, "decided": signs.decided, "n": signs.refused}
        yield Alert("quarantine", BAD, text, values)
    elif signs.refused >= thresholds.quarantine_open:
        text = _("%(n)s 条搁置的记录待人处理")
        yield Alert("quarantine", WAIT, text, {"n": signs.refused})


def _certificate(signs: Signs, now: datetime, thresholds: Thresholds) -> Iterator[Alert]:
    until = signs.certificate_until
    if until is None or until - now > thresholds.certificate:
        return
    if until <= now:
        text = _("证书已过期 %(days)s 天，上级不再接受它的连接")
        yield Alert("certificate", BAD, text, {"days": (now - until).days})
    else:
        text = _("证书还有 %(days)s 天到期")
        yield Alert("certificate", WAIT, text, {"days": (until - now).days})
