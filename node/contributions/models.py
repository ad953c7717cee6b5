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
    subsidy_fen: int | None = Field(
        default=None,
        sa_type=BigInteger,
        description="of a year carried in: what was added before; none where it is still due",
    )


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


class ContributionOrder(SQLModel, table=True):
    """What is due for one year (应缴): the grade, and who pays which part of it.

    Whether it is paid or at the bank is not kept here but asked of the contributions and of the
    bank's lines. `turn` counts how often it became due anew, after a payment was taken back.
    """

    __tablename__ = "contribution_order"
    __table_args__ = (
        Index("ix_contribution_order_year", "county_code", "for_year", "village"),
        {"sqlite_with_rowid": False},
    )

    county_code: str = Field(primary_key=True, max_length=12)
    account_no: int = Field(primary_key=True, sa_type=BigInteger)
    for_year: int = Field(primary_key=True, sa_type=SmallInteger)
    village: str = Field(max_length=12)
    grade_fen: int = Field(sa_type=BigInteger)
    own_fen: int = Field(sa_type=BigInteger)
    province_fen: int = Field(default=0, sa_type=BigInteger)
    city_fen: int = Field(default=0, sa_type=BigInteger)
    county_fen: int = Field(default=0, sa_type=BigInteger)
    category: str = Field(default="ordinary", max_length=32)
    make_up: bool = False
    turn: int = Field(default=1, sa_type=SmallInteger)
    run_no: int = Field(sa_type=BigInteger, description="the run that wrote it last")
    ordered_on: date


class OnBehalf(SQLModel, table=True):
    """What the governments paid for somebody's year (代缴), by tier; once a year."""

    __tablename__ = "paid_on_behalf"

    county_code: str = Field(primary_key=True, max_length=12)
    account_no: int = Field(primary_key=True, sa_type=BigInteger)
    for_year: int = Field(primary_key=True, sa_type=SmallInteger)
    village: str = Field(max_length=12)
    province_fen: int = Field(sa_type=BigInteger)
    city_fen: int = Field(sa_type=BigInteger)
    county_fen: int = Field(sa_type=BigInteger)
    entry_no: int = Field(sa_type=BigInteger)


class UnmatchedMoney(SQLModel, table=True):
    """Money that came in and cannot be booked to anybody yet (待查款项), or a payment in doubt.

    `origin` is unique: the same money stands here once. With `entry_no` the money lies on the
    suspense account; without one the ledger has not moved. Two people resolve it.
    """

    __tablename__ = "unmatched_money"
    __table_args__ = (
        Index("ux_unmatched_money_origin", "county_code", "origin", unique=True),
        Index("ix_unmatched_money_state", "county_code", "state", "received_on"),
    )

    county_code: str = Field(primary_key=True, max_length=12)
    item_no: int = Field(primary_key=True, sa_type=BigInteger)
    kind: str = Field(max_length=16)
    origin: str = Field(max_length=120)
    payer: str = ""
    account_no: int | None = Field(default=None, sa_type=BigInteger)
    for_year: int | None = Field(default=None, sa_type=SmallInteger)
    fen: int = Field(sa_type=BigInteger)
    received_on: date
    batch_no: int | None = Field(default=None, sa_type=BigInteger)
    line_no: int | None = None
    entry_no: int | None = Field(default=None, sa_type=BigInteger)
    found_at: datetime = Field(sa_type=Instant)
    state: str = Field(default="open", max_length=12)
    resolution: str = Field(default="", max_length=16)
    to_account: int | None = Field(default=None, sa_type=BigInteger)
    to_year: int | None = Field(default=None, sa_type=SmallInteger)
    reason: str = ""
    proposed_by: str = Field(default="", max_length=36)
    proposed_by_name: str = ""
    proposed_at: datetime | None = Field(default=None, sa_type=Instant)
    decided_by: str = Field(default="", max_length=36)
    decided_by_name: str = ""
    decided_at: datetime | None = Field(default=None, sa_type=Instant)
    resolved_entry: int | None = Field(default=None, sa_type=BigInteger)


