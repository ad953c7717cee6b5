"""Pages: logging in, one's own password and posts, and the users of a node."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BaseModel

from node.core.edge import Reading, Who, Writing, forgery_guard, house, page, redisplay
from node.core.errors import refuse_all
from node.core.work import UnitOfWork
from node.identity import gate, require, service
from node.identity.passwords import temporary_password
from node.identity.rules import landing, sign_in_problems
from tiers import Role

router = APIRouter(include_in_schema=False)
Text = Annotated[str, Form()]
Several = Annotated[list[str], Form()]
Guarded = Depends(forgery_guard)
USERS = "/identity/users"
NEW = "identity/new_user.html"
ONE = "identity/user.html"


def _to(path: str) -> RedirectResponse:
    return RedirectResponse(path, status_code=303)


@router.get("/login")
def login_form(request: Request) -> Response:
    """The login page; somebody who is logged in has no need of it."""
    after = landing(request.query_params.get("next", ""))
    if house(request).gate.actor(request):
        return _to(after)
    return page(request, "identity/login.html", login="", after=after)


@router.post("/login")
def log_in(request: Request, login: Text = "", password: Text = "", after: Text = "") -> Response:
    """Begin a session."""
    gate.check_origin(request)
    after = landing(after)
    with redisplay("identity/login.html", login=login, after=after):
        refuse_all(sign_in_problems(login, password))
        signed = gate.sign_in(request, login=login, password=password)
    answer = _to(gate.PASSWORD_PAGE if signed.must_change_password else after)
    gate.set_cookie(request, answer, signed.token)
    return answer


@router.post("/logout", dependencies=[Guarded])
def log_out(request: Request) -> Response:
    """End the session."""
    gate.sign_out(request)
    answer = _to("/login")
    gate.clear_cookie(request, answer)
    return answer


@router.get("/password")
def password_form(request: Request, actor: Who) -> HTMLResponse:
    """One's own password."""
    return page(request, "identity/password.html", is_first=actor.must_change_password)


@router.post("/password", dependencies=[Guarded])
def change_password(
    request: Request, actor: Who, current: Text = "", password: Text = "", again: Text = ""
) -> Response:
    """Change it."""
    with redisplay("identity/password.html", is_first=actor.must_change_password):
        signed = gate.change_password(request, actor, current=current, new=password, again=again)
    answer = _to("/" if actor.must_change_password else "/identity/me")
    gate.set_cookie(request, answer, signed.token)
    return answer


@router.get("/identity/me")
def me(request: Request, uow: Reading) -> HTMLResponse:
    """One's own posts, with what each of them is there to do."""
    roles = [role for role in Role if uow.actor.holds(role)]
    return page(
        request, "identity/me.html", person=uow.actor, roles=roles, scope=service.scope_name(uow)
    )


@router.get(USERS)
def users(request: Request, uow: Reading) -> HTMLResponse:
    """Everybody who may log in at this node."""
    listed = service.users(uow)
    return page(
        request, "identity/users.html", users=listed, scopes=service.scopes(uow), now=uow.now
    )


@router.get(f"{USERS}/new")
def new_user_form(request: Request, uow: Reading) -> HTMLResponse:
    """The form for a new user."""
    require(uow, Role.ADMINISTRATOR)
    return page(request, NEW, **_choices(uow), login="", name="", scope=uow.node, roles=[])


class UserForm(BaseModel):
    """What was typed about a new user."""

    login: str = ""
    name: str = ""
    scope: str = ""
    roles: list[str] = []


@router.post(USERS)
def add_user(request: Request, uow: Writing, form: Annotated[UserForm, Form()]) -> HTMLResponse:
    """Add somebody, and show the first password once."""
    new = service.NewUser(form.login, form.name, form.scope or uow.node, form.roles)
    password = temporary_password()
    passwords = gate.passwords_of(house(request))
    with redisplay(NEW, **_choices(uow), **form.model_dump()):
        user = service.add_user(uow, new, password=password, passwords=passwords)
    return page(request, "identity/first_password.html", person=user, password=password)


@router.get(f"{USERS}/{{user_id}}")
def user(request: Request, uow: Reading, user_id: str) -> HTMLResponse:
    """One user."""
    return page(request, ONE, **_one(uow, user_id))


@router.post(f"{USERS}/{{user_id}}/roles")
def set_roles(
    uow: Writing,
    user_id: str,
    roles: Several = [],  # noqa: B006  # FastAPI copies it for every request
) -> Response:
    """Give somebody other posts."""
    with redisplay(ONE, **(_one(uow, user_id) | {"roles": roles})):
        service.set_roles(uow, user_id, roles)
    return _to(f"{USERS}/{user_id}")


@router.post(f"{USERS}/{{user_id}}/dismissal")
def dismiss(uow: Writing, user_id: str) -> Response:
    """Stop somebody from logging in."""
    service.set_active(uow, user_id, active=False)
    return _to(f"{USERS}/{user_id}")


@router.post(f"{USERS}/{{user_id}}/return")
def take_back(uow: Writing, user_id: str) -> Response:
    """Let somebody log in again."""
    service.set_active(uow, user_id, active=True)
    return _to(f"{USERS}/{user_id}")


@router.post(f"{USERS}/{{user_id}}/unlock")
def unlock(uow: Writing, user_id: str) -> Response:
    """End a lock early."""
    service.unlock(uow, user_id)
    return _to(f"{USERS}/{user_id}")


@router.post(f"{USERS}/{{user_id}}/password")
def reset_password(request: Request, uow: Writing, user_id: str) -> HTMLResponse:
    """Set a new first password, and show it once."""
    password = service.reset_password(uow, user_id, passwords=gate.passwords_of(house(request)))
    found = service.user(uow, user_id)
    return page(request, "identity/first_password.html", person=found, password=password)


def _choices(uow: UnitOfWork) -> dict[str, Any]:
    """What the forms offer."""
    return {
        "scopes": [(code, name) for code, name in service.scopes(uow).items()],
        "posts": [(role.value, role.title, role.description) for role in service.posts(uow)],
    }


def _one(uow: UnitOfWork, user_id: str) -> dict[str, Any]:
    found = service.user(uow, user_id)
    return {
        **_choices(uow),
        "person": found,
        "names": service.scopes(uow),
        "titles": "、".join(role.title for role in found.roles),
        "roles": list(found.roles),
        "is_self": found.id == uow.actor.id,
    }
