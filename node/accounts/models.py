"""Individual accounts (个人账户) as a subsidiary ledger of the fund's double-entry ledger.

Numbers, not UUIDs, key what there are tens of millions of: `account_no` and `entry_no` are
serials of one county, small, sorted and readable on paper. Postings, vouchers and their lines are
append-only; a voucher is written last and seals what it holds. The database itself refuses what
breaks this (migration 0002).
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKeyConstraint, Index, SmallInteger, text
from sqlmodel import Field, SQLModel

from node.core.db import Instant


class LedgerBook(SQLModel, table=True):
    """The books (账套) this node itself keeps, as opposed to those it holds a replica of.

    Guards of the database look here: a replica takes what the county decided, in any order.
    """

    __tablename__ = "ledger_book"

    county_code: str = Field(primary_key=True, max_length=12)
    opened_on: date


class Account(SQLModel, table=True):
    """One person's account. `account_no` is unique within the county and printed on statements."""

    __table_args__ = (
        Index("ux_account_person", "county_code", "person_id", unique=True),
        Index("ix_account_village", "county_code", "village"),
    )

    county_code: str = Field(primary_key=True, max_length=12)
    account_no: int = Field(primary_key=True, sa_type=BigInteger)
    person_id: str = Field(max_length=36)
    village: str = Field(max_length=12)
    opened_on: date
    closed_on: date | None = None


class JournalEntry(SQLModel, table=True):
    """One voucher (记账凭证): its lines sum to zero. `trace` names the case, batch or bulletin."""

    __tablename__ = "journal_entry"

    county_code: str = Field(primary_key=True, max_length=12)
    entry_no: int = Field(primary_key=True, sa_type=BigInteger)
    kind: str = Field(max_length=32)
    business_date: date
    booked_at: datetime = Field(sa_type=Instant)
    trace_kind: str = Field(max_length=24)
    trace: str = Field(max_length=64, index=True)
    memo: str = ""
    actor_id: str = Field(max_length=36)


class JournalLine(SQLModel, table=True):
    """One line of a voucher in fen: debit positive, credit negative.

    Lines are written before their voucher, so the key is checked at the commit.
    """

    __tablename__ = "journal_line"
    __table_args__ = (
        ForeignKeyConstraint(
            ["county_code", "entry_no"],
            ["journal_entry.county_code", "journal_entry.entry_no"],
            name="fk_journal_line_entry",
            deferrable=True,
            initially="DEFERRED",
        ),
    )

    county_code: str = Field(primary_key=True, max_length=12)
    entry_no: int = Field(primary_key=True, sa_type=BigInteger)
    line_no: int = Field(primary_key=True, sa_type=SmallInteger)
    gl_account: str = Field(max_length=40)
    fen: int = Field(sa_type=BigInteger)


class Posting(SQLModel, table=True):
    """One line of an individual account in fen: positive is credited to the person.

    Its year is that of its voucher's business date. What became known after its year was settled
    keeps its own business date and has month 0: it counts from the opening of `year`. SQLite
    keeps the rows in the primary key itself (WITHOUT ROWID): one tree less to write for each of
    millions of rows.
    """

    __table_args__ = (
        Index("ix_posting_account", "county_code", "year", "account_no"),
        Index(
            "ux_posting_reversal",
            "county_code",
            "reverses_entry",
            "reverses_line",
            unique=True,
            sqlite_where=text("reverses_entry IS NOT NULL"),
            postgresql_where=text("reverses_entry IS NOT NULL"),
        ),
        {"sqlite_with_rowid": False},
    )

    county_code: str = Field(primary_key=True, max_length=12)
    entry_no: int = Field(primary_key=True, sa_type=BigInteger)
    line_no: int = Field(primary_key=True)
    account_no: int = Field(sa_type=BigInteger)
    village: str = Field(max_length=12)
    source: str = Field(max_length=20)
    kind: str = Field(max_length=20)
    fen: int = Field(sa_type=BigInteger)
    year: int = Field(sa_type=SmallInteger, description="year of the business date")
    month: int = Field(sa_type=SmallInteger, description="1-12; 0: from the opening of the year")
    for_year: int = Field(sa_type=SmallInteger, description="the contribution year it pays")
    business_date: date
    reverses_entry: int | None = Field(default=None, sa_type=BigInteger)
    reverses_line: int | None = None


