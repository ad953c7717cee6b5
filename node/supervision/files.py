"""Every file that leaves a page is recorded: who took it, from which page, as a file or on paper.

One place for all capabilities, those to come included. It is written before the file leaves: what
cannot be recorded is not handed out.
"""

from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from node.core.access import Looked, record_access
from node.core.edge import House
from node.core.work import Actor, unit_of_work

PAPER = "application/pdf"
FILES = ("application/vnd.", "application/zip", "text/csv", "application/octet-stream")
OK = 200


class FilesAreRecorded:
    """ASGI middleware around the pages of a node."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and look at what is sent back."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def look(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == OK:
                actor = scope.get("state", {}).get("actor")
                kind = kind_of(Headers(raw=message["headers"]))
                if kind is not None and isinstance(actor, Actor):
                    house = scope["app"].state.house
                    await run_in_threadpool(_record, house, actor, kind, scope["path"])
            await send(message)

        await self.app(scope, receive, look)


def kind_of(headers: Headers) -> Looked | None:
    """Whether an answer is a file to keep or a paper to print, by its headers; None for a page."""
    content = headers.get("content-type", "")
    if content.startswith(PAPER):
        return Looked.PRINT
    is_attached = headers.get("content-disposition", "").startswith("attachment")
    return Looked.EXPORT if is_attached or content.startswith(FILES) else None


def _record(house: House, actor: Actor, kind: Looked, path: str) -> None:
    with unit_of_work(
        house.engine, actor=actor, node=house.settings.code, now=house.clock()
    ) as uow:
        record_access(uow, path[:64], what=path, reason="", kind=kind, about="file")
