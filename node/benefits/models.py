"""Entitlements (待遇核定)."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Index, SmallInteger
from sqlmodel import Field, SQLModel

from node.core.db import Instant
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
    case_id: str | None = Field(default=None, max_length=36)
    determined_by: str = Field(max_length=36)
    approved_by: str = Field(max_length=36)
    determined_at: datetime = Field(sa_type=Instant)
