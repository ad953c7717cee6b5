"""An enrolment in a real browser: from the village's form to the decision that comes back.

Real processes of a village, its township and its county; everybody sits at a machine of their own.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.fixtures.browser import fresh_page
from tests.fixtures.network import (
    BOTH,
    HANSI,
    HANSI_VILLAGE,
    TRUNK,
    ZHONGMU,
    Network,
    log_in,
    network_of,
)
from tests.fixtures.offices import citizen_number
from tiers import RegionCode

MAIN = re.compile("主导航|Main")
Sit = Callable[[RegionCode, str], Page]


@pytest.fixture(scope="module")
def network(founded_network: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    with network_of(founded_network, tmp_path_factory.mktemp("journey"), *TRUNK) as running:
        yield running


@pytest.fixture
def sit(browser: Browser, network: Network) -> Iterator[Sit]:
    """Sit somebody down at a node: a browser of their own, logged in by the login page."""
    with ExitStack() as machines:

        def at(node: RegionCode, login: str) -> Page:
            page = machines.enter_context(fresh_page(browser))
            log_in(page, network, node, login)
            return page

        yield at


class Applicant(NamedTuple):
    """Who wants to be enrolled."""

    name: str
    serial: int

    @property
    def citizen_number(self) -> str:
        return citizen_number(self.serial)


def begin(page: Page) -> None:
    """From the navigation to an empty form."""
    page.get_by_role("navigation", name=MAIN).get_by_role("link", name="业务受理").click()
    page.get_by_role("link", name="参保登记", exact=True).click()
    expect(page.get_by_role("heading", name="参保登记")).to_be_visible()


def fill(page: Page, who: Applicant) -> None:
    page.get_by_label("姓名").fill(who.name)
    page.get_by_label("公民身份号码").fill(who.citizen_number)
    page.get_by_label("户籍地址").fill("中牟县韩寺镇荣庄村一组")
    page.get_by_label("缴费档次").select_option(label="300 元")
    page.get_by_label("本人同意并确认属实").check()


def submit(page: Page) -> None:
    page.get_by_role("button", name="提交", exact=True).click()


def enrol(page: Page, who: Applicant) -> None:
    begin(page)
    fill(page, who)
    submit(page)
    expect(page.get_by_text("已提交")).to_be_visible()


def open_case_of(page: Page, who: Applicant, *, tab: str = "mine") -> None:
    """Look into the inbox until the case has come, and open it."""
    row = page.locator("tbody tr").filter(has_text=who.name)
    address = page.url.split("/", 3)
    inbox = f"{address[0]}//{address[2]}/inbox?tab={tab}"

    def has_come() -> None:
        page.goto(inbox)
        expect(row).to_have_count(1, timeout=500)

    _until(has_come)
    row.get_by_role("link").first.click()
    expect(page.locator("main")).to_contain_text(who.name)


def _until(holds: Callable[[], None], *, tries: int = 60) -> None:
    for left in reversed(range(tries)):
        try:
            return holds()
        except AssertionError:
            if not left:
                raise
    return None


def test_a_person_is_enrolled_by_four_people_at_three_machines(network: Network, sit: Sit) -> None:
    who = Applicant("钱满仓", 101)
    coordinator = sit(HANSI_VILLAGE, "rongzhuang-coord")
    _enter_with_mistakes(coordinator, who)
    expect(coordinator.locator(".page-head .chip")).to_contain_text(re.compile("未上报|乡镇初审"))

    clerk = sit(HANSI, "hansi-clerk")
    open_case_of(clerk, who)
    clerk.get_by_label("意见").fill("户口簿、身份证已核对")
    clerk.get_by_role("button", name="初审通过").click()
    expect(clerk.get_by_text("已办理")).to_be_visible()

    both = sit(ZHONGMU, BOTH)
    open_case_of(both, who)
    expect(both.locator("main")).to_contain_text("户口簿、身份证已核对")
    case = both.url
    both.get_by_role("button", name="复核通过").click()
    _the_reviewer_may_not_approve(both, case)

    approver = sit(ZHONGMU, "zhongmu-approve")
    open_case_of(approver, who)
    approver.get_by_role("button", name="同意，办结").click()
    expect(approver.get_by_text("已办理")).to_be_visible()

    open_case_of(coordinator, who, tab="closed")
    expect(coordinator.locator(".page-head .chip")).to_contain_text("已办结")
    path = coordinator.locator("ol.path li")
    expect(path).to_have_count(4)
    for step, name in zip(path.all(), ("张协办", "刘初审", "吴兼岗", "周审批"), strict=True):
        expect(step).to_contain_text(name)
    coordinator.get_by_role("navigation", name=MAIN).get_by_role("link", name="参保人").click()
    row = coordinator.locator("tbody tr").filter(has_text=who.name)
    expect(row).to_contain_text("缴费中")
    expect(row).not_to_contain_text(who.citizen_number)  # masked
    row.get_by_role("link", name=who.name).click()
    expect(coordinator.get_by_role("heading", name=who.name)).to_be_visible()
    expect(coordinator.locator("main")).to_contain_text("账户余额")


def _enter_with_mistakes(page: Page, who: Applicant) -> None:
    begin(page)
    fill(page, who)
    page.get_by_label("姓名").fill("")
    last = who.citizen_number[-1]
    wrong = who.citizen_number[:-1] + ("0" if last != "0" else "1")
    page.get_by_label("公民身份号码").fill(wrong)
    submit(page)

    summary = page.locator("#problems")
    expect(summary).to_be_focused()
    for sentence in ("请填写姓名", "公民身份号码校验位不符，请对照证件逐位核对"):
        expect(summary.get_by_role("link", name=sentence)).to_be_visible()
    for label, sentence in (("姓名", "请填写姓名"), ("公民身份号码", "校验位不符")):
        expect(page.get_by_label(label)).to_have_attribute("aria-invalid", "true")
        expect(page.locator(".bad-field").filter(has_text=label)).to_contain_text(sentence)
    expect(page.get_by_label("公民身份号码")).to_have_value(wrong)
    expect(page.get_by_label("户籍地址")).to_have_value("中牟县韩寺镇荣庄村一组")
    expect(page.get_by_label("户籍地址")).not_to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("缴费档次")).to_have_value("30000")
    expect(page.get_by_label("本人同意并确认属实")).to_be_checked()

    summary.get_by_role("link", name="公民身份号码校验位不符").click()
    expect(page.get_by_label("公民身份号码")).to_be_focused()
    page.get_by_label("公民身份号码").fill(who.citizen_number)
    page.get_by_label("姓名").fill(who.name)
    submit(page)
    expect(page.get_by_text("已提交")).to_be_visible()


def _the_reviewer_may_not_approve(page: Page, case: str) -> None:
    """No button is shown; and a request made without one is answered with the sentence."""
    sentence = "您已复核过这件业务，须由另一人审批"
    page.goto(case)
    expect(page.locator("main")).to_contain_text(sentence)
    expect(page.get_by_role("button", name="同意，办结")).to_have_count(0)
    token = page.locator("input[name=csrf_token]").first.input_value()
    origin = case.split("/cases/", maxsplit=1)[0]
    answer = page.request.post(
        f"{case.split('?', maxsplit=1)[0]}/pass",
        form={"csrf_token": token},
        headers={"Origin": origin},
    )
    assert answer.status == 403
    assert sentence in answer.text()


def test_a_clerk_works_through_the_inbox_by_keyboard(network: Network, sit: Sit) -> None:
    first, second = Applicant("孙耕田", 111), Applicant("李打场", 113)
    coordinator = sit(HANSI_VILLAGE, "rongzhuang-coord")
    for who in (first, second):
        enrol(coordinator, who)
    clerk = sit(HANSI, "hansi-clerk")
    for who in (first, second):
        open_case_of(clerk, who)
    clerk.goto(f"{network.post(HANSI).url}/inbox")
    links = clerk.locator("tbody tr a")
    expect(links).to_have_count(2)
    numbers = links.all_inner_texts()

    clerk.keyboard.press("j")
    clerk.keyboard.press("j")
    expect(clerk.get_by_role("link", name=numbers[1])).to_be_focused()
    clerk.keyboard.press("k")
    expect(clerk.get_by_role("link", name=numbers[0])).to_be_focused()
    clerk.keyboard.press("Enter")
    expect(clerk.locator("main")).to_contain_text(numbers[0])

    clerk.keyboard.press("a")
    expect(clerk.get_by_label("意见")).to_be_focused()
    clerk.keyboard.type("同意 ajkr")
    clerk.keyboard.press("Tab")
    clerk.keyboard.press("Enter")
    expect(clerk.get_by_text("已办理，以下是下一件")).to_be_visible()
    expect(clerk.locator("main")).to_contain_text(numbers[1])

    clerk.keyboard.press("r")
    expect(clerk.get_by_label("退回原因")).to_be_focused()
    clerk.keyboard.type("住址缺少门牌号")
    clerk.get_by_label("户籍地址 的批注").fill("写到门牌号")
    clerk.get_by_label("退回原因").press("Control+Enter")
    expect(clerk.get_by_text("已退回补正")).to_be_visible()
    expect(clerk.locator("main")).to_contain_text("现在没有等您办理的业务")

    open_case_of(coordinator, second, tab="returned")
    expect(coordinator.locator("main")).to_contain_text("住址缺少门牌号")
    coordinator.get_by_role("link", name="补正并重新提交").click()
    expect(coordinator.get_by_label("公民身份号码")).to_have_value(second.citizen_number)
    expect(coordinator.locator(".bad-field")).to_contain_text("审核意见：写到门牌号")
    coordinator.get_by_label("户籍地址").fill("中牟县韩寺镇荣庄村一组12号")
    coordinator.get_by_role("button", name="重新提交").click()
    expect(coordinator.get_by_text("已提交")).to_be_visible()


def test_the_same_form_works_without_a_script(network: Network, plain_page: Page) -> None:
    who = Applicant("周无脚", 121)
    log_in(plain_page, network, HANSI_VILLAGE, "rongzhuang-coord")
    begin(plain_page)
    fill(plain_page, who)
    plain_page.get_by_label("姓名").fill("")
    submit(plain_page)
    expect(plain_page.locator("#problems")).to_contain_text("请填写姓名")
    expect(plain_page.get_by_label("公民身份号码")).to_have_value(who.citizen_number)
    plain_page.get_by_label("姓名").fill(who.name)
    plain_page.get_by_role("button", name="存为草稿").click()
    expect(plain_page.get_by_text("已存为草稿")).to_be_visible()
    plain_page.get_by_role("link", name="继续填写").click()
    expect(plain_page.get_by_label("姓名")).to_have_value(who.name)
    submit(plain_page)
    expect(plain_page.get_by_text("已提交")).to_be_visible()
    expect(plain_page.locator("main")).to_contain_text(who.name)


def test_what_was_typed_survives_the_node_and_the_browser(network: Network, sit: Sit) -> None:
    who = Applicant("吴停电", 131)
    coordinator = sit(HANSI_VILLAGE, "rongzhuang-coord")
    begin(coordinator)
    with coordinator.expect_response("**/autosave"):
        fill(coordinator, who)
    expect(coordinator.locator("[data-draft-status]")).to_contain_text("草稿已保存")
    network.kill(HANSI_VILLAGE)
    network.start(HANSI_VILLAGE)

    another = sit(HANSI_VILLAGE, "rongzhuang-coord")
    another.goto(f"{network.post(HANSI_VILLAGE).url}/inbox")
    another.get_by_role("row").filter(has_text=who.name).get_by_role("link").first.click()

    expect(another.get_by_label("公民身份号码")).to_have_value(who.citizen_number)
    expect(another.get_by_label("户籍地址")).to_have_value("中牟县韩寺镇荣庄村一组")
    submit(another)
    expect(another.get_by_text("已提交")).to_be_visible()


def test_english_is_asked_for_once_and_stays(network: Network, sit: Sit) -> None:
    clerk = sit(HANSI, "hansi-clerk")
    clerk.goto(f"{network.post(HANSI).url}/inbox?lang=en")
    expect(clerk.locator("html")).to_have_attribute("lang", "en")
    expect(clerk.get_by_role("heading", level=1)).to_have_text("To do")
    clerk.get_by_role("navigation", name=MAIN).get_by_role("link", name="Cases").click()
    expect(clerk.get_by_role("heading", level=1)).to_have_text("Cases")
    expect(clerk.get_by_role("button", name="Sign out")).to_be_visible()
    clerk.get_by_role("link", name="中文").click()
    expect(clerk.get_by_role("heading", level=1)).to_have_text("业务受理")
