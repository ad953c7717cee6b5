"""The five levels of the handling network (五级经办服务网络), and who stands over whom.

Source: the founding notice 一; 中华人民共和国行政区划 (GB/T 2260, GB/T 10114).
"""

from enum import StrEnum


class Level(StrEnum):
    """One tier of the network, highest first."""

    PROVINCE = "province"
    CITY = "city"
    COUNTY = "county"
    TOWNSHIP = "township"
    VILLAGE = "village"

    @property
    def rank(self) -> int:
        """0 for the province … 4 for the village."""
        return _RANK[self]

    @property
    def title(self) -> str:  # type: ignore[override]  # str.title() is for Latin letters
        """省级, 市级, 县级, 乡级, 村级."""
        return _TITLE[self]

    @property
    def digits(self) -> int:
        """How many leading digits of a region code speak at this level."""
        return _DIGITS[self]

    def is_above(self, other: "Level") -> bool:
        return self.rank < other.rank

    def is_below(self, other: "Level") -> bool:
        return self.rank > other.rank


_RANK = {level: rank for rank, level in enumerate(Level)}
_TITLE = dict(zip(Level, ("省级", "市级", "县级", "乡级", "村级"), strict=True))
_DIGITS = dict(zip(Level, (2, 4, 6, 9, 12), strict=True))
