"""Every matter of registration begun at a person's page in a real browser, and a worklist printed.

One village after the demo's year; its coordinator, with its line down.
"""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.fixtures.browser import fresh_page
from tests.fixtures.network import HANSI_VILLAGE, Network, Played, after_the_year, log_in

DAY = "2026-01-05"


@pytest.fixture(scope="module")
def network(played_year: Played, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    with after_the_year(played_year, tmp_path_factory.mktemp("changes"), HANSI_VILLAGE) as running:
        yield running


@pytest.fixture(scope="module")
def page(browser: Browser, network: Network) -> Iterator[Page]:
    with fresh_page(browser) as opened:
        log_in(opened, network, HANSI_VILLAGE, "rongzhuang-coord")
        yield opened


def choose(page: Page, **values: str) -> None:
    for name, value in values.items():
        page.locator(f"#{name}").select_option(value)


def fill(page: Page, **values: str) -> None:
    for name, value in values.items():
        page.locator(f"#{name}").fill(value)


def address(page: Page) -> None:
    fill(page, new_address="荣庄村三组新8号")


def card(page: Page) -> None:
    fill(page, new_bank_card="6219990000000000028", reason="换卡")
    choose(page, evidence="other")


def grade(page: Page) -> None:
    choose(page, year="2026", grade_fen="100000")


def make_up(page: Page) -> None:
    fill(page, years="2019、2021-2022")
    choose(page, grade_fen="20000")


def pause(page: Page) -> None:
    choose(page, reason="military")
    fill(page, since=DAY)


def group(page: Page) -> None:
    choose(page, category="severely_disabled", evidence="disabled")
    fill(page, evidence_number="41019920260017", valid_from=DAY)


def cancel(page: Page) -> None:
    choose(page, reason="emigrated", evidence="police")
    fill(page, happened_on=DAY)


MATTERS: dict[str, Callable[[Page], None]] = {
    "变更登记（一般信息）": address,
    "变更登记（关键信息）": card,
    "缴费档次申报": grade,
    "补缴": make_up,
    "暂停缴费": pause,
    "特殊群体认定": group,
    "注销登记": cancel,
}


@pytest.mark.parametrize("title", MATTERS)
def test_a_matter_is_begun_at_the_person_and_sent(page: Page, network: Network, title: str) -> None:
    page.goto(f"{network.post(HANSI_VILLAGE).url}/registry")
    row = page.get_by_role("row").filter(has_text="缴费中").nth(list(MATTERS).index(title))
    name = row.get_by_role("link").first.inner_text()
    row.get_by_role("link").first.click()
    page.get_by_role("link", name=title, exact=True).click()
    expect(page.locator("#name")).to_have_value(name)
    MATTERS[title](page)
    page.get_by_role("button", name="提交", exact=True).click()
    expect(page.get_by_text("受理号")).to_be_visible()
    expect(page.get_by_text(re.compile("未上报"))).to_be_visible()


def test_a_worklist_is_looked_at_and_printed(page: Page, network: Network) -> None:
    page.goto(f"{network.post(HANSI_VILLAGE).url}/registry/worklists")
    page.get_by_role("link", name="今年还没有缴费").click()
    expect(page.get_by_role("row").nth(1)).to_be_visible()
    with page.expect_response(re.compile(r"list\.pdf")) as printed:
        page.evaluate("fetch(document.querySelector('a[href$=\"list.pdf\"]').href)")
    assert printed.value.headers["content-type"] == "application/pdf"
