"""Published statistics: a county's signed figures, kept by the tiers above to check their own."""

from datetime import datetime
from typing import Any

from sqlalchemy import SmallInteger
from sqlmodel import Field, SQLModel

from node.core.db import Instant
from node.core.types import Json


class StatisticsReport(SQLModel, table=True):
    """What a county says its figures are, and the stream heads they were computed from."""

    __tablename__ = "statistics_report"

    county_code: str = Field(primary_key=True, max_length=12)
    year: int = Field(primary_key=True, sa_type=SmallInteger)
    version: int = Field(primary_key=True)
    measures: dict[str, Any] = Field(sa_type=Json)
    heads: dict[str, Any] = Field(sa_type=Json)
    reported_at: datetime = Field(sa_type=Instant)
