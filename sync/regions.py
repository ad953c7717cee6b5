"""Regions as the engine needs them: codes in which a place contains what starts with its part.

The widths are those of China's 12-digit codes (GB/T 2260 and GB/T 10114): province 2, city 4,
county 6, township 9, village 12 digits, the rest zeros. They are all that the engine knows of a
country; another tree of codes needs only other widths.
"""

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


def strictly_inside(inner: str, outer: str) -> bool:
    return inner != outer and contains(outer, inner)
