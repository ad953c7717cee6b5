"""Pensions (待遇): what was determined, what is due from which month, and how a pension ends.

`owed_from` is where a run begins to look: every month before it is known to be paid in full. What
changes the past (a retroactive standard, a resumption, a failed payment) sets it back.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Index, SmallInteger, text
from sqlmodel import Field, SQLModel

from node.core.db import Instant
from node.core.personal import Encrypted
from node.core.types import Json


class Entitlement(SQLModel, table=True):
    """What a person is due every month, as determined once, with its calculation sheet (计算书).

    `sheet` holds the printed lines: item, formula in words, fen, and the bulletin behind it.
    """

    __table_args__ = (
        Index("ux_entitlement_person", "county_code", "person_id", unique=True),
        Index("ix_entitlement_village", "county_code", "village"),
    )

    county_code: str = Field(primary_key=True, max_length=12)
    id: str = Field(primary_key=True, max_length=36)
    person_id: str = Field(max_length=36)
    account_no: int | None = Field(default=None, sa_type=BigInteger)
    village: str = Field(max_length=12)
    due_from: date = Field(description="first day of the first month due")
    paid_years: int = Field(sa_type=SmallInteger)
    base_fen: int = Field(sa_type=BigInteger)
    account_fen: int = Field(sa_type=BigInteger)
    monthly_fen: int = Field(sa_type=BigInteger)
    balance_fen: int = Field(sa_type=BigInteger)
    divisor_months: int = Field(sa_type=SmallInteger)
    account_by_source: dict[str, int] = Field(sa_type=Json)
    sheet: list[dict[str, Any]] = Field(sa_type=Json)
    state: str = Field(default="in_force", max_length=16)
    owed_from: date = Field(description="first month that may not be paid in full yet")
    last_month: date | None = Field(default=None, description="last month due, once it has ended")
    certified_until: date | None = None
    case_id: str | None = Field(default=None, max_length=36)
    determined_by: str = Field(max_length=36)
    approved_by: str = Field(max_length=36)
    determined_at: datetime = Field(sa_type=Instant)


class BenefitRate(SQLModel, table=True):
    """What a pension comes to from one month to another, in fen; `to_month` none is until further.

    `version` is the determination that set it. What a later one replaces is kept and names it in
    `superseded_by`; of the rows that stand, exactly one covers a month.
    """

    __tablename__ = "benefit_rate"
    __table_args__ = (
        Index("ix_benefit_rate_changed", "county_code", "changed_in"),
        {"sqlite_with_rowid": False},
    )

    county_code: str = Field(primary_key=True, max_length=12)
    entitlement_id: str = Field(primary_key=True, max_length=36)
    version: int = Field(primary_key=True)
    from_month: date = Field(primary_key=True)
    to_month: date | None = None
    village: str = Field(max_length=12)
    base_fen: int = Field(sa_type=BigInteger)
    city_fen: int = Field(sa_type=BigInteger, description="what the city adds to the base")
    county_fen: int = Field(sa_type=BigInteger, description="what the county adds to the base")
    years_fen: int = Field(sa_type=BigInteger)
    age_fen: int = Field(sa_type=BigInteger)
    account_fen: int = Field(sa_type=BigInteger)
    fen: int = Field(sa_type=BigInteger, description="the whole month")
    superseded_by: int | None = None
    changed_in: int = Field(description="the version that touched this row last")


class RateChange(SQLModel, table=True):
    """A re-determination (待遇调整) of a county's pensions: why, from when, how many, how much."""

    __tablename__ = "rate_change"

    county_code: str = Field(primary_key=True, max_length=12)
    version: int = Field(primary_key=True)
    from_month: date
    through_month: date
    reason: str
    people: int
    arrears_fen: int = Field(sa_type=BigInteger, description="due for months already run")
    made_by: str = Field(max_length=36)
    made_by_name: str
    made_at: datetime = Field(sa_type=Instant)


class BenefitSuspension(SQLModel, table=True):
    """A suspension (暂停发放) from a month on; `until_month` is its last month, once resumed.

    With `pays_back` the months are paid on resumption (补发); without, they are lost.
    """

    __tablename__ = "benefit_suspension"
    __table_args__ = (
        Index(
            "ux_benefit_suspension_open",
            "county_code",
            "entitlement_id",
            unique=True,
            sqlite_where=text("until_month IS NULL AND NOT is_revoked"),
            postgresql_where=text("until_month IS NULL AND NOT is_revoked"),
        ),
        Index("ix_benefit_suspension_entitlement", "county_code", "entitlement_id"),
    )

    county_code: str = Field(primary_key=True, max_length=12)
    id: str = Field(primary_key=True, max_length=36)
    entitlement_id: str = Field(max_length=36)
    village: str = Field(max_length=12)
    reason: str = Field(max_length=24)
    pays_back: bool
    from_month: date
    until_month: date | None = None
    is_revoked: bool = False
    begun_by_case: str | None = Field(default=None, max_length=36)
    ended_by_case: str | None = Field(default=None, max_length=36)
    made_at: datetime = Field(sa_type=Instant)


