"""Public notices (公示), the cases on them, and objections."""

from datetime import date

from sqlalchemy import SmallInteger
from sqlmodel import Field, SQLModel

from node.core.personal import Encrypted


class PublicNotice(SQLModel, table=True):
    """A list that hangs in one village for some days before the county approves what is on it.

    `rows` is JSON of what is posted: case, name, sex, masked number. The list of a `year`
    (缴费名单) has no cases: `matter` is the code of the list, each row names itself (`line`) and
    has `values`.
    """

    __tablename__ = "public_notice"

    county_code: str = Field(primary_key=True, max_length=12)
    id: str = Field(primary_key=True, max_length=36)
    village: str = Field(max_length=12, index=True)
    matter: str = Field(max_length=48)
    days: int = Field(sa_type=SmallInteger)
    rows: str = Field(sa_type=Encrypted("notice.rows"))
    issued_on: date
    issued_by: str
    posted_on: date | None = None
    posted_by: str = ""
    year: int | None = Field(default=None, sa_type=SmallInteger)
    part: int = Field(default=1, sa_type=SmallInteger)


class NoticeCase(SQLModel, table=True):
    """A case is on one notice."""

    __tablename__ = "notice_case"

    county_code: str = Field(primary_key=True, max_length=12)
    case_id: str = Field(primary_key=True, max_length=36)
    notice_id: str = Field(max_length=36, index=True)


class Objection(SQLModel, table=True):
    """What somebody has against one line of a notice, or the whole; answered by the county."""

    __tablename__ = "notice_objection"

    county_code: str = Field(primary_key=True, max_length=12)
    id: str = Field(primary_key=True, max_length=36)
    notice_id: str = Field(max_length=36, index=True)
    case_id: str = Field(default="", max_length=36, description="empty: against the whole list")
    said: str = Field(sa_type=Encrypted("objection.said"))
    objector: str = Field(sa_type=Encrypted("objection.objector"), description="may stay unnamed")
    received_on: date
    recorded_by: str
    upheld: bool | None = None
    answer: str = ""
    answered_on: date | None = None
    answered_by: str = ""
