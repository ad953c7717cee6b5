"""Tables of the house itself: divisions, counters, jobs."""

from datetime import date, datetime

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

from node.core.db import Instant


class DivisionRow(SQLModel, table=True):
    """A place of the division tree that this node needs to know, with its reporting parent."""

    __tablename__ = "division"

    code: str = Field(primary_key=True, max_length=12)
    name: str
    level: str = Field(max_length=12)
    parent: str | None = Field(default=None, max_length=12, index=True)
    valid_from: date | None = None
    valid_to: date | None = None
    successor: str | None = Field(default=None, max_length=12)


class Counter(SQLModel, table=True):
    """A gap-free serial number of one county, advanced in the transaction that uses it."""

    county_code: str = Field(primary_key=True, max_length=12)
    name: str = Field(primary_key=True, max_length=64)
    value: int = Field(sa_type=BigInteger)


class SchedulerLease(SQLModel, table=True):
    """The one scheduler of a database: whoever holds the lease runs the jobs."""

    __tablename__ = "scheduler_lease"

    name: str = Field(primary_key=True, max_length=32)
    holder: str
    expires_at: datetime = Field(sa_type=Instant)


class JobRun(SQLModel, table=True):
    """One run of a job, with its outcome and how long it took."""

    __tablename__ = "job_run"

    id: str = Field(primary_key=True, max_length=36)
    job: str = Field(index=True, max_length=64)
    started_at: datetime = Field(sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    outcome: str = Field(default="running", max_length=16)
    detail: str = ""


class AccessLog(SQLModel, table=True):
    """Somebody looked at personal data in full, or took a file away. Kept for inspection, never
    changed: `supervision` chains each day's entries and signs the head.

    `kind` is look, export or print; `about` says what kind of thing `subject` is.
    """

    __tablename__ = "access_log"

    id: str = Field(primary_key=True, max_length=36)
    at: datetime = Field(sa_type=Instant, index=True)
    actor_id: str = Field(max_length=36, index=True)
    actor_name: str
    subject: str = Field(max_length=64, index=True)
    what: str
    reason: str = ""
    kind: str = Field(default="look", max_length=8)
    about: str = Field(default="person", max_length=16)
