"""A certification round: whom to see, who is reported already, and how far each place has come.

Everything is asked of the node's own replica, so that a village goes its round without a network.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Date, Integer, Select, bindparam, exists, func, select, text
from sqlalchemy.sql.elements import Label

from node.benefits.matters_life import SurvivalCertification
from node.benefits.worklist import certified_by, drawing, to_certify
from node.cases.queries import require_seeing
from node.cases.records import cases
from node.cases.rules import OPEN
from node.core.work import UnitOfWork
from node.registry.records import people
from tiers import Level, RegionCode
from tiers.region import WIDTH

SHOWN = 400
"""People of one page: the pensioners of a large village together."""

_DIGITS = {Level.PROVINCE: 4, Level.CITY: 6, Level.COUNTY: 9, Level.TOWNSHIP: 12}
"""How much of a code names the place below each level."""

_PROGRESS = text("""
    SELECT substr(village, 1, :digits) AS place, count(*),
        CAST(sum(CASE WHEN certified_until > :until THEN 1 ELSE 0 END) AS BIGINT),
        CAST(sum(CASE WHEN certified_until BETWEEN :today AND :until THEN 1 ELSE 0 END)
            AS BIGINT),
        CAST(sum(CASE WHEN certified_until < :today THEN 1 ELSE 0 END) AS BIGINT),
        CAST(sum(CASE WHEN state = 'suspended' THEN 1 ELSE 0 END) AS BIGINT)
    FROM entitlement
    WHERE village BETWEEN :low AND :high AND state IN ('in_force', 'suspended')
    GROUP BY 1 ORDER BY 1
""").bindparams(
    bindparam("digits", type_=Integer()),
    bindparam("until", type_=Date()),
    bindparam("today", type_=Date()),
)


@dataclass(frozen=True, slots=True)
class Progress:
    """A place's round: of its pensioners so many are certified for longer than the days of the
    reminder, run out soon, or have run out; `suspended` counts those not paid for any reason.
    """

    place: str
    people: int
    certified: int
    soon: int
    expired: int
    suspended: int


def _reported() -> Label[bool]:
    """Whether a certification of a person waits for the county."""
    waiting = exists().where(
        cases.c.county_code == people.c.county_code,
        cases.c.matter == SurvivalCertification.code,
        cases.c.subject_index == people.c.citizen_index,
        cases.c.state.in_([str(state) for state in OPEN]),
    )
    return waiting.label("reported")


def asked(uow: UnitOfWork, region: RegionCode, *, everybody: bool) -> Select[Any]:
    """Whom to see: those whose certificate runs out, or all who draw a pension."""
    listed = drawing(uow, region) if everybody else to_certify(uow, region)
    return listed.add_columns(_reported())


def listed(uow: UnitOfWork, region: RegionCode, *, everybody: bool) -> list[dict[str, Any]]:
    """The first of them, and whether each is reported already."""
    require_seeing(uow)
    rows = asked(uow, region, everybody=everybody).limit(SHOWN)
    return [dict(row) for row in uow.connection.execute(rows).mappings()]


def count(uow: UnitOfWork, region: RegionCode, *, everybody: bool) -> int:
    """How many there are."""
    inner = asked(uow, region, everybody=everybody).order_by(None).subquery()
    return int(uow.connection.scalar(select(func.count()).select_from(inner)) or 0)


def progress(uow: UnitOfWork, region: RegionCode) -> Sequence[Progress]:
    """How far the places inside a region have come; none where a bulletin is missing, or for a
    village, whose list says it.
    """
    require_seeing(uow)
    until, digits = certified_by(uow), _DIGITS.get(region.level)
    if until is None or digits is None:
        return []
    prefix = region.prefix
    given: dict[str, str | int | date] = {
        "digits": digits,
        "until": until,
        "today": uow.today,
        "low": prefix.ljust(WIDTH, "0"),
        "high": prefix.ljust(WIDTH, "9"),
    }
    rows = uow.connection.execute(_PROGRESS, given)
    return [Progress(place.ljust(WIDTH, "0"), *map(int, more)) for place, *more in rows]
