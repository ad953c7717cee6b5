"""A report that leaves the house: provable anywhere, and whatever is touched in it is named."""

import copy
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pytest
from pypdf import PdfReader
from python_calamine import CalamineWorkbook

from node.core.db import insert_new
from node.core.errors import Invalid, NotFound
from node.core.work import observe, tell_observers
from node.statistics import cells, service, stale
from node.statistics.report_file import report_file, verify_file
from node.statistics.rules import Period
from sync import Record
from tests.fixtures.offices import COUNTY, VILLAGE
from tests.fixtures.schema import sqlite_copy
from tests.fixtures.sites import Clock, Site, join, open_site, with_places
from tests.scenario.sync_tree import rise
from tiers import RegionCode, Role

PROVINCE, CITY = "410000000000", "410100000000"
DIRECT = "419001000000"
YEAR = Period(2025)
JUNE = Period(2025, 6)


@pytest.fixture(scope="module")
def network(
    migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Site]]:
    """A province with a county below a city and one of its own; both have reported."""
    folder = tmp_path_factory.mktemp("reports")
    clock = Clock(datetime(2026, 1, 12, 1, tzinfo=UTC))
    known = with_places(migrated_sqlite, folder, COUNTY)
    sites = {
        code: open_site(
            code, url=sqlite_copy(known, folder / f"{code}.sqlite"), folder=folder, clock=clock
        )
        for code in (PROVINCE, CITY, COUNTY, DIRECT)
    }
    sites[PROVINCE].replica.found(node=PROVINCE, level="province")
    for parent, child in ((PROVINCE, CITY), (CITY, COUNTY), (PROVINCE, DIRECT)):
        join(sites[parent], sites[child])
    observe(stale.OBSERVER)
    for holder in (COUNTY, PROVINCE):
        enrol(sites[holder], VILLAGE, 3)
    for holder in (DIRECT, PROVINCE):
        enrol(sites[holder], "419001001001", 2)
    for code in (COUNTY, DIRECT):
        with sites[code].node.work() as uow:
            for period in (YEAR, JUNE):
                service.report(uow, period)
        sites[code].replica.seal()
    for child, parent in ((COUNTY, CITY), (CITY, PROVINCE), (DIRECT, PROVINCE)):
        sites[child].replica.seal()
        rise(sites[child], sites[parent])  # type: ignore[arg-type]
    yield sites
    for site in sites.values():
        site.close()


def enrol(site: Site, village: str, people: int) -> None:
    with site.node.work() as uow:
        for number in range(people):
            row = {
                "county_code": str(RegionCode(village).county),
                "id": f"e{number}",
                "person_id": f"p{number}",
                "village": village,
                "state": "active",
                "opened_on": date(2025, 3 + number, 1),
            }
            insert_new(uow.connection, cells.enrolment, [row])
        at = "2026-01-12T01:00:00.000000Z"
        tell_observers(uow, [Record("enrolment.opened", 1, "e", village, at, "a", {})])


def made(site: Site, region: str, period: Period) -> bytes:
    with site.node.work(writing=False) as uow:
        return report_file(uow, site.replica, RegionCode(region), period)


@pytest.mark.parametrize(("period", "enrolled", "joined"), [(YEAR, 5, 5), (JUNE, 5, 0)])
def test_a_report_is_proved_by_a_node_that_holds_nothing_of_it(
    network: dict[str, Site], period: Period, enrolled: int, joined: int
) -> None:
    content = made(network[PROVINCE], PROVINCE, period)
    found = verify_file(content, fingerprint=network[DIRECT].node.fingerprint)
    assert found.problems == []
    assert found.counties == [COUNTY, DIRECT]
    assert (found.measures["enrolled"], found.measures["joined"]) == (enrolled, joined)


def test_every_tier_exports_what_it_holds(network: dict[str, Site]) -> None:
    for code, region, enrolled in ((CITY, CITY, 3), (COUNTY, COUNTY, 3), (PROVINCE, DIRECT, 2)):
        found = verify_file(
            made(network[code], region, YEAR), fingerprint=network[PROVINCE].node.fingerprint
        )
        assert (found.problems, found.measures["enrolled"]) == ([], enrolled)
    with pytest.raises(NotFound, match="还没有县级上报"):
        made(network[PROVINCE], PROVINCE, Period(2024))


