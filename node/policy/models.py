"""Bulletins (政策文件) and who has acknowledged them."""

from datetime import date, datetime
from typing import Any

from sqlmodel import Field, SQLModel

from node.core.db import Instant
from node.core.types import Json


class Bulletin(SQLModel, table=True):
    """A policy document with a typed body. Once published it never changes."""

    id: str = Field(primary_key=True, max_length=36)
    number: str = Field(index=True)
    kind: str = Field(index=True, max_length=48)
    title: str
    region: str = Field(max_length=12, description="the issuer; it is in force inside this region")
    effective_from: date
    effective_to: date | None = None
    body: dict[str, Any] = Field(sa_type=Json)
    text: str = ""
    supersedes: str | None = Field(default=None, max_length=36)
    status: str = Field(default="draft", max_length=16)
    drafted_by: str = Field(max_length=36)
    drafted_by_name: str = ""
    drafted_at: datetime = Field(sa_type=Instant)
    checked_by: str | None = Field(default=None, max_length=36)
    checked_by_name: str = ""
    checked_at: datetime | None = Field(default=None, sa_type=Instant)
    published_by: str | None = Field(default=None, max_length=36)
    published_by_name: str = ""
    published_at: datetime | None = Field(default=None, sa_type=Instant)


class Withdrawal(SQLModel, table=True):
    """A published bulletin stops being in force before its time: no longer on `holds_until` + 1.

    The bulletin itself stands unchanged; what was decided under it stays decided under it.
    """

    __tablename__ = "bulletin_withdrawal"

    bulletin_id: str = Field(primary_key=True, max_length=36)
    region: str = Field(max_length=12)
    holds_until: date = Field(description="the last day the bulletin holds")
    reason: str
    withdrawn_by: str = Field(max_length=36)
    withdrawn_by_name: str = ""
    withdrawn_at: datetime = Field(sa_type=Instant)


class Acknowledgement(SQLModel, table=True):
    """A node has the bulletin in its own store since `at`."""

    bulletin_id: str = Field(primary_key=True, max_length=36)
    node: str = Field(primary_key=True, max_length=12)
    at: datetime = Field(sa_type=Instant)
