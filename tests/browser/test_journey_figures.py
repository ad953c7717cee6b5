"""A provincial figure is followed down to the signed posting of a village, and back."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect

from tests.fixtures.accessibility import is_sound
from tests.fixtures.browser import fresh_page
from tests.fixtures.counted import counted
from tests.fixtures.ports import LOOPBACK, free_ports
from tests.fixtures.sites import PASSWORD
from tiers import Role


@pytest.fixture(scope="module")
def province(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the province's node, whose statistician has an account."""
    with counted(migrated_sqlite, tmp_path_factory.mktemp("figures")) as story:
        story.province.browser("tongji", Role.STATISTICIAN)
        (port,) = free_ports(1)
        config = uvicorn.Config(
            story.province.app, host=LOOPBACK, port=port, log_level="error", lifespan="off"
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        yield f"http://{LOOPBACK}:{port}"
        server.should_exit = True
        thread.join()


@pytest.fixture
def desk(browser: Browser, province: str) -> Iterator[Page]:
    """The statistician, logged in, whose browser complains of nothing."""
    complaints: list[str] = []
    with fresh_page(browser) as page:
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{province}/login")
        page.get_by_label("用户名").fill("tongji")
        page.get_by_label("口令").fill(PASSWORD)
        page.get_by_role("button", name="登录").click()
        expect(page.get_by_role("button", name="退出")).to_be_visible()
        yield page
    assert complaints == []


def test_a_figure_opens_down_to_a_signed_posting_and_back(desk: Page, province: str) -> None:
    """Province, city, county, township, village, the payments there, one of them, its proof."""
    desk.goto(f"{province}/statistics?year=2025&measure=contributions_fen")
    title, main = desk.get_by_role("heading", level=1), desk.locator("main")
    way = ("郑州市", "中牟县", "韩寺镇")
    for place in way:
        desk.locator("tbody tr").get_by_role("link", name=place, exact=True).first.click()
        expect(title).to_contain_text(place)
    amount = desk.locator("tbody a[href*='measure=contributions_fen'][href*=behind]")
    figure = amount.inner_text()
    amount.click()
    expect(title).to_have_text("个人缴费")
    expect(main).to_contain_text("逐条之和等于这个数字")
    expect(desk.locator("dl.facts")).to_contain_text(figure)
    is_sound(desk)
    desk.locator("tbody tr").first.get_by_role("link", name="签名记录").click()
    expect(main).to_contain_text("签名成立，与账簿一致")
    expect(main).to_contain_text("中牟县")
    expect(main).to_contain_text("默克尔路径第 1 步")
    is_sound(desk)
    for place in ("个人缴费", "荣庄村委会", *reversed(way), "河南省"):
        crumbs = desk.get_by_role("navigation", name="所在位置")
        crumbs.get_by_role("link", name=place, exact=True).click()
        expect(title).to_contain_text(place)
