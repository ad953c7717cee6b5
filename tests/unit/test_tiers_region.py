"""Region codes: what is one, and what its digits say."""

import pytest
from pydantic import BaseModel, ValidationError

from tiers import Level, RegionCode, RegionError

VILLAGE = RegionCode("410122001001")
JIYUAN = RegionCode("419001000000")


@pytest.mark.parametrize(
    ("code", "level"),
    [
        ("410000000000", Level.PROVINCE),
        ("410100000000", Level.CITY),
        ("410122000000", Level.COUNTY),
        ("410122001000", Level.TOWNSHIP),
        ("410122001001", Level.VILLAGE),
        ("410122100010", Level.VILLAGE),
    ],
)
def test_the_level_is_where_the_zeros_begin(code: str, level: Level) -> None:
    assert RegionCode(code).level is level


@pytest.mark.parametrize(
    "code",
    [
        "",
        "41",
        "4101220010011",
        "41012200100x",
        "４１００００００００００",
        "000000000000",
        "410000001000",
        "410022000000",
        "410122000001",
    ],
)
def test_what_is_no_region_code_is_refused_with_the_code_in_the_message(code: str) -> None:
    with pytest.raises(RegionError, match=code or "12 位"):
        RegionCode(code)


def test_a_region_code_is_a_string() -> None:
    assert VILLAGE == "410122001001"
    assert {VILLAGE: 1}["410122001001"] == 1
    assert RegionCode(VILLAGE) is VILLAGE


def test_ancestors_stand_nearest_first() -> None:
    assert VILLAGE.ancestors == (
        "410122001000",
        "410122000000",
        "410100000000",
        "410000000000",
    )


def test_the_county_of_a_village_of_a_county_and_of_a_city() -> None:
    assert VILLAGE.county == "410122000000"
    assert JIYUAN.county == JIYUAN
    assert RegionCode("410100000000").county is None


def test_the_digits_of_a_directly_administered_county_name_a_city_that_is_no_place() -> None:
    assert JIYUAN.parent == "419000000000"


def test_a_form_takes_a_region_code_and_says_what_is_wrong_with_another() -> None:
    class Form(BaseModel):
        region: RegionCode

    assert isinstance(Form.model_validate({"region": "410122001001"}).region, RegionCode)
    with pytest.raises(ValidationError, match="12 位数字"):
        Form.model_validate({"region": "4101"})


def test_levels_have_ranks_titles_and_an_order() -> None:
    assert [level.rank for level in Level] == [0, 1, 2, 3, 4]
    assert [level.title for level in Level] == ["省级", "市级", "县级", "乡级", "村级"]
    assert Level.PROVINCE.is_above(Level.COUNTY)
    assert Level.VILLAGE.is_below(Level.COUNTY)
    assert not Level.CITY.is_above(Level.CITY)
