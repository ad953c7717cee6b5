"""What nodes below say about themselves."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

from node.core.db import Instant
from node.core.types import Json


class NodeReport(SQLModel, table=True):
    """The latest report of one node: its version, what waits, what it holds back."""

    __tablename__ = "node_report"

    node: str = Field(primary_key=True, max_length=12)
    level: str = Field(max_length=12)
    held_by: str | None = Field(default=None, max_length=12)
    version: str = Field(max_length=32)
    reported_at: datetime = Field(sa_type=Instant)
    arrived_at: datetime = Field(sa_type=Instant)
    facts: dict[str, Any] = Field(sa_type=Json)


class HeldNotice(SQLModel, table=True):
    """A record that some node holds back, as that node told it, with the latest decision."""

    __tablename__ = "held_notice"

    taker: str = Field(primary_key=True, max_length=12)
    origin: str = Field(primary_key=True, max_length=12)
    epoch: str = Field(primary_key=True, max_length=40)
    route: str = Field(primary_key=True, max_length=100)
    seq: int = Field(primary_key=True, sa_type=BigInteger)
    type: str = Field(max_length=100)
    key: str = Field(max_length=200)
    reason: str
    decision: str = Field(default="", max_length=10)
    note: str = ""
    at: datetime = Field(sa_type=Instant)