def _raise_the_sum(content: dict[str, Any]) -> None:
    content["measures"]["enrolled"] += 1


def _change_a_line(content: dict[str, Any]) -> None:
    proof = content["counties"][0]["proof"]
    proof["line"] = proof["line"].replace('"enrolled":3', '"enrolled":4')
    content["measures"]["enrolled"] += 1


def _change_a_header(content: dict[str, Any]) -> None:
    proof = content["counties"][0]["proof"]
    root = orjson.loads(proof["header"])["root"]
    proof["header"] = proof["header"].replace(root, root[::-1])


def _leave_a_county_out(content: dict[str, Any]) -> None:
    del content["counties"][1]


def _count_a_county_twice(content: dict[str, Any]) -> None:
    content["counties"].append(copy.deepcopy(content["counties"][0]))


def _swap_the_proofs(content: dict[str, Any]) -> None:
    first, second = content["counties"]
    first["proof"], second["proof"] = second["proof"], first["proof"]


def _another_period(content: dict[str, Any]) -> None:
    content["year"] = 2024


def _another_region(content: dict[str, Any]) -> None:
    content["region"] = CITY


def _no_certificates(content: dict[str, Any]) -> None:
    content["counties"][0]["proof"]["certificates"] = []


@pytest.mark.parametrize(
    ("touch", "named"),
    [
        (_raise_the_sum, "enrolled：合计 6 不等于各县之和 5"),
        (_change_a_line, f"{COUNTY}：记录不在段头的根之下"),
        (_change_a_header, f"{COUNTY}：段签名无效"),
        (_leave_a_county_out, "enrolled：合计 5 不等于各县之和 3"),
        (_count_a_county_twice, f"{COUNTY} 出现了两次"),
        (_swap_the_proofs, f"{COUNTY}：证明的是 {DIRECT} 的上报"),
        (_another_period, f"{COUNTY}：是另一个时期的上报"),
        (_another_region, f"{DIRECT}：不在 {CITY} 之内"),
        (_no_certificates, f"{COUNTY}：证书链为空或过长"),
    ],
    ids=lambda value: value.__name__.strip("_") if callable(value) else None,
)
def test_whatever_is_touched_is_named(
    network: dict[str, Site], touch: Callable[[dict[str, Any]], None], named: str
) -> None:
    content = orjson.loads(made(network[PROVINCE], PROVINCE, YEAR))
    touch(content)
    found = verify_file(orjson.dumps(content), fingerprint=network[CITY].node.fingerprint)
    assert named in found.problems


def test_another_root_vouches_for_nothing(network: dict[str, Site]) -> None:
    found = verify_file(made(network[PROVINCE], PROVINCE, YEAR), fingerprint="0" * 64)
    assert {problem.partition("：")[2] for problem in found.problems} == {"根证书指纹与加入时不同"}


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"format": "wuji report 1"}', b"\xff"])
def test_what_is_no_report_is_said_to_be_none(data: bytes) -> None:
    with pytest.raises(Invalid, match="不是统计报告文件"):
        verify_file(data, fingerprint="0" * 64)


def test_the_page_and_its_three_files(network: dict[str, Site]) -> None:
    reader = network[PROVINCE].browser("tongji", Role.STATISTICIAN)
    shown = reader.get("/statistics?year=2025").text
    assert "逐项相等" in shown
    assert 'class="chart map"' in shown
    assert "2025-03" not in shown
    query = f"region={PROVINCE}&year=2025"
    book = CalamineWorkbook.from_filelike(
        BytesIO(reader.get(f"/statistics/table.xlsx?{query}").content)
    )
    rows = book.get_sheet_by_index(0).to_python()
    assert rows[-1][2] == 5
    pages = PdfReader(BytesIO(reader.get(f"/statistics/table.pdf?{query}").content)).pages
    assert "合计" in pages[0].extract_text()
    signed = reader.get(f"/statistics/report.json?{query}").content
    assert verify_file(signed, fingerprint=network[CITY].node.fingerprint).problems == []
    assert reader.get("/statistics?year=2025&month=13").status_code == 422


def test_months_are_pairwise_apart() -> None:
    months = [Period(2026, 2), Period(2026, 1), Period(2025, 12), Period(2025, 11)]
    assert all(later.before() == earlier for later, earlier in pairwise(months))
    assert Period(2026).before() == Period(2025)
