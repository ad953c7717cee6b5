"""The bytes of a link over httpx: one request, one answer, and a way to hang up from outside."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from socket import SHUT_RDWR, socket
from typing import Any
from weakref import WeakSet

import httpx

from sync.line import LinkDown, Reply

MakeClient = Callable[[], httpx.Client]


def plain_client() -> httpx.Client:
    """HTTP/1.1 with connections kept; a certificate of the system's store for https."""
    return httpx.Client(
        trust_env=False,  # what the environment says of proxies is meant for people's browsers
        limits=httpx.Limits(max_connections=4, keepalive_expiry=60.0),
        headers={"accept-encoding": "identity", "user-agent": "wuji"},
    )


class HttpPost:
    """Carries requests over httpx, and can be told from another thread to hang up."""

    def __init__(self, client: httpx.Client, url: str) -> None:
        self._client = client
        self._url = url.rstrip("/")
        self._sockets: WeakSet[socket] = WeakSet()

    def __call__(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str],
        body: bytes,
        patience: float,
        limit: int,
    ) -> Reply:
        request = self._client.build_request(
            method,
            self._url + path,
            headers={**headers, "content-length": str(len(body))} if body else headers,
            content=_once(body) if body else None,
            timeout=httpx.Timeout(patience, connect=min(patience, 10.0)),
            extensions={"trace": self._trace},
        )
        try:
            response = self._client.send(request, stream=True)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise LinkDown(f"无法连接上级：{error}") from error
        except httpx.TransportError as error:
            raise LinkDown(f"与上级的连接中断：{error!r}", reached=True) from error
        try:
            content = _read(response, limit)
        except httpx.TransportError as error:
            raise LinkDown(f"回复在中途中断：{error!r}", reached=True, begun=True) from error
        finally:
            response.close()
        received = {name.lower(): value for name, value in response.headers.items()}
        return Reply(response.status_code, received, content)

    def hang_up(self) -> None:
        """Break off what is being waited for: closing alone would not wake a reading thread."""
        for each in list(self._sockets):
            with suppress(OSError):
                each.shutdown(SHUT_RDWR)

    def close(self) -> None:
        self._client.close()

    def _trace(self, event: str, info: Mapping[str, Any]) -> None:
        if event in {"connection.connect_tcp.complete", "connection.start_tls.complete"}:
            found = info["return_value"].get_extra_info("socket")
            if found is not None:
                self._sockets.add(found)


def _once(body: bytes) -> Iterator[bytes]:
    """A body that is let go when it has been sent: a request and its answer hold each other, and
    would hold it until the collector comes by.
    """
    yield body


def _read(response: httpx.Response, limit: int) -> bytes:
    pieces = bytearray()
    for piece in response.iter_raw():
        pieces += piece
        if len(pieces) > limit:
            raise LinkDown(f"回复超过 {limit} 字节", reached=True)
    return bytes(pieces)
