"""Cases (业务受理单), their steps, and drafts that have not been submitted yet."""

from datetime import date, datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from node.core.db import Instant
from node.core.personal import Encrypted


class Case(SQLModel, table=True):
    """One matter of one person on its way from the village to the county.

    `form` is the JSON of the matter's form, encrypted because it holds personal data.
    `subject_index` is the blind index of the citizen number under this node's key.
    """

    __tablename__ = "case"
    __table_args__ = (
        Index("ix_case_state", "county_code", "state", "village"),
        Index("ix_case_subject", "county_code", "subject_index"),
    )

    county_code: str = Field(primary_key=True, max_length=12)
    id: str = Field(primary_key=True, max_length=36)
    number: str = Field(index=True, max_length=32)
    matter: str = Field(max_length=48)
    village: str = Field(max_length=12, description="the region the case is about")
    origin: str = Field(max_length=12, description="the node whose stream carries the case")
    subject_name: str
    subject_index: bytes
    form: str = Field(sa_type=Encrypted("case.form"))
    form_before: str | None = Field(
        default=None, sa_type=Encrypted("case.form"), description="the form of the version before"
    )
    attachments: str = Field(default="", description="JSON: pictures by hash, with their kind")
    version: int = 1
    state: str = Field(max_length=16)
    holder: str | None = Field(default=None, max_length=12, description="tier that acts next")
    turn: int = Field(default=1, description="turn of the step that says the state")
    remark: str = Field(default="", description="why it was returned, until it goes on")
    remarks: str = Field(default="", description="JSON of what is wrong by field, until it goes on")
    entered_by: str = Field(max_length=36)
    entered_by_name: str
    entered_at: datetime = Field(sa_type=Instant)
    moved_at: datetime = Field(sa_type=Instant)
    due_on: date | None = None
    outcome: str | None = Field(default=None, description="what approval made, e.g. the person no.")
    provenance: str = Field(default="form", max_length=16, description="form, roll or migration")


class CaseStep(SQLModel, table=True):
    """One step: who, when, at which node, with which opinion. Append-only."""

    __tablename__ = "case_step"

    county_code: str = Field(primary_key=True, max_length=12)
    case_id: str = Field(primary_key=True, max_length=36)
    id: str = Field(primary_key=True, max_length=36)
    action: str = Field(max_length=16)
    state: str = Field(max_length=16, description="the state of the case after the step")
    version: int
    turn: int = Field(description="how many steps its author had seen, plus one")
    node: str = Field(max_length=12)
    level: str = Field(max_length=12)
    actor_id: str = Field(max_length=36)
    actor_name: str
    at: datetime = Field(sa_type=Instant)
    arrived_at: datetime = Field(sa_type=Instant, description="when this node learned of it")
    opinion: str = ""
    remarks: str = Field(default="", description="JSON of what is wrong by field")
    due_on: date | None = Field(default=None, description="when the next step is due")
    outcome: str | None = None


class CaseAssignment(SQLModel, table=True):
    """A case given to one of the people at the desk it lies on. Stays on this node.

    It holds while the case is in `state`: the next desk has people of its own.
    """

    __tablename__ = "case_assignment"

    county_code: str = Field(primary_key=True, max_length=12)
    case_id: str = Field(primary_key=True, max_length=36)
    state: str = Field(max_length=16)
    user_id: str = Field(max_length=36, index=True)
    user_name: str
    given_by: str = Field(max_length=36)
    given_at: datetime = Field(sa_type=Instant)


class Draft(SQLModel, table=True):
    """What somebody has typed and not submitted. Stays on this node, encrypted."""

    id: str = Field(primary_key=True, max_length=36)
    owner: str = Field(max_length=36, index=True)
    matter: str = Field(max_length=48)
    village: str = Field(max_length=12)
    case_id: str | None = Field(default=None, max_length=36, index=True)
    values: str = Field(sa_type=Encrypted("draft.values"))
    attachments: str = ""
    created_at: datetime = Field(sa_type=Instant)
    updated_at: datetime = Field(sa_type=Instant)
