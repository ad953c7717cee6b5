"""A person of the demo at their node: logs in with a browser's session and uses the JSON routes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from node.core.errors import Refusal

TOKEN = re.compile(r'name="csrf_token" value="([^"]*)"')
TIMEOUT = httpx.Timeout(120)


@dataclass
class Desk:
    """One person logged in at one node."""

    url: str
    login: str
    password: str = field(repr=False)
    client: httpx.Client = field(init=False)
    token: str = ""

    def __post_init__(self) -> None:
        self.client = httpx.Client(base_url=self.url, timeout=TIMEOUT)
        self.enter()

    def enter(self) -> None:
        """Log in and fetch the token that changing requests carry."""
        answer = self.client.post(
            "/api/identity/session", json={"login": self.login, "password": self.password}
        )
        self.token = _read(answer)["csrf_token"]

    def get(self, path: str, **query: Any) -> Any:
        """Read."""
        return _read(self.client.get(path, params=query))

    def post(self, path: str, body: Any = None) -> Any:
        """Change."""
        return _read(self.client.post(path, json=body, headers=self._headers()))

    def upload(self, path: str, *, name: str, content: bytes, fields: Mapping[str, str]) -> Any:
        """Send a file the way a form does."""
        answer = self.client.post(
            path, files={"file": (name, content)}, data=dict(fields), headers=self._headers()
        )
        return _read(answer)

    def apply(self, matter: str, form: Mapping[str, Any], *, photo: bytes) -> str:
        """Enter a case as the page does, the photo of its evidence first: the case's id, or nothing
        when the form was refused.
        """
        typed = {name: str(value) for name, value in form.items()}
        paper = {"file": ("证明.jpg", photo, "image/jpeg")}
        kept = self.client.post(
            f"/cases/new/{matter}",
            data={**typed, "do": "attach", "kind": "certificate"},
            files=paper,
            headers=self._headers(),
        )
        draft = kept.headers.get("location", "").partition("#")[0]
        if not draft:
            return ""
        sent = self.client.post(
            draft, data={**typed, "do": "submit", "confirmed": "1"}, headers=self._headers()
        )
        place = str(sent.headers.get("location", ""))
        return place.partition("?")[0].removeprefix("/cases/")

    def _headers(self) -> dict[str, str]:
        return {"X-CSRF-Token": self.token}


def _read(answer: httpx.Response) -> Any:
    if answer.is_error:
        raise Refusal(f"{answer.request.url.path}：{answer.status_code} {answer.text[:600]}")
    return answer.json() if answer.content else None
