"""People and their enrolments (参保登记). The county authors them, other tiers hold replicas."""

from datetime import date, datetime

from sqlalchemy import BigInteger, Index, text
from sqlmodel import Field, SQLModel

from node.core.db import Instant
from node.core.personal import Encrypted


class Person(SQLModel, table=True):
    """A person, known by the citizen number but never keyed by it: numbers get corrected."""

    __table_args__ = (
        Index("ux_person_number", "county_code", "citizen_index", unique=True),
        Index("ix_person_citizen", "citizen_index"),
        Index("ix_person_village", "county_code", "village"),
    )

    county_code: str = Field(primary_key=True, max_length=12)
    id: str = Field(primary_key=True, max_length=36)
    name: str = Field(index=True)
    citizen_number: str = Field(sa_type=Encrypted("person.citizen_number"))
    citizen_index: bytes
    sex: str = Field(max_length=6)
    born_on: date
    ethnicity: str = "汉族"
    phone: str | None = Field(default=None, sa_type=Encrypted("person.phone"))
    address: str = ""
    village: str = Field(max_length=12)
    category: str = Field(default="ordinary", max_length=32)
    died_on: date | None = None
    registered_at: datetime = Field(sa_type=Instant)


class Enrolment(SQLModel, table=True):
    """A person's membership of the scheme. At most one is open per person."""

    __table_args__ = (
        Index(
            "ux_enrolment_open",
            "county_code",
            "person_id",
            unique=True,
            sqlite_where=text("closed_on IS NULL"),
            postgresql_where=text("closed_on IS NULL"),
        ),
        Index("ix_enrolment_village", "county_code", "village", "state"),
    )

    county_code: str = Field(primary_key=True, max_length=12)
    id: str = Field(primary_key=True, max_length=36)
    person_id: str = Field(max_length=36)
    village: str = Field(max_length=12)
    state: str = Field(default="active", max_length=16)
    grade_fen: int | None = Field(
        default=None,
        sa_type=BigInteger,
        description="yearly grade chosen, in fen; none for those who contribute no longer",
    )
    bank_account: str | None = Field(default=None, sa_type=Encrypted("enrolment.bank_account"))
    opened_on: date
    closed_on: date | None = None
    close_reason: str | None = Field(default=None, max_length=32)
    case_id: str | None = Field(default=None, max_length=36)


class PersonChange(SQLModel, table=True):
    """One decided change of a person's details or standing, for good: the history of a person.

    `changes` is JSON of field → [before, after], encrypted: it holds personal data.
    """

    __tablename__ = "person_change"
    __table_args__ = (Index("ix_person_change_person", "county_code", "person_id", "at"),)

    county_code: str = Field(primary_key=True, max_length=12)
    id: str = Field(primary_key=True, max_length=36)
    person_id: str = Field(max_length=36)
    village: str = Field(max_length=12, description="where the person belongs after the change")
    what: str = Field(max_length=48, description="the matter that changed it")
    changes: str = Field(sa_type=Encrypted("person_change.changes"))
    reason: str = ""
    effective_on: date
    at: datetime = Field(sa_type=Instant)
    case_id: str | None = Field(default=None, max_length=36)


class PersonCategory(SQLModel, table=True):
    """That a person belongs to a special group (特殊群体), from a day until another."""

    __tablename__ = "person_category"
    __table_args__ = (Index("ix_person_category_person", "county_code", "person_id"),)

    county_code: str = Field(primary_key=True, max_length=12)
    id: str = Field(primary_key=True, max_length=36)
    person_id: str = Field(max_length=36)
    village: str = Field(max_length=12)
    category: str = Field(max_length=32)
    evidence: str = Field(default="", max_length=32)
    evidence_number: str = Field(default="", description="number of the certificate or list")
    valid_from: date
    valid_to: date | None = Field(default=None, description="the last day, as far as known")
    case_id: str | None = Field(default=None, max_length=36)
    ended_case_id: str | None = Field(default=None, max_length=36)


class GradeChoice(SQLModel, table=True):
    """The grade a person has chosen for a year (缴费档次申报). A later choice takes its place."""

    __tablename__ = "grade_choice"

    county_code: str = Field(primary_key=True, max_length=12)
    person_id: str = Field(primary_key=True, max_length=36)
    year: int = Field(primary_key=True)
    village: str = Field(max_length=12)
    grade_fen: int = Field(sa_type=BigInteger)
    chosen_on: date
    case_id: str | None = Field(default=None, max_length=36)


class HouseholdMember(SQLModel, table=True):
    """Somebody on the household list (户籍名册) of a village; it stays on this node."""

    __tablename__ = "household_member"
    __table_args__ = (
        Index("ux_household_member", "village", "citizen_index", unique=True),
        Index("ix_household_member_index", "citizen_index"),
    )

    id: str = Field(primary_key=True, max_length=36)
    village: str = Field(max_length=12)
    citizen_index: bytes
    name: str
    citizen_number: str = Field(sa_type=Encrypted("household_member.citizen_number"))
    born_on: date
    household_no: str = ""
    relation: str = Field(default="", description="to the head of the household")
    address: str = ""
    phone: str | None = Field(default=None, sa_type=Encrypted("household_member.phone"))
    reason: str = Field(default="", max_length=32, description="why not enrolled, as noted")
    imported_at: datetime = Field(sa_type=Instant)


class RollFile(SQLModel, table=True):
    """A roll somebody has uploaded, kept encrypted on this node to be looked at and imported.

    `content` is base64 of the file: what is checked is always the file itself, as it was sent.
    """

    __tablename__ = "roll_file"

    id: str = Field(primary_key=True, max_length=36)
    owner: str = Field(max_length=36, index=True)
    village: str = Field(max_length=12)
    filename: str
    content: str = Field(sa_type=Encrypted("roll_file.content"))
    kind: str = Field(default="roll", max_length=16, description="roll or migration")
    uploaded_at: datetime = Field(sa_type=Instant)
    imported_at: datetime | None = Field(default=None, sa_type=Instant)
    accepted: int = 0
    rows_total: int = Field(default=0, description="of the import under way or done")
    rows_done: int = 0
    moved_at: datetime | None = Field(default=None, sa_type=Instant)
    stopped: str = Field(default="", description="why the import stopped, until it goes on")


class RollHeading(SQLModel, table=True):
    """What a heading of this office's files stands for, as somebody once said."""

    __tablename__ = "roll_heading"

    place: str = Field(primary_key=True, max_length=12, description="the region of the office")
    heading: str = Field(primary_key=True, max_length=60)
    field: str = Field(max_length=32, description="the column of the roll; empty: not used")
