"""Who is behind a request, and whether our own page made it.

The cookie carries a random token; HttpOnly, SameSite=Lax, `__Host-` and Secure under HTTPS. Its
name holds the region, since browsers do not tell ports apart and several nodes may share a host.

A changing request must pass two tests: the browser says that it comes from our own origin
(Sec-Fetch-Site, Origin), and it carries the token of this session in the hidden field `csrf_token`
or the header X-CSRF-Token.
"""

import secrets
from contextlib import AbstractContextManager
from dataclasses import dataclass
from urllib.parse import urlsplit

from fastapi import HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from sqlmodel import Session

from node.core.edge import House, house, is_program
from node.core.errors import Forbidden, Refusal
from node.core.work import Actor, UnitOfWork, machine, unit_of_work
from node.identity import service, sessions
from node.identity.models import User
from node.identity.passwords import Passwords
from node.identity.sessions import Login, SignedIn

CSRF_FIELD = "csrf_token"
CSRF_HEADER = "x-csrf-token"
PASSWORD_PAGE = "/password"  # noqa: S105  # an address
BEFORE_CHANGE = frozenset({PASSWORD_PAGE, "/logout", "/api/identity/password"})
SIGNING_IN = frozenset({"/login", "/api/identity/session"})
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
FORGED = "无法确认这次提交来自本系统页面，请刷新页面后重试"


@dataclass(frozen=True, slots=True)
class SessionGate:
    """The gate of a node: sessions in its own database."""

    def actor(self, request: Request) -> Actor | None:
        """The person behind a request, or None. Asks the database: call it from a thread.

        Raises:
            Forbidden: a program uses a first password that has to be changed.
            HTTPException: a person does; it leads to the page where passwords are changed.
        """
        login = self._login(request)
        if login is None:
            return None
        if login.actor.must_change_password and request.url.path not in BEFORE_CHANGE:
            if is_program(request):
                raise Forbidden("请先修改初始口令")
            raise HTTPException(303, headers={"Location": PASSWORD_PAGE})
        return login.actor

    async def check_forgery(self, request: Request) -> None:
        """Let only our own pages change anything.

        Raises:
            Forbidden: another site sent this, or the session's token is missing.
        """
        check_origin(request)
        login = await run_in_threadpool(self._login, request)
        if login is None or _is_signing_in(request):
            return
        given = request.headers.get(CSRF_HEADER) or await _form_token(request)
        if not secrets.compare_digest(given.encode(), login.csrf_token.encode()):
            raise Forbidden(FORGED)

    def csrf_token(self, request: Request) -> str:
        """What forms of this session carry; empty when nobody is logged in."""
        login = self._login(request)
        return login.csrf_token if login else ""

    def _login(self, request: Request) -> Login | None:
        """Looked up once a request."""
        if not hasattr(request.state, "login"):
            request.state.login = _find(request)
        return request.state.login  # type: ignore[no-any-return]


def check_origin(request: Request) -> None:
    """Refuse what a browser says comes from elsewhere. Programs send neither header.

    Raises:
        Forbidden: it comes from another site.
    """
    site = request.headers.get("sec-fetch-site", "none")
    origin = request.headers.get("origin")
    is_foreign = origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    if site not in {"same-origin", "none"} or is_foreign:
        raise Forbidden(FORGED)


def sign_in(request: Request, *, login: str, password: str) -> SignedIn:
    """Log somebody in; the caller puts the token into the cookie.

    Raises:
        Refusal: login or password is wrong, or the login is locked.
    """
    here = house(request)
    passwords = passwords_of(here)
    with _unit_of_work(here, writing=False) as uow:
        who = sessions.candidate(uow, login)
    matches = passwords.verify(who.password_hash, password)
    rehashed = None
    if matches and who.password_hash and passwords.is_dated(who.password_hash):
        rehashed = passwords.hash(password)
    with _unit_of_work(here) as uow:
        answer = sessions.sign_in(
            uow, who, matches=matches, settings=here.settings.login, rehashed=rehashed
        )
    if isinstance(answer, Refusal):
        raise answer
    return answer


def sign_out(request: Request) -> None:
    """End the session of this request."""
    here = house(request)
    token = request.cookies.get(cookie_name(here))
    if token:
        with _unit_of_work(here) as uow:
            sessions.sign_out(uow, token)


def change_password(
    request: Request, actor: Actor, *, current: str, new: str, again: str
) -> SignedIn:
    """Change one's own password; the caller puts the new token into the cookie.

    Raises:
        Refusal: the current password is wrong (it counts), or the new one is not good enough.
    """
    here = house(request)
    passwords, settings = passwords_of(here), here.settings.login
    with _unit_of_work(here, writing=False) as uow:
        stored = uow.get(User, actor.id).password_hash
    matches = passwords.verify(stored, current)
    with _unit_of_work(here, actor=actor) as uow:
        answer = service.change_password(
            uow,
            matches=matches,
            current=current,
            new=new,
            again=again,
            passwords=passwords,
            settings=settings,
        )
    if isinstance(answer, Refusal):
        raise answer
    return answer


def set_cookie(request: Request, response: Response, token: str) -> None:
    """Give the browser its token; it forgets it when it is closed."""
    here = house(request)
    response.set_cookie(
        cookie_name(here),
        token,
        path="/",
        httponly=True,
        samesite="lax",
        secure=here.settings.login.secure_cookie,
    )


def clear_cookie(request: Request, response: Response) -> None:
    """Take the token away."""
    here = house(request)
    secure = here.settings.login.secure_cookie
    response.delete_cookie(
        cookie_name(here), path="/", httponly=True, samesite="lax", secure=secure
    )


def cookie_name(here: House) -> str:
    """The cookie of this node."""
    prefix = "__Host-" if here.settings.login.secure_cookie else ""
    return f"{prefix}wuji_{here.settings.region}"


def passwords_of(here: House) -> Passwords:
    """One hasher a process, so that its limit on memory holds."""
    return _CHEAP if here.settings.login.cheap_passwords else _STRONG


_STRONG = Passwords()
_CHEAP = Passwords(cheap=True)


def _find(request: Request) -> Login | None:
    here = house(request)
    token = request.cookies.get(cookie_name(here))
    if not token:
        return None
    now = here.clock()
    with Session(here.engine) as session:
        login = sessions.find_login(session, token, now=now, settings=here.settings.login)
    if login and login.needs_touch(now):
        with _unit_of_work(here) as uow:
            sessions.touch(uow, login.token_hash)
    return login


def _is_signing_in(request: Request) -> bool:
    """A second tab of the login page has no token, and a new login replaces the old anyway."""
    return request.method == "POST" and request.url.path in SIGNING_IN


async def _form_token(request: Request) -> str:
    if not request.headers.get("content-type", "").startswith(FORMS):
        return ""
    given = (await request.form()).get(CSRF_FIELD)
    return given if isinstance(given, str) else ""


def _unit_of_work(
    here: House, *, actor: Actor | None = None, writing: bool = True
) -> AbstractContextManager[UnitOfWork]:
    code = here.settings.code
    who = actor or machine(code)
    return unit_of_work(here.engine, actor=who, node=code, now=here.clock(), writing=writing)