class AccountClosing(SQLModel, table=True):
    """A year's settlement of one source: its product, interest and closing balance.

    The closing of one year is the opening of the next, and explains the interest posting.
    `movement_fen` is everything posted in the year but the year-end interest itself.
    """

    __tablename__ = "account_closing"
    __table_args__ = ({"sqlite_with_rowid": False},)

    county_code: str = Field(primary_key=True, max_length=12)
    year: int = Field(primary_key=True, sa_type=SmallInteger)
    account_no: int = Field(primary_key=True, sa_type=BigInteger)
    source: str = Field(primary_key=True, max_length=20)
    village: str = Field(max_length=12)
    opening_fen: int = Field(sa_type=BigInteger)
    movement_fen: int = Field(sa_type=BigInteger)
    product: int = Field(sa_type=BigInteger, description="fen·months")
    interest_fen: int = Field(sa_type=BigInteger)
    closing_fen: int = Field(sa_type=BigInteger)


class AccountSettlement(SQLModel, table=True):
    """A settlement inside the year (中途结息) of one source, through month `through`; final.

    From here on the year earns on `closing_fen`. What it holds are the postings of months up to
    `through` in vouchers up to `booked_through`; what is booked later counts from then on.
    """

    __tablename__ = "account_settlement"

    county_code: str = Field(primary_key=True, max_length=12)
    year: int = Field(primary_key=True, sa_type=SmallInteger)
    account_no: int = Field(primary_key=True, sa_type=BigInteger)
    through: int = Field(primary_key=True, sa_type=SmallInteger, description="month, 1-12")
    source: str = Field(primary_key=True, max_length=20)
    village: str = Field(max_length=12)
    opening_fen: int = Field(sa_type=BigInteger)
    movement_fen: int = Field(sa_type=BigInteger)
    product: int = Field(sa_type=BigInteger, description="fen·months")
    interest_fen: int = Field(sa_type=BigInteger)
    closing_fen: int = Field(sa_type=BigInteger)
    booked_through: int = Field(sa_type=BigInteger)
    rate_ppm: int
    lag_months: int = Field(sa_type=SmallInteger)
    bulletin_id: str = Field(max_length=36)


class InterestCorrection(SQLModel, table=True):
    """What a settled stretch of a year comes to after something became known late (更正).

    `entry_no` is the voucher that posts the difference; the newest row of a stretch holds. The
    stretch ends with month `through`: 12 for the year end, else a settlement inside the year.
    """

    __tablename__ = "interest_correction"
    __table_args__ = (
        Index("ix_interest_correction_account", "county_code", "account_no", "year"),
        {"sqlite_with_rowid": False},
    )

    county_code: str = Field(primary_key=True, max_length=12)
    entry_no: int = Field(primary_key=True, sa_type=BigInteger)
    account_no: int = Field(primary_key=True, sa_type=BigInteger)
    source: str = Field(primary_key=True, max_length=20)
    year: int = Field(primary_key=True, sa_type=SmallInteger)
    through: int = Field(primary_key=True, sa_type=SmallInteger, description="month, 1-12")
    village: str = Field(max_length=12)
    carried_fen: int = Field(sa_type=BigInteger, description="difference the stretch began with")
    product_before: int = Field(sa_type=BigInteger, description="fen·months")
    product_after: int = Field(sa_type=BigInteger, description="fen·months")
    interest_before: int = Field(sa_type=BigInteger)
    interest_after: int = Field(sa_type=BigInteger)
    rate_before: int
    rate_after: int


