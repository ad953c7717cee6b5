"""This node as a web application, assembled from its tier's profile."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from fastapi import Depends, FastAPI, Request
from fastapi.responses import PlainTextResponse, RedirectResponse, Response

from node.background import Background
from node.core.edge import House, Who, forgery_guard, install_error_answers
from node.frame import build_frame, navigation
from node.identity.gate import SessionGate
from node.lookout import Lookout
from node.network.metrics import exposition
from node.runtime import Node
from node.snapshots import Snapshots
from node.supervision.files import FilesAreRecorded
from node.version import VERSION
from node.web.headers import BrowserHeaders, KeptFiles
from node.web.rendering import Templates
from sync.gate import ServerLimits
from sync.server import router as sync_router


def create_app(node: Node) -> FastAPI:
    """The application of one node. Its threads live as long as it is served."""
    background = Background(node)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        background.start()
        yield
        background.stop()

    app = FastAPI(
        title=f"五级 {node.title}",
        version=VERSION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
    )
    app.state.node = node
    app.state.house = _house(node, background)
    install_error_answers(app)
    app.add_middleware(FilesAreRecorded)
    app.add_middleware(BrowserHeaders)
    app.mount("/static", KeptFiles(), name="static")
    _add_routes(app, node)
    return app


def _house(node: Node, background: Background) -> House:
    templates = Templates()
    templates.environment.filters["place"] = node.places.name
    templates.environment.filters["place_path"] = partial(node.places.path, below=node.code)
    return House(
        settings=node.settings,
        engine=node.engine,
        clock=node.clock,
        gate=SessionGate(),
        renderer=templates,
        hosted=lambda: node.hosted,
        after_commit=background.written.set,
        frame=partial(build_frame, node, Lookout(node)),
    )


def _add_routes(app: FastAPI, node: Node) -> None:
    guarded = [Depends(forgery_guard)]
    for capability in node.capabilities:
        for router in capability.routers():
            app.include_router(router, dependencies=guarded)
    settings = node.settings.sync
    limits = ServerLimits(
        skew=settings.request_skew_seconds,
        wait=settings.wait_seconds,
        concurrent=settings.concurrent_requests,
    )
    children = sync_router(node.replica, limits=limits, snapshots=Snapshots(node))
    app.state.let_go = children.close
    app.include_router(children)
    app.add_api_route("/", home, include_in_schema=False)
    app.add_api_route("/healthz", healthy, include_in_schema=False)
    app.add_api_route("/metrics", metrics, include_in_schema=False)


def home(request: Request, actor: Who) -> Response:
    """Each person's day begins at the first place of their navigation."""
    places = navigation(request.app.state.node, actor)
    return RedirectResponse(places[0]["href"] if places else "/password", status_code=303)


def healthy(request: Request) -> Response:
    """For the machine that watches: the store answers."""
    with request.app.state.node.engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
    return PlainTextResponse("ok")


def metrics(request: Request) -> Response:
    """For Prometheus; nothing personal in it."""
    node: Node = request.app.state.node
    return PlainTextResponse(exposition(node))
