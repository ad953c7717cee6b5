"""The bytes of a link: what was sent is let go."""

import gc
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from sync.http_post import HttpPost, plain_client


class Echo(BaseHTTPRequestHandler):
    """Answers with what it was sent."""

    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:  # the library's name
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Nothing."""


@pytest.fixture
def echo() -> Iterator[HttpPost]:
    server = HTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    post = HttpPost(plain_client(), f"http://127.0.0.1:{server.server_port}")
    yield post
    post.close()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("size", [0, 1, 300_000])
def test_a_body_arrives_whole(echo: HttpPost, size: int) -> None:
    body = bytes(range(256)) * (size // 256 + 1)
    sent = body[:size]
    reply = echo("PUT", "/", headers={}, body=sent, patience=10, limit=size)
    assert (reply.status, reply.body) == (200, sent)


def test_nobody_holds_a_body_once_it_was_sent(echo: HttpPost) -> None:
    """Not even until the collector comes by: a backlog's bodies would pile up in between."""
    body = bytes(300_000)
    gc.disable()
    try:
        before = sys.getrefcount(body)
        echo("PUT", "/", headers={}, body=body, patience=10, limit=len(body))
        assert sys.getrefcount(body) == before
    finally:
        gc.enable()