class RateCorrection(SQLModel, table=True):
    """A settled year computed again because its rate was published anew; `rate_ppm` now holds."""

    __tablename__ = "rate_correction"

    county_code: str = Field(primary_key=True, max_length=12)
    entry_no: int = Field(primary_key=True, sa_type=BigInteger)
    year: int = Field(sa_type=SmallInteger)
    bulletin_id: str = Field(max_length=36)
    rate_ppm: int
    accounts: int
    left_out: int = Field(description="accounts closed since, or with less left than is taken back")
    fen: int = Field(sa_type=BigInteger)
    corrected_at: datetime = Field(sa_type=Instant)


class InterestRun(SQLModel, table=True):
    """The year-end settlement of one county (年度结息); one per year, never run twice."""

    __tablename__ = "interest_run"

    county_code: str = Field(primary_key=True, max_length=12)
    year: int = Field(primary_key=True, sa_type=SmallInteger)
    bulletin_id: str = Field(max_length=36)
    rate_ppm: int
    lag_months: int = Field(sa_type=SmallInteger)
    accounts: int
    interest_fen: int = Field(sa_type=BigInteger)
    closing_fen: int = Field(sa_type=BigInteger)
    entry_no: int | None = Field(default=None, sa_type=BigInteger)
    settled_at: datetime = Field(sa_type=Instant)


class PeriodLock(SQLModel, table=True):
    """A month of a county's books that was closed (结账), and perhaps opened again (反结账).

    A month is closed while its newest `turn` has not been reopened; every turn stays in sight.
    `digest` is the fingerprint of what the month holds (`node/accounts/digest.py`): it travels
    signed, so that any replica can prove that it holds the same.
    """

    __tablename__ = "period_lock"

    county_code: str = Field(primary_key=True, max_length=12)
    year: int = Field(primary_key=True, sa_type=SmallInteger)
    month: int = Field(primary_key=True, sa_type=SmallInteger)
    turn: int = Field(primary_key=True, sa_type=SmallInteger)
    locked_at: datetime = Field(sa_type=Instant)
    locked_by: str = Field(max_length=36)
    locked_by_name: str
    trace: str = Field(default="", max_length=64)
    digest: str = Field(default="", max_length=64)
    reopened_at: datetime | None = Field(default=None, sa_type=Instant)
    reopened_by: str | None = Field(default=None, max_length=36)
    reopened_by_name: str = ""
    reason: str = ""


class LedgerRequest(SQLModel, table=True):
    """What one person asks of the books and another approves (两人办理), by `kind`.

    `body` is what was asked, `told` what it comes to as the one who asked saw it.
    """

    __tablename__ = "ledger_request"
    __table_args__ = (Index("ix_ledger_request_kind", "county_code", "kind", "subject"),)

    id: str = Field(primary_key=True, max_length=36)
    county_code: str = Field(max_length=12)
    kind: str = Field(max_length=24)
    subject: str = Field(max_length=64)
    reason: str = ""
    body: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    told: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    requested_by: str = Field(max_length=36)
    requested_by_name: str
    requested_at: datetime = Field(sa_type=Instant)
    decided_by: str | None = Field(default=None, max_length=36)
    decided_by_name: str = ""
    decided_at: datetime | None = Field(default=None, sa_type=Instant)
    is_approved: bool = False
    entry_no: int | None = Field(default=None, sa_type=BigInteger)


class YearEndRequest(SQLModel, table=True):
    """A trial run (试算) of the year-end settlement, waiting for somebody else to approve it."""

    __tablename__ = "year_end_request"

    county_code: str = Field(primary_key=True, max_length=12)
    year: int = Field(primary_key=True, sa_type=SmallInteger)
    bulletin_id: str = Field(max_length=36)
    accounts: int
    interest_fen: int = Field(sa_type=BigInteger)
    requested_by: str = Field(max_length=36)
    requested_by_name: str
    requested_at: datetime = Field(sa_type=Instant)
    approved_by: str | None = Field(default=None, max_length=36)
    approved_by_name: str = ""
    approved_at: datetime | None = Field(default=None, sa_type=Instant)
