"""Where HTTP ends and services begin: units of work for routes, pages, refusals.

A JSON route and an HTML page do the same three things: parse, one service call, shape the answer.
JSON routes live under /api and answer a refusal with RFC 9457 problem details; pages answer with a
page, and a form keeps what was typed.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Annotated, Any, Protocol

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from sqlalchemy import Engine
from sqlalchemy.exc import DataError, IntegrityError
from starlette.exceptions import HTTPException

from node.core.clock import Clock
from node.core.errors import Conflict, Forbidden, Invalid, Problems, Refusal
from node.core.work import Actor, UnitOfWork, unit_of_work
from node.settings import Settings
from tiers import RegionCode, RegionError

PROBLEM_TYPE = "application/problem+json"


class Gate(Protocol):
    """Who is asking. `identity` provides it; the house only needs to know this much."""

    def actor(self, request: Request) -> Actor | None:
        """The person behind a request, or None."""
        ...

    async def check_forgery(self, request: Request) -> None:
        """Raise Forbidden when a changing request was not made by our own page."""
        ...

    def csrf_token(self, request: Request) -> str:
        """The token that forms of this session carry."""
        ...


class Renderer(Protocol):
    """Turns a template into a page. `web` provides it."""

    def render(self, request: Request, template: str, context: dict[str, Any]) -> str:
        """The HTML of a page."""
        ...


@dataclass
class House:
    """What the routes of one running node share; `app.state.house`."""

    settings: Settings
    engine: Engine
    clock: Clock
    gate: Gate
    renderer: Renderer
    hosted: Callable[[], frozenset[RegionCode]]
    after_commit: Callable[[], None]
    frame: Callable[[Request, Actor | None], dict[str, Any]]


class LoginRequired(Exception):  # noqa: N818  # it sends people to the login page
    """Nobody is logged in."""


class Redisplay(Exception):  # noqa: N818  # an answer: the form again, with its problems
    """Show the form again with what was typed; the transaction has been rolled back."""

    def __init__(self, template: str, typed: dict[str, Any], refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.template = template
        self.typed = typed
        self.refusal = refusal


def house(request: Request) -> House:
    """The node this request came to."""
    return request.app.state.house  # type: ignore[no-any-return]


def actor_of(request: Request) -> Actor:
    """The logged-in person. Runs in the thread pool, since it asks the database.

    Raises:
        LoginRequired: nobody is logged in.
        Forbidden: the first password has not been changed yet.
    """
    actor = house(request).gate.actor(request)
    if actor is None:
        raise LoginRequired
    request.state.actor = actor
    return actor


async def forgery_guard(request: Request) -> None:
    """Changing requests must come from our own pages."""
    if request.method not in {"GET", "HEAD", "OPTIONS"}:
        await house(request).gate.check_forgery(request)


Who = Annotated[Actor, Depends(actor_of)]


def _reading(request: Request, actor: Who) -> Iterator[UnitOfWork]:
    here = house(request)
    with unit_of_work(
        here.engine,
        actor=actor,
        node=here.settings.code,
        now=here.clock(),
        hosted=here.hosted(),
        writing=False,
    ) as uow:
        yield uow


def _writing(
    request: Request, actor: Who, _guarded: Annotated[None, Depends(forgery_guard)]
) -> Iterator[UnitOfWork]:
    here = house(request)
    with unit_of_work(
        here.engine,
        actor=actor,
        node=here.settings.code,
        now=here.clock(),
        hosted=here.hosted(),
    ) as uow:
        yield uow
    here.after_commit()


Reading = Annotated[UnitOfWork, Depends(_reading, scope="function")]
# scope="function" commits before the answer leaves. The default ("request") commits after it,
# so a clerk could read 已办结 for something that was never written.
Writing = Annotated[UnitOfWork, Depends(_writing, scope="function")]


def later(request: Request) -> Callable[[], AbstractContextManager[UnitOfWork]]:
    """Units of work of the person asking, for what goes on once the answer has left.

    Each is one transaction; what it publishes is sealed as after any request.
    """
    here, actor = house(request), actor_of(request)

    @contextmanager
    def work() -> Iterator[UnitOfWork]:
        with unit_of_work(
            here.engine,
            actor=actor,
            node=here.settings.code,
            now=here.clock(),
            hosted=here.hosted(),
        ) as uow:
            yield uow
        here.after_commit()

    return work


def page(
    request: Request, template: str, *, status_code: int = 200, **context: Any
) -> HTMLResponse:
    """An HTML page."""
    here = house(request)
    actor = getattr(request.state, "actor", None)
    request.state.frame = here.frame(request, actor)
    return HTMLResponse(here.renderer.render(request, template, context), status_code=status_code)


@contextmanager
def redisplay(template: str, **typed: Any) -> Iterator[None]:
    """Show a form again when a service refuses: `typed` is the context its template needs."""
    try:
        yield
    except Refusal as refusal:
        raise Redisplay(template, typed, refusal) from refusal


def problems_of(refusal: Refusal) -> list[Invalid | Refusal]:
    """Every problem a refusal speaks of, for the summary of a form."""
    return list(refusal.problems) if isinstance(refusal, Problems) else [refusal]


def problem_details(refusal: Refusal) -> JSONResponse:
    """A refusal as RFC 9457 problem details."""
    body: dict[str, Any] = {
        "type": f"urn:wuji:problem:{refusal.code}",
        "title": refusal.message,
        "status": refusal.status,
        "code": refusal.code,
    }
    if refusal.field:
        body["field"] = refusal.field
    if isinstance(refusal, Problems):
        body["problems"] = [{"field": p.field, "message": p.message} for p in refusal.problems]
    if refusal.details:
        body["details"] = {key: str(value) for key, value in refusal.details.items()}
    return JSONResponse(body, status_code=refusal.status, media_type=PROBLEM_TYPE)


def is_program(request: Request) -> bool:
    """Whether a program asks (JSON) rather than a person (a page)."""
    return request.url.path.startswith(("/api/", "/sync/"))


def answer_refusal(request: Request, refusal: Refusal) -> Response:
    """A refusal as its asker can read it."""
    if is_program(request):
        return problem_details(refusal)
    return page(request, "errors/refusal.html", status_code=refusal.status, refusal=refusal)


def _on_refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)  # noqa: S101  # narrows for mypy: registered for this class
    return answer_refusal(request, error)


def _on_redisplay(request: Request, error: Exception) -> Response:
    assert isinstance(error, Redisplay)  # noqa: S101  # narrows for mypy
    return page(
        request,
        error.template,
        status_code=error.refusal.status,
        problems=problems_of(error.refusal),
        refusal=error.refusal,
        **error.typed,
    )


def _on_login_required(request: Request, _error: Exception) -> Response:
    if is_program(request):
        refusal = Forbidden("请先登录")
        answer = problem_details(refusal)
        answer.status_code = 401
        return answer
    return RedirectResponse(f"/login?next={request.url.path}", status_code=303)


def _on_integrity_error(request: Request, _error: Exception) -> Response:
    return answer_refusal(request, Conflict("刚才已有人办理了同一件事，请刷新后再看"))


def _on_data_error(request: Request, _error: Exception) -> Response:
    return answer_refusal(request, Invalid("提交的内容含有不能保存的字符，或者过长、过大"))


def _on_invalid_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101  # narrows for mypy
    first = error.errors()[0]
    field = ".".join(str(part) for part in first.get("loc", ())[1:])
    return answer_refusal(request, Invalid("提交的内容不完整或格式不对", field=field or None))


def _on_region_error(request: Request, error: Exception) -> Response:
    """An address that names no region: digits were typed or copied wrongly."""
    return answer_refusal(request, Invalid(str(error), field="region"))


def _on_http_exception(request: Request, error: Exception) -> Response:
    """The framework's own refusals: an unknown address, a wrong method, a redirect."""
    assert isinstance(error, HTTPException)  # noqa: S101  # narrows for mypy
    if 300 <= error.status_code < 400:  # noqa: PLR2004  # HTTP's own numbers
        return Response(status_code=error.status_code, headers=error.headers)
    if is_program(request) or request.url.path.startswith("/static/"):
        body = {"title": str(error.detail), "status": error.status_code}
        return JSONResponse(body, error.status_code, error.headers, media_type=PROBLEM_TYPE)
    known = error.status_code in {403, 404}
    template = f"errors/{error.status_code}.html" if known else "errors/base.html"
    return page(request, template, status_code=error.status_code)


def _on_crash(request: Request, _error: Exception) -> Response:
    """A mistake of ours. The server's log has it whole; the person gets a page."""
    if is_program(request):
        body = {"title": "系统内部错误", "status": 500}
        return JSONResponse(body, status_code=500, media_type=PROBLEM_TYPE)
    return page(request, "errors/500.html", status_code=500)


def install_error_answers(app: FastAPI) -> None:
    """Teach an application to answer refusals, and its own mistakes, with a page."""
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(Exception, _on_crash)
    app.add_exception_handler(Refusal, _on_refusal)
    app.add_exception_handler(Redisplay, _on_redisplay)
    app.add_exception_handler(LoginRequired, _on_login_required)
    app.add_exception_handler(IntegrityError, _on_integrity_error)
    app.add_exception_handler(DataError, _on_data_error)
    app.add_exception_handler(RegionError, _on_region_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
