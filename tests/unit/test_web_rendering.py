"""Pages, their frame, and what the browser is told about them."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.testclient import TestClient

from node.core.errors import Conflict, Forbidden, Invalid, NotFound, Refusal, Unavailable
from node.web.headers import STATIC, BrowserHeaders, KeptFiles, static_url
from node.web.rendering import Templates
from node.web.style import frame, router, sample

NOW = datetime(2026, 3, 15, 1, 41, tzinfo=UTC)


def asked(path: str = "/", *, method: str = "GET", **state: object) -> Request:
    path, _, query = path.partition("?")
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [],
        "server": ("127.0.0.1", 80),
        "scheme": "http",
        "state": state,
    }
    return Request(scope)


@pytest.fixture(scope="module")
def templates() -> Templates:
    return Templates()


@pytest.fixture(scope="module")
def client(templates: Templates) -> TestClient:
    app = FastAPI()
    app.mount("/static", KeptFiles())
    app.include_router(router(templates))
    app.add_middleware(BrowserHeaders)
    return TestClient(app)


def refused(templates: Templates, refusal: Refusal, **state: object) -> str:
    return templates.render(asked(**state), "errors/refusal.html", {"refusal": refusal})


def test_a_page_without_a_frame_is_still_a_page(templates: Templates) -> None:
    page = refused(templates, NotFound("没有这件业务"))
    assert '<html lang="zh-CN">' in page
    assert "没有这件业务" in page
    assert "退出" not in page


@pytest.mark.parametrize("kind", [NotFound, Forbidden, Conflict, Invalid, Unavailable, Refusal])
def test_every_refusal_says_what_happened_and_what_to_do(
    templates: Templates, kind: type[Refusal]
) -> None:
    page = refused(templates, kind("村级节点没有这件业务"))
    assert "村级节点没有这件业务" in page
    assert len(re.findall(r"<p>[^<]*请[^<]*</p>", page)) == 1
    assert "Error" not in page


def test_what_a_person_typed_cannot_become_markup(templates: Templates) -> None:
    page = refused(templates, Invalid("姓名 <script>alert(1)</script> 无法识别"))
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_a_message_with_a_per_cent_sign_is_shown_as_it_is(templates: Templates) -> None:
    assert "按时率低于 99%（目标）" in refused(templates, Invalid("按时率低于 99%（目标）"))


def test_the_frame_names_node_person_and_the_last_contact(templates: Templates) -> None:
    page = templates.render(asked("/style", frame=frame()), "style.html", sample())
    assert "示例县" in page
    assert "李复核（复核岗）" in page
    assert "✓ 09:41 与市级同步，待上送 0 条" in page


@pytest.mark.parametrize(
    ("state", "text"),
    [
        ({"at": None, "waiting": 4, "parent": "乡级"}, "! 尚未与乡级同步，待上送 4 条"),
        (
            {"at": datetime(2026, 3, 3, 3, 20, tzinfo=UTC), "waiting": 2, "ok": False},
            "! 已 11 天没有与上级同步，待上送 2 条",
        ),
    ],
)
def test_silence_between_nodes_is_said_with_its_age(
    templates: Templates, state: dict[str, object], text: str
) -> None:
    page = refused(templates, NotFound("无"), frame={"sync": state, "now": NOW})
    assert f'<span class="neg">{text}</span>' in page
    assert ("上级的办理结果、名册和账户截至" in page) == ("天" in text)


def test_the_deepest_entry_of_the_navigation_is_current(templates: Templates) -> None:
    nav = [{"href": href, "label": href} for href in ("/", "/cases", "/cases/done", "/case")]
    page = templates.render(
        asked("/cases/done/1", frame={"nav": nav}), "errors/404.html", {"refusal": None}
    )
    assert re.findall(r'<a href="([^"]+)" aria-current="page">', page) == ["/cases/done"]


def test_every_form_carries_the_token_of_its_session(templates: Templates) -> None:
    page = templates.render(asked("/style", frame=frame()), "style.html", sample())
    posts = re.findall(r'<form[^>]*method="post".*?</form>', page, re.DOTALL)
    assert len(posts) == 4
    assert all('name="csrf_token" value="style"' in form for form in posts)


def test_the_token_of_one_page_is_not_in_the_next(templates: Templates) -> None:
    templates.render(asked(frame=frame()), "style.html", sample())
    assert 'value="style"' not in templates.render(asked(), "style.html", sample())


def test_the_other_language_is_one_click_away_and_keeps_the_filter(templates: Templates) -> None:
    page = templates.render(
        asked("/cases?q=%E7%8E%8B&lang=zh"), "errors/404.html", {"refusal": None}
    )
    assert 'href="/cases?q=%E7%8E%8B&amp;lang=en"' in page


def test_after_a_post_the_language_link_goes_to_a_page_that_exists(templates: Templates) -> None:
    page = templates.render(asked("/cases/7", method="POST"), "errors/409.html", {"refusal": None})
    assert 'href="/?lang=en"' in page


def test_an_english_page_is_english_all_around(templates: Templates) -> None:
    page = templates.render(asked("/?lang=en"), "errors/404.html", {"refusal": None})
    assert '<html lang="en">' in page
    assert re.findall("[一-鿿]+", page) == ["中文"]


def test_compiled_templates_are_kept_between_starts(tmp_path: Path) -> None:
    Templates(cache_folder=tmp_path).render(asked(), "errors/404.html", {"refusal": None})
    assert list(tmp_path.iterdir())


def test_the_policy_lets_in_nothing_from_elsewhere(client: TestClient) -> None:
    answer = client.get("/style")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"


def test_a_refused_request_has_the_headers_too(client: TestClient) -> None:
    answer = client.get("/nowhere")
    assert answer.status_code == 404
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


def test_a_static_file_is_kept_a_year_only_under_its_own_content(client: TestClient) -> None:
    assert "immutable" in client.get(static_url("wuji.css")).headers["cache-control"]
    for stale in ("/static/wuji.css", "/static/wuji.css?v=0123456789ab"):
        assert client.get(stale).headers["cache-control"] == "no-cache"


def test_nothing_outside_the_folder_is_served(client: TestClient) -> None:
    assert client.get("/static/..%2Fheaders.py").status_code == 404


def test_the_chosen_language_is_remembered(client: TestClient) -> None:
    assert "lang=en" in client.get("/style?lang=en").headers["set-cookie"]
    assert "set-cookie" not in client.get("/style?lang=xx").headers


def test_our_style_and_script_load_nothing_and_send_nothing_elsewhere() -> None:
    for path in (*STATIC.glob("*.css"), *STATIC.glob("*.js")):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"https?://|@import|url\(", text), path
