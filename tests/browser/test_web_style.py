"""The house as Chromium shows it: the living style guide at an office screen, a phone, on paper."""

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI, Request, Response
from playwright.sync_api import Browser, ConsoleMessage, Page, expect
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint

from node.web.headers import STATIC, BrowserHeaders, KeptFiles
from node.web.rendering import Templates
from node.web.style import router
from tests.fixtures.browser import fresh_page
from tests.fixtures.ports import free_ports

SCREENS = {"desk": (1366, 768), "phone": (390, 844)}


class Site:
    """The style guide on a port of its own; `drafts` holds what was saved while typing."""

    def __init__(self) -> None:
        self.port = free_ports(1)[0]
        self.drafts: list[str] = []
        self.answers = 204
        app = FastAPI()
        app.mount("/static", KeptFiles())
        app.include_router(router(Templates()))
        app.add_middleware(BaseHTTPMiddleware, dispatch=self._watch)
        app.add_middleware(BrowserHeaders)
        config = uvicorn.Config(app, host="127.0.0.1", port=self.port, log_level="error")
        self.server = uvicorn.Server(config)

    async def _watch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        if request.url.path == "/style/draft":
            self.drafts.append((await request.body()).decode())
            return Response(status_code=self.answers)
        if request.url.path == "/style" and request.method == "POST":
            return Response("<p>sent</p>", media_type="text/html")
        return await call_next(request)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/style"


@pytest.fixture(scope="module")
def running() -> Iterator[Site]:
    site = Site()
    thread = threading.Thread(target=site.server.run)
    thread.start()
    while not site.server.started:
        assert thread.is_alive()
    yield site
    site.server.should_exit = True
    thread.join()


@pytest.fixture
def site(running: Site) -> Site:
    running.drafts.clear()
    running.answers = 204
    return running


@pytest.fixture
def complaints(page: Page) -> list[str]:
    """What the browser says is wrong: blocked styles, failed loads, script errors."""
    said: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        said.append(message.text)

    page.on("console", hear)
    page.on("pageerror", lambda error: said.append(str(error)))
    return said


def background(page: Page, selector: str) -> dict[str, Any]:
    """Colour of the text and of the first painted ground under it, as the browser computed them."""
    return page.evaluate(
        """selector => {
          let under = document.querySelector(selector);
          const colour = getComputedStyle(under).color;
          const clear = element => getComputedStyle(element).backgroundColor === "rgba(0, 0, 0, 0)";
          while (clear(under)) under = under.parentElement;
          return {colour, ground: getComputedStyle(under).backgroundColor};
        }""",
        selector,
    )


def luminance(colour: str) -> float:
    """Relative luminance of WCAG 2.2 from #rrggbb or rgb(r, g, b)."""
    if colour.startswith("#"):
        channels = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
    else:
        channels = [int(number) for number in re.findall(r"\d+", colour)[:3]]
    parts = [channel / 255 for channel in channels]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def tokens() -> dict[str, str]:
    css = (STATIC / "wuji.css").read_text(encoding="utf-8")
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", css))


@pytest.mark.parametrize(
    ("text", "ground", "promised"),
    [
        ("ink", "paper", 16.1),
        ("ink", "ground", 15.1),
        ("soft", "paper", 6.3),
        ("soft", "ground", 6.0),
        ("blue", "paper", 8.4),
        ("blue", "blue-wash", 7.3),
        ("green", "green-wash", 5.7),
        ("amber", "amber-wash", 5.7),
        ("red", "paper", 6.7),
        ("red", "red-wash", 5.8),
        ("edge", "paper", 3.2),
        ("ink", "focus", 11.3),
    ],
)
def test_the_palette_has_the_contrast_it_promises(text: str, ground: str, promised: float) -> None:
    palette = tokens()
    assert contrast(palette[text], palette[ground]) == pytest.approx(promised, abs=0.06)


