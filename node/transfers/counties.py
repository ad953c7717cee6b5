"""The counties of the province by name: a village asks for one that its own store does not know."""

from functools import cache

from node.core.divisions import division_lines
from node.transfers.rules import Elsewhere
from tiers import Level, RegionCode, parse_divisions

_COUNTY_OR_ABOVE = ("0" * 6, "code")


@cache
def counties() -> dict[str, str]:
    """Every county of the province, 郑州市中牟县, by code, from the table that is shipped."""
    lines = [line for line in division_lines() if _is_wanted(line)]
    divisions = parse_divisions(lines)
    return {
        str(each.code): divisions.path_name(each.code, below=_province(each.code))
        for each in divisions
        if each.code.level is Level.COUNTY
    }


def name_of(code: str) -> str:
    """A county's name with its city, or what lies outside the network; else the code."""
    outside = {each.value: each.title for each in Elsewhere}
    return outside.get(code) or counties().get(code, code)


def _is_wanted(line: str) -> bool:
    return line.split(",", 1)[0].endswith(_COUNTY_OR_ABOVE)


def _province(code: RegionCode) -> str:
    return code[:2].ljust(12, "0")
