"""Forms and receipts on paper: what stands on them, in bulk, and the way back from a receipt."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader

from node.cases.print_pages import AT_ONCE
from node.cases.printed import packed
from node.cases.sheet import Line
from node.core.paper import label_width
from tests.fixtures.offices import COUNTY, HOSTED, MORNING, TOWNSHIP, VILLAGE, citizen_number
from tests.fixtures.sites import Clock, open_chain, with_places
from tests.scenario.test_cases_pages import Desks, entered
from tiers import Level, Role

OPINION = "户口簿已核对"


@pytest.fixture(scope="module")
def desks(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desks]:
    folder = tmp_path_factory.mktemp("printed")
    clock = Clock(MORNING)
    template = with_places(migrated_sqlite, folder, COUNTY)
    sites = open_chain((COUNTY, TOWNSHIP, VILLAGE), template=template, folder=folder, clock=clock)
    opened = Desks(sites, clock)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def cases(desks: Desks) -> list[str]:
    """Two cases, of which the first is at the county; their addresses."""
    made = [entered(desks, serial) for serial in (1, 2)]
    desks.sync()
    desks.clerk.post(f"{made[0]}/pass", {"opinion": OPINION})
    desks.sync()
    return made


def pages(content: bytes) -> list[str]:
    return [page.extract_text() for page in PdfReader(BytesIO(content)).pages]


def number_of(desks: Desks, case: str) -> str:
    ids = case.rpartition("/")[2]
    return str(desks.coordinator.get(f"/api/cases/{ids}").json()["number"])


def test_a_form_holds_the_facts_and_the_opinions_given_so_far(
    desks: Desks, cases: list[str]
) -> None:
    answer = desks.reviewer.get(f"{cases[0]}/print/form")
    assert answer.headers["content-type"] == "application/pdf"
    [page] = pages(answer.content)
    for told in (
        "城乡居民基本养老保险参保登记表",
        citizen_number(1),
        "1975-03-15",
        "户籍地址",
        "申请人（签字或手印）",
        "乡镇（街道）经办机构意见",
        OPINION,
        "经办人：liu同志",
        "2026年3月16日",
        number_of(desks, cases[0]),
    ):
        assert told in page.replace("\n", ""), told
    assert page.count("经办人（签字）") == 2  # review and approval have not been done
    with desks.county.node.work() as uow:
        kept = uow.connection.exec_driver_sql("select reason from access_log").scalars()
        assert "打印登记表" in set(kept)


def test_a_receipt_has_two_halves_and_no_number_in_full(desks: Desks, cases: list[str]) -> None:
    [page] = pages(desks.coordinator.get(f"{cases[1]}/print/receipt").content)
    assert page.count(number_of(desks, cases[1])) == 2
    assert "10 个工作日内" in page
    for told in ("申请人留存", "经办机构存根", "410199********"):
        assert told in page
    assert citizen_number(2) not in page


def test_a_list_is_printed_as_one_document(desks: Desks, cases: list[str]) -> None:
    ids = [case.rpartition("/")[2] for case in cases]
    for paper in ("form", "receipt"):
        printed = pages(desks.clerk.post(f"/cases/print/{paper}", {"case": ids}).content)
        assert len(printed) == 2
        for case, page in zip(cases, printed, strict=True):
            assert number_of(desks, case) in page
    nothing = desks.clerk.post("/cases/print/form")
    assert nothing.status_code == 422
    many = [str(n) for n in range(AT_ONCE + 1)]
    assert desks.clerk.post("/cases/print/form", {"case": many}).status_code == 422
    assert desks.clerk.post("/cases/print/poster", {"case": ids}).status_code == 404


def test_the_code_of_a_receipt_leads_to_the_case(desks: Desks, cases: list[str]) -> None:
    number = number_of(desks, cases[0])
    wide = number.translate(str.maketrans("0123456789-", "０１２３４５６７８９－"))
    for text in (number, f" {number} ", wide):
        for place in ("/cases", "/inbox"):
            answer = desks.coordinator.client.get(place, params={"text": text})
            assert (answer.status_code, answer.headers["location"]) == (303, cases[0])
    unknown = desks.coordinator.client.get("/cases", params={"text": number[:-1]})
    assert unknown.status_code == 200


def test_nobody_prints_or_finds_the_cases_of_another_village(
    desks: Desks, cases: list[str]
) -> None:
    desks.township.replica.host(region=HOSTED, level=str(Level.VILLAGE))
    desks.township.node._hosted = (float("-inf"), frozenset())  # forget what was cached
    other = desks.township.browser("sun", Role.COORDINATOR, scope=HOSTED)
    assert other.get(f"{cases[0]}/print/form").status_code == 404
    found = other.client.get("/cases", params={"text": number_of(desks, cases[0])})
    assert found.status_code == 200


lines = st.builds(
    Line,
    title=st.text("字", min_size=1, max_size=12),
    words=st.just("值"),
    width=st.sampled_from(["", "4", "6", "10", "14", "20", "30"]),
)


@given(lines=st.lists(lines, max_size=30), width=st.floats(120, 270))
def test_no_row_of_a_form_is_wider_than_the_page_and_no_field_is_lost(
    lines: list[Line], width: float
) -> None:
    rows = list(packed(lines, width))
    assert [label for row in rows for label, _, _ in row] == [line.title for line in lines]
    for row in rows:
        assert len(row) == 1 or sum(label_width(label) + wide for label, _, wide in row) <= width
