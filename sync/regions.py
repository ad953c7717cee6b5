"""Regions as the engine needs them: codes in which a place contains what starts with its part.

The widths are those of China's 12-digit codes (GB/T 2260 and GB/T 10114): province 2, city 4,
county 6, township 9, village 12 digits, the rest zeros. They are all that the engine knows of a
country; another tree of codes needs only other widths.
"""

from collections.abc import Iterator
from functools import lru_cache

WIDTHS = (2, 4, 6, 9, 12)


@lru_cache(maxsize=65536)
def significant(region: str) -> str:
    """The part of a code that its inner regions share: 411000000000 → 4110, never 411."""
    digits = len(region.rstrip("0"))
    width = next((width for width in WIDTHS if digits <= width), len(region))
    return region[:width]


def contains(outer: str, inner: str) -> bool:
    """Is `inner` the same region, or within it?"""
    return len(outer) == len(inner) and inner.startswith(significant(outer))


def outer(region: str) -> Iterator[str]:
    """Every code that could name a region around this one, itself the last."""
    return (region[:width].ljust(len(region), "0") for width in range(1, len(region) + 1))


def bounds(region: str) -> tuple[str, str]:
    """The least and the greatest code inside a region: what an index can be asked for."""
    part = significant(region)
    return part.ljust(len(region), "0"), part.ljust(len(region), "9")


def strictly_inside(inner: str, outer: str) -> bool:
    return inner != outer and contains(outer, inner)
