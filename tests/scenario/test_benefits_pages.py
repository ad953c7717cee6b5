"""The due list, pensions in force and the calculation sheet, over HTTP; the claim as a case."""

from collections.abc import Iterator
from datetime import date
from io import BytesIO
from pathlib import Path

import pytest
from pypdf import PdfReader

from node.benefits.service import (
    Claim,
    determine_many,
    due_people,
    entitlement,
    entitlements_in,
)
from node.core.errors import NotFound
from tests.fixtures.county import (
    COUNTY,
    OTHER_VILLAGE,
    VILLAGE,
    confirm_years,
    payment,
    publish_rate,
)
from tests.fixtures.county_site import CountySite, open_county_site, words
from tests.fixtures.offices import person
from tests.fixtures.sites import with_places
from tiers import Role

SUMMER = date(2025, 8, 20)


@pytest.fixture(scope="module")
def template(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_places(migrated_sqlite, tmp_path_factory.mktemp("places"), COUNTY)


@pytest.fixture
def desk(template: Path, tmp_path: Path) -> Iterator[CountySite]:
    """Somebody who has paid fifteen years turns sixty; somebody of 75."""
    with open_county_site(template, tmp_path) as found:
        publish_rate(found.county, 2024, ppm=30_000)
        account, _old = found.county.enrol(date(1965, 8, 10), date(1950, 1, 1))
        found.on(SUMMER)
        lines = [
            payment(account, for_year=year, paid_on=date(2025, 3, 5)) for year in range(2011, 2026)
        ]
        with found.county.work(found.county.accountant) as uow:
            confirm_years(uow, lines)
        yield found.on(SUMMER)


def form(desk: CountySite, serial: int = 0, **over: object) -> dict[str, object]:
    typed = {
        "name": "赵样本",
        "citizen_number": list(desk.county.people.values())[serial],
        "village": VILLAGE,
        "bank_card": "",
        "draws_no_other": True,
    }
    return typed | over


def pages_of(content: bytes) -> list[str]:
    """What each page of a PDF says, without blanks."""
    texts = [page.extract_text() for page in PdfReader(BytesIO(content)).pages]
    return ["".join(text.split()) for text in texts]


def claimed(desk: CountySite, *forms: dict[str, object]) -> list[str]:
    """Enter claims at the county and pass them to the approver; the ids of the cases."""
    acceptor = desk.site.browser("sun", Role.ACCEPTOR)
    answer = acceptor.send("/api/cases", {"matter": "benefit_claim", "forms": list(forms)})
    assert answer["accepted"] == len(forms), answer
    ids = [outcome["id"] for outcome in answer["outcomes"]]
    reviewer = desk.site.browser("li", Role.REVIEWER)
    reviewed = reviewer.send("/api/cases/review", {"ids": ids})
    assert reviewed["accepted"] == len(forms), reviewed
    return ids


def test_a_claim_passes_its_desks_and_becomes_a_pension(desk: CountySite) -> None:
    ids = claimed(desk, form(desk), form(desk, 1))
    assert desk.approver.send("/api/cases/approve", {"ids": ids})["accepted"] == 2
    found = desk.approver.get("/api/benefits/entitlements").json()
    assert sorted(each["monthly_fen"] for each in found["items"]) == [11_300, 13_485]
    case = words(desk.approver.get(f"/cases/{ids[0]}").text)
    assert "查看办理结果" in case


def test_a_claim_that_cannot_be_is_refused_when_it_is_entered(desk: CountySite) -> None:
    acceptor = desk.site.browser("sun", Role.ACCEPTOR)
    wrong = [
        form(desk, name="钱样本"),
        form(desk, draws_no_other=False),
        form(desk, citizen_number="410199196508100000"),
    ]
    answer = acceptor.send("/api/cases", {"matter": "benefit_claim", "forms": wrong})
    assert answer["accepted"] == 0
    said = str(answer["outcomes"])
    assert "姓名与参保登记不符" in said
    assert "须确认没有领取其他基本养老保障待遇" in said
    assert "校验" in said


def test_the_due_list_leads_to_the_claim(desk: CountySite) -> None:
    reviewer = desk.site.browser("wu", Role.REVIEWER)
    shown = words(reviewer.get("/benefits").text)
    assert "2 人到龄或将到龄" in shown
    assert "可以申请" in shown
    assert "2025年9月" in shown
    due = reviewer.get("/api/benefits/due").json()
    assert [(each["paid_years"], each["missing_years"]) for each in due] == [(0, 0), (15, 0)]


def test_the_calculation_sheet_shows_every_line(desk: CountySite) -> None:
    with desk.county.work(desk.county.approver) as uow:
        (made,) = determine_many(uow, [Claim(next(iter(desk.county.people)))])
    listed = words(desk.approver.get("/benefits").text)
    assert "1 人已核定待遇" in listed
    sheet = words(desk.approver.get(f"/benefits/{made}").text)
    for said in (
        "养老金计算书",
        "储存额 3,037.50 元 ÷ 139，四舍五入到分",
        "其中：个人缴费",
        "月养老金 以上各项合计 134.85",
        "410122-00000001",
    ):
        assert said in sheet
    [page] = pages_of(desk.approver.get(f"/benefits/{made}/print/sheet").content)
    for said in ("待遇核定表", "储存额3,037.50元÷139", "其中：个人缴费", "以上各项合计134.85"):
        assert said in page
    assert "自2024年1月1日起执行" in page  # the document behind a line, by name
    [letter] = pages_of(
        desk.approver.post("/benefits/print/notice", {"pension": [made, made]}).content
    )
    assert "自2025年9月起按月发放，每月134.85元" in letter
    assert "送达回证" in letter
    assert desk.approver.post("/benefits/print/notice", {}).status_code == 422
    assert desk.approver.get(f"/benefits/{made}/print/other").status_code == 404
    who = next(iter(desk.county.people))
    assert "月养老金（元） 134.85" in words(desk.approver.get(f"/registry/{who}").text)


def test_a_pension_elsewhere_is_not_shown(desk: CountySite) -> None:
    with desk.county.work(desk.county.approver) as uow:
        (made,) = determine_many(uow, [Claim(next(iter(desk.county.people)))])
    other = person("何初审", OTHER_VILLAGE, Role.CLERK)
    with desk.county.work(other) as uow:
        with pytest.raises(NotFound, match="不在您负责的区域内"):
            entitlement(uow, str(made))
        assert entitlements_in(uow).total == 0
        assert due_people(uow) == []
