"""People who log in, their duties and sessions. Users belong to one node and never travel."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from node.core.db import Instant


class User(SQLModel, table=True):
    """Somebody with a login here. `scope` is the region they work for, inside the node's."""

    __tablename__ = "app_user"

    id: str = Field(primary_key=True, max_length=36)
    login: str = Field(unique=True, max_length=64)
    name: str
    scope: str = Field(max_length=12)
    password_hash: str
    must_change_password: bool = True
    failures: int = 0
    locked_until: datetime | None = Field(default=None, sa_type=Instant)
    is_active: bool = True
    created_at: datetime = Field(sa_type=Instant)
    last_login_at: datetime | None = Field(default=None, sa_type=Instant)


class RoleGrant(SQLModel, table=True):
    """A duty somebody holds."""

    __tablename__ = "role_grant"

    user_id: str = Field(primary_key=True, max_length=36, foreign_key="app_user.id")
    role: str = Field(primary_key=True, max_length=32)
    granted_at: datetime = Field(sa_type=Instant)
    granted_by: str = Field(max_length=36)


class UserSession(SQLModel, table=True):
    """A login. Only the hash of its token is stored."""

    __tablename__ = "user_session"

    token_hash: str = Field(primary_key=True, max_length=64)
    user_id: str = Field(max_length=36, foreign_key="app_user.id", index=True)
    csrf_token: str = Field(max_length=64)
    created_at: datetime = Field(sa_type=Instant)
    seen_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)
