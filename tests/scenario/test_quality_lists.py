"""A list of another department: matched by number, else by likeness; it becomes findings."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path

import pytest
import xlsxwriter

from node.core.errors import Invalid
from node.core.personal import keyring_of
from node.quality.capability import run_check
from node.quality.list_file import read_list
from tests.fixtures.county_site import words
from tests.fixtures.offices import COUNTY
from tests.fixtures.schema import sqlite_copy
from tests.fixtures.sites import Browser, Clock, Site, join, open_site, with_places
from tests.scenario.sync_tree import fall, rise
from tests.scenario.test_quality_catalogue import Population
from tiers import RegionCode, Role

PROVINCE, DIRECT = "410000000000", "419001000000"
DEAD, TWIN = "410199198005010017", "410199198005020034"
HEAD = ["姓名", "身份证号", "死亡日期", "登记机关"]


@pytest.fixture
def network(migrated_sqlite: Path, tmp_path: Path) -> Iterator[tuple[Site, Site]]:
    """A province and a county of its own, both of which know three people of the county."""
    clock = Clock(datetime(2026, 6, 1, 1, tzinfo=UTC))
    known = with_places(migrated_sqlite, tmp_path, COUNTY)
    province, county = (
        open_site(code, url=sqlite_copy(known, tmp_path / code), folder=tmp_path, clock=clock)
        for code in (PROVINCE, DIRECT)
    )
    province.replica.found(node=PROVINCE, level="province")
    join(province, county)
    for site in (province, county):
        with site.node.work() as uow:
            people = Population(uow)
            for name, number in (
                ("张大山", DEAD),
                ("李小河", TWIN),
                ("王长安", "410199197001010010"),
            ):
                index = keyring_of(uow.connection).index(number)
                people.enrolled(
                    RegionCode(DIRECT), name=name, citizen_number=number, citizen_index=index
                )
    yield province, county
    for site in (province, county):
        site.close()


def workbook(*lines: Sequence[object]) -> bytes:
    content = BytesIO()
    book = xlsxwriter.Workbook(content, {"in_memory": True, "default_date_format": "yyyy-mm-dd"})
    sheet = book.add_worksheet()
    for place, line in enumerate([["某县民政局火化名单"], HEAD, *lines]):
        sheet.write_row(place, 0, line)
    book.close()
    return content.getvalue()


LIST = workbook(
    ["张大山", DEAD, date(2026, 4, 9), "某县殡仪馆"],
    ["李小河", "410199198005020043", "20260410", ""],  # two digits swapped
    ["张大山", "410199193009071116", "2026/4/11", ""],  # another of the name
)


def send(browser: Browser, content: bytes, **over: str):  # noqa: ANN201
    form = {"kind": "deaths", "region": DIRECT, "as_of": "2026-05-31"} | over
    return browser.post("/quality/lists", form, files={"file": ("名单.xlsx", content)})


def test_the_dead_are_found_at_the_province_and_worked_off_at_the_county(
    network: tuple[Site, Site],
) -> None:
    province, county = network
    supervisor = province.browser("duban", Role.QUALITY_SUPERVISOR)
    page = send(supervisor, LIST).headers["location"]
    shown = words(supervisor.get(page).text)
    assert "号码一致 1 待判断 1" in shown
    assert "李小河 410199********0043 2026-04-10" in shown
    assert "没有相符的人 1" in shown
    assert "张大山 410199********0017 2026-04-09" in words(
        supervisor.get(f"{page}?match=exact").text
    )
    assert findings(province) == ["2026-04-09 死亡，某县殡仪馆"]
    assert supervisor.post(f"{page}/4", {"same": "1"}).status_code == 303
    assert findings(province) == ["2026-04-09 死亡，某县殡仪馆", "2026-04-10 死亡，"]
    for site in (county, province):
        site.replica.seal()
    assert rise(county, province) == []  # type: ignore[arg-type]
    assert fall(province, county) == []  # type: ignore[arg-type]
    auditor = county.browser("jihe", Role.AUDITOR)
    assert "2026-04-09 死亡，某县殡仪馆" in auditor.get("/quality").text
    assert supervisor.post(f"{page}/4", {"same": "0"}).status_code == 303
    clock = province.node.clock
    assert isinstance(clock, Clock)
    clock.forward(hours=9)
    assert findings(province) == ["2026-04-09 死亡，某县殡仪馆"]


def findings(site: Site) -> list[str]:
    """What the rule of the dead says now."""
    from node.quality import service  # noqa: PLC0415

    with site.node.work() as uow:
        run_check(uow)
        wanted = service.Wanted(RegionCode(PROVINCE), rule="on_death_list")
        listed, _ = service.listed(uow, wanted)
    return sorted(one.words % one.values for one in listed)


def test_a_file_that_cannot_be_read_is_said_beside_the_field(network: tuple[Site, Site]) -> None:
    _, county = network
    auditor = county.browser("jihe", Role.AUDITOR)
    for content, said in (
        (b"", "请选择文件"),
        (b"a,b\n1,2\n", "没有找到“姓名”和“公民身份号码”两列的标题"),
        (workbook(["张大山", "4101", "", ""]), "第 3 行等 1 行没有姓名，或号码不是 15、18 位"),
        (workbook(), "名单里没有人"),
    ):
        answer = send(auditor, content)
        assert answer.status_code == 422
        assert said in answer.text
    assert "请填写日期" in send(auditor, LIST, as_of="去年").text
    assert "请选择名单种类" in send(auditor, LIST, kind="").text
    reviewer = county.browser("fuhe", Role.REVIEWER)
    assert reviewer.get("/quality/lists").status_code == 403


def test_days_are_read_however_they_are_written() -> None:
    days = ["2026-01-02", "20260102", "2026年1月2日", 20260102.0, date(2026, 1, 2), "不详"]
    table = [HEAD, *(["某人", DEAD, day, ""] for day in days)]
    assert [line.day for line in read_list(table)] == [date(2026, 1, 2)] * 5 + [None]
    with pytest.raises(Invalid):
        read_list([["姓名"], ["某人"]])
