"""Every matter of registration begun at a person's page in a real browser, and a worklist printed.

One village after the demo's year; its coordinator, with its line down.
"""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.fixtures.browser import fresh_page
from tests.fixtures.network import (
    HANSI,
    HANSI_VILLAGE,
    ZHONGMU,
    Network,
    Played,
    after_the_year,
    log_in,
)
from tests.unit.test_attachments_imaging import picture
from tiers import RegionCode

DAY = "2026-01-05"
CARD = "6219990000000000028"


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
    fill(page, happened_on=DAY, payee_card=CARD)


def resume(page: Page) -> None:
    fill(page, since=DAY)


def died(page: Page) -> None:
    fill(page, died_on=DAY, heir_name="钱继承", heir_relation="子女", heir_card=CARD)
    choose(page, evidence="death")


def certify(page: Page) -> None:
    fill(page, certified_on=DAY, seen_by="张协办")
    choose(page, method="home_visit")


MATTERS: dict[str, tuple[str, Callable[[Page], None]]] = {
    "变更登记（一般信息）": ("缴费中", address),
    "变更登记（关键信息）": ("缴费中", card),
    "缴费档次申报": ("缴费中", grade),
    "补缴": ("缴费中", make_up),
    "暂停缴费": ("缴费中", pause),
    "恢复缴费": ("暂停缴费", resume),
    "特殊群体认定": ("缴费中", group),
    "注销登记": ("缴费中", cancel),
    "死亡申报": ("领取待遇", died),
    "生存认证": ("领取待遇", certify),
}
ON_PAPER = frozenset({"特殊群体认定", "注销登记", "死亡申报"})
STRAIGHT = frozenset({"变更登记（一般信息）", "缴费档次申报", "生存认证"})
"""Matters the township does not see."""
entered: dict[str, str] = {}
"""Who each matter was entered for."""


@pytest.mark.parametrize("title", MATTERS)
def test_a_matter_is_begun_at_the_person_and_sent(page: Page, network: Network, title: str) -> None:
    standing, type_in = MATTERS[title]
    before = [each for each in MATTERS if MATTERS[each][0] == standing].index(title)
    page.goto(f"{network.post(HANSI_VILLAGE).url}/registry")
    row = page.get_by_role("row").filter(has_text=standing).nth(before)
    name = row.get_by_role("link").first.inner_text()
    row.get_by_role("link").first.click()
    entered[title] = page.url
    page.get_by_role("link", name=title, exact=True).click()
    expect(page.locator("#name")).to_have_value(name)
    type_in(page)
    if title in ON_PAPER:
        page.get_by_role("button", name="提交", exact=True).click()
        expect(page.locator("#problems")).to_contain_text("须上传证明材料")
        hand_in(page)
    page.get_by_role("button", name="提交", exact=True).click()
    expect(page.get_by_text("受理号")).to_be_visible()
    expect(page.get_by_text(re.compile("未上报"))).to_be_visible()


def hand_in(page: Page) -> None:
    """A photo of the paper; with a script it goes to the node at once."""
    page.locator("#kind").select_option("certificate")
    photo = {"name": "证明.jpg", "mimeType": "image/jpeg", "buffer": picture()}
    page.locator("#file").set_input_files([photo])  # type: ignore[list-item]
    expect(page.locator("#papers img").first).to_be_visible()


def test_a_worklist_is_looked_at_and_printed(page: Page, network: Network) -> None:
    page.goto(f"{network.post(HANSI_VILLAGE).url}/registry/worklists")
    page.get_by_role("link", name="今年还没有缴费").click()
    expect(page.get_by_role("row").nth(1)).to_be_visible()
    with page.expect_response(re.compile(r"list\.pdf")) as printed:
        page.evaluate("fetch(document.querySelector('a[href$=\"list.pdf\"]').href)")
    assert printed.value.headers["content-type"] == "application/pdf"


def test_what_was_entered_without_a_line_is_decided_at_three_desks(
    page: Page, browser: Browser, network: Network
) -> None:
    """Each desk passes all at once; the village reads what came of it, to the fen."""
    network.start(HANSI, ZHONGMU)
    for node, login, count in (
        (HANSI, "hansi-clerk", len(MATTERS) - len(STRAIGHT)),
        (ZHONGMU, "zhongmu-review", len(MATTERS)),
        (ZHONGMU, "zhongmu-approve", len(MATTERS)),
    ):
        with fresh_page(browser) as desk:
            log_in(desk, network, node, login)
            pass_everything(desk, network, node, count)
    for title, told in (
        ("注销登记", "个人账户余额退还"),
        ("死亡申报", "丧葬补助金"),
        ("恢复缴费", "缴费中"),
    ):
        network.stage.wait_until(f"{title}没有下达", lambda: reads(page, entered[title], told))  # noqa: B023  # asked at once
    page.goto(entered["注销登记"])
    expect(page.locator("main")).to_contain_text("终止参保")
    expect(page.locator("main")).not_to_contain_text("待乡镇初审")


def reads(page: Page, url: str, words: str) -> bool:
    page.goto(url)
    return words in page.locator("main").inner_text()


def pass_everything(desk: Page, network: Network, node: RegionCode, count: int) -> None:
    """Wait for so many cases, pick all and pass them in one go."""
    inbox = f"{network.post(node).url}/inbox?tab=mine"

    def arrived() -> bool:
        desk.goto(inbox)
        return desk.locator("td.pick input").count() >= count

    network.stage.wait_until(f"{node} 没有收齐", arrived)
    desk.get_by_label("全选").check()
    desk.get_by_label("意见").fill("材料齐全")
    desk.get_by_role("button", name="通过选中的业务").click()
    expect(desk.locator("main")).to_contain_text("批量办理结果")
