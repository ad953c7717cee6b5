"""Which bulletin holds where and when. Pure."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Protocol, TypeVar

from tiers import RegionCode


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


def holds(bulletin: Dated, region: RegionCode, on: date) -> bool:
    """Whether a published bulletin speaks for a place on a day."""
    if bulletin.published_at is None or not RegionCode(bulletin.region).contains(region):
        return False
    ended = bulletin.effective_to is not None and bulletin.effective_to < on
    return bulletin.effective_from <= on and not ended


def choose(bulletins: Iterable[B], region: RegionCode, on: date) -> B | None:
    """The one bulletin in force among those of one kind, or None.

    One that another in force replaces steps back; of the rest the later effective date wins, and
    of two with one date the later published.
    """
    holding = [bulletin for bulletin in bulletins if holds(bulletin, region, on)]
    replaced = {bulletin.supersedes for bulletin in holding}
    standing = [bulletin for bulletin in holding if bulletin.id not in replaced]
    return max(standing, key=_recency, default=None)


def _recency(bulletin: Dated) -> tuple[date, datetime | None, str]:
    return bulletin.effective_from, bulletin.published_at, bulletin.id
