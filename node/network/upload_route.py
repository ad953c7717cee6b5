"""An upload is looked at before its body: who sends it, and how long it says it is.

A form is read whole into a temporary file before a handler sees any of it; without this, anybody
could fill the disk by it.
"""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from node.core.edge import actor_of
from node.core.errors import Invalid

MIB = 1 << 20
_FRAMING = 64 * 1024  # what the form itself needs around the file


class UploadRoute(APIRoute):
    """A route whose requests are let in before their bodies are read."""

    def admit(self, request: Request) -> None:
        """Raise what stands against reading the body; runs in the thread pool."""
        actor_of(request)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The usual handler, behind the two questions."""
        handle: Callable[[Request], Awaitable[Response]] = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            if request.method == "POST":
                await run_in_threadpool(self.admit, request)
            return await handle(request)

        return guarded


def require_length(request: Request, *, mib: int, too_large: str) -> None:
    """Raises: Invalid: the body is longer than so many MiB, or does not say how long it is."""
    length = request.headers.get("content-length", "")
    if not length.isdecimal():
        raise Invalid("请求没有说明长度，不能上传", field="file")
    if int(length) > mib * MIB + _FRAMING:
        raise Invalid(too_large, field="file")
