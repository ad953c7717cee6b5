"""A month's pensions: runs, their lines, what each person is paid, and the money behind it.

A line is one month of one pension (or a lump sum), a payment is what one person gets in a run.
Lines are made when a run is computed and frozen when it is approved; what the bank answers stands
with the payment. The database itself refuses a month that would be paid beyond what is due and
changes to what is frozen (migration `payroll_guards`).
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Index, SmallInteger, text
from sqlmodel import Field, SQLModel

from node.core.db import Instant
from node.core.personal import Encrypted
from node.core.types import Json


class PayrollRun(SQLModel, table=True):
    """One run (发放批次) and who did what to it. `kind` is `regular` or `extra`."""

    __tablename__ = "payroll_run"
    __table_args__ = (
        Index(
            "ux_payroll_run_regular",
            "county_code",
            "month",
            unique=True,
            sqlite_where=text("kind = 'regular' AND state <> 'cancelled'"),
            postgresql_where=text("kind = 'regular' AND state <> 'cancelled'"),
        ),
        Index(
            "ux_payroll_run_open",
            "county_code",
            unique=True,
            sqlite_where=text("state IN ('computed', 'reviewed')"),
            postgresql_where=text("state IN ('computed', 'reviewed')"),
        ),
    )

    county_code: str = Field(primary_key=True, max_length=12)
    run_no: int = Field(primary_key=True)
    month: date
    kind: str = Field(max_length=12)
    state: str = Field(max_length=12)
    pay_day: date
    people: int = 0
    lines: int = 0
    fen: int = Field(default=0, sa_type=BigInteger, description="due in this run")
    offset_fen: int = Field(default=0, sa_type=BigInteger, description="kept for recoveries")
    computed_by: str = Field(max_length=36)
    computed_by_name: str
    computed_at: datetime = Field(sa_type=Instant)
    reviewed_by: str | None = Field(default=None, max_length=36)
    reviewed_by_name: str = ""
    reviewed_at: datetime | None = Field(default=None, sa_type=Instant)
    approved_by: str | None = Field(default=None, max_length=36)
    approved_by_name: str = ""
    approved_at: datetime | None = Field(default=None, sa_type=Instant)
    frozen_hash: str = Field(default="", max_length=64)
    funded_at: datetime | None = Field(default=None, sa_type=Instant)
    sent_at: datetime | None = Field(default=None, sa_type=Instant)
    settled_at: datetime | None = Field(default=None, sa_type=Instant)
    bank: str = Field(default="", max_length=32)
    explanation: str = Field(default="", description="the reviewer's word on what is unexplained")


class PayrollLine(SQLModel, table=True):
    """One month of one pension in a run, in fen by component; or a lump sum (`kind`).

    `instalment` counts what is paid for the same month: 1 the month itself, 2 its first arrears.
    A line that is void was given up before the bank paid it; then the month is owed again.
    """

    __tablename__ = "payroll_line"
    # SQLite keeps its rows apart from the primary key: without statistics it would look a month up
    # there, under the county alone, and not in the index that is made for it.
    __table_args__ = (
        Index(
            "ux_payroll_line_month",
            "county_code",
            "entitlement_id",
            "month",
            "kind",
            "instalment",
            unique=True,
            sqlite_where=text("is_void = 0"),
            postgresql_where=text("is_void = 0"),
        ),
    )

    county_code: str = Field(primary_key=True, max_length=12)
    run_no: int = Field(primary_key=True)
    line_no: int = Field(primary_key=True)
    pay_no: int
    entitlement_id: str = Field(max_length=36)
    kind: str = Field(max_length=12)
    month: date
    instalment: int = Field(sa_type=SmallInteger)
    village: str = Field(max_length=12)
    base_fen: int = Field(sa_type=BigInteger)
    city_fen: int = Field(sa_type=BigInteger)
    county_fen: int = Field(sa_type=BigInteger)
    years_fen: int = Field(sa_type=BigInteger)
    age_fen: int = Field(sa_type=BigInteger)
    account_fen: int = Field(sa_type=BigInteger)
    fen: int = Field(sa_type=BigInteger)
    is_void: int = Field(default=0, sa_type=SmallInteger, description="1 when it was given up")


class PayrollPayment(SQLModel, table=True):
    """What one person gets in a run, to which card, and what the bank made of it."""

    __tablename__ = "payroll_payment"
    __table_args__ = (
        Index("ix_payroll_payment_state", "county_code", "run_no", "state"),
        Index("ix_payroll_payment_entitlement", "county_code", "entitlement_id"),
        {"sqlite_with_rowid": False},
    )

    county_code: str = Field(primary_key=True, max_length=12)
    run_no: int = Field(primary_key=True)
    pay_no: int = Field(primary_key=True)
    entitlement_id: str = Field(max_length=36)
    person_id: str = Field(max_length=36)
    village: str = Field(max_length=12)
    payee: str
    account: str | None = Field(default=None, sa_type=Encrypted("enrolment.bank_account"))
    due_fen: int = Field(sa_type=BigInteger)
    offset_fen: int = Field(default=0, sa_type=BigInteger, description="kept for a recovery")
    fen: int = Field(sa_type=BigInteger, description="what the bank is to pay")
    state: str = Field(default="waiting", max_length=12)
    reason: str = ""
    attempt: int = Field(default=0, sa_type=SmallInteger)
    paid_on: date | None = None
    bank_reference: str | None = Field(default=None, max_length=64)
    entry_no: int | None = Field(default=None, sa_type=BigInteger)


class FundingRequest(SQLModel, table=True):
    """What a run asks of one payer (用款申请) and what has arrived of it, in fen."""

    __tablename__ = "funding_request"

    county_code: str = Field(primary_key=True, max_length=12)
    run_no: int = Field(primary_key=True)
    payer: str = Field(primary_key=True, max_length=12)
    month: date
    needed_by: date
    fen: int = Field(sa_type=BigInteger)
    arrived_fen: int = Field(default=0, sa_type=BigInteger)
    arrived_on: date | None = None
    parts: dict[str, Any] = Field(sa_type=Json, description="fen by part of the pension")


class FundingReceipt(SQLModel, table=True):
    """Money that came from one payer for a run, with the voucher that books it."""

    __tablename__ = "funding_receipt"
    __table_args__ = (
        Index("ux_funding_receipt_reference", "county_code", "payer", "reference", unique=True),
    )

    county_code: str = Field(primary_key=True, max_length=12)
    id: str = Field(primary_key=True, max_length=36)
    run_no: int
    payer: str = Field(max_length=12)
    fen: int = Field(sa_type=BigInteger)
    arrived_on: date
    reference: str = Field(max_length=64)
    entry_no: int = Field(sa_type=BigInteger)
    recorded_by: str = Field(max_length=36)
    recorded_at: datetime = Field(sa_type=Instant)


class PaidLine(SQLModel, table=True):
    """A month of a pension that the bank has paid: what the county tells the province and the
    village. `bounced_on` says that the money came back later and the month is owed again.
    """

    __tablename__ = "paid_line"
    __table_args__ = (
        Index(
            "ux_paid_line_month",
            "county_code",
            "entitlement_id",
            "month",
            "kind",
            "instalment",
            unique=True,
            sqlite_where=text("bounced_on IS NULL"),
            postgresql_where=text("bounced_on IS NULL"),
        ),
        Index("ix_paid_line_village", "county_code", "village", "run_month"),
    )

    county_code: str = Field(primary_key=True, max_length=12)
    run_no: int = Field(primary_key=True)
    line_no: int = Field(primary_key=True)
    run_month: date
    village: str = Field(max_length=12)
    entitlement_id: str = Field(max_length=36)
    kind: str = Field(max_length=12)
    month: date
    instalment: int = Field(sa_type=SmallInteger)
    base_fen: int = Field(sa_type=BigInteger)
    city_fen: int = Field(sa_type=BigInteger)
    county_fen: int = Field(sa_type=BigInteger)
    years_fen: int = Field(sa_type=BigInteger)
    age_fen: int = Field(sa_type=BigInteger)
    account_fen: int = Field(sa_type=BigInteger)
    fen: int = Field(sa_type=BigInteger)
    paid_on: date
    is_on_time: bool
    bounced_on: date | None = None


class UnpaidPayment(SQLModel, table=True):
    """A payment of a run that did not reach its person, as the county tells the village: why, in
    the bank's words, and what helps (`rules.Remedy`). `state` is that of the payment; once it is
    paid, in its own run or as arrears in a later one, `paid`.
    """

    __tablename__ = "unpaid_payment"
    __table_args__ = (
        Index("ix_unpaid_payment_village", "county_code", "village", "run_month"),
        Index("ix_unpaid_payment_entitlement", "county_code", "entitlement_id"),
    )

    county_code: str = Field(primary_key=True, max_length=12)
    run_no: int = Field(primary_key=True)
    pay_no: int = Field(primary_key=True)
    run_month: date
    village: str = Field(max_length=12)
    entitlement_id: str = Field(max_length=36)
    person_id: str = Field(max_length=36)
    fen: int = Field(sa_type=BigInteger)
    state: str = Field(max_length=12)
    code: str = Field(default="", description="what stands with the payment: the bank's own code")
    words: str = ""
    remedy: str = Field(default="", max_length=12)


class RunReport(SQLModel, table=True):
    """How a county's run stands, for the tiers above and below: due, paid, failed, on time."""

    __tablename__ = "run_report"

    county_code: str = Field(primary_key=True, max_length=12)
    run_no: int = Field(primary_key=True)
    month: date
    kind: str = Field(max_length=12)
    state: str = Field(max_length=12)
    pay_day: date
    people: int
    fen: int = Field(sa_type=BigInteger)
    paid_people: int
    paid_fen: int = Field(sa_type=BigInteger)
    failed_people: int
    on_time_people: int
    on_time_fen: int = Field(sa_type=BigInteger)
    reported_at: datetime = Field(sa_type=Instant)


class CashForecast(SQLModel, table=True):
    """A month as a county foresaw it when it approved the run of `made_for` (资金需求预测), in fen.

    `parts` and `payers` hold the same sum. Forecasts are kept, so that they can be compared with
    what happened; the newest one of a month counts.
    """

    __tablename__ = "cash_forecast"

    county_code: str = Field(primary_key=True, max_length=12)
    made_for: date = Field(primary_key=True)
    month: date = Field(primary_key=True)
    people: int
    beginning: int
    deaths: int
    fen: int = Field(sa_type=BigInteger)
    parts: dict[str, Any] = Field(sa_type=Json)
    payers: dict[str, Any] = Field(sa_type=Json)
    made_at: datetime = Field(sa_type=Instant)
