"""A city scores its county from facts and by hand, publishes; a visit's findings are put right."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from node.core.ids import new_id
from node.policy.models import Bulletin
from tests.fixtures.counted import CITY, COUNTY, PROVINCE, Story, counted
from tests.fixtures.county_site import words
from tests.fixtures.sites import Browser
from tests.scenario.sync_tree import fall, rise
from tiers import Role

ITEMS = [
    ("缴费率", "paying", 40, 500_000, 1_000_000),
    ("高档次", "high_grade", 20, 0, 500_000),
    ("认证率", "certified", 20, 900_000, 1_000_000),
    ("政策宣传", "hand", 20, 0, 1_000_000),
]


@pytest.fixture(scope="module")
def story(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """The year's books, and the scheme of the province at every node."""
    with counted(migrated_sqlite, tmp_path_factory.mktemp("assessed")) as told:
        for site in told.sites.values():
            with site.node.work() as uow:
                names = ("name", "indicator", "weight", "zero_ppm", "full_ppm")
                uow.session.add(
                    Bulletin(
                        id=new_id(),
                        number="豫人社示例〔2025〕9号",
                        kind="assessment_scheme",
                        title="考核办法（示例）",
                        region=PROVINCE,
                        effective_from=uow.today.replace(year=2025, month=1, day=1),
                        body={"items": [dict(zip(names, item, strict=True)) for item in ITEMS]},
                        status="published",
                        drafted_by="province",
                        drafted_at=uow.now,
                        published_at=uow.now,
                    )
                )
        yield told


@pytest.fixture(scope="module")
def assessor(story: Story) -> Browser:
    return story.sites[CITY].browser("kaohe", Role.ASSESSOR)


@pytest.fixture(scope="module")
def auditor(story: Story) -> Browser:
    return story.sites[COUNTY].browser("jihe", Role.AUDITOR)


def sync(story: Story) -> None:
    for site in story.sites.values():
        site.replica.seal()
    for child, parent in ((COUNTY, CITY), (CITY, PROVINCE)):
        assert rise(story.sites[child], story.sites[parent]) == []  # type: ignore[arg-type]
    for parent, child in ((PROVINCE, CITY), (CITY, COUNTY)):
        assert fall(story.sites[parent], story.sites[child]) == []  # type: ignore[arg-type]


def test_a_county_is_scored_from_its_facts_and_by_hand(
    story: Story, assessor: Browser, auditor: Browser
) -> None:
    page = f"/assessment/{COUNTY}?year=2025"
    before = words(assessor.get(page).text)
    # 3 paid of 2 who should (the pensioner paid too): all 40; nobody pays 500: 0 of 20; nobody is
    # certified: 0 of 20; by hand still open. 40 of 80 weighs as 50 of 100.
    assert "得分 50.00" in before
    assert "缴费率 缴费率 3 2 150.0% 50.0% 100.0% 40 40.00" in before
    early = assessor.post("/assessment/publish", {"year": "2025"})
    assert early.status_code == 422
    assert "还有人工评分的项目没有评分" in early.text
    form = {"year": "2025", "item": "政策宣传", "percent": "一半", "note": "抽查十个村"}
    wrong = assessor.post(f"/assessment/{COUNTY}/marks", form)
    assert wrong.status_code == 422
    assert "请填写 0 到 100 的整数" in wrong.text
    assert "抽查十个村" in wrong.text
    marks = f"/assessment/{COUNTY}/marks"
    assert assessor.post(marks, {**form, "percent": "50"}).status_code == 303
    assert assessor.post("/assessment/publish", {"year": "2025"}).status_code == 303
    sync(story)
    shown = words(auditor.get(page).text)
    assert "得分 50.00" in shown
    assert "抽查十个村" in shown
    assert "高档次（差 20.00 分）" in shown
    supervisor = story.province.browser("tongji", Role.STATISTICIAN)
    assert "1 / 1 中牟县 50.00" in words(supervisor.get("/assessment?year=2025").text)


def test_a_visit_its_findings_and_their_end(
    story: Story, assessor: Browser, auditor: Browser
) -> None:
    path = "/assessment/inspections"
    empty = assessor.post(path, {"county": COUNTY, "on": "", "purpose": "抽查待遇核定"})
    assert empty.status_code == 422
    assert "抽查待遇核定" in empty.text
    planned = assessor.post(path, {"county": COUNTY, "on": "2026-01-12", "purpose": "抽查待遇核定"})
    one = planned.headers["location"]
    sync(story)
    assert "抽查待遇核定" in auditor.get(path).text
    assert auditor.post(f"{one}/visit", {"on": "2026-01-12", "conclusion": "好"}).status_code == 403
    assert assessor.post(f"{one}/findings", {"text": "早", "due": "2026-02-01"}).status_code == 409
    visited = {"on": "2026-01-12", "conclusion": "抽查三十件，一件缺材料"}
    assert assessor.post(f"{one}/visit", visited).status_code == 303
    finding = {"text": "赵样本的申请缺户口簿", "due": "2026-02-01"}
    assert assessor.post(f"{one}/findings", finding).status_code == 303
    assert assessor.post(f"{one}/findings/1/close").status_code == 409
    sync(story)
    assert "赵样本的申请缺户口簿" in auditor.get(one).text
    assert auditor.post(f"{one}/findings/1/answer", {"answer": ""}).status_code == 422
    assert auditor.post(f"{one}/findings/1/answer", {"answer": "已补齐"}).status_code == 303
    sync(story)
    assert "已补齐" in assessor.get(one).text
    assert assessor.post(f"{one}/findings/1/close").status_code == 303
    sync(story)
    assert "已了结" in auditor.get(one).text
    assert auditor.post(f"{one}/findings/1/answer", {"answer": "再说"}).status_code == 409
