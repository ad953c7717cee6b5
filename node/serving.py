"""One node served by uvicorn until it is told to stop."""

from types import FrameType

import uvicorn
from fastapi import FastAPI

from node.app import create_app
from node.runtime import Node
from node.settling import settle

GRACE_SECONDS = 3
# Longer than a pull waits: a child that keeps its connection should not find it closed.
KEEP_ALIVE_SECONDS = 75


class NodeServer(uvicorn.Server):
    """A server that lets waiting children go as soon as it is told to stop."""

    def __init__(self, app: FastAPI, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._app = app

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A child's pull waits up to 25 s; it must not hold up the stop."""
        self._app.state.let_go()
        super().handle_exit(sig, frame)


def serve(node: Node) -> None:
    """Serve a node's pages, routes and children; returns after SIGTERM or Ctrl-C."""
    app = create_app(node)
    settings = node.settings
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_level=settings.log_level,
        access_log=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )
    settle()
    NodeServer(app, config).run()