class SurvivalCertificate(SQLModel, table=True):
    """That a person was alive on a day (生存认证), who saw it and how."""

    __tablename__ = "survival_certificate"
    __table_args__ = (
        Index("ix_survival_certificate_person", "county_code", "entitlement_id", "certified_on"),
    )

    county_code: str = Field(primary_key=True, max_length=12)
    id: str = Field(primary_key=True, max_length=36)
    entitlement_id: str = Field(max_length=36)
    person_id: str = Field(max_length=36)
    village: str = Field(max_length=12)
    certified_on: date
    valid_until: date
    method: str = Field(max_length=16)
    certified_by: str
    case_id: str | None = Field(default=None, max_length=36)
    made_at: datetime = Field(sa_type=Instant)


class BenefitEnd(SQLModel, table=True):
    """How a pension ended (待遇终止), or participation before one began (注销): what was left, what
    had been overpaid, what is paid to whom.

    All in fen. `account_fen` is what is refunded of the settled account, `to_fund_fen` what of it
    goes back to the fund, `claim_fen` what the heirs still owe. Who never drew a pension has no
    entitlement: there `entitlement_id` is the row's own id.
    """

    __tablename__ = "benefit_end"
    __table_args__ = (
        Index(
            "ux_benefit_end_person",
            "county_code",
            "entitlement_id",
            unique=True,
            sqlite_where=text("NOT is_revoked"),
            postgresql_where=text("NOT is_revoked"),
        ),
        Index("ix_benefit_end_entitlement", "county_code", "entitlement_id"),
    )

    county_code: str = Field(primary_key=True, max_length=12)
    id: str = Field(primary_key=True, max_length=36)
    entitlement_id: str = Field(max_length=36)
    person_id: str = Field(max_length=36)
    village: str = Field(max_length=12)
    reason: str = Field(max_length=24)
    ended_on: date
    last_month: date
    account_fen: int = Field(sa_type=BigInteger)
    to_fund_fen: int = Field(default=0, sa_type=BigInteger)
    funeral_fen: int = Field(sa_type=BigInteger)
    overpaid_fen: int = Field(sa_type=BigInteger)
    set_off_account_fen: int = Field(sa_type=BigInteger)
    set_off_funeral_fen: int = Field(sa_type=BigInteger)
    claim_fen: int = Field(sa_type=BigInteger)
    heir_name: str = ""
    heir_account: str | None = Field(default=None, sa_type=Encrypted("enrolment.bank_account"))
    heir_relation: str = ""
    is_revoked: bool = False
    case_id: str | None = Field(default=None, max_length=36)
    made_at: datetime = Field(sa_type=Instant)


class Recovery(SQLModel, table=True):
    """Overpaid months to be got back (追回): `fen` is owed, `set_off_fen` and `repaid_fen` are not
    any more. `monthly_fen` is the instalment kept from later pensions, 0 when none was agreed.
    """

    __tablename__ = "benefit_recovery"

    county_code: str = Field(primary_key=True, max_length=12)
    id: str = Field(primary_key=True, max_length=36)
    entitlement_id: str = Field(max_length=36)
    person_id: str = Field(max_length=36)
    village: str = Field(max_length=12)
    cause: str = Field(max_length=24)
    fen: int = Field(sa_type=BigInteger)
    set_off_fen: int = Field(default=0, sa_type=BigInteger)
    repaid_fen: int = Field(default=0, sa_type=BigInteger)
    monthly_fen: int = Field(default=0, sa_type=BigInteger)
    state: str = Field(default="open", max_length=12)
    case_id: str | None = Field(default=None, max_length=36)
    made_at: datetime = Field(sa_type=Instant)


class RecoveredMonth(SQLModel, table=True):
    """A month paid and not due, by component in fen: together they are a recovery's `fen`."""

    __tablename__ = "recovered_month"

    county_code: str = Field(primary_key=True, max_length=12)
    entitlement_id: str = Field(primary_key=True, max_length=36)
    month: date = Field(primary_key=True)
    serial: int = Field(primary_key=True, sa_type=SmallInteger)
    recovery_id: str = Field(max_length=36)
    base_fen: int = Field(sa_type=BigInteger)
    city_fen: int = Field(sa_type=BigInteger)
    county_fen: int = Field(sa_type=BigInteger)
    years_fen: int = Field(sa_type=BigInteger)
    age_fen: int = Field(sa_type=BigInteger)
    account_fen: int = Field(sa_type=BigInteger)
    fen: int = Field(sa_type=BigInteger)
