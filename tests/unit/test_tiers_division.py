"""The division tree: the real one of Henan, and small ones with a history."""

from collections import Counter
from collections.abc import Iterator
from datetime import date
from importlib.resources import files

import pytest

from tiers import HENAN, DivisionError, Divisions, Level, RegionCode, parse_divisions

HENAN_CODE = "410000000000"
ZHONGMU = RegionCode("410122000000")
JIYUAN = "419001000000"
HEAD = "code,name,level,parent_code,valid_from,valid_to,successor"


def lines() -> Iterator[str]:
    with (files("tiers") / HENAN).open(encoding="utf-8") as file:
        yield from file


@pytest.fixture(scope="module")
def henan() -> Divisions:
    return parse_divisions(lines())


def test_every_row_of_henan_is_there(henan: Divisions) -> None:
    assert Counter(division.level for division in henan) == {
        Level.PROVINCE: 1,
        Level.CITY: 17,
        Level.COUNTY: 181,
        Level.TOWNSHIP: 2_586,
        Level.VILLAGE: 52_378,
    }


def test_every_region_hangs_under_the_province(henan: Divisions) -> None:
    assert sum(1 for _ in henan.within(HENAN_CODE)) == len(henan)


def test_a_directly_administered_county_reports_to_the_province(henan: Divisions) -> None:
    parent = henan.parent(JIYUAN)
    assert parent is not None
    assert parent.code == HENAN_CODE
    assert "419000000000" not in henan


def test_children_are_the_cities_and_the_direct_county(henan: Divisions) -> None:
    children = henan.children(HENAN_CODE)
    assert len(children) == 18
    assert [child.code for child in children if child.level is Level.COUNTY] == [JIYUAN]


def test_names_run_from_the_province_down_without_saying_anything_twice(henan: Divisions) -> None:
    assert henan.path_name("410122001000") == "河南省郑州市中牟县青年路街道"
    assert henan.path_name("410122001000", below="410100000000") == "中牟县青年路街道"
    assert henan.path_name("419001001000") == "河南省济源市沁园街道"
    assert henan.path_name(JIYUAN, below=JIYUAN) == "济源市"
    assert henan.path_name("110000000000") == "110000000000"


def test_one_level_within_a_region(henan: Divisions) -> None:
    assert sum(1 for _ in henan.within(HENAN_CODE, level=Level.COUNTY)) == 181
    townships = [division.code for division in henan.within(ZHONGMU, level=Level.TOWNSHIP)]
    assert townships == [child.code for child in henan.children(ZHONGMU)]


def test_a_village_keeps_itself_and_those_above_it() -> None:
    village = RegionCode("419001001001")
    part = parse_divisions(lines(), within=village)
    assert [division.code for division in part.path(village)] == [
        HENAN_CODE,
        JIYUAN,
        "419001001000",
        village,
    ]
    assert len(part) == 4


def test_a_part_says_the_same_as_the_whole(henan: Divisions) -> None:
    part = parse_divisions(lines(), within=ZHONGMU)
    assert list(part.within(ZHONGMU)) == list(henan.within(ZHONGMU))
    assert part.path(ZHONGMU) == henan.path(ZHONGMU)


def dated() -> Divisions:
    """A county that came under the province in 2014, and another that was renamed."""
    return parse_divisions(
        [
            HEAD,
            "410000000000,河南省,province,,,,",
            "410100000000,郑州市,city,410000000000,,,",
            "410181000000,巩义市,county,410100000000,,2014-01-01,",
            "410181000000,巩义市,county,410000000000,2014-01-01,,",
            "410125000000,旧县,county,410100000000,,2020-06-01,410122000000",
        ]
    )


def test_the_reporting_parent_is_the_one_of_the_date() -> None:
    tree = dated()
    before, after = date(2013, 12, 31), date(2014, 1, 1)
    assert [d.name for d in tree.path("410181000000", on=before)] == ["河南省", "郑州市", "巩义市"]
    assert [d.name for d in tree.path("410181000000", on=after)] == ["河南省", "巩义市"]
    assert [d.code for d in tree.children("410100000000", on=after)] == ["410125000000"]
    assert tree.parent("410181000000") == tree.get("410000000000")
    assert len(tree.history("410181000000")) == 2


def test_an_abolished_region_names_its_successor_and_ends() -> None:
    tree = dated()
    assert tree.get("410125000000", on=date(2020, 6, 1)) is None
    last = tree.get("410125000000")
    assert last is not None
    assert last.successor == ZHONGMU


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("4101,郑州市,city,410000000000,,,", "第 3 行.*12 位"),
        ("410100000000,郑州市,county,410000000000,,,", "第 3 行.*应为市级"),
        ("410122000000,中牟县,county,410200000000,,,", "不能隶属于 410200000000"),
        ("410122000000,中牟县,county,410122000000,,,", "不能隶属于"),
        ("410100000000,郑州市,city,410000000000,1949,,", "第 3 行"),
        ("410100000000", "第 3 行"),
        ("410000000000,河南省,province,,,,", "重复"),
    ],
)
def test_a_wrong_row_is_refused_with_its_line(row: str, complaint: str) -> None:
    with pytest.raises(DivisionError, match=complaint):
        parse_divisions([HEAD, "410000000000,河南省,province,,,,", row])


def test_periods_of_one_code_may_not_overlap() -> None:
    row = "410100000000,郑州市,city,410000000000"
    with pytest.raises(DivisionError, match="重叠"):
        parse_divisions([HEAD, f"{row},,2020-01-01,", f"{row},2019-12-31,,"])


def test_a_table_without_a_needed_column_is_refused_by_name() -> None:
    with pytest.raises(DivisionError, match="parent_code"):
        parse_divisions(["code,name,level"])
    with pytest.raises(DivisionError, match="code"):
        parse_divisions([])


def test_a_byte_order_mark_and_empty_lines_do_no_harm() -> None:
    tree = parse_divisions(["\ufeff" + HEAD, "", "410000000000,河南省,province,,,,"])
    assert len(tree) == 1
