"""Region codes: twelve digits `PP CC DD TTT VVV`.

Six by GB/T 2260 (province, city, county), three for the township (GB/T 10114) and three for the
village, as the statistics bureau publishes them. A code ends in zeros above its level.

What a code says about its parent is a matter of digits only. To whom a region *reports* is another
question, and dated: 济源市 419001000000 has the code-parent 419000000000, which is no place at
all, and reports straight to the province. That answer is in `tiers.division`.
"""

from collections.abc import Callable
from typing import Self

from tiers.level import Level

WIDTH = 12
_BLOCKS = tuple(
    (level, above.digits if above else 0, level.digits)
    for above, level in zip((None, *Level), Level, strict=False)
)


class RegionError(ValueError):
    """These twelve digits are no region code; the message is for a person."""


class RegionCode(str):
    """A region at one of the five levels. It is a `str`, so it can be stored and sent as one."""

    __slots__ = ()

    def __new__(cls, code: str) -> Self:
        """Check and wrap.

        Raises:
            RegionError: not twelve digits, or digits below a block of zeros.
        """
        if isinstance(code, cls):
            return code
        if len(code) != WIDTH or not (code.isascii() and code.isdigit()):
            raise RegionError(f"行政区划代码应为 12 位数字：{code}")
        spoken = _spoken(code)
        if spoken == 0 or code[spoken:].strip("0"):
            raise RegionError(f"行政区划代码的上级部分不能为零：{code}")
        return super().__new__(cls, code)

    @property
    def level(self) -> Level:
        return _LEVEL_OF[_spoken(self)]

    @property
    def prefix(self) -> str:
        """The digits that speak, without the trailing blocks of zeros."""
        return self[: _spoken(self)]

    @property
    def parent(self) -> "RegionCode | None":
        """The code one level up; None for a province. Not the reporting parent, see above."""
        rank = self.level.rank
        return None if rank == 0 else self._cut(tuple(Level)[rank - 1])

    @property
    def ancestors(self) -> tuple["RegionCode", ...]:
        """Every code above this one, nearest first."""
        higher = reversed(tuple(Level)[: self.level.rank])
        return tuple(self._cut(level) for level in higher)

    @property
    def county(self) -> "RegionCode | None":
        """The county this lies in (itself for a county); None for a city or province."""
        return self.at(Level.COUNTY)

    def at(self, level: Level) -> "RegionCode | None":
        """This code or its ancestor at `level`; None when this one stands above that level."""
        return None if self.level.is_above(level) else self._cut(level)

    def contains(self, other: str) -> bool:
        """Whether `other` is this region or lies inside it, by its digits."""
        return len(other) == WIDTH and other.startswith(self.prefix)

    def touches(self, other: "RegionCode") -> bool:
        """Whether one of the two contains the other."""
        return self.contains(other) or other.contains(self)

    def _cut(self, level: Level) -> "RegionCode":
        return RegionCode(self[: level.digits].ljust(WIDTH, "0"))

    @classmethod
    def __get_pydantic_core_schema__(
        cls, _source: object, handler: Callable[[type], object]
    ) -> object:
        """Let forms and settings declare a RegionCode; Pydantic calls this, we do not import it."""
        return {"type": "function-after", "function": _AFTER, "schema": handler(str)}


def _spoken(code: str) -> int:
    """Digits before the first block of zeros: 0 (none), 2, 4, 6, 9 or 12."""
    for _level, start, end in _BLOCKS:
        if not code[start:end].strip("0"):
            return start
    return WIDTH


_LEVEL_OF = {level.digits: level for level in Level}
_AFTER = {"type": "no-info", "function": RegionCode}
