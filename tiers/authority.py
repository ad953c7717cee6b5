"""The constitution of the network: which level may author which record, and how far it travels.

Replicas cannot conflict because one kind of fact has one authoring tier. `refusal` is the whole
test, pure, and the same for the writer, every relay and the taker (sync protocol, promise 2).

To let a new kind of record exist, add one row to `_GRANTS`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from tiers.level import Level
from tiers.region import RegionCode


class Travel(StrEnum):
    """The shapes of a route; `<region>` stands for a region code."""

    UP_COUNTY = "up/county"
    UP_COUNTY_LATER = "up/county/later"  # behind everything else: photos and scans
    UP_PROVINCE = "up/province"
    DOWN_ALL = "down/all"
    DOWN_REGION = "down/<region>"
    TO_REGION = "to/<region>"  # between counties; acknowledged where it ends


@dataclass(frozen=True, slots=True)
class Grant:
    """Who may write one kind of record, and the routes it may take."""

    record_type: str
    authors: tuple[Level, ...]
    travels: tuple[Travel, ...]


_P, _C, _X, _T, _V = Level
_EVERYONE = (_P, _C, _X, _T, _V)
_BELOW_PROVINCE = (_C, _X, _T, _V)
_HANDLERS = (_X, _T, _V)  # the tiers a case passes through
_COUNTY = (_X,)
_VILLAGE = (_V,)
_ISSUERS = (_P, _C, _X)  # who makes policy: the province, and cities and counties what they add

_UP_COUNTY = (Travel.UP_COUNTY,)
_LATER = (Travel.UP_COUNTY_LATER,)
_UP = (Travel.UP_PROVINCE,)
_ALL = (Travel.DOWN_ALL,)
_BACK = (Travel.DOWN_REGION,)
_STEP = (Travel.UP_COUNTY, Travel.DOWN_REGION)
_MOVE = (Travel.UP_PROVINCE, Travel.TO_REGION)  # from county to county, in sight of the province
_BACK = (Travel.DOWN_REGION,)
_FACT = (Travel.UP_PROVINCE, Travel.DOWN_REGION)  # to the province, and back to the village

_PLAIN = (Travel.UP_COUNTY, Travel.UP_COUNTY_LATER, Travel.UP_PROVINCE, Travel.DOWN_ALL)

_GRANTS = (
    # Lower tiers only add to some kinds, inside their own region; the handlers see to the kinds.
    Grant("policy.published", _ISSUERS, (Travel.DOWN_ALL, Travel.UP_PROVINCE)),
    Grant("policy.withdrawn", _ISSUERS, (Travel.DOWN_ALL, Travel.UP_PROVINCE)),
    Grant("policy.acknowledged", _BELOW_PROVINCE, _UP),
    Grant("case.submitted", _HANDLERS, _UP_COUNTY),
    Grant("case.stepped", _HANDLERS, _STEP),
    Grant("attachment.chunk", _HANDLERS, _LATER),
    Grant("notice.issued", _COUNTY, _BACK),
    Grant("notice.posted", _HANDLERS, _STEP),
    Grant("notice.objected", _HANDLERS, _STEP),
    Grant("notice.answered", _COUNTY, _BACK),
    Grant("person.registered", _COUNTY, _FACT),
    Grant("enrolment.opened", _COUNTY, _FACT),
    Grant("person.changed", _COUNTY, _FACT),
    Grant("person.moved", _COUNTY, _FACT),
    Grant("person.history", _COUNTY, _BACK),
    Grant("category.stated", _COUNTY, _FACT),
    Grant("grade.chosen", _COUNTY, _FACT),
    Grant("account.opened", _COUNTY, _FACT),
    Grant("account.closed", _COUNTY, _FACT),
    Grant("account.stands", _COUNTY, _FACT),
    Grant("contribution.confirmed", _COUNTY, _FACT),
    Grant("contribution.ordered", _COUNTY, _FACT),
    Grant("contribution.withheld", _COUNTY, _FACT),
    Grant("contribution.on_behalf", _COUNTY, _FACT),
    Grant("receipt.allocated", _COUNTY, _BACK),
    Grant("receipt.issued", _VILLAGE, _UP_COUNTY),
    Grant("receipt.handed_over", _VILLAGE, _UP_COUNTY),
    Grant("receipt.confirmed", _COUNTY, _BACK),
    Grant("account.posted", _COUNTY, _FACT),
    Grant("account.settled", _COUNTY, _FACT),
    Grant("year.settled", _COUNTY, _FACT),
    Grant("year.closed", _COUNTY, _FACT),
    Grant("interest.corrected", _COUNTY, _FACT),
    Grant("rate.corrected", _COUNTY, _FACT),
    Grant("ledger.entered", _COUNTY, _FACT),
    Grant("ledger.period", _COUNTY, _UP),
    Grant("subsidy.paid", _COUNTY, _FACT),
    Grant("entitlement.determined", _COUNTY, _FACT),
    Grant("entitlement.rated", _COUNTY, _FACT),
    Grant("survival.certified", _COUNTY, _FACT),
    Grant("benefit.suspended", _COUNTY, _FACT),
    Grant("benefit.ended", _COUNTY, _FACT),
    Grant("benefit.recovery", _COUNTY, _FACT),
    Grant("pension.paid", _COUNTY, _FACT),
    Grant("pension.unpaid", _COUNTY, _FACT),
    Grant("account.drawn", _COUNTY, _FACT),
    Grant("payroll.forecast", _COUNTY, _UP),
    Grant("payroll.run", _COUNTY, _FACT),
    Grant("transfer.asked", _COUNTY, _MOVE),
    Grant("transfer.refused", _COUNTY, _MOVE),
    Grant("transfer.released", _COUNTY, _MOVE),
    Grant("transfer.received", _COUNTY, _MOVE),
    Grant("transfer.paid", _COUNTY, _MOVE),
    Grant("transfer.banked", _COUNTY, _MOVE),
    Grant("statistics.reported", _COUNTY, _UP),
    Grant("quality.found", (_P, _C), (Travel.DOWN_REGION,)),
    Grant("quality.answered", _COUNTY, _UP),
    Grant("usage.digested", _COUNTY, _UP),
    Grant("usage.asked", (_P, _C), _BACK),
    Grant("usage.answered", _COUNTY, _UP),
    Grant("assessment.published", (_C,), _FACT),
    Grant("inspection.told", (_C,), _FACT),
    Grant("inspection.answered", _COUNTY, _UP),
    Grant("node.reported", _BELOW_PROVINCE, _UP),
    Grant("sync.held", _EVERYONE, _FACT),
)

AUTHORITY: Mapping[str, Grant] = MappingProxyType({grant.record_type: grant for grant in _GRANTS})


def refusal(author: str, record_type: str, route: str, region: str) -> str | None:
    """Why the node of `author` may not send this record this way; None when it may.

    A type that is not in the table is refused: nobody has been given it. (A taker that does not
    know a type yet parks it without asking; it asks here after its upgrade.)
    """
    grant = AUTHORITY.get(record_type)
    if grant is None:
        return f"没有任何一级被授权签发“{record_type}”"
    try:
        writer, subject = RegionCode(author), RegionCode(region)
        travel, destination = parse_route(route)
    except ValueError as problem:
        return str(problem)
    if travel not in grant.travels:
        return f"“{record_type}”不能经“{route}”传送"
    return _unauthorised(grant, writer, subject) or _misdirected(
        travel, writer, subject, destination
    )


def _unauthorised(grant: Grant, writer: RegionCode, subject: RegionCode) -> str | None:
    """One kind of fact, one authoring level; and only of the author's own region (promise 2)."""
    if writer.level not in grant.authors:
        allowed = "、".join(level.title for level in grant.authors)
        return f"“{grant.record_type}”只能由{allowed}签发，{writer} 是{writer.level.title}"
    if not writer.contains(subject):
        return f"{writer} 不能签发关于 {subject} 的记录：不在其辖区内"
    return None


def _misdirected(
    travel: Travel, writer: RegionCode, subject: RegionCode, destination: RegionCode | None
) -> str | None:
    """A region gets only what concerns it (promise 6), and only from those who stand over it.

    Another region gets what its author sends it: a person who moves there is not of it yet.
    """
    if destination is None:
        return None
    if travel is Travel.TO_REGION:
        near = writer.touches(destination)
        return f"{destination} 不是别的地区，应逐级上报或下发" if near else None
    if not writer.contains(destination):
        return f"{writer} 不能向 {destination} 下发：不在其辖区内"
    if not destination.touches(subject):
        return f"关于 {subject} 的记录不能下发到无关的 {destination}"
    return None


def parse_route(route: str) -> tuple[Travel, RegionCode | None]:
    """The shape of a route and the region it names, if it names one.

    Raises:
        ValueError: there is no such route, or its region is no region code.
    """
    if route in _PLAIN:
        return Travel(route), None
    head, _, code = route.partition("/")
    if head == "down":
        return Travel.DOWN_REGION, RegionCode(code)
    if head == "to":
        return Travel.TO_REGION, RegionCode(code)
    raise ValueError(f"没有这样的传送路径：{route}")
