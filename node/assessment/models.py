"""Marks given by hand, published assessments, inspections and what came of them."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, SmallInteger
from sqlmodel import Field, SQLModel

from node.core.db import Instant


class AssessmentMark(SQLModel, table=True):
    """What a city gives a county for an item scored by hand; stays at the city until published."""

    __tablename__ = "assessment_mark"

    county_code: str = Field(primary_key=True, max_length=12)
    year: int = Field(primary_key=True, sa_type=SmallInteger)
    item: str = Field(primary_key=True, max_length=20)
    percent: int = Field(sa_type=SmallInteger, description="of the item's weight, 0-100")
    note: str
    given_by_name: str
    given_at: datetime = Field(sa_type=Instant)


class AssessmentResult(SQLModel, table=True):
    """A county's assessment of a year as its city published it; a later version replaces none.

    `items` keeps numerator and denominator of each value: the score can be computed again.
    """

    __tablename__ = "assessment_result"

    county_code: str = Field(primary_key=True, max_length=12)
    year: int = Field(primary_key=True, sa_type=SmallInteger)
    version: int = Field(primary_key=True, sa_type=SmallInteger)
    bulletin_id: str = Field(max_length=36)
    items: list[dict[str, Any]] = Field(sa_type=JSON)
    total_milli: int
    place: int = Field(sa_type=SmallInteger)
    places: int = Field(sa_type=SmallInteger, description="how many counties were ranked")
    published_by_name: str
    published_at: datetime = Field(sa_type=Instant)


class Inspection(SQLModel, table=True):
    """A visit (检查) a city plans to a county, and what it found. The city is its only author."""

    county_code: str = Field(primary_key=True, max_length=12)
    id: str = Field(primary_key=True, max_length=36)
    city: str = Field(max_length=12)
    purpose: str
    planned_on: date
    planned_by_name: str
    visited_on: date | None = None
    conclusion: str = ""
    findings: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    changed_at: datetime = Field(sa_type=Instant)


class InspectionAnswer(SQLModel, table=True):
    """What a county says it has done about a finding (整改情况). The county is its only author."""

    __tablename__ = "inspection_answer"

    county_code: str = Field(primary_key=True, max_length=12)
    inspection_id: str = Field(primary_key=True, max_length=36)
    finding: int = Field(primary_key=True, sa_type=SmallInteger)
    text: str
    answered_by_name: str
    answered_at: datetime = Field(sa_type=Instant)
