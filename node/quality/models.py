"""Findings and what counties say of them."""

from datetime import date, datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from node.core.db import Instant
from node.core.personal import Encrypted


class QualityFinding(SQLModel, table=True):
    """Something the facts contradict. The same contradiction is one finding, however often found.

    `first`, `second` and `third` are what the rule's sentence is filled with; no numbers of people.
    `found_by` is the node whose check it is: a county's own, or a supervisor's, who saw more.
    """

    __tablename__ = "quality_finding"
    __table_args__ = (Index("ix_quality_finding_village", "county_code", "village", "gone_at"),)

    county_code: str = Field(primary_key=True, max_length=12)
    rule: str = Field(primary_key=True, max_length=40)
    subject: str = Field(primary_key=True, max_length=64)
    found_by: str = Field(max_length=12)
    village: str = Field(max_length=12)
    person_id: str | None = Field(default=None, max_length=36)
    first: str = ""
    second: str = ""
    third: str = ""
    severity: str = Field(max_length=8)
    found_on: date
    due_on: date
    seen_at: datetime = Field(sa_type=Instant)
    gone_at: datetime | None = Field(default=None, sa_type=Instant)


class QualityAnswer(SQLModel, table=True):
    """What the county says of a finding; the newest stands."""

    __tablename__ = "quality_answer"

    county_code: str = Field(primary_key=True, max_length=12)
    rule: str = Field(primary_key=True, max_length=40)
    subject: str = Field(primary_key=True, max_length=64)
    answer: str = Field(max_length=12)
    note: str
    answered_by: str = Field(max_length=36)
    answered_by_name: str
    answered_at: datetime = Field(sa_type=Instant)


class QualityScore(SQLModel, table=True):
    """How a county stood on a day, for the line over time."""

    __tablename__ = "quality_score"

    county_code: str = Field(primary_key=True, max_length=12)
    day: date = Field(primary_key=True)
    people: int
    errors: int
    warnings: int
    notices: int
    score_ppm: int


class ComparisonList(SQLModel, table=True):
    """A list of another department (比对名单) about a region; it stays on the node that took it in.

    `prefix` is what the codes of the region begin with.
    """

    __tablename__ = "comparison_list"

    id: str = Field(primary_key=True, max_length=36)
    kind: str = Field(max_length=16)
    region: str = Field(max_length=12)
    prefix: str = Field(max_length=12)
    filename: str
    as_of: date
    people: int
    is_current: bool = True
    uploaded_by_name: str
    uploaded_at: datetime = Field(sa_type=Instant)


class ComparisonRow(SQLModel, table=True):
    """One line of a list, and who of our people it is: by number, by likeness, or nobody."""

    __tablename__ = "comparison_row"
    __table_args__ = (
        Index("ix_comparison_row_index", "citizen_index"),
        Index("ix_comparison_row_person", "county_code", "person_id"),
    )

    list_id: str = Field(primary_key=True, max_length=36)
    row_no: int = Field(primary_key=True)
    name: str
    citizen_number: str = Field(sa_type=Encrypted("comparison_row.citizen_number"))
    citizen_index: bytes
    happened_on: date | None = Field(default=None, description="of death, or of joining")
    unit: str = ""
    county_code: str | None = Field(default=None, max_length=12)
    person_id: str | None = Field(default=None, max_length=36)
    score: int = 0
    decision: str = Field(default="none", max_length=10)
    decided_by_name: str = ""
