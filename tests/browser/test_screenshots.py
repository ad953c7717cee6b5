"""The pages of the README, taken from the demo after its year; kept only when asked for.

`make screenshots` sets WUJI_SCREENSHOTS to the folder they go to.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from sqlmodel import select

from node.core.clock import business_date
from node.demo.plan import HANSI_VILLAGE, PROVINCE, ZHONGMU, make_plan
from node.demo.stage import Stage
from node.demo.world import World, living
from node.network.models import NodeReport
from tests.fixtures.browser import VIEWPORT, fresh_page
from tests.fixtures.network import Played, port_run
from tiers import RegionCode

SHOTS = (
    ("inbox", ZHONGMU, "zhongmu-review", "/inbox?tab=closed", False),
    ("case", ZHONGMU, "zhongmu-review", "/inbox?tab=closed", True),
    ("person", ZHONGMU, "zhongmu-review", "/registry", True),
    ("account", ZHONGMU, "zhongmu-account", "/accounts/1?year=2025", False),
    ("year-end", ZHONGMU, "zhongmu-account", "/accounts", False),
    ("calculation-sheet", ZHONGMU, "zhongmu-approve", "/benefits", True),
    ("statistics", PROVINCE, "henan-stat", "/statistics?year=2025", False),
    ("network", PROVINCE, "henan-policy1", "/network", False),
    ("policy", PROVINCE, "henan-policy1", "/policy", True),
    ("enrolment", HANSI_VILLAGE, "rongzhuang-coord", "/cases/new/enrolment", False),
)


@pytest.fixture(scope="module")
def world(played_year: Played, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The demo at its end, all of its nodes running again."""
    folder = tmp_path_factory.mktemp("shots") / "demo"
    world = World(make_plan(folder, first_port=port_run(10)))
    world.write_configs()
    for file in played_year.folder.iterdir():
        if file.suffix not in {".toml", ".log"}:
            shutil.copy(file, folder)
    with living(world):
        for post in world.plan.posts:
            world.start(post)
        for post in world.plan.posts:
            world.wait_ready(post)
        _wait_for_reports(world)
        yield world


def _wait_for_reports(world: World) -> None:
    """Every node says upwards how it is soon after its start; the network page shows that."""
    today, below = business_date(world.now()), len(world.plan.posts) - 1
    province = world.open(world.plan.post(PROVINCE))

    def all_have() -> bool:
        with province.work(writing=False) as uow:
            reports = uow.session.exec(select(NodeReport)).all()
        fresh = [one for one in reports if business_date(one.arrived_at) == today]
        return len(fresh) >= below

    Stage(world, seed=0, people=0).wait_until("还有节点没有报告", all_have)
    province.engine.dispose()


def log_in(page: Page, world: World, node: RegionCode, login: str) -> None:
    page.goto(f"{world.plan.post(node).url}/login")
    page.fill("input[name=login]", login)
    page.fill("input[name=password]", world.plan.password)
    page.click("main button")


@pytest.mark.parametrize(("name", "node", "login", "path", "opens"), SHOTS, ids=str)
def test_a_page_of_the_readme_is_whole_and_fits_the_screen(
    browser: Browser,
    world: World,
    tmp_path: Path,
    *,
    name: str,
    node: RegionCode,
    login: str,
    path: str,
    opens: bool,
) -> None:
    with fresh_page(browser) as page:
        log_in(page, world, node, login)
        answer = page.goto(world.plan.post(node).url + path)
        assert answer is not None
        assert answer.ok
        if opens:
            links = page.locator("main table a")
            links.nth(links.count() - 1 if name == "calculation-sheet" else 0).click()
            page.wait_for_load_state()
        assert page.evaluate("document.documentElement.scrollWidth") <= VIEWPORT["width"]
        assert page.locator("main h1").count() == 1
        folder = Path(os.environ.get("WUJI_SCREENSHOTS") or tmp_path)
        folder.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=folder / f"{name}.png")
        assert (folder / f"{name}.png").stat().st_size > 0
