"""What every answer of a node says to the browser, and the files it may keep.

The policy lets a page load our own style, script and pictures and nothing else, so a page can
hold no inline style and no inline script. `connect-src` is for the drafts that wuji.js saves.
"""

import hashlib
from functools import cache
from pathlib import Path

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from node.web.i18n import NAMES

STATIC = Path(__file__).parent / "static"
YEAR = 365 * 24 * 3600

SOURCES = {
    "default-src": "'none'",
    "style-src": "'self'",
    "script-src": "'self'",
    "img-src": "'self' data:",
    "connect-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
}
POLICY = "; ".join(f"{what} {whence}" for what, whence in SOURCES.items())
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


@cache
def static_url(name: str) -> str:
    """Where a static file is, with its content in the address, so that it may be kept a year."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"


class KeptFiles(StaticFiles):
    """Static files that a browser keeps for a year when it asked for this very content."""

    def __init__(self) -> None:
        super().__init__(directory=STATIC)

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        asked = Request(scope).query_params.get("v", "")
        named = bool(asked) and (STATIC / path).is_file() and static_url(path).endswith(asked)
        response.headers["Cache-Control"] = (
            f"public, max-age={YEAR}, immutable" if named else "no-cache"
        )
        return response


class BrowserHeaders:
    """Security headers on every answer; pages are never kept; ?lang= is remembered.

    A page holds personal data and a village machine has many users, hence `no-store`.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        wanted = Request(scope).query_params.get("lang")

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if headers.get("content-type", "").startswith("text/html"):
                    headers.setdefault("Cache-Control", "no-store")
                if wanted in NAMES:
                    headers.append(
                        "Set-Cookie", f"lang={wanted}; Path=/; Max-Age={YEAR}; SameSite=Lax"
                    )
            await send(message)

        await self.app(scope, receive, send_with_headers)
