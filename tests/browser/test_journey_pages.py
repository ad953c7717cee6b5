"""The main pages after a year of work, as an office screen shows them: whole, and without a fault.

With WUJI_SCREENSHOTS=1 (`make screenshots`) what is seen is kept for the README.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from node.demo.plan import GUANDU_VILLAGE
from tests.fixtures.accessibility import violations
from tests.fixtures.browser import VIEWPORT, fresh_page
from tests.fixtures.network import (
    HANSI,
    HANSI_VILLAGE,
    PROVINCE,
    ZHONGMU,
    Network,
    Played,
    after_the_year,
    log_in,
)
from tests.fixtures.offices import enrolment_form
from tiers import RegionCode

SCREENSHOTS = Path(__file__).parents[2] / "docs" / "screenshots"
KEEP = os.environ.get("WUJI_SCREENSHOTS", "") not in {"", "0"}
SEEN_FROM_ABOVE = (PROVINCE, ZHONGMU, HANSI, HANSI_VILLAGE)
WAITING = ("王秀兰", "李铁柱", "张桂英", "刘长河", "陈巧玲", "杨福来", "赵春梅", "周大山")
DESKS = [
    (PROVINCE, "henan-policy1"),
    (PROVINCE, "henan-stat"),
    (PROVINCE, "henan-admin"),
    (ZHONGMU, "zhongmu-review"),
    (ZHONGMU, "zhongmu-account"),
    (ZHONGMU, "zhongmu-admin"),
    (HANSI, "hansi-clerk"),
    (HANSI, "hansi-dahong"),
    (HANSI_VILLAGE, "rongzhuang-coord"),
]


@pytest.fixture(scope="module")
def network(played_year: Played, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """The line from the province to a village; for pictures, every node but one village."""
    folder = tmp_path_factory.mktemp("pages")
    with after_the_year(played_year, folder, *([] if KEEP else SEEN_FROM_ABOVE)) as running:
        if KEEP:
            _go_on_for_a_day(running)
        _enter_new_cases(running)
        yield running


def _go_on_for_a_day(network: Network) -> None:
    """A day passes in which one village is not heard of."""
    now = network.world.now() + timedelta(days=1)
    network.world.set_day(now.year, now.month, now.day, 10)
    posts = [post.code for post in network.world.plan.posts if post.code != GUANDU_VILLAGE]
    network.start(*posts)
    network.stage.wait_until(
        "下级没有报告",
        lambda: "失联" in network.desk(PROVINCE, "henan-stat").client.get("/network").text,
    )


def _enter_new_cases(network: Network) -> None:
    forms = [
        enrolment_form(700 + number, name=name, bank_card="", phone="")
        for number, name in enumerate(WAITING)
    ]
    network.coordinator().post("/api/cases", {"matter": "enrolment", "forms": forms})
    network.wait_for_work(network.clerk(), len(WAITING))


@contextmanager
def seated(browser: Browser, network: Network, node: RegionCode, login: str) -> Iterator[Page]:
    """Somebody at a node, whose browser complains of nothing."""
    complaints: list[str] = []
    with fresh_page(browser) as page:
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        log_in(page, network, node, login)
        yield page
    # A refused form is answered with 422, which Chromium notes as a failed load.
    assert [said for said in complaints if "status of 422" not in said] == []


def is_whole(page: Page) -> None:
    """Nothing is cut off at the right, and there is one heading that names the page."""
    assert page.evaluate("document.documentElement.scrollWidth") == VIEWPORT["width"], page.url
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    assert "None" not in page.inner_text("main")
    assert "Undefined" not in page.inner_text("main")


SEEN: set[str] = set()


def is_accessible(page: Page) -> None:
    """axe-core finds nothing, with what is folded open. Once for each address: it takes a while."""
    address = page.url.partition("?")[0].split("/", 3)[-1]
    if address not in SEEN and not KEEP:
        assert violations(page) == [], page.url
        SEEN.add(address)


def keep(page: Page, name: str) -> None:
    """Keep what is on the screen, when pictures are wanted."""
    if KEEP:
        SCREENSHOTS.mkdir(exist_ok=True)
        page.evaluate("document.activeElement.blur()")
        page.screenshot(path=SCREENSHOTS / f"{name}.png")


def go(page: Page, network: Network, node: RegionCode, path: str) -> None:
    page.goto(f"{network.post(node).url}{path}")
    is_whole(page)
    is_accessible(page)


@pytest.mark.parametrize(("node", "login"), DESKS, ids=str)
def test_every_place_of_the_navigation_is_whole_in_both_languages(
    browser: Browser, network: Network, node: RegionCode, login: str
) -> None:
    with seated(browser, network, node, login) as page:
        places = page.locator("header nav a").all()
        paths = [place.get_attribute("href") for place in places]
        assert paths
        for path in paths:
            for language in ("en", "zh"):
                go(page, network, node, f"{path}?lang={language}")
            current = page.locator("header nav a[aria-current=page]")
            expect(current).to_have_attribute("href", str(path))


def test_the_inbox_of_a_clerk(browser: Browser, network: Network) -> None:
    with seated(browser, network, HANSI, "hansi-clerk") as page:
        go(page, network, HANSI, "/inbox")
        expect(page.locator("tbody tr")).to_have_count(len(WAITING))
        expect(page.locator("main")).to_contain_text(f"待我办理 {len(WAITING)} 件")
        keep(page, "inbox")


def test_the_home_of_a_village(browser: Browser, network: Network) -> None:
    with seated(browser, network, HANSI_VILLAGE, "rongzhuang-coord") as page:
        go(page, network, HANSI_VILLAGE, "/")
        expect(page.locator("main")).to_contain_text(WAITING[0])
        keep(page, "village-home")


def test_a_form_with_mistakes(browser: Browser, network: Network) -> None:
    with seated(browser, network, HANSI_VILLAGE, "rongzhuang-coord") as page:
        go(page, network, HANSI_VILLAGE, "/cases/new/enrolment")
        page.get_by_label("公民身份号码").fill("410199196503150011")
        page.get_by_label("户籍地址").fill("河南省中牟县韩寺镇荣庄村一组")
        page.get_by_label("缴费档次").select_option(label="500 元")
        page.get_by_label("本人同意并确认属实").check()
        page.get_by_role("button", name="提交", exact=True).click()
        expect(page.locator("#problems")).to_be_visible()
        is_whole(page)
        assert violations(page) == []
        keep(page, "form-with-errors")


def test_the_path_of_a_case_that_was_returned(browser: Browser, network: Network) -> None:
    county = network.officer("review")
    cases = county.get("/api/cases", tab="closed", matter="enrolment", size=500)["cases"]
    returned = next(case for case in cases if case["version"] > 1)
    with seated(browser, network, ZHONGMU, "zhongmu-review") as page:
        go(page, network, ZHONGMU, f"/cases/{returned['id']}")
        path = page.locator("ol.path")
        expect(path).to_contain_text("住址缺少门牌号，请补充")
        expect(path.locator("li")).to_have_count(6)
        keep(page, "case")


def test_a_person_with_an_account_and_a_pension(browser: Browser, network: Network) -> None:
    with seated(browser, network, ZHONGMU, "zhongmu-account") as page:
        go(page, network, ZHONGMU, "/benefits")
        determined = page.locator("section").filter(has_text="已核定待遇").locator("tbody tr")
        nothing = page.get_by_role("cell", name="0.00", exact=True)
        determined.filter(has_not=nothing).get_by_role("link").first.click()
        expect(page.get_by_role("heading", level=1)).to_have_text("养老金计算书")
        expect(page.locator("main")).to_contain_text("÷ 139")
        is_whole(page)
        keep(page, "calculation-sheet")
        page.get_by_role("link", name="查看个人账户").click()
        is_whole(page)
        keep(page, "account")
        go(page, network, ZHONGMU, "/registry")
        page.locator("tbody tr").filter(has_text="领取待遇").get_by_role("link").first.click()
        expect(page.locator("main")).to_contain_text("账户余额")
        is_whole(page)
        keep(page, "person")


def test_the_statistics_of_the_province(browser: Browser, network: Network) -> None:
    with seated(browser, network, PROVINCE, "henan-stat") as page:
        go(page, network, PROVINCE, "/statistics")
        expect(page.locator("main")).to_contain_text("合计等于各部分之和")
        expect(page.locator("figure.chart svg").first).to_be_visible()
        keep(page, "statistics")
        page.get_by_role("link", name="郑州市").click()
        expect(page.locator("tbody").first).to_contain_text("中牟县")
        is_whole(page)


def test_a_bulletin_and_who_has_acknowledged_it(browser: Browser, network: Network) -> None:
    with seated(browser, network, PROVINCE, "henan-policy1") as page:
        go(page, network, PROVINCE, "/policy")
        page.get_by_role("link", name=re.compile("5号")).click()
        expect(page.locator("main")).to_contain_text("2.75%")
        expect(page.locator("main")).to_contain_text("克井村民委员会")
        is_whole(page)
        keep(page, "policy")


def test_the_network_as_a_tree(browser: Browser, network: Network) -> None:
    with seated(browser, network, PROVINCE, "henan-stat") as page:
        go(page, network, PROVINCE, "/network")
        rows = page.locator("table").first.locator("tbody tr")
        expect(rows.first).to_contain_text("本节点")
        for post in network.world.plan.posts[1:]:
            name = page.locator("table").first
            expect(name).to_contain_text(post.code.level.title)
        keep(page, "network")


def test_the_accountants_month(browser: Browser, network: Network) -> None:
    """From the year at a glance to the month that was closed, and what the bank answered."""
    with seated(browser, network, ZHONGMU, "zhongmu-account") as page:
        go(page, network, ZHONGMU, "/contributions?year=2025")
        expect(page.locator("figure.chart svg").first).to_be_visible()
        page.get_by_role("link", name="应缴和扣款").click()
        is_whole(page)
        expect(page.locator("main")).to_contain_text("已缴")
        keep(page, "orders")
        go(page, network, ZHONGMU, "/banking")
        expect(page.locator("main")).to_contain_text("已回盘")
        withheld = page.locator("tbody tr").filter(has_text="代扣")
        withheld.first.get_by_role("link").first.click()
        is_whole(page)
        page.get_by_role("link", name="失败").first.click()
        is_whole(page)
        keep(page, "bank-batch")
        go(page, network, ZHONGMU, "/contributions/receipts")
        expect(page.locator("main")).to_contain_text("已入账")
        go(page, network, ZHONGMU, "/contributions/collective?year=2025")
        go(page, network, ZHONGMU, "/contributions/queue")
        page.get_by_role("link", name="登记待查款项").click()
        page.get_by_label("金额", exact=True).fill("八十八")
        page.get_by_role("button", name="记入暂收待查款").click()
        expect(page.locator("#problems")).to_be_visible()
        is_whole(page)
        go(page, network, ZHONGMU, "/contributions/periods?year=2025&month=4")
        expect(page.locator("main")).to_contain_text("结账")
        keep(page, "income-account")
    with seated(browser, network, HANSI_VILLAGE, "rongzhuang-coord") as page:
        go(page, network, HANSI_VILLAGE, "/contributions/receipts")
        expect(page.locator("main")).to_contain_text("汇缴记录")
        go(page, network, HANSI_VILLAGE, "/contributions/verify")
