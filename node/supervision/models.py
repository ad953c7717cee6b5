"""What counties say of how their data is used, and what supervisors ask about it."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Index
from sqlmodel import Field, SQLModel

from node.core.db import Instant


class UsageDigest(SQLModel, table=True):
    """A day's uses of a county, counted and sealed (每日用数摘要); days follow without a gap.

    `root` is the Merkle root over every use of the day, `head` chains it to `previous`. `lines` are
    counts by operator, kind and matter.
    """

    __tablename__ = "usage_digest"

    county_code: str = Field(primary_key=True, max_length=12)
    day: date = Field(primary_key=True)
    previous: str = Field(max_length=64)
    root: str = Field(max_length=64)
    head: str = Field(max_length=64)
    uses: int
    lines: list[dict[str, Any]] = Field(sa_type=JSON)
    made_at: datetime = Field(sa_type=Instant)


class UsageQuestion(SQLModel, table=True):
    """A supervisor's question about one line of a digest, and the county's answer.

    `entries` are the uses the line counts, each with its path to the root of the day.
    """

    __tablename__ = "usage_question"
    __table_args__ = (Index("ix_usage_question_day", "county_code", "day"),)

    county_code: str = Field(primary_key=True, max_length=12)
    id: str = Field(primary_key=True, max_length=36)
    day: date
    actor_id: str = Field(max_length=36)
    actor_name: str
    kind: str = Field(max_length=8)
    matter: str = Field(max_length=48)
    text: str
    asked_by_node: str = Field(max_length=12)
    asked_by_name: str
    asked_at: datetime = Field(sa_type=Instant)
    answer: str = ""
    answered_by_name: str = ""
    answered_at: datetime | None = Field(default=None, sa_type=Instant)
    entries: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
