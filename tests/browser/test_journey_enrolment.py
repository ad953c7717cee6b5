"""An enrolment from the village page to the county and back, by five people in a real browser."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.fixtures.browser import fresh_page
from tests.fixtures.network import HANSI, HANSI_VILLAGE, TRUNK, ZHONGMU, Network, network_of
from tests.fixtures.offices import citizen_number
from tiers import RegionCode


@pytest.fixture(scope="module")
def network(founded_network: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    folder = tmp_path_factory.mktemp("journey")
    with network_of(founded_network, folder, *TRUNK) as running:
        yield running


def log_in(page: Page, network: Network, node: RegionCode, login: str) -> None:
    page.goto(f"{network.post(node).url}/login")
    page.fill("input[name=login]", login)
    page.fill("input[name=password]", network.password)
    page.click("main button")
    expect(page.get_by_role("heading", level=1)).to_have_text("待办")


def fill_form(page: Page, *, name: str, number: str) -> None:
    page.fill("#name", name)
    page.fill("#citizen_number", number)
    page.select_option("#village", str(HANSI_VILLAGE))
    page.fill("#household_address", "中牟县韩寺镇荣庄村一组5号")
    page.fill("#phone", "15400000001")
    page.select_option("#grade_fen", "20000")
    page.check("#consent")


def submit(page: Page) -> None:
    page.click("button[value=submit]")


def waiting(page: Page, network: Network, node: RegionCode, name: str) -> Locator:
    """The row of a case on somebody's desk, once sync has brought it."""
    row = page.locator("main tbody tr", has_text=name)
    network.stage.wait_until(f"{name} 没有到 {node}", lambda: _seen(page, network, node, row))
    return row


def _seen(page: Page, network: Network, node: RegionCode, row: Locator) -> bool:
    page.goto(f"{network.post(node).url}/inbox?tab=mine")
    return row.count() > 0


def pass_on(page: Page, network: Network, node: RegionCode, name: str) -> None:
    waiting(page, network, node, name).locator("a").first.click()
    page.locator("form[action$='/pass'] button").click()
    expect(page.locator("main")).not_to_contain_text("有 1 处需要改正")


def test_mistakes_are_named_beside_their_fields_and_nothing_typed_is_lost(
    page: Page, network: Network
) -> None:
    log_in(page, network, HANSI_VILLAGE, "rongzhuang-coord")
    page.goto(f"{network.post(HANSI_VILLAGE).url}/cases/new/enrolment")
    number = citizen_number(41)
    wrong = number[:17] + ("0" if number[17] != "0" else "1")
    fill_form(page, name="", number=wrong)
    submit(page)

    summary = page.locator("#problems")
    expect(summary).to_contain_text("有 2 处需要改正")
    expect(page.locator("#name-error")).to_be_visible()
    expect(page.locator("#citizen_number-error")).to_be_visible()
    expect(page.locator("#citizen_number")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#citizen_number")).to_have_value(wrong)
    expect(page.locator("#household_address")).to_have_value("中牟县韩寺镇荣庄村一组5号")
    expect(page.locator("#consent")).to_be_checked()


def test_a_person_enrolled_at_the_village_page_sees_the_decision_come_back(
    browser: Browser, page: Page, network: Network
) -> None:
    name = "赵样本"
    log_in(page, network, HANSI_VILLAGE, "rongzhuang-coord")
    page.goto(f"{network.post(HANSI_VILLAGE).url}/cases/new/enrolment")
    fill_form(page, name=name, number=citizen_number(42))
    submit(page)
    expect(page.locator("main")).to_contain_text("乡级初审")
    case_page = page.url

    for node, login in (
        (HANSI, "hansi-clerk"),
        (ZHONGMU, "zhongmu-review"),
        (ZHONGMU, "zhongmu-approve"),
    ):
        with fresh_page(browser) as desk:
            log_in(desk, network, node, login)
            pass_on(desk, network, node, name)

    def decided() -> bool:
        page.goto(case_page)
        return page.locator("main .chip", has_text="已办结").count() > 0

    network.stage.wait_until("结果没有回到村里", decided)
    expect(page.locator("ol.path")).to_contain_text("县级审批")
    page.goto(f"{network.post(HANSI_VILLAGE).url}/registry")
    expect(page.locator("main")).to_contain_text(name)


def test_the_form_works_without_javascript_and_no_page_is_wider_than_the_screen(
    plain_page: Page, network: Network
) -> None:
    log_in(plain_page, network, HANSI_VILLAGE, "rongzhuang-coord")
    url = network.post(HANSI_VILLAGE).url
    plain_page.goto(f"{url}/cases/new/enrolment")
    fill_form(plain_page, name="钱无脚本", number=citizen_number(43))
    submit(plain_page)
    expect(plain_page.locator("main")).to_contain_text("乡级初审")
    for path in ("/inbox", "/cases", "/registry", "/registry/rolls", "/policy", "/statistics"):
        plain_page.goto(url + path)
        table_or_text = plain_page.locator("main").bounding_box()
        assert table_or_text is not None
        assert table_or_text["width"] <= 1366


def test_the_keyboard_walks_an_inbox_and_english_is_one_click_away(
    page: Page, network: Network
) -> None:
    log_in(page, network, HANSI_VILLAGE, "rongzhuang-coord")
    url = network.post(HANSI_VILLAGE).url
    page.goto(f"{url}/cases/new/enrolment")
    fill_form(page, name="孙键盘", number=citizen_number(44))
    submit(page)
    page.goto(f"{url}/inbox?tab=recent")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/cases/[0-9a-f-]{36}$"))
    page.goto(f"{url}/inbox?lang=en")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.get_by_role("heading", level=1)).not_to_have_text("待办")
