"""Which streams travel over which link."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.regions import contains, significant, strictly_inside
from sync.routes import climbs_past, concerns, inner_prefix, may_descend, may_rise

PROVINCE, CITY, COUNTY = "410000000000", "410100000000", "410122000000"
TOWNSHIP, VILLAGE = "410122100000", "410122100200"
TENS_CITY, TENS_COUNTY = "411000000000", "411025000000"
OTHER_CITY = "411100000000"
PLACES = (PROVINCE, CITY, COUNTY, TOWNSHIP, VILLAGE, OTHER_CITY, "419001000000", "410122101000")


@pytest.mark.parametrize(
    ("region", "part"),
    [
        (PROVINCE, "41"),
        (CITY, "4101"),
        (TENS_CITY, "4110"),
        (COUNTY, "410122"),
        (TOWNSHIP, "410122100"),
        (VILLAGE, "410122100200"),
    ],
)
def test_the_part_that_inner_regions_share(region: str, part: str) -> None:
    assert significant(region) == part
    assert inner_prefix(region) == f"down/{part}"


def test_a_code_that_ends_in_zero_contains_only_its_own() -> None:
    assert contains(TENS_CITY, TENS_COUNTY)
    assert not contains(TENS_CITY, OTHER_CITY)
    assert strictly_inside(TENS_COUNTY, PROVINCE)
    assert not strictly_inside(PROVINCE, PROVINCE)
    assert not contains(COUNTY, "410122")


def test_a_stream_climbs_until_the_level_it_names() -> None:
    assert climbs_past("up/county", "village")
    assert climbs_past("up/county", "township")
    assert not climbs_past("up/county", "county")
    assert climbs_past("up/county/later", "township")
    assert not climbs_past("up/county/later", "county")
    assert climbs_past("up/province", "county")
    assert not climbs_past("down/all", "county")


def test_a_child_hands_up_its_own_and_what_is_below_it() -> None:
    assert may_rise("up/province", VILLAGE, child=TOWNSHIP, child_level="township")
    assert may_rise("up/province", TOWNSHIP, child=TOWNSHIP, child_level="township")
    assert not may_rise("up/county", COUNTY, child=COUNTY, child_level="county")
    assert not may_rise("up/province", "410122101000", child=TOWNSHIP, child_level="township")
    assert not may_rise("down/all", VILLAGE, child=TOWNSHIP, child_level="township")


def test_a_stream_for_one_place_concerns_those_inside_it_and_on_the_way() -> None:
    for region in (CITY, COUNTY, TOWNSHIP):
        assert concerns(f"down/{VILLAGE}", region)
        assert concerns(f"down/{region}", VILLAGE)
    assert not concerns(f"down/{VILLAGE}", "410122100201")
    assert not concerns(f"down/{TOWNSHIP}", "410122101000")
    assert not concerns("up/province", PROVINCE)
    assert concerns("down/all", VILLAGE)


def test_what_comes_down_comes_from_above() -> None:
    assert may_descend("down/all", PROVINCE, child=VILLAGE)
    assert not may_descend("down/all", VILLAGE, child=VILLAGE)
    assert not may_descend("down/all", "410122101000", child=VILLAGE)


def test_a_stream_to_another_region_goes_up_to_the_node_above_both_and_down_again() -> None:
    route, far = "to/419001000000", "419001000000"
    for child in (COUNTY, CITY):
        assert may_rise(route, COUNTY, child=child, child_level="any")
        assert not may_descend(route, COUNTY, child=child)
    assert may_descend(route, COUNTY, child=far)
    assert not may_rise(route, COUNTY, child=far, child_level="county")
    assert not may_descend(route, COUNTY, child="419001001000")
    assert not may_descend(route, COUNTY, child=OTHER_CITY)


def test_it_turns_at_the_lowest_node_that_stands_above_both_ends() -> None:
    route = "to/410122101000"
    assert may_rise(route, TOWNSHIP, child=TOWNSHIP, child_level="township")
    assert not may_rise(route, TOWNSHIP, child=COUNTY, child_level="county")
    assert may_descend(route, TOWNSHIP, child="410122101000")


@given(st.sampled_from(PLACES), st.sampled_from(PLACES), st.sampled_from(PLACES))
def test_over_no_link_does_it_travel_both_ways(origin: str, target: str, child: str) -> None:
    route = f"to/{target}"
    rises = may_rise(route, origin, child=child, child_level="any")
    assert not (rises and may_descend(route, origin, child=child))
