"""Transfers between counties (关系转移接续): what was said of each, step by step, for good."""

from datetime import date, datetime

from sqlalchemy import BigInteger, Index
from sqlmodel import Field, SQLModel

from node.core.db import Instant
from node.core.personal import Encrypted


class TransferStep(SQLModel, table=True):
    """One step of one transfer, written by the county that took it; append-only.

    Two counties write about a transfer, each its own steps, and those above hold both. How far it
    has come is read from which steps there are, so the order in which they arrive does not matter.
    `id` is that of the case at the county that takes the person in. `body` is JSON, encrypted: the
    person and the account's history.
    """

    __tablename__ = "transfer_step"
    __table_args__ = (
        Index("ix_transfer_step_person", "county_code", "person_id"),
        Index("ix_transfer_step_number", "county_code", "citizen_index"),
        Index("ix_transfer_step_id", "id", "step"),
    )

    county_code: str = Field(primary_key=True, max_length=12, description="who took the step")
    id: str = Field(primary_key=True, max_length=36)
    step: str = Field(primary_key=True, max_length=12)
    from_county: str = Field(max_length=12)
    to_county: str = Field(max_length=12)
    village: str = Field(max_length=12, description="where the person belongs at that county")
    name: str = ""
    citizen_index: bytes
    person_id: str | None = Field(default=None, max_length=36)
    account_no: int | None = Field(default=None, sa_type=BigInteger)
    enrolment_id: str | None = Field(default=None, max_length=36)
    fen: int = Field(default=0, sa_type=BigInteger, description="what the step moves")
    entry_no: int | None = Field(default=None, sa_type=BigInteger)
    taken_on: date
    taken_at: datetime = Field(sa_type=Instant)
    taken_by_name: str = ""
    reference: str = Field(default="", max_length=64, description="of the bank, where money moved")
    reason: str = ""
    case_id: str | None = Field(default=None, max_length=36)
    body: str = Field(sa_type=Encrypted("transfer_step.body"))
