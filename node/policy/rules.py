"""Which bulletin holds where and when. Pure."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Protocol, TypeVar

from tiers import Level, RegionCode


class Dated(Protocol):
    """What decides between two bulletins of one kind."""

    @property
    def id(self) -> str: ...
    @property
    def region(self) -> str: ...
    @property
    def effective_from(self) -> date: ...
    @property
    def effective_to(self) -> date | None: ...
    @property
    def published_at(self) -> datetime | None: ...
    @property
    def supersedes(self) -> str | None: ...


B = TypeVar("B", bound=Dated)

NONE: Mapping[str, date] = {}


def holds(
    bulletin: Dated, region: RegionCode, on: date, *, withdrawn: Mapping[str, date] = NONE
) -> bool:
    """Whether a published bulletin speaks for a place on a day.

    `withdrawn` names the last day of those that were withdrawn.
    """
    if bulletin.published_at is None or not RegionCode(bulletin.region).contains(region):
        return False
    ends = [end for end in (bulletin.effective_to, withdrawn.get(bulletin.id)) if end is not None]
    return bulletin.effective_from <= on and all(on <= end for end in ends)


def choose(
    bulletins: Iterable[B], region: RegionCode, on: date, *, withdrawn: Mapping[str, date] = NONE
) -> B | None:
    """The one bulletin of the province in force among those of one kind, or None.

    One that another in force replaces steps back; of the rest the later effective date wins, and
    of two with one date the later published.
    """
    return _latest(_holding(bulletins, region, on, withdrawn).get(Level.PROVINCE, []))


def additions(
    bulletins: Iterable[B], region: RegionCode, on: date, *, withdrawn: Mapping[str, date] = NONE
) -> list[B]:
    """What the city and the county add to the province's, in that order, one of each at most.

    Source: 国发〔2014〕8号 五 (地方人民政府可以适当提高基础养老金标准).
    """
    holding = _holding(bulletins, region, on, withdrawn)
    found = (_latest(holding.get(level, [])) for level in (Level.CITY, Level.COUNTY))
    return [bulletin for bulletin in found if bulletin is not None]


def next_change(
    bulletins: Iterable[B], region: RegionCode, on: date, *, withdrawn: Mapping[str, date] = NONE
) -> date | None:
    """The first day after `on` on which something else holds, as far as is published now."""
    every = list(bulletins)
    ends = [b.effective_to for b in every if b.effective_to] + list(withdrawn.values())
    days = {b.effective_from for b in every} | {end + timedelta(days=1) for end in ends}
    now = _ids(every, region, on, withdrawn)
    return next(
        (d for d in sorted(days) if d > on and _ids(every, region, d, withdrawn) != now), None
    )


def _ids(
    bulletins: list[B], region: RegionCode, on: date, withdrawn: Mapping[str, date]
) -> list[str]:
    main = choose(bulletins, region, on, withdrawn=withdrawn)
    added = additions(bulletins, region, on, withdrawn=withdrawn)
    return [b.id for b in (main, *added) if b is not None]


def _holding(
    bulletins: Iterable[B], region: RegionCode, on: date, withdrawn: Mapping[str, date]
) -> dict[Level, list[B]]:
    found: dict[Level, list[B]] = {}
    for bulletin in bulletins:
        if holds(bulletin, region, on, withdrawn=withdrawn):
            found.setdefault(RegionCode(bulletin.region).level, []).append(bulletin)
    return found


def _latest(holding: list[B]) -> B | None:
    replaced = {bulletin.supersedes for bulletin in holding}
    standing = [bulletin for bulletin in holding if bulletin.id not in replaced]
    return max(standing, key=_recency, default=None)


def _recency(bulletin: Dated) -> tuple[date, datetime | None, str]:
    return bulletin.effective_from, bulletin.published_at, bulletin.id