class IncomeClosing(SQLModel, table=True):
    """A day or a month of the income account (收入户) reconciled with the bank; day 0 is the month.

    What the bank says equals what the books say, to the fen, or there is no closing.
    """

    __tablename__ = "income_closing"

    county_code: str = Field(primary_key=True, max_length=12)
    year: int = Field(primary_key=True, sa_type=SmallInteger)
    month: int = Field(primary_key=True, sa_type=SmallInteger)
    day: int = Field(primary_key=True, sa_type=SmallInteger)
    received_fen: int = Field(sa_type=BigInteger)
    transferred_fen: int = Field(sa_type=BigInteger)
    balance_fen: int = Field(sa_type=BigInteger)
    closed_by: str = Field(max_length=36)
    closed_by_name: str
    closed_at: datetime = Field(sa_type=Instant)


class CollectiveList(SQLModel, table=True):
    """A collective subsidy (集体补助) for a list of people of a village, by its reference."""

    __tablename__ = "collective_list"
    __table_args__ = (
        Index("ux_collective_list_reference", "county_code", "reference", unique=True),
    )

    county_code: str = Field(primary_key=True, max_length=12)
    list_no: int = Field(primary_key=True, sa_type=BigInteger)
    village: str = Field(max_length=12)
    for_year: int = Field(sa_type=SmallInteger)
    payer: str = Field(description="the collective, organisation or person that pays")
    reference: str = Field(max_length=64)
    received_on: date
    people: int
    fen: int = Field(sa_type=BigInteger)
    entry_no: int = Field(sa_type=BigInteger)


class ReceiptSeries(SQLModel, table=True):
    """Numbers of receipts given to a village beforehand, so that it can collect with no network."""

    __tablename__ = "receipt_series"
    __table_args__ = (Index("ix_receipt_series_village", "county_code", "village"),)

    county_code: str = Field(primary_key=True, max_length=12)
    first_no: int = Field(primary_key=True, sa_type=BigInteger)
    last_no: int = Field(sa_type=BigInteger)
    village: str = Field(max_length=12)
    allocated_on: date


class Receipt(SQLModel, table=True):
    """Cash a coordinator took (代收收据), or a number that was spoiled: there are no gaps.

    It becomes a payment when the county has the money of the day it was handed over with.
    """

    __table_args__ = (Index("ix_receipt_village", "county_code", "village", "taken_on"),)

    county_code: str = Field(primary_key=True, max_length=12)
    receipt_no: int = Field(primary_key=True, sa_type=BigInteger)
    village: str = Field(max_length=12)
    account_no: int | None = Field(default=None, sa_type=BigInteger)
    for_year: int | None = Field(default=None, sa_type=SmallInteger)
    grade_fen: int = Field(default=0, sa_type=BigInteger)
    fen: int = Field(default=0, sa_type=BigInteger)
    payer: str = ""
    taken_on: date
    taken_at: datetime = Field(sa_type=Instant)
    taken_by: str = Field(max_length=36)
    taken_by_name: str
    voided: bool = False
    reason: str = ""


class ReceiptHandover(SQLModel, table=True):
    """The receipts and the cash of a village's day, handed over to the county (汇缴)."""

    __tablename__ = "receipt_handover"

    county_code: str = Field(primary_key=True, max_length=12)
    village: str = Field(primary_key=True, max_length=12)
    first_no: int = Field(primary_key=True, sa_type=BigInteger)
    last_no: int = Field(sa_type=BigInteger)
    day: date
    receipts: int
    voids: int
    fen: int = Field(sa_type=BigInteger)
    handed_at: datetime = Field(sa_type=Instant)
    handed_by_name: str
    reference: str = Field(default="", max_length=64)
    confirmed_on: date | None = None
    confirmed_by_name: str = ""
