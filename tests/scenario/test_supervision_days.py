"""What is done with data at a county is told every day, questioned from above, and answered."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from node.core.models import AccessLog
from node.core.work import UnitOfWork
from node.supervision import service
from node.supervision.models import UsageDigest
from tests.fixtures.county_site import words
from tests.fixtures.offices import COUNTY
from tests.fixtures.schema import sqlite_copy
from tests.fixtures.sites import Browser, Clock, Site, join, open_site, with_places
from tests.scenario.sync_tree import fall, rise
from tests.scenario.test_quality_catalogue import Population
from tiers import RegionCode, Role

PROVINCE, DIRECT = "410000000000", "419001000000"
DAY = date(2026, 6, 1)


@dataclass
class Story:
    province: Site
    county: Site
    clock: Clock
    auditor: Browser
    supervisor: Browser

    def sync(self) -> None:
        for site in (self.county, self.province):
            site.replica.seal()
        assert rise(self.county, self.province) == []  # type: ignore[arg-type]
        assert fall(self.province, self.county) == []  # type: ignore[arg-type]

    def digest(self) -> list[UsageDigest]:
        with self.county.node.work() as uow:
            return service.digest_due(uow)


@pytest.fixture
def story(migrated_sqlite: Path, tmp_path: Path) -> Iterator[Story]:
    """A reviewer has read a number in full twice and taken a statement and the roster away."""
    clock = Clock(datetime(2026, 6, 1, 1, tzinfo=UTC))
    known = with_places(migrated_sqlite, tmp_path, COUNTY)
    province, county = (
        open_site(code, url=sqlite_copy(known, tmp_path / code), folder=tmp_path, clock=clock)
        for code in (PROVINCE, DIRECT)
    )
    province.replica.found(node=PROVINCE, level="province")
    join(province, county)
    with county.node.work() as uow:
        people = Population(uow)
        who = people.enrolled(RegionCode(DIRECT))
        people.with_account(who, RegionCode(DIRECT))
    reviewer = county.browser("fuhe", Role.REVIEWER)
    for reason in ("核对来信", "核对银行卡"):
        assert reviewer.post(f"/registry/{who}/reveal", {"reason": reason}).status_code == 200
    assert reviewer.get("/statistics/table.xlsx?year=2026").status_code == 200
    assert reviewer.get("/statistics/table.pdf?year=2026").status_code == 200
    told = Story(
        province,
        county,
        clock,
        county.browser("jihe", Role.AUDITOR),
        province.browser("duban", Role.QUALITY_SUPERVISOR),
    )
    clock.forward(days=1)
    yield told
    for site in (province, county):
        site.close()


def test_a_day_is_told_by_operator_kind_and_matter(story: Story) -> None:
    (made,) = story.digest()
    assert (made.day, made.uses) == (DAY, 4)
    counts = {
        (line["actor_name"], line["kind"], line["matter"]): line["count"] for line in made.lines
    }
    assert counts == {
        ("fuhe同志", "look", "person"): 2,
        ("fuhe同志", "export", "file"): 1,
        ("fuhe同志", "print", "file"): 1,
    }
    assert story.digest() == []
    story.clock.forward(days=3)
    assert [one.uses for one in story.digest()] == [0, 0, 0]
    story.sync()
    supervisor = story.supervisor.enter()
    assert "2026-06-04 2 1 1 0" in words(supervisor.get("/supervision").text)
    shown = words(supervisor.get(f"/supervision/{DIRECT}/{DAY}").text)
    assert "fuhe同志 查看 个人信息 2" in shown
    assert "fuhe同志 导出 文件 1" in shown


def test_a_question_goes_down_and_the_answer_comes_back_proved(story: Story) -> None:
    (made,) = story.digest()
    story.sync()
    line = made.lines[1]
    chosen = f"{line['actor_id']}|{line['kind']}|{line['matter']}"
    supervisor, path = story.supervisor.enter(), f"/supervision/{DIRECT}/{DAY}"
    empty = supervisor.post(path, {"line": chosen, "text": ""})
    assert empty.status_code == 422
    assert "请写明内容" in empty.text
    asked = supervisor.post(path, {"line": chosen, "text": "为何查看完整号码"})
    question = asked.headers["location"]
    assert supervisor.post(question, {"answer": "自己答"}).status_code == 403
    story.sync()
    auditor = story.auditor.enter()
    assert "为何查看完整号码" in auditor.get("/supervision").text
    assert auditor.post(question, {"answer": "核对两封来信"}).status_code == 303
    story.sync()
    shown = words(supervisor.get(question).text)
    assert "核对两封来信" in shown
    assert "逐条都在当日摘要之下" in shown
    assert "核对银行卡" in shown


def test_who_has_another_post_reads_none_of_it(story: Story) -> None:
    story.digest()
    reviewer = story.county.browser("lingren", Role.REVIEWER)
    assert reviewer.get("/supervision").status_code == 403
    assert reviewer.get(f"/supervision/{DIRECT}/{DAY}").status_code == 403


def broken(site: Site) -> list[str]:
    with site.node.work(writing=False) as uow:
        return list(service.broken_days(uow))


def test_a_use_taken_out_of_the_log_is_found_at_the_county(story: Story) -> None:
    story.digest()
    assert broken(story.county) == []
    with story.county.node.work() as uow:
        uow.connection.exec_driver_sql("DROP TRIGGER access_log_no_delete")  # whoever owns the file
        uow.connection.execute(delete(AccessLog).where(AccessLog.kind == "export"))  # type: ignore[arg-type]
    assert broken(story.county) == ["2026-06-01 的使用记录与当日摘要不符：4 条，现有 3 条"]


def test_a_day_that_was_touched_or_left_out_is_found_above(story: Story) -> None:
    story.digest()
    story.clock.forward(days=2)
    story.digest()
    story.sync()
    assert broken(story.province) == []
    with story.province.node.work() as uow:
        _touch(uow, DAY, uses=3)
    assert broken(story.province) == [f"{DIRECT} 2026-06-01 摘要被改动"]
    with story.province.node.work() as uow:
        _touch(uow, DAY, uses=4)
        second = UsageDigest.day == date(2026, 6, 2)
        uow.connection.execute(delete(UsageDigest).where(second))  # type: ignore[arg-type]
    assert broken(story.province) == [f"{DIRECT} 2026-06-03 与前一天不相接"]


def _touch(uow: UnitOfWork, day: date, **values: int) -> None:
    mine = UsageDigest.day == day
    uow.connection.execute(update(UsageDigest).where(mine).values(values))  # type: ignore[arg-type]
