"""Public notices: the county lists, the village posts, somebody objects, the county answers."""

import re
from collections.abc import Iterator
from datetime import date
from io import BytesIO
from pathlib import Path

import pytest
from pypdf import PdfReader

from node.core.ids import new_id
from node.core.work import machine
from node.policy.models import Bulletin
from tests.fixtures.offices import COUNTY, MORNING, TOWNSHIP, VILLAGE, citizen_number
from tests.fixtures.sites import Clock, open_chain, with_places
from tests.scenario.test_cases_pages import Desks, errors, typed, words

NOTICE = re.compile(r'href="(/notices/[0-9a-f-]{36})"')


@pytest.fixture(scope="module")
def desks(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desks]:
    folder = tmp_path_factory.mktemp("notices")
    clock = Clock(MORNING)
    template = with_places(migrated_sqlite, folder, COUNTY)
    sites = open_chain((COUNTY, TOWNSHIP, VILLAGE), template=template, folder=folder, clock=clock)
    opened = Desks(sites, clock)
    for site in sites:
        with site.node.work(machine(site.node.code)) as uow:
            uow.session.add(_bulletin(uow.now))
    yield opened
    opened.close()


def _bulletin(now: object) -> Bulletin:
    return Bulletin(
        id=new_id(),
        number="豫人社示例〔2026〕9号",
        kind="public_notice",
        title="公示办法（示例）",
        region="410000000000",
        effective_from=date(2026, 1, 1),
        body={"enrolment": 7, "benefit_claim": 0, "category_grant": 0},
        status="published",
        drafted_by="province",
        drafted_at=now,
        published_at=now,
    )


def reviewed(desks: Desks, *serials: int) -> list[str]:
    """Cases that lie at the approver's desk; their addresses."""
    cases = []
    for serial in serials:  # people of one name: their likeness is confirmed
        sent = desks.coordinator.post("/cases/new/enrolment", typed(serial, confirmed="1"))
        cases.append(str(sent.headers["location"]).partition("?")[0])
    desks.sync()
    for case in cases:
        desks.clerk.post(f"{case}/pass")
    desks.sync()
    for case in cases:
        desks.reviewer.post(f"{case}/pass")
    return cases


def approve(desks: Desks, case: str) -> str:
    """What the approver is told."""
    answer = desks.approver.post(f"{case}/pass")
    return "" if answer.status_code == 303 else words(answer.text)


def test_a_list_hangs_is_objected_to_answered_and_let_go(desks: Desks) -> None:
    first, second = reviewed(desks, 1, 2)
    assert "还没有列入公示名单" in approve(desks, first)
    assert "还没有列入公示名单" in words(desks.approver.get(first).text)
    assert "2" in words(desks.approver.get("/notices").text)
    made = desks.approver.post("/notices", {"village": VILLAGE, "matter": "enrolment"})
    notice = made.headers["location"].partition("?")[0]
    again = desks.approver.post("/notices", {"village": VILLAGE, "matter": "enrolment"})
    assert again.status_code == 404
    assert "还没有张贴" in approve(desks, first)
    desks.sync()

    # The village prints it, with nothing on it that need not be known, and posts it.
    assert NOTICE.findall(desks.coordinator.get("/notices").text) == [notice]
    pdf = PdfReader(BytesIO(desks.coordinator.get(f"{notice}/print").content))
    posted = pdf.pages[0].extract_text().replace("\n", "")
    for told in ("参保登记人员公示表", "赵样本", "410199********", "自张贴之日起 7", "监督电话"):
        assert told in posted, told
    assert citizen_number(1) not in posted
    early = desks.coordinator.post(f"{notice}/posting", {"posted_on": "2026-03-15"})
    assert errors(early.text) == ["posted_on"]
    assert desks.coordinator.post(f"{notice}/posting", {"posted_on": "x"}).status_code == 422
    day = {"posted_on": "2026-03-16"}
    assert desks.coordinator.post(f"{notice}/posting", day).status_code == 303
    assert desks.coordinator.post(f"{notice}/posting", day).status_code == 409
    desks.sync()
    assert "公示到 2026-03-23 为止" in approve(desks, first)

    # Somebody objects to one line. The other goes on when the time is over.
    line = {"case_id": second.rpartition("/")[2], "received_on": "2026-03-16"}
    empty = desks.coordinator.post(f"{notice}/objections", line | {"words": " "})
    assert errors(empty.text) == ["words"]
    told = line | {"words": "此人户口已迁出", "objector": ""}
    assert desks.coordinator.post(f"{notice}/objections", told).status_code == 303
    desks.sync()
    desks.clock.forward(days=8)
    for browser in (desks.coordinator, desks.reviewer, desks.approver, desks.clerk):
        browser.enter()
    assert approve(desks, first) == ""
    assert "异议尚未答复" in approve(desks, second)

    # The county answers; what it says is read in the village.
    page = desks.approver.get(notice).text
    assert "此人户口已迁出" in words(page)
    assert "未具名" in words(page)
    [answering] = re.findall(rf'action="({notice}/objections/[0-9a-f-]+)"', page)
    assert desks.approver.post(answering, {"words": "已核实"}).status_code == 422
    assert desks.coordinator.post(answering, {"upheld": "no", "words": "x"}).status_code == 403
    answered = desks.approver.post(answering, {"upheld": "no", "words": "户口仍在本村"})
    assert answered.status_code == 303
    assert desks.approver.post(answering, {"upheld": "yes", "words": "又一次"}).status_code == 409
    desks.sync()
    assert "异议不成立：户口仍在本村" in words(desks.coordinator.get(notice).text)
    assert approve(desks, second) == ""


def test_an_upheld_objection_stops_the_case_and_the_county_may_post_for_a_village(
    desks: Desks,
) -> None:
    [case] = reviewed(desks, 3)
    today = desks.clock.now.date().isoformat()
    made = desks.reviewer.post("/notices", {"village": VILLAGE, "matter": "enrolment"})
    notice = made.headers["location"].partition("?")[0]
    # By telephone: the village has no line. Its own word comes later and changes nothing.
    assert desks.reviewer.post(f"{notice}/posting", {"posted_on": today}).status_code == 303
    objection = {"words": "名单里有人已故", "received_on": today}
    assert desks.reviewer.post(f"{notice}/objections", objection).status_code == 303
    page = desks.reviewer.get(notice).text
    [answering] = re.findall(rf'action="({notice}/objections/[0-9a-f-]+)"', page)
    desks.reviewer.post(answering, {"upheld": "yes", "words": "属实"})
    assert "异议成立，不能审批" in approve(desks, case)
    desks.sync()
    told = words(desks.coordinator.get(notice).text)
    for known in (today, "名单里有人已故", "异议成立：属实"):
        assert known in told, known


def test_who_neither_posts_nor_decides_makes_no_list(desks: Desks) -> None:
    village = {"village": VILLAGE, "matter": "enrolment"}
    assert desks.coordinator.post("/notices", village).status_code == 403
    assert desks.clerk.post("/notices", village).status_code == 403
    assert desks.approver.get("/notices/none").status_code == 404
    for path in ("/notices", "/notices?lang=en"):
        assert desks.clerk.get(path).status_code == 200
