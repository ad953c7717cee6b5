"""What nodes below say about themselves."""

from datetime import datetime
from typing import Any

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