def test_the_browser_really_paints_text_in_readable_colours(page: Page, site: Site) -> None:
    page.goto(site.url)
    for selector in (
        "main p", "td small", "thead th", ".chip.wait", ".chip.mine", ".chip.done", ".chip.bad",
        ".chip.other", ".hint", ".error", ".summary a", "button:not(.link)", "button.second",
        "button.danger", "button.link", ".tabs a", ".bar nav a", ".bar-end", ".notice.bad",
        ".notice.wait", ".empty", "td.n .neg", ".path small", ".facts dt", "footer span",
    ):  # fmt: skip
        painted = background(page, selector)
        assert contrast(painted["colour"], painted["ground"]) >= 4.5, (selector, painted)


@pytest.mark.parametrize("screen", SCREENS)
def test_the_whole_house_stands_on_every_screen(
    page: Page, site: Site, complaints: list[str], tmp_path: Path, screen: str
) -> None:
    width, height = SCREENS[screen]
    page.set_viewport_size({"width": width, "height": height})
    page.goto(site.url)
    page.screenshot(path=tmp_path / f"{screen}.png", full_page=True)
    assert complaints == []
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_no_text_is_smaller_than_thirteen_pixels(page: Page, site: Site) -> None:
    page.goto(site.url)
    small = page.evaluate(
        """() => [...document.querySelectorAll("body *")]
          .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()))
          .filter(e => !e.closest("svg") && parseFloat(getComputedStyle(e).fontSize) < 13)
          .map(e => e.outerHTML)"""
    )
    assert small == []


def test_every_field_is_named_and_described(page: Page, site: Site) -> None:
    page.goto(site.url)
    lost = page.evaluate(
        """() => [...document.querySelectorAll("input:not([type=hidden]), select, textarea")]
          .filter(field => !field.labels.length && !field.ariaLabel)
          .map(field => field.outerHTML)"""
    )
    assert lost == []
    dangling = page.evaluate(
        """() => [...document.querySelectorAll("[aria-describedby], .summary a")]
          .flatMap(e => (e.getAttribute("aria-describedby") || e.hash.slice(1)).split(" "))
          .filter(id => !document.getElementById(id))"""
    )
    assert dangling == []
    ids = page.eval_on_selector_all("[id]", "all => all.map(e => e.id)")
    assert len(ids) == len(set(ids))


def test_a_wrong_field_reads_label_hint_error_control(page: Page, site: Site) -> None:
    page.goto(site.url)
    order = page.eval_on_selector_all(
        "#report .bad-field:has(#died_on) > *", "all => all.map(e => e.className || e.localName)"
    )
    assert order == ["label", "hint", "error", "w10"]
    field = page.locator("#died_on")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_accessible_description(
        "以死亡证明上的日期为准，例如 2026-03-01 死亡日期不能晚于今天（2026年3月15日）"
    )


def test_the_summary_leads_to_the_field(page: Page, site: Site) -> None:
    page.goto(site.url)
    expect(page.locator("#problems")).to_be_focused()
    page.get_by_role("link", name="死亡日期不能晚于今天").click()
    expect(page.locator("#died_on")).to_be_focused()


def test_paper_gets_the_facts_and_not_the_buttons(page: Page, site: Site, tmp_path: Path) -> None:
    page.goto(site.url)
    printed = page.pdf(path=tmp_path / "style.pdf", prefer_css_page_size=True)
    assert printed.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) >= 2
    page.emulate_media(media="print")
    for gone in ("header.bar", ".tabs", ".actions", ".toolbar", "footer", "td.pick", ".notices"):
        expect(page.locator(gone).first).to_be_hidden()
    expect(page.get_by_role("heading", name="业务受理")).to_be_visible()
    head = page.locator("thead").first
    assert head.evaluate("e => getComputedStyle(e).display") == "table-header-group"
    assert page.evaluate("getComputedStyle(document.body).fontFamily").startswith("FangSong")
    page.set_viewport_size({"width": 658, "height": 900})  # A4 without its margins, at 96 dpi
    assert page.evaluate("document.documentElement.scrollWidth") == 658


def test_keys_walk_through_a_table_and_open_a_row(page: Page, site: Site) -> None:
    page.goto(site.url)
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.get_by_role("link", name="419099-260312-0022-8")).to_be_focused()
    page.keyboard.press("x")
    expect(page.get_by_label("419099-260312-0022-8").first).to_be_checked()
    page.get_by_role("link", name="419099-260312-0022-8").focus()
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    page.wait_for_url("**/style#case")


