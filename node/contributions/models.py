"""Contributions (缴费): a confirmed yearly payment and the subsidy that follows it."""

from datetime import date, datetime

from sqlalchemy import BigInteger, Index, SmallInteger, text
from sqlmodel import Field, SQLModel

from node.core.db import Instant


class Contribution(SQLModel, table=True):
    """One payment of one person for one year, confirmed by bank or receipt.

    The bank reference is unique in the county: a file sent twice cannot be counted twice. A year
    is paid once; after a reversal (红字冲销) it may be paid again.
    """

    __table_args__ = (
        Index("ux_contribution_reference", "county_code", "reference", unique=True),
        Index(
            "ux_contribution_year",
            "county_code",
            "account_no",
            "for_year",
            unique=True,
            sqlite_where=text("reversed_entry IS NULL"),
            postgresql_where=text("reversed_entry IS NULL"),
        ),
        Index("ix_contribution_village", "county_code", "village", "for_year"),
        Index("ix_contribution_for_year", "county_code", "for_year", "account_no"),
    )

    county_code: str = Field(primary_key=True, max_length=12)
    id: str = Field(primary_key=True, max_length=36)
    account_no: int = Field(sa_type=BigInteger)
    person_id: str = Field(max_length=36)
    village: str = Field(max_length=12)
    for_year: int = Field(sa_type=SmallInteger)
    grade_fen: int = Field(sa_type=BigInteger)
    fen: int = Field(sa_type=BigInteger)
    method: str = Field(max_length=16, description="bank, counter, coordinator or collective")
    reference: str = Field(max_length=64)
    paid_on: date
    make_up: bool = False
    entry_no: int = Field(sa_type=BigInteger)
    line_no: int = Field(description="of the posting in the voucher")
    confirmed_at: datetime = Field(sa_type=Instant)
    reversed_entry: int | None = Field(default=None, sa_type=BigInteger)


class Subsidy(SQLModel, table=True):
    """Government subsidy of one paid year, split by the tier that pays it; one per person."""

    county_code: str = Field(primary_key=True, max_length=12)
    account_no: int = Field(primary_key=True, sa_type=BigInteger)
    for_year: int = Field(primary_key=True, sa_type=SmallInteger)
    village: str = Field(max_length=12)
    province_fen: int = Field(sa_type=BigInteger)
    city_fen: int = Field(sa_type=BigInteger)
    county_fen: int = Field(sa_type=BigInteger)
    bulletin_id: str = Field(max_length=36)
    entry_no: int = Field(sa_type=BigInteger)
