"""Batches for banks and what the banks answered. They stay at the county that made them."""

from datetime import date, datetime

from sqlalchemy import BigInteger, Index, SmallInteger, text
from sqlmodel import Field, SQLModel

from node.core.db import Instant
from node.core.personal import Encrypted

_LIVE = text("state IN ('waiting', 'sent', 'succeeded', 'unclear')")
_ANSWERED = text("bank_reference IS NOT NULL")


class BankBatch(SQLModel, table=True):
    """What is to be collected or paid out at one bank together. `purpose` says who made it."""

    __tablename__ = "bank_batch"
    __table_args__ = (Index("ix_bank_batch_purpose", "county_code", "purpose", "batch_no"),)

    county_code: str = Field(primary_key=True, max_length=12)
    batch_no: int = Field(primary_key=True, sa_type=BigInteger)
    bank: str = Field(max_length=32)
    direction: str = Field(max_length=8)
    purpose: str = Field(max_length=24)
    reference: str = Field(default="", max_length=64, description="what its maker calls it")
    memo: str = Field(default="", description="as the bank shows it to the person")
    lines: int
    fen: int = Field(sa_type=BigInteger)
    made_by: str = Field(max_length=36)
    made_by_name: str
    made_at: datetime = Field(sa_type=Instant)
    sent_at: datetime | None = Field(default=None, sa_type=Instant)


class BankFile(SQLModel, table=True):
    """One file of a batch on its way out: a bank takes so many lines in one and no more."""

    __tablename__ = "bank_file"

    county_code: str = Field(primary_key=True, max_length=12)
    batch_no: int = Field(primary_key=True, sa_type=BigInteger)
    part_no: int = Field(primary_key=True, sa_type=SmallInteger)
    file_name: str = Field(max_length=120)
    first_line: int
    last_line: int
    fen: int = Field(sa_type=BigInteger)
    content_hash: str = Field(default="", max_length=64)


class BankLine(SQLModel, table=True):
    """One person's money in a batch. `reference` is its maker's key for what is paid.

    The same thing may stand in one live line only: the database refuses to present again what the
    bank may have done. Encrypted columns bear the purposes of the registry's, so that their
    ciphertext is copied by the database.
    """

    __tablename__ = "bank_line"
    __table_args__ = (
        Index(
            "ux_bank_line_live",
            "county_code",
            "purpose",
            "reference",
            unique=True,
            sqlite_where=_LIVE,
            postgresql_where=_LIVE,
        ),
        Index(
            "ux_bank_line_bank_reference",
            "county_code",
            "bank",
            "bank_reference",
            unique=True,
            sqlite_where=_ANSWERED,
            postgresql_where=_ANSWERED,
        ),
        {"sqlite_with_rowid": False},
    )

    county_code: str = Field(primary_key=True, max_length=12)
    batch_no: int = Field(primary_key=True, sa_type=BigInteger)
    line_no: int = Field(primary_key=True)
    bank: str = Field(max_length=32)
    purpose: str = Field(max_length=24)
    reference: str = Field(max_length=64)
    name: str
    citizen_number: str = Field(default="", sa_type=Encrypted("person.citizen_number"))
    account: str = Field(sa_type=Encrypted("enrolment.bank_account"))
    region: str = Field(max_length=12)
    fen: int = Field(sa_type=BigInteger)
    state: str = Field(default="waiting", max_length=12)
    code: str = Field(default="", max_length=32)
    bank_reference: str | None = Field(default=None, max_length=64)
    answered_on: date | None = None
    result_no: int | None = Field(default=None, sa_type=BigInteger)


class BankResult(SQLModel, table=True):
    """A result file that came in, known by its content: the second arrival changes nothing.

    `refused` says why a file was refused whole; then none of its rows is kept.
    """

    __tablename__ = "bank_result"
    __table_args__ = (
        Index("ux_bank_result_content", "county_code", "bank", "content_hash", unique=True),
    )

    county_code: str = Field(primary_key=True, max_length=12)
    result_no: int = Field(primary_key=True, sa_type=BigInteger)
    bank: str = Field(max_length=32)
    direction: str = Field(max_length=8)
    file_name: str = Field(max_length=120)
    content_hash: str = Field(max_length=64)
    lines: int = 0
    fen: int = Field(default=0, sa_type=BigInteger)
    received_at: datetime = Field(sa_type=Instant)
    received_by: str = Field(max_length=36)
    received_by_name: str
    refused: str = ""
    arrivals: int = Field(default=1, description="how often the same content has come")


class BankResultLine(SQLModel, table=True):
    """One row of a result file as it came, and what became of it (`rules.Outcome`)."""

    __tablename__ = "bank_result_line"
    __table_args__ = (
        Index("ix_bank_result_line_line", "county_code", "batch_no", "line_no"),
        {"sqlite_with_rowid": False},
    )

    county_code: str = Field(primary_key=True, max_length=12)
    result_no: int = Field(primary_key=True, sa_type=BigInteger)
    row_no: int = Field(primary_key=True)
    batch_no: int = Field(sa_type=BigInteger)
    line_no: int
    name: str
    fen: int = Field(sa_type=BigInteger)
    state: str = Field(max_length=12)
    code: str = Field(max_length=32)
    bank_reference: str = Field(max_length=64)
    answered_on: date
    outcome: str = Field(default="", max_length=16)
