"""Pages from templates: one environment over this folder and every capability's `templates`.

The edge puts a `Frame` into `request.state.frame`; a page that has none (login, a refusal
before login) gets an empty one.
"""

import contextvars
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypedDict
from urllib.parse import urlencode

from jinja2 import (
    ChoiceLoader,
    Environment,
    FileSystemBytecodeCache,
    FileSystemLoader,
    StrictUndefined,
)
from markupsafe import Markup
from starlette.requests import Request

from node.web import charts, i18n, maps
from node.web.filters import FILTERS, errors_of
from node.web.freshness import SyncState, freshness
from node.web.headers import static_url

NODE = Path(__file__).parent.parent
WEB = Path(__file__).parent / "templates"


class NavItem(TypedDict, total=False):
    """One entry of the main navigation; `current` is found from the address when not given."""

    href: str
    label: str
    current: bool
    count: int


class Frame(TypedDict, total=False):
    """What stands around every page. Objects with the same attributes serve as well."""

    node: Mapping[str, object]  # name, tier (县级经办机构)
    user: Mapping[str, object] | None  # key, name, role, href
    nav: Sequence[NavItem]
    sync: SyncState | None  # of freshness.py
    csrf_token: str
    lang: str
    messages: Sequence[Mapping[str, str]]  # kind (info done wait bad), text
    version: str
    now: datetime
    logout_href: str


_csrf: contextvars.ContextVar[str] = contextvars.ContextVar("csrf", default="")


def _hidden_token() -> Markup:
    """The hidden field every POST form carries; a global, so that imported macros see it."""
    return Markup('<input type="hidden" name="csrf_token" value="{}">').format(_csrf.get())


def _read(thing: object, name: str, default: object = "") -> Any:
    if isinstance(thing, Mapping):
        return thing.get(name, default)
    return getattr(thing, name, default)


def template_folders() -> list[Path]:
    """This folder first, then `templates` of every capability that has one."""
    return [WEB, *sorted(path for path in NODE.glob("*/templates") if path != WEB)]


def environment(*, cache_folder: Path | None = None) -> Environment:
    """The Jinja environment. `cache_folder` keeps compiled templates between starts."""
    made = Environment(
        loader=ChoiceLoader([FileSystemLoader(folder) for folder in template_folders()]),
        autoescape=True,
        undefined=StrictUndefined,
        bytecode_cache=FileSystemBytecodeCache(str(cache_folder)) if cache_folder else None,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
    )
    made.policies["ext.i18n.trimmed"] = True
    made.filters.update(FILTERS)
    made.globals.update(
        _=i18n.gettext,
        gettext=i18n.gettext,
        ngettext=i18n.ngettext,
        charts=charts,
        maps=maps,
        csrf=_hidden_token,
        refusal_template=refusal_template,
        static_url=static_url,
    )
    return made


def refusal_template(status: int) -> str:
    """The page of a status, or the one that fits any refusal."""
    known = (WEB / "errors" / f"{status}.html").is_file()
    return f"errors/{status}.html" if known else "errors/base.html"


class Templates:
    """Renders pages for one node."""

    def __init__(self, *, cache_folder: Path | None = None) -> None:
        self.environment = environment(cache_folder=cache_folder)

    def render(self, request: Request, template: str, context: Mapping[str, object]) -> str:
        """A whole page: the frame around it, and `context` inside.

        `problems` (a list of refusals) or `refusal` in the context give `errors`, the messages by
        field; a page may read all three whether or not there are any.
        """
        frame: Mapping[str, Any] = getattr(request.state, "frame", None) or {}
        code = str(frame.get("lang") or i18n.language_of(request))
        speaking = i18n.speak(code)
        token = _csrf.set(str(frame.get("csrf_token") or ""))
        try:
            around = _around(request, frame)
            refused = context.get("problems") or context.get("refusal")
            inside = {"problems": [], "refusal": None, "errors": errors_of(refused), **context}
            return self.environment.get_template(template).render(around | inside)
        finally:
            _csrf.reset(token)
            i18n.hush(speaking)


def _around(request: Request, frame: Mapping[str, Any]) -> dict[str, object]:
    node, user = frame.get("node"), frame.get("user")
    return {
        "request": request,
        "lang": i18n.language(),
        "html_lang": i18n.HTML_LANG[i18n.language()],
        "languages": _languages(request),
        "csrf_token": frame.get("csrf_token", ""),
        "node": {name: _read(node, name) for name in ("name", "tier")},
        "user": user and _person(user),
        "nav": _navigation(request.url.path, frame.get("nav") or ()),
        "sync": freshness(frame.get("sync"), frame.get("now")),
        "messages": [
            {"kind": _read(message, "kind", "info"), "text": _read(message, "text")}
            for message in frame.get("messages") or ()
        ],
        "version": frame.get("version", ""),
        "now": frame.get("now"),
        "logout_href": frame.get("logout_href", "/logout"),
    }


def _person(user: object) -> dict[str, object]:
    """Several posts come in one text, 复核员、审批员; each has its own translation."""
    posts = [i18n.gettext(post) for post in str(_read(user, "role")).split("、") if post]
    joined = (", " if i18n.language() == i18n.ENGLISH else "、").join(posts)
    return {name: _read(user, name) for name in ("key", "name", "href")} | {"role": joined}


def _languages(request: Request) -> list[dict[str, object]]:
    """The other language of the same page; after a POST there is no such page, so the first."""
    asked = request.method in {"GET", "HEAD"}
    here = request.url.path if asked else "/"
    kept = [pair for pair in request.query_params.multi_items() if asked and pair[0] != "lang"]
    return [
        {
            "code": code,
            "label": label,
            "current": code == i18n.language(),
            "href": f"{here}?{urlencode([*kept, ('lang', code)])}",
        }
        for code, label in i18n.NAMES.items()
    ]


def _navigation(path: str, items: Sequence[object]) -> list[dict[str, object]]:
    """The entry with the longest address that the page's address begins with is current."""
    hrefs = [str(_read(item, "href")) for item in items]
    under = [href for href in hrefs if path == href or path.startswith(href.rstrip("/") + "/")]
    deepest = max(under, key=len, default="")
    return [
        {
            "href": href,
            "label": _read(item, "label"),
            "current": bool(_read(item, "current", href == deepest)),
            "count": _read(item, "count", 0),
        }
        for href, item in zip(hrefs, items, strict=True)
    ]
