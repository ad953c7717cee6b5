"""The pages and JSON routes of cases and the registry, as a browser and a program meet them."""

import html
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from node.core.work import machine
from node.identity.models import User
from tests.fixtures.offices import (
    COUNTY,
    GRADES,
    HOSTED,
    MORNING,
    TOWNSHIP,
    VILLAGE,
    citizen_number,
    enrolment_form,
    grades_bulletin,
)
from tests.fixtures.sites import Browser, Clock, Site, open_chain, with_places
from tests.scenario.sync_tree import fall, rise
from tiers import Level, Role


class Desks:
    """A county, a township and a village, with somebody's browser at each desk."""

    def __init__(self, sites: list[Site], clock: Clock) -> None:
        self.sites, self.clock = sites, clock
        self.county, self.township, self.village = sites
        for site in sites:
            with site.node.work(machine(site.node.code)) as uow:
                uow.session.add(grades_bulletin(GRADES, uow.now))
        self.coordinator = self.village.browser("zhang", Role.COORDINATOR)
        self.clerk = self.township.browser("liu", Role.CLERK)
        self.reviewer = self.county.browser("li", Role.REVIEWER)
        self.approver = self.county.browser("wang", Role.APPROVER)

    def sync(self) -> None:
        for _round in range(2):
            for site in self.sites:
                site.replica.seal()
            for parent, child in reversed(list(pairwise(self.sites))):
                assert rise(child, parent) == []  # type: ignore[arg-type]
            for parent, child in pairwise(self.sites):
                assert fall(parent, child) == []  # type: ignore[arg-type]

    def close(self) -> None:
        for site in self.sites:
            site.close()


