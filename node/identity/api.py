"""JSON: sessions, one's own password, and the users of a node.

A program logs in with POST /api/identity/session, keeps the cookie, and sends the `csrf_token` of
the answer as the header X-CSRF-Token with every request that changes something.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field

from node.core.edge import Reading, Who, Writing, forgery_guard, house
from node.core.errors import refuse_all
from node.identity import gate, service
from node.identity.passwords import temporary_password
from node.identity.rules import sign_in_problems

router = APIRouter(prefix="/api/identity", tags=["identity"])
Guarded = Annotated[None, Depends(forgery_guard)]


class Credentials(BaseModel):
    """Who wants to log in."""

    login: str
    password: str


class SessionBegun(BaseModel):
    """What a program needs for its next requests, beside the cookie."""

    csrf_token: str
    must_change_password: bool


class Me(BaseModel):
    """Who is logged in."""

    id: str
    name: str
    roles: list[str]
    scope: str
    csrf_token: str
    must_change_password: bool


class PasswordChange(BaseModel):
    """A new password for oneself."""

    current: str
    password: str


class UserIn(BaseModel):
    """A new user; `scope` is this node's region when left out."""

    login: str
    name: str
    roles: list[str]
    scope: str | None = Field(default=None, min_length=12, max_length=12)


class UserOut(BaseModel):
    """A user of this node."""

    id: str
    login: str
    name: str
    scope: str
    roles: list[str]
    is_active: bool


class UserAdded(UserOut):
    """A new user with the first password, which is told this once."""

    first_password: str


@router.post("/session", status_code=201)
def begin(request: Request, response: Response, body: Credentials) -> SessionBegun:
    """Log in."""
    gate.check_origin(request)
    refuse_all(sign_in_problems(body.login, body.password))
    signed = gate.sign_in(request, login=body.login, password=body.password)
    gate.set_cookie(request, response, signed.token)
    return SessionBegun(
        csrf_token=signed.csrf_token, must_change_password=signed.must_change_password
    )


@router.get("/session")
def who_am_i(request: Request, actor: Who) -> Me:
    """Who is logged in, and the token that changing requests carry."""
    return Me(
        id=actor.id,
        name=actor.name,
        roles=sorted(actor.roles),
        scope=actor.scope,
        csrf_token=house(request).gate.csrf_token(request),
        must_change_password=actor.must_change_password,
    )


@router.delete("/session", status_code=204)
def end(request: Request, response: Response, _guarded: Guarded) -> None:
    """Log out."""
    gate.sign_out(request)
    gate.clear_cookie(request, response)


@router.post("/password")
def change_password(
    request: Request, response: Response, actor: Who, body: PasswordChange, _guarded: Guarded
) -> SessionBegun:
    """Change one's own password; other sessions end."""
    signed = gate.change_password(
        request, actor, current=body.current, new=body.password, again=body.password
    )
    gate.set_cookie(request, response, signed.token)
    return SessionBegun(csrf_token=signed.csrf_token, must_change_password=False)


@router.get("/users")
def users(uow: Reading) -> list[UserOut]:
    """Everybody who may log in here."""
    return [_shown(listed) for listed in service.users(uow)]


@router.post("/users", status_code=201)
def add_user(request: Request, uow: Writing, body: UserIn) -> UserAdded:
    """Add somebody; the first password has to be changed at the first login."""
    new = service.NewUser(
        login=body.login, name=body.name, scope=body.scope or uow.node, roles=body.roles
    )
    password = temporary_password()
    passwords = gate.passwords_of(house(request))
    user = service.add_user(uow, new, password=password, passwords=passwords)
    shown = _shown(service.user(uow, user.id))
    return UserAdded(**shown.model_dump(), first_password=password)


def _shown(listed: service.Listed) -> UserOut:
    return UserOut(
        id=listed.id,
        login=listed.login,
        name=listed.name,
        scope=listed.scope,
        roles=[role.value for role in listed.roles],
        is_active=listed.is_active,
    )