def test_keys_lead_to_the_decision_the_search_and_the_list(page: Page, site: Site) -> None:
    page.goto(site.url)
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="键盘操作")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("r")
    expect(page.locator("#return-opinion")).to_be_focused()
    page.keyboard.type("jk?/")
    expect(page.locator("#return-opinion")).to_have_value("jk?/")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("/")
    expect(page.get_by_label("姓名或号码")).to_be_focused()


def test_all_rows_are_picked_at_once_and_counted(page: Page, site: Site) -> None:
    page.goto(site.url)
    page.get_by_label("全选").check()
    assert page.locator("td.pick input:checked").count() == 6
    expect(page.locator("[data-count]")).to_have_text("6")
    page.locator("td.pick input").first.uncheck()
    expect(page.get_by_label("全选")).to_have_js_property("indeterminate", value=True)


def test_a_draft_is_saved_while_typing(page: Page, site: Site) -> None:
    page.goto(site.url)
    with page.expect_response("**/style/draft"):
        page.get_by_label("说明（选填）").fill("正在写")
    expect(page.locator("[data-draft-status]")).to_contain_text("草稿已保存")
    assert "note=%E6%AD%A3%E5%9C%A8%E5%86%99" in site.drafts[-1]
    assert "csrf_token=style" in site.drafts[-1]
    assert page.evaluate("Object.keys(localStorage)") == []


def test_what_the_node_never_got_is_there_again_after_a_crash(page: Page, site: Site) -> None:
    site.answers = 503
    page.goto(site.url)
    with page.expect_response("**/style/draft"):
        page.get_by_label("说明（选填）").fill("断电之前")
    expect(page.locator("[data-draft-status]")).to_contain_text("已保存在这台机器上")
    page.evaluate("document.getElementById('problems').remove()")
    unrefused = page.content()
    page.route("**/style", lambda route: route.fulfill(body=unrefused, content_type="text/html"))
    page.goto(site.url)
    expect(page.get_by_label("说明（选填）")).to_have_value("断电之前")
    page.get_by_role("button", name="不要恢复").click()
    expect(page.get_by_label("说明（选填）")).to_have_value("")
    assert page.evaluate("Object.keys(localStorage)") == []


def test_a_form_that_arrived_leaves_nothing_in_the_browser(page: Page, site: Site) -> None:
    site.answers = 503
    page.goto(site.url)
    page.get_by_label("说明（选填）").fill("写完了")
    page.get_by_role("button", name="重新提交初审").click()
    expect(page.get_by_text("sent")).to_be_visible()
    assert page.evaluate("Object.keys(localStorage).length") == 1
    page.goto(site.url)
    assert page.evaluate("Object.keys(localStorage)") == []


def test_a_double_click_sends_a_form_once(page: Page, site: Site) -> None:
    page.goto(site.url)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    page.route("**/style", lambda _route: None)  # the answer takes its time
    page.get_by_role("button", name="通过初审").dblclick(no_wait_after=True)
    page.wait_for_timeout(300)
    assert sent.count("POST") == 1


def test_without_script_the_form_goes_and_nothing_dead_is_shown(
    plain_page: Page, site: Site
) -> None:
    plain_page.goto(site.url)
    expect(plain_page.get_by_role("button", name="键盘操作")).to_be_hidden()
    expect(plain_page.get_by_label("全选")).to_be_hidden()
    with plain_page.expect_request("**/style") as asked:
        plain_page.get_by_role("button", name="重新提交初审").click()
    sent = asked.value.post_data or ""
    assert "died_on=2026-04-01" in sent
    assert "action=submit" in sent
    assert "csrf_token=style" in sent


def test_english_is_one_click_away_and_stays(browser: Browser, site: Site) -> None:
    with fresh_page(browser) as page:
        page.goto(site.url)
        page.get_by_role("link", name="English").click()
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        page.goto(site.url)
        expect(page.locator("html")).to_have_attribute("lang", "en")
