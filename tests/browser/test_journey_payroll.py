"""A month's pensions by four people at their screens: listed, reviewed, approved, paid; and who was
not reached is named with what to do.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect

from node.banking.rules import LineState
from tests.fixtures.accessibility import is_sound
from tests.fixtures.banking import WORKBOOK
from tests.fixtures.browser import fresh_page
from tests.fixtures.county_site import open_county_site
from tests.fixtures.payroll import Payers, open_payers
from tests.fixtures.ports import LOOPBACK, free_ports
from tests.fixtures.sites import PASSWORD, with_places
from tiers import Role


@pytest.fixture(scope="module")
def county(
    migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Payers]]:
    """The address of a county with three pensioners, on 3 September 2025, and its bank."""
    folder = tmp_path_factory.mktemp("payroll")
    known = with_places(migrated_sqlite, folder, "410122000000")
    with open_county_site(known, folder) as place:
        payers = open_payers(place.county)
        payers.county.on(date(2025, 8, 20))
        payers.pensioners(date(1950, 1, 1), date(1951, 2, 2), date(1952, 3, 3))
        place.site.browser("wu", Role.PAYROLL_OFFICER)
        place.site.browser("li", Role.REVIEWER)
        place.on(date(2025, 9, 3))
        (port,) = free_ports(1)
        config = uvicorn.Config(
            place.site.app, host=LOOPBACK, port=port, log_level="error", lifespan="off"
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        yield f"http://{LOOPBACK}:{port}", payers
        server.should_exit = True
        thread.join()


@contextmanager
def desk(browser: Browser, address: str, login: str) -> Iterator[Page]:
    """Somebody, logged in, whose browser complains of nothing."""
    complaints: list[str] = []
    with fresh_page(browser) as page:
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{address}/login")
        page.get_by_label("用户名").fill(login)
        page.get_by_label("口令").fill(PASSWORD)
        page.get_by_role("button", name="登录").click()
        expect(page.get_by_role("button", name="退出")).to_be_visible()
        yield page
    assert complaints == []


def record_money(page: Page) -> None:
    """Every payer's money arrives, as its own line of the form says it is missing."""
    for number in range(3):
        wanted = page.locator("select#payer option").first.inner_text()
        page.get_by_label("到账金额").fill(wanted.rpartition("尚缺 ")[2].removesuffix(" 元"))
        page.get_by_label("到账凭证号").fill(f"SK-{number}")
        page.get_by_role("button", name="记录到账").click()
        expect(page.locator(".chip.done", has_text="已到账")).to_have_count(number + 1)


def test_a_month_by_four_people(browser: Browser, county: tuple[str, Payers]) -> None:
    address, payers = county
    with desk(browser, address, "wu") as officer:
        officer.goto(f"{address}/payroll")
        is_sound(officer)
        officer.get_by_role("button", name="编制").click()
        expect(officer.locator("main")).to_contain_text("应发的人都在名册中，没有人多发")
        is_sound(officer)
        run = officer.url
        expect(officer.get_by_role("button", name="复核通过")).to_have_count(0)
    with desk(browser, address, "li") as reviewer:
        reviewer.goto(run)
        reviewer.get_by_label("复核说明").fill("首月，逐人核对")
        reviewer.get_by_role("button", name="复核通过").click()
        expect(reviewer.locator("main")).to_contain_text("已复核")
    with desk(browser, address, "zhou") as approver:
        approver.goto(run)
        approver.get_by_role("button", name="审批并冻结名册").click()
        expect(approver.locator("main")).to_contain_text("未到齐")
        approver.goto(f"{address}/payroll/forecast")
        expect(approver.locator("svg").first).to_be_visible()
        is_sound(approver)
    with desk(browser, address, "qian") as accountant:
        accountant.goto(run)
        record_money(accountant)
        accountant.get_by_label("代发银行").select_option(WORKBOOK)
        accountant.get_by_role("button", name="生成代发批次").click()
        expect(accountant.locator("main")).to_contain_text("待回盘")
        payers.mark_sent()
        payers.answer({payers.known[0]: LineState.FAILED})
        accountant.goto(run)
        is_sound(accountant)
        accountant.get_by_role("button", name="结清").click()
        expect(accountant.locator(".chip", has_text="已结清")).to_be_visible()
        accountant.goto(f"{address}/payroll/month")
        row = accountant.locator("tbody tr").first
        expect(row).to_contain_text("账户已销户")
        expect(row).to_contain_text("请本人换用能收款的银行卡")
        is_sound(accountant)
        accountant.goto(f"{address}/payroll/recoveries")
        is_sound(accountant)
