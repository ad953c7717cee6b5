"""Users of this node: who may log in, for which region, with which posts."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete
from sqlmodel import col, select

from node.core.errors import Conflict, Forbidden, Invalid, NotFound, Refusal, refuse_all
from node.core.ids import new_id
from node.core.models import DivisionRow
from node.core.work import UnitOfWork
from node.identity import sessions
from node.identity.duties import SYSTEM, require
from node.identity.models import RoleGrant, User
from node.identity.passwords import Passwords, temporary_password
from node.identity.rules import Attempts, login_problems, password_problems, tidy_login
from node.settings import LoginSettings
from tiers import PROFILES, RegionCode, RegionError, Role, incompatibilities, roles_at

NAME_LONGEST = 40


@dataclass(frozen=True, slots=True)
class NewUser:
    """What an administrator types about somebody."""

    login: str
    name: str
    scope: str
    roles: Collection[str]


@dataclass(frozen=True, slots=True)
class Listed:
    """A user with their posts, for lists. Plain values: a refused form shows them again after its
    transaction was rolled back.
    """

    id: str
    login: str
    name: str
    scope: str
    roles: tuple[Role, ...]
    is_active: bool
    is_locked: bool
    must_change_password: bool
    last_login_at: datetime | None


def add_user(
    uow: UnitOfWork,
    new: NewUser,
    *,
    password: str,
    passwords: Passwords,
    must_change_password: bool = True,
) -> User:
    """Let somebody log in at this node.

    Raises:
        Forbidden: an administrator does this.
        Problems: everything that is wrong with the form.
        Conflict: the login is taken.
    """
    require(uow, Role.ADMINISTRATOR)
    login = tidy_login(new.login)
    refuse_all([*_problems(uow, new), *password_problems(password, login=login)])
    if uow.session.exec(select(User.id).where(User.login == login)).first():
        raise Conflict("这个用户名已有人使用", field="login")
    user = User(
        id=new_id(),
        login=login,
        name=new.name.strip(),
        scope=new.scope,
        password_hash=passwords.hash(password),
        must_change_password=must_change_password,
        created_at=uow.now,
    )
    uow.session.add(user)
    uow.session.flush()
    _grant(uow, user, new.roles)
    return user


def set_roles(uow: UnitOfWork, user_id: str, roles: Collection[str]) -> User:
    """Give somebody exactly these posts. It holds from their next request on.

    Raises:
        Forbidden: an administrator does this, and not for themselves.
        Problems: the posts do not exist here, or exclude each other.
    """
    user = _other(uow, user_id)
    refuse_all(_role_problems(RegionCode(user.scope), roles))
    uow.session.exec(delete(RoleGrant).where(col(RoleGrant.user_id) == user.id))
    _grant(uow, user, roles)
    return user


def set_active(uow: UnitOfWork, user_id: str, *, active: bool) -> User:
    """Dismiss somebody (their sessions end at once), or take them back. Nobody is ever deleted:
    their name stands on what they did.

    Raises:
        Forbidden: an administrator does this, and not to themselves.
    """
    user = _other(uow, user_id)
    user.is_active = active
    uow.session.add(user)
    if not active:
        sessions.end_sessions(uow, user.id)
    return user


def unlock(uow: UnitOfWork, user_id: str) -> User:
    """Let somebody try again before the lock ends.

    Raises:
        Forbidden: an administrator does this.
    """
    user = _known(uow, user_id)
    user.failures, user.locked_until = 0, None
    uow.session.add(user)
    return user


def reset_password(uow: UnitOfWork, user_id: str, *, passwords: Passwords) -> str:
    """A new first password, to be read out once; it has to be changed at the next login.

    Raises:
        Forbidden: an administrator does this, and not for themselves.
    """
    user = _other(uow, user_id)
    password = temporary_password()
    user.password_hash = passwords.hash(password)
    user.must_change_password = True
    user.failures, user.locked_until = 0, None
    uow.session.add(user)
    sessions.end_sessions(uow, user.id)
    return password


def change_password(
    uow: UnitOfWork,
    *,
    matches: bool,
    current: str,
    new: str,
    again: str,
    passwords: Passwords,
    settings: LoginSettings,
) -> sessions.SignedIn | Refusal:
    """Change one's own password; every other session ends and this one gets a new token.

    `matches` says whether `current` was verified. A wrong one counts as a failed login, so the
    refusal is returned and has to be committed.

    Raises:
        Problems: the new password is not good enough.
    """
    user = uow.get(User, uow.actor.id)
    if not matches:
        failure = sessions.count_failure(uow, user, settings=settings)
        if isinstance(failure, Invalid):
            return Invalid("现用口令不正确", field="current")
        sessions.end_sessions(uow, user.id)
        return failure
    refuse_all(_new_password_problems(user, current=current, new=new, again=again))
    user.password_hash = passwords.hash(new)
    user.must_change_password = False
    user.failures, user.locked_until = 0, None
    return sessions.begin_again(uow, user, settings=settings)


def users(uow: UnitOfWork) -> Sequence[Listed]:
    """Everybody who may log in here, by login.

    Raises:
        Forbidden: an administrator looks at this.
    """
    require(uow, Role.ADMINISTRATOR)
    found = uow.session.exec(select(User).order_by(User.login)).all()
    grants: dict[str, list[Role]] = {}
    for grant in uow.session.exec(select(RoleGrant)).all():
        grants.setdefault(grant.user_id, []).append(Role(grant.role))
    return [_listed(uow, user, grants.get(user.id, ())) for user in found]


def _listed(uow: UnitOfWork, user: User, roles: Sequence[Role]) -> Listed:
    attempts = Attempts(user.failures, user.locked_until)
    return Listed(
        id=user.id,
        login=user.login,
        name=user.name,
        scope=user.scope,
        roles=tuple(role for role in Role if role in roles),
        is_active=user.is_active,
        is_locked=attempts.is_locked(uow.now),
        must_change_password=user.must_change_password,
        last_login_at=user.last_login_at,
    )


def user(uow: UnitOfWork, user_id: str) -> Listed:
    """One of them.

    Raises:
        Forbidden: an administrator looks at this.
        NotFound: there is no such user.
    """
    for listed in users(uow):
        if listed.id == user_id:
            return listed
    raise NotFound("没有这个用户")


def scopes(uow: UnitOfWork) -> dict[RegionCode, str]:
    """The regions a user of this node may work for, with names: its own, and those it hosts."""
    codes = (uow.node, *sorted(uow.hosted))
    named = select(DivisionRow.code, DivisionRow.name).where(col(DivisionRow.code).in_(codes))
    names = dict(uow.session.exec(named).all())
    return {code: names.get(code, str(code)) for code in codes}


def scope_name(uow: UnitOfWork) -> str:
    """The name of the region the person works for."""
    row = uow.session.get(DivisionRow, uow.actor.scope)
    return row.name if row else str(uow.actor.scope)


def posts(uow: UnitOfWork) -> tuple[Role, ...]:
    """The posts that can be given at this node, hosted villages included."""
    levels = dict.fromkeys(code.level for code in (uow.node, *uow.hosted))
    return tuple(dict.fromkeys(role for level in levels for role in roles_at(level)))


def _problems(uow: UnitOfWork, new: NewUser) -> Iterator[Invalid]:
    yield from login_problems(tidy_login(new.login))
    if not new.name.strip():
        yield Invalid("请填写姓名", field="name")
    if len(new.name.strip()) > NAME_LONGEST:
        yield Invalid(f"姓名最多 {NAME_LONGEST} 个字", field="name")
    try:
        scope = RegionCode(new.scope)
    except RegionError as problem:
        yield Invalid(str(problem), field="scope")
        return
    is_hosted = uow.node.contains(scope) and scope.level in PROFILES[uow.level].hosts
    if scope != uow.node and not is_hosted:
        yield Invalid("负责区域应为本节点，或由本节点代管的村", field="scope")
        return
    yield from _role_problems(scope, new.roles)


def _role_problems(scope: RegionCode, roles: Collection[str]) -> Iterator[Invalid]:
    possible = roles_at(scope.level)
    if not roles:
        yield Invalid("请至少选择一个岗位", field="roles")
    unknown = [role for role in roles if role not in possible]
    if unknown:
        yield Invalid(f"{scope.level.title}没有这个岗位：{'、'.join(unknown)}", field="roles")
        return
    for reason in incompatibilities(Role(role) for role in roles):
        yield Invalid(reason, field="roles")


def _new_password_problems(user: User, *, current: str, new: str, again: str) -> Iterator[Invalid]:
    yield from password_problems(new, login=user.login)
    if new == current:
        yield Invalid("新口令不能与现用口令相同", field="password")
    if new != again:
        yield Invalid("两次输入的新口令不一致", field="again")


def _grant(uow: UnitOfWork, user: User, roles: Collection[str]) -> None:
    for role in dict.fromkeys(roles):
        uow.session.add(
            RoleGrant(user_id=user.id, role=role, granted_at=uow.now, granted_by=uow.actor.id)
        )


def _known(uow: UnitOfWork, user_id: str) -> User:
    require(uow, Role.ADMINISTRATOR)
    return uow.get(User, user_id)


def _other(uow: UnitOfWork, user_id: str) -> User:
    found = _known(uow, user_id)
    if found.id == uow.actor.id and not uow.actor.holds(SYSTEM):
        raise Forbidden("不能对自己的账号做这项操作，请由另一位系统管理员办理")
    return found
