"""The map: every county of the division table once, five shades, what is unknown is hatched."""

import re

import pytest

from node.core.divisions import division_lines
from node.web.maps import SHADES, WIDTH, county_map, outlines
from tiers import Level, RegionCode, parse_divisions

PROVINCE, CITY = RegionCode("410000000000"), RegionCode("410100000000")


def names(code: str) -> str:
    return code[:6]


def test_every_outline_is_a_county_of_the_table() -> None:
    known = parse_divisions(division_lines())
    for code in outlines():
        division = known.get(RegionCode(code))
        assert division is not None
        assert division.level is Level.COUNTY


@pytest.mark.parametrize("region", [PROVINCE, CITY])
def test_the_map_of_a_region_holds_its_counties_and_fits(region: RegionCode) -> None:
    picture = county_map(region, {}, name=names)
    assert picture is not None
    assert {area.code for area in picture.areas} == {
        code for code in outlines() if region.contains(RegionCode(code))
    }
    numbers = [
        (float(x), float(y))
        for area in picture.areas
        for x, y in re.findall(r"(-?[\d.]+) (-?[\d.]+)", area.path)
    ]
    assert min(x for x, _ in numbers) == pytest.approx(0, abs=1)
    assert max(x for x, _ in numbers) == pytest.approx(WIDTH, abs=1)
    assert max(y for _, y in numbers) <= picture.height


def test_shades_rise_with_the_value_and_the_unknown_is_no_zero() -> None:
    codes = sorted(code for code in outlines() if CITY.contains(RegionCode(code)))
    values: dict[str, float | None] = dict(zip(codes, range(0, 100 * len(codes), 100), strict=True))
    values[codes[3]] = None
    picture = county_map(CITY, values, name=names, href=lambda code: f"/x/{code}")
    assert picture is not None
    by_code = {area.code: area for area in picture.areas}
    assert by_code[codes[3]].css == "none"
    assert by_code[codes[3]].href == ""
    assert by_code[codes[0]].css == "s0"
    shades = [int(by_code[c].css[1]) for c in codes if c != codes[3]]
    assert shades == sorted(shades)
    assert max(shades) == SHADES - 1
    assert picture.missing == 1
    assert by_code[codes[1]].says.startswith(codes[1][:6])


def test_one_county_is_no_map() -> None:
    assert county_map(RegionCode("410122000000"), {}, name=names) is None
