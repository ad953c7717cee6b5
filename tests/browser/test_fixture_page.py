"""The browser as tests get it."""

from playwright.sync_api import Page


def test_a_page_is_chinese_and_of_an_office_screen(page: Page) -> None:
    page.set_content("<p>您好</p>")
    assert page.evaluate("[innerWidth, innerHeight, navigator.language]") == [1366, 768, "zh-CN"]


def test_a_plain_page_runs_no_script(plain_page: Page) -> None:
    plain_page.set_content("<p>原样</p><script>document.body.innerText = '改了'</script>")
    assert plain_page.inner_text("p") == "原样"
