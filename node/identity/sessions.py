"""Logging in and out: candidates, failures, sessions.

A password is verified *between* two transactions: a hash takes 25 ms, and no village waits for
the one writer that long. The second transaction looks at the lock again, so guessing in parallel
gains nothing.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, update
from sqlmodel import Session, col, select

from node.core.clock import shanghai
from node.core.errors import Forbidden, Invalid, Refusal
from node.core.work import Actor, UnitOfWork
from node.identity.models import RoleGrant, User, UserSession
from node.identity.rules import Attempts, tidy_login
from node.settings import LoginSettings
from tiers import RegionCode

TOKEN_BYTES = 32
TOUCH = timedelta(minutes=5)  # `seen_at` is written no oftener: a read stays a read


@dataclass(frozen=True, slots=True)
class Candidate:
    """Who may be behind a login; the hash is None for a login that does not exist."""

    user_id: str | None
    password_hash: str | None


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session has begun. `token` goes into the cookie and is stored nowhere."""

    token: str
    csrf_token: str
    must_change_password: bool


@dataclass(frozen=True, slots=True)
class Login:
    """The person behind a request."""

    actor: Actor
    token_hash: str
    csrf_token: str
    seen_at: datetime

    def needs_touch(self, now: datetime) -> bool:
        return now - self.seen_at >= TOUCH


def candidate(uow: UnitOfWork, login: str) -> Candidate:
    """The first step of logging in; the caller verifies the password, then calls `sign_in`."""
    statement = select(User.id, User.password_hash).where(User.login == tidy_login(login))
    found = uow.session.exec(statement).first()
    return Candidate(*found) if found else Candidate(None, None)


def sign_in(
    uow: UnitOfWork,
    who: Candidate,
    *,
    matches: bool,
    settings: LoginSettings,
    rehashed: str | None = None,
) -> SignedIn | Refusal:
    """The second step: begin a session, or count a failure.

    A refusal is returned and not raised, since the failure it counts has to be committed. An
    unknown login, a wrong password and a dismissed person get the same answer.
    """
    user = uow.session.get(User, who.user_id, with_for_update=True) if who.user_id else None
    if user is None:
        return _wrong(settings)
    attempts = Attempts(user.failures, user.locked_until)
    if attempts.is_locked(uow.now):
        return _locked(attempts)
    if not matches or not user.is_active or user.password_hash != who.password_hash:
        return count_failure(uow, user, settings=settings)
    user.failures, user.locked_until, user.last_login_at = 0, None, uow.now
    user.password_hash = rehashed or user.password_hash
    return _open(uow, user, settings=settings)


def count_failure(uow: UnitOfWork, user: User, *, settings: LoginSettings) -> Refusal:
    """One more wrong password; the last allowed one locks."""
    before = Attempts(user.failures, user.locked_until)
    lock = timedelta(minutes=settings.lock_minutes)
    after = before.failed(uow.now, limit=settings.failures_before_lock, lock=lock)
    user.failures, user.locked_until = after.failures, after.locked_until
    uow.session.add(user)
    return _locked(after) if after.is_locked(uow.now) else _wrong(settings)


def _open(uow: UnitOfWork, user: User, *, settings: LoginSettings) -> SignedIn:
    token, csrf = secrets.token_urlsafe(TOKEN_BYTES), secrets.token_urlsafe(TOKEN_BYTES)
    uow.session.add(user)
    uow.session.add(
        UserSession(
            token_hash=fingerprint(token),
            user_id=user.id,
            csrf_token=csrf,
            created_at=uow.now,
            seen_at=uow.now,
            expires_at=uow.now + timedelta(hours=settings.session_hours),
        )
    )
    return SignedIn(token, csrf, user.must_change_password)


def find_login(
    session: Session, token: str, *, now: datetime, settings: LoginSettings
) -> Login | None:
    """The person whose cookie carries `token`; None when the session is over."""
    idle_since = now - timedelta(minutes=settings.idle_minutes)
    statement = (
        select(UserSession, User)
        .join(User, col(User.id) == UserSession.user_id)
        .where(
            UserSession.token_hash == fingerprint(token),
            UserSession.expires_at > now,
            UserSession.seen_at > idle_since,
            col(User.is_active),
        )
    )
    found = session.exec(statement).first()
    if found is None:
        return None
    held, user = found
    roles = session.exec(select(RoleGrant.role).where(RoleGrant.user_id == user.id)).all()
    actor = Actor(
        id=user.id,
        name=user.name,
        roles=frozenset(roles),
        scope=RegionCode(user.scope),
        must_change_password=user.must_change_password,
    )
    return Login(actor, held.token_hash, held.csrf_token, held.seen_at)


def touch(uow: UnitOfWork, token_hash: str) -> None:
    """Note that a session is in use."""
    statement = update(UserSession).where(col(UserSession.token_hash) == token_hash)
    uow.session.exec(statement.values(seen_at=uow.now))


def sign_out(uow: UnitOfWork, token: str) -> None:
    """End one session; a second click changes nothing."""
    statement = delete(UserSession).where(col(UserSession.token_hash) == fingerprint(token))
    uow.session.exec(statement)


def end_sessions(uow: UnitOfWork, user_id: str) -> None:
    """End every session of somebody: dismissed, or the password was changed."""
    uow.session.exec(delete(UserSession).where(col(UserSession.user_id) == user_id))


def begin_again(uow: UnitOfWork, user: User, *, settings: LoginSettings) -> SignedIn:
    """After a change of password: all earlier sessions end, this one gets a new token."""
    end_sessions(uow, user.id)
    return _open(uow, user, settings=settings)


def sweep(uow: UnitOfWork) -> str:
    """The job that removes sessions whose time is over."""
    result = uow.session.exec(delete(UserSession).where(col(UserSession.expires_at) <= uow.now))
    return f"清理过期会话 {result.rowcount} 个"


def fingerprint(token: str) -> str:
    """What is stored of a token. It is random and long, so a plain hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def _wrong(settings: LoginSettings) -> Refusal:
    return Invalid(
        f"用户名或口令不正确。连续输错 {settings.failures_before_lock} 次"
        f"将锁定 {settings.lock_minutes} 分钟",
        field="password",
    )


def _locked(attempts: Attempts) -> Refusal:
    assert attempts.locked_until is not None  # noqa: S101  # narrows for mypy: it is locked
    until = shanghai(attempts.locked_until)
    return Forbidden(
        f"连续输错口令，账号已锁定，{until:%H:%M} 后再试，或请系统管理员解锁", field="login"
    )
