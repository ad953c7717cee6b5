"""Certificates on the network page: until when, and who needs somebody's hand."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from node.core.clock import from_iso, shanghai
from sync.renewing import Standing

CHIPS = {
    "valid": ("done", "有效"),
    "due": ("wait", "即将到期，等待自动续签"),
    "expired": ("bad", "已过期，须由上级续签"),
    "revoked": ("bad", "已停用"),
}
ROLES = {"own": "本节点", "above": "上级", "child": "下级", "hosted": "托管"}


@dataclass(frozen=True, slots=True)
class Shown:
    """One certificate as the page shows it."""

    node: str
    role: str
    until: date
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Certificates:
    """This node's own end, how many there are, and those that are not simply valid."""

    own_until: date | None
    valid: int
    others: Sequence[Shown]


def shown(found: Sequence[Standing]) -> Certificates:
    """What of the certificates a person wants to see."""
    own = next((one for one in found if one.role == "own"), None)
    return Certificates(
        own_until=_day(own.until) if own else None,
        valid=sum(one.state == "valid" for one in found),
        others=[
            Shown(one.node, ROLES[one.role], _day(one.until), *CHIPS[one.state])
            for one in found
            if one.state != "valid"
        ],
    )


def _day(until: str) -> date:
    return shanghai(from_iso(until)).date()
