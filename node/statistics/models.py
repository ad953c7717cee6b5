"""Figures as they stand, what has to be counted again, and what counties have signed."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, SmallInteger
from sqlmodel import Field, SQLModel

from node.core.db import Instant
from node.core.types import Json


class StatisticsCell(SQLModel, table=True):
    """What changed in a village in a month, by measure: people or fen. Stocks are sums of changes.

    `place` is a village. Counted from the facts, and counted again when they change; never
    corrected by hand and never sent.
    """

    __tablename__ = "statistics_cell"

    county_code: str = Field(primary_key=True, max_length=12)
    year: int = Field(primary_key=True, sa_type=SmallInteger)
    place: str = Field(primary_key=True, max_length=12)
    month: int = Field(primary_key=True, sa_type=SmallInteger)
    measure: str = Field(primary_key=True, max_length=32)
    amount: int = Field(sa_type=BigInteger)


class StatisticsTotal(SQLModel, table=True):
    """The cells of a county, summed: what the tiers above read at a glance."""

    __tablename__ = "statistics_total"

    county_code: str = Field(primary_key=True, max_length=12)
    year: int = Field(primary_key=True, sa_type=SmallInteger)
    month: int = Field(primary_key=True, sa_type=SmallInteger)
    measure: str = Field(primary_key=True, max_length=32)
    amount: int = Field(sa_type=BigInteger)


class StatisticsShare(SQLModel, table=True):
    """A cell (`StatisticsCell`) by what the people are: `dimension` sex, born, category or grade.

    `value` is a code, a year of birth, a grade in fen, or empty where nothing is known. Years of
    birth are kept, not ages: who grows older changes no fact.
    """

    __tablename__ = "statistics_share"

    county_code: str = Field(primary_key=True, max_length=12)
    year: int = Field(primary_key=True, sa_type=SmallInteger)
    place: str = Field(primary_key=True, max_length=12)
    month: int = Field(primary_key=True, sa_type=SmallInteger)
    measure: str = Field(primary_key=True, max_length=32)
    dimension: str = Field(primary_key=True, max_length=12)
    value: str = Field(primary_key=True, max_length=32)
    amount: int = Field(sa_type=BigInteger)


class StatisticsShareTotal(SQLModel, table=True):
    """The shares of a county, summed over its villages."""

    __tablename__ = "statistics_share_total"

    county_code: str = Field(primary_key=True, max_length=12)
    year: int = Field(primary_key=True, sa_type=SmallInteger)
    month: int = Field(primary_key=True, sa_type=SmallInteger)
    measure: str = Field(primary_key=True, max_length=32)
    dimension: str = Field(primary_key=True, max_length=12)
    value: str = Field(primary_key=True, max_length=32)
    amount: int = Field(sa_type=BigInteger)


class StatisticsStale(SQLModel, table=True):
    """Facts of a county changed: its cells of a subject and a year have to be counted again.

    Each transaction leaves marks of its own, so that a count that runs beside it takes away only
    those it has seen. Year 0 means every year.
    """

    __tablename__ = "statistics_stale"

    county_code: str = Field(primary_key=True, max_length=12)
    subject: str = Field(primary_key=True, max_length=16)
    year: int = Field(primary_key=True, sa_type=SmallInteger)
    txn: str = Field(primary_key=True, max_length=36)


class StatisticsReport(SQLModel, table=True):
    """What a county says its figures are, and the stream heads they were computed from.

    `month` 0: the whole year, up to the day of the report while the year lasts.
    """

    __tablename__ = "statistics_report"

    county_code: str = Field(primary_key=True, max_length=12)
    year: int = Field(primary_key=True, sa_type=SmallInteger)
    month: int = Field(primary_key=True, sa_type=SmallInteger)
    version: int = Field(primary_key=True)
    measures: dict[str, Any] = Field(sa_type=Json)
    heads: dict[str, Any] = Field(sa_type=Json)
    reported_at: datetime = Field(sa_type=Instant)