@pytest.fixture(scope="module")
def template(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_places(migrated_sqlite, tmp_path_factory.mktemp("places"), COUNTY)


@pytest.fixture
def desks(template: Path, tmp_path: Path) -> Iterator[Desks]:
    clock = Clock(MORNING)
    regions = (COUNTY, TOWNSHIP, VILLAGE)
    sites = open_chain(regions, template=template, folder=tmp_path, clock=clock)
    opened = Desks(sites, clock)
    yield opened
    opened.close()


def typed(serial: int = 1, **over: str) -> dict[str, str]:
    """The form as a browser sends it."""
    form = {name: str(value) for name, value in enrolment_form(serial).items()}
    return (
        form | {"consent": "1", "ethnicity": "汉族", "category": "ordinary", "do": "submit"} | over
    )


def entered(desks: Desks, serial: int = 1, **over: str) -> str:
    """The address of a case just entered at the village."""
    answer = desks.coordinator.post("/cases/new/enrolment", typed(serial) | over)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"]).partition("?")[0]


def words(page: str) -> str:
    """What a page says, without its markup."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page)))


def errors(page: str) -> list[str]:
    return re.findall(r'<p class="error" id="([a-z_]+)-error">', page)


def test_a_form_with_mistakes_comes_back_with_each_beside_its_field(desks: Desks) -> None:
    answer = desks.coordinator.post(
        "/cases/new/enrolment", typed(name="赵", citizen_number="410199", phone="1", consent="")
    )
    assert answer.status_code == 422
    assert errors(answer.text) == ["name", "citizen_number", "phone", "consent"]
    assert 'value="410199"' in answer.text
    assert desks.coordinator.get("/api/cases").json()["total"] == 0


def test_a_draft_is_kept_while_typing_and_submitted_later(desks: Desks) -> None:
    form = desks.coordinator.get("/cases/new/enrolment").text
    draft = re.findall(r'name="draft" value="([^"]+)"', form)[0]
    saved = desks.coordinator.post(
        "/cases/new/enrolment/autosave", {"draft": draft, "name": "赵样本", "do": "submit"}
    )
    assert saved.status_code == 204
    assert "赵样本" in words(desks.coordinator.get("/inbox").text)
    assert 'value="赵样本"' in desks.coordinator.get(f"/cases/drafts/{draft}").text

    again = desks.coordinator.post(f"/cases/drafts/{draft}", typed(do="keep", phone=""))
    assert again.headers["location"] == "/inbox?done=kept"
    sent = desks.coordinator.post(f"/cases/drafts/{draft}", typed())
    assert sent.headers["location"].startswith("/cases/")
    assert desks.coordinator.get(f"/cases/drafts/{draft}").status_code == 404


def test_a_draft_is_nobody_elses(desks: Desks) -> None:
    desks.coordinator.post("/cases/new/enrolment/autosave", {"draft": "d1", "name": "赵样本"})
    other = desks.village.browser("sun", Role.COORDINATOR)
    assert other.get("/cases/drafts/d1").status_code == 404
    assert other.post("/cases/drafts/d1/discard").status_code == 404
    assert "赵样本" not in other.get("/inbox").text


def test_a_case_goes_round_by_pages_alone(desks: Desks) -> None:
    case = entered(desks)
    assert "未上报" in words(desks.coordinator.get(case).text)
    assert case in desks.coordinator.get("/inbox?tab=unsent").text
    desks.sync()
    assert "已上报，待乡镇初审" in words(desks.coordinator.get(case).text)
    assert case not in desks.coordinator.get("/inbox?tab=unsent").text

    back = desks.clerk.post(f"{case}/return", {"remark-household_address": "补写门牌号"})
    assert back.headers["location"] == "/inbox?done=returned"
    desks.sync()
    correction = desks.coordinator.get(f"{case}/correction").text
    assert "补写门牌号" in words(correction)
    assert "household_address" in errors(correction)
    resent = desks.coordinator.post(
        f"{case}/correction", typed(household_address="荣庄村一组12号", note="已补")
    )
    assert resent.headers["location"] == f"{case}?done=submitted"
    desks.sync()

    changed = words(desks.clerk.get(case).text)
    assert "荣庄村一组12号 补正前：中牟县韩寺镇荣庄村一组" in changed
    assert changed.count("补正前") == 1

    assert desks.clerk.post(f"{case}/pass", {"opinion": "属实"}).status_code == 303
    desks.sync()
    assert desks.reviewer.post(f"{case}/pass").status_code == 303
    assert desks.approver.post(f"{case}/pass").status_code == 303
    assert "县复核" in words(desks.coordinator.get(case).text)
    desks.sync()

    shown = words(desks.coordinator.get(case).text)
    for told in (
        "已办结",
        "村级提交",
        "乡级初审：退回补正",
        "村级补正后重新提交",
        "县级审批",
        "属实",
    ):
        assert told in shown, told
    person = re.findall(r'href="(/registry/[0-9a-f-]{36})"', desks.coordinator.get(case).text)[0]
    page = desks.coordinator.get(person).text
    assert "缴费中" in words(page)
    assert "410199********" in words(page)
    begin = f"/cases/new/benefit_claim/for/{person.rpartition('/')[2]}"
    assert begin in page
    form = desks.coordinator.get(begin).text
    assert f'value="{citizen_number(1)}"' in form
    assert 'value="赵样本"' in form
    enrolled_already = begin.replace("benefit_claim", "enrolment")
    assert desks.coordinator.get(enrolled_already).status_code == 404
    assert desks.clerk.get(person).text.count(begin) == 1
    assert begin not in desks.reviewer.get(person).text


def test_numbers_are_masked_until_a_reason_is_given(desks: Desks) -> None:
    case = entered(desks)
    number = citizen_number(1)
    assert number not in desks.coordinator.get(case).text
    without = desks.coordinator.post(f"{case}/reveal", {"reason": ""})
    assert (without.status_code, number in without.text) == (422, False)
    assert number in desks.coordinator.post(f"{case}/reveal", {"reason": "核对"}).text


def test_who_may_not_act_finds_no_button_and_reads_why(desks: Desks) -> None:
    case = entered(desks)
    desks.sync()
    desks.clerk.post(f"{case}/pass")
    desks.sync()
    both = desks.county.browser("zhou", Role.REVIEWER, Role.APPROVER)
    both.post(f"{case}/pass")
    page = both.get(case).text
    assert "您已复核过这件业务，须由另一人审批" in words(page)
    assert f'action="{case}/pass"' not in page
    refused = both.post(f"{case}/pass")
    assert refused.status_code == 403
    assert "您已复核过这件业务，须由另一人审批" in words(refused.text)


def test_many_are_passed_at_once_and_the_refused_are_listed(desks: Desks) -> None:
    for serial in (1, 2, 3):
        entered(desks, serial)
    desks.sync()
    listed = desks.clerk.get("/inbox").text
    ids = re.findall(r'name="case" value="([^"]+)"', listed)
    assert len(ids) == 3
    desks.clerk.post(f"/cases/{ids[0]}/pass")
    answer = desks.clerk.post("/cases/bulk", {"case": ids, "do": "pass"})
    assert answer.status_code == 200
    told = words(answer.text)
    assert "办理 2 件，未办理 1 件" in told
    assert "这件业务现在待复核，不能初审" in told
    assert desks.clerk.post("/cases/bulk", {"do": "pass"}).status_code == 422


def test_a_return_says_what_is_wrong_in_general_or_by_field(desks: Desks) -> None:
    case = entered(desks)
    desks.sync()
    nothing = desks.clerk.post(f"{case}/return", {"reason": " ", "remark-name": " "})
    assert (nothing.status_code, errors(nothing.text)) == (422, ["reason"])
    unknown = desks.clerk.post(f"{case}/return", {"remark-nothing": "有误"})
    assert "这份表单里没有所选的栏目" in words(unknown.text)
    kept = desks.clerk.post(f"{case}/return", {"reason": "长" * 501, "remark-name": "别字"})
    assert 'value="别字"' in kept.text
    back = {"reason": "材料不全", "remark-name": "别字", "remark-phone": "少一位"}
    assert desks.clerk.post(f"{case}/return", back).status_code == 303
    desks.sync()
    correction = desks.coordinator.get(f"{case}/correction").text
    assert errors(correction) == ["name", "phone"]
    assert "材料不全" in words(correction)


def test_the_list_says_what_the_checks_say_and_how_much_time_is_left(desks: Desks) -> None:
    odd = {"phone": "15466666666", "confirmed": "1"}
    entered(desks, **odd)
    desks.clock.forward(days=1)
    desks.coordinator.enter()
    entered(desks, 2, **odd)
    desks.sync()
    desks.clerk.enter()
    listed = words(desks.clerk.get("/inbox").text)
    assert listed.count("1 处请留意") == 2
    assert desks.clerk.get("/inbox?tab=mine&due=late").text.count('name="case"') == 0
    desks.clock.forward(days=3)
    desks.clerk.enter()
    assert desks.clerk.get("/inbox?tab=mine&due=late").text.count('name="case"') == 1
    assert "逾期 1 个工作日" in words(desks.clerk.get("/inbox").text)
    assert desks.clerk.get("/inbox?tab=mine&due=soon").text.count('name="case"') == 1


def test_a_case_given_to_somebody_waits_for_them_alone(desks: Desks) -> None:
    case = entered(desks)
    desks.sync()
    sun = desks.township.browser("sun", Role.CLERK)
    page = desks.clerk.get("/inbox").text
    to = re.findall(r'<option value="([^"]+)">sun同志', page)[0]
    given = {"case": case.rpartition("/")[2], "do": "assign", "to": to}
    assert "全部办理完毕" in desks.clerk.post("/cases/bulk", given).text
    assert desks.clerk.get("/api/cases?tab=mine").json()["total"] == 0
    assert sun.get("/api/cases?tab=mine").json()["total"] == 1
    assert "分给sun同志" in words(desks.clerk.get(case).text)
    none = desks.clerk.post("/cases/bulk", given | {"to": "nobody"})
    assert none.status_code == 404

    # Sun leaves. Nobody may take a working colleague's things, but everybody those of one who left.
    hand = {"leaving": to, "to": re.findall(r'<option value="([^"]+)">liu同志', page)[0]}
    assert desks.clerk.post("/cases/handover", hand).status_code == 403
    with desks.township.node.work() as uow:
        uow.get(User, to).is_active = False
    moved = desks.clerk.post("/cases/handover", hand)
    assert "已交接草稿 0 份、业务 1 件" in words(moved.text)
    assert desks.clerk.get("/api/cases?tab=mine").json()["total"] == 1


def test_drafts_are_handed_over_by_who_wrote_them(desks: Desks) -> None:
    other = desks.village.browser("sun", Role.COORDINATOR)
    desks.coordinator.post("/cases/new/enrolment/autosave", {"draft": "d1", "name": "赵样本"})
    page = desks.coordinator.get("/cases/handover").text
    to = re.findall(r'<option value="([^"]+)">sun同志', page)[0]
    same = desks.coordinator.post("/cases/handover", {"to": ""})
    assert same.status_code == 404
    moved = desks.coordinator.post("/cases/handover", {"to": to})
    assert "已交接草稿 1 份、业务 0 件" in words(moved.text)
    assert 'value="赵样本"' in other.get("/cases/drafts/d1").text
    assert desks.coordinator.get("/cases/drafts/d1").status_code == 404


def test_a_form_sent_twice_is_one_case(desks: Desks) -> None:
    entered(desks)
    again = desks.coordinator.post("/cases/new/enrolment", typed())
    assert again.status_code == 409
    assert "已有一件参保登记在办" in words(again.text)
    assert desks.coordinator.get("/api/cases").json()["total"] == 1


def test_a_program_enters_passes_and_decides_with_an_answer_for_each(desks: Desks) -> None:
    forms = [enrolment_form(1), enrolment_form(2, name="")]
    entry = desks.coordinator.send("/api/cases", {"matter": "enrolment", "forms": forms})
    assert (entry["accepted"], entry["refused"]) == (1, 1)
    bad = entry["outcomes"][1]["refusal"]
    assert bad["problems"] == [{"field": "name", "message": "请填写姓名"}]
    ids = {"ids": [entry["outcomes"][0]["id"]]}
    desks.sync()
    assert desks.clerk.send("/api/cases/first-review", ids)["accepted"] == 1
    desks.sync()
    assert desks.reviewer.send("/api/cases/review", ids)["accepted"] == 1
    rejected = desks.approver.send("/api/cases/reject", {**ids, "reason": "已参加职工养老保险"})
    assert rejected["outcomes"][0]["state"] == "rejected"
    again = desks.approver.send("/api/cases/approve", ids)
    assert again["outcomes"][0]["refusal"]["code"] == "conflict"
    full = desks.approver.get(f"/api/cases/{ids['ids'][0]}").json()
    assert full["form"]["citizen_number"].startswith("410199****")
    assert [step["action"] for step in full["steps"]][-1] == "reject"


def test_a_hosted_coordinator_sees_their_village_only(desks: Desks) -> None:
    desks.township.replica.host(region=HOSTED, level=str(Level.VILLAGE))
    desks.township.node._hosted = (float("-inf"), frozenset())  # forget what was cached
    entered(desks)
    desks.sync()
    hosted: Browser = desks.township.browser("sun", Role.COORDINATOR, scope=HOSTED)
    assert hosted.get("/api/cases").json()["total"] == 0
    sent = hosted.post("/cases/new/enrolment", typed(2, village=HOSTED))
    assert sent.status_code == 303, sent.text
    elsewhere = hosted.post("/cases/new/enrolment", typed(3))
    assert errors(elsewhere.text) == ["village"]
    assert desks.clerk.get("/api/cases").json()["total"] == 2


def test_an_administrator_is_turned_away(desks: Desks) -> None:
    administrator = desks.village.browser("admin", Role.ADMINISTRATOR)
    for path in ("/inbox", "/cases", "/registry", "/api/cases", "/api/registry/roster"):
        assert administrator.client.get(path).status_code == 403, path


def test_a_roll_is_looked_at_imported_and_its_bad_rows_come_back(desks: Desks) -> None:
    csv = "姓名,公民身份号码,户籍地址,缴费档次\n"
    csv += f"赵样本,{citizen_number(1)},荣庄村一组,200\n钱样本,{citizen_number(2)},荣庄村一组,150\n"
    files = {"file": ("roll.csv", csv.encode())}
    kept = desks.coordinator.post("/registry/rolls", files=files)
    assert kept.status_code == 303, kept.text
    place = kept.headers["location"]
    seen = words(desks.coordinator.get(place).text)
    assert "可以受理 1 行" in seen
    assert "缴费档次 150 元不在现行档次内" in seen
    assert desks.coordinator.post(f"{place}/import").status_code == 422
    done = desks.coordinator.post(f"{place}/import", {"consent": "1"})
    assert done.headers["location"] == place
    assert "已受理 1 件参保登记" in words(desks.coordinator.get(place).text)
    assert desks.coordinator.get(f"{place}/bad.xlsx").content[:2] == b"PK"
    assert desks.coordinator.get("/api/cases").json()["total"] == 1
    empty = desks.coordinator.post("/registry/rolls", files={"file": ("a.csv", b"")})
    assert "请选择花名册文件" in words(empty.text)


def test_every_page_can_be_read_in_english(desks: Desks) -> None:
    case = entered(desks)
    for path in ("/inbox", "/cases", case, "/registry", "/registry/rolls", "/cases/new/enrolment"):
        answer = desks.coordinator.get(f"{path}?lang=en")
        assert answer.status_code == 200
        assert '<html lang="en">' in answer.text
