"""Whose pension of the month has not come: what the coordinator asks them for."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, select

from node.benefits.codes import BenefitState
from node.benefits.records import entitlements
from node.core.work import UnitOfWork
from node.payroll.rules import PaymentState, Remedy, RunKind, RunState
from node.payroll.tables import paid_lines, reports, unpaid
from node.registry.records import people
from node.registry.worklists import Column, Line, Worklist
from node.registry.worklists_own import PERSON_COLUMNS, enrolled_people, person_line
from tiers import RegionCode

ANSWERED = (RunState.RETURNED.value, RunState.SETTLED.value)


def month_answered(uow: UnitOfWork, county: str) -> date | None:
    """The newest month for which the bank has answered."""
    newest = select(func.max(reports.c.month)).where(
        reports.c.county_code == county,
        reports.c.kind == RunKind.REGULAR.value,
        reports.c.state.in_(ANSWERED),
    )
    return uow.connection.execute(newest).scalar()


def not_paid(uow: UnitOfWork, region: RegionCode) -> Select[Any]:
    """Pensioners without the pension of the newest month the bank has answered."""
    month = month_answered(uow, str(uow.node.county)) or date.min
    paid = exists().where(
        paid_lines.c.county_code == entitlements.c.county_code,
        paid_lines.c.entitlement_id == entitlements.c.id,
        paid_lines.c.month == month,
        paid_lines.c.bounced_on.is_(None),
    )
    asked = enrolled_people(
        uow,
        region,
        entitlements.c.county_code == people.c.county_code,
        entitlements.c.person_id == people.c.id,
        entitlements.c.state != BenefitState.ENDED.value,
        entitlements.c.due_from <= month,
        ~paid,
    )
    return asked.add_columns(
        entitlements.c.monthly_fen,
        entitlements.c.state.label("benefit_state"),
        _told("words"),
        _told("remedy"),
    )


def _told(name: str) -> ColumnElement[Any]:
    """What the county has told of the newest payment that did not reach a pensioner."""
    newest = (
        select(unpaid.c[name])
        .where(
            unpaid.c.county_code == entitlements.c.county_code,
            unpaid.c.entitlement_id == entitlements.c.id,
            unpaid.c.state.not_in([PaymentState.PAID.value, PaymentState.KEPT.value]),
        )
        .order_by(unpaid.c.run_no.desc())
        .limit(1)
    )
    return newest.scalar_subquery().label(name)


def _line(uow: UnitOfWork, row: Mapping[str, Any]) -> Line:
    suspended = row["benefit_state"] == BenefitState.SUSPENDED
    if suspended:
        why, todo = BenefitState.SUSPENDED.title, "请查明原因并办理认证或恢复"
    else:
        why, todo = row["words"] or "", Remedy(row["remedy"] or Remedy.ASK).title
    return person_line(uow, row, row["monthly_fen"], why, todo)


NOT_PAID = Worklist(
    code="not-paid",
    title="本月养老金没有到账",
    lead="银行已经回盘的最近一个月，没有到账的人和要做的事",
    columns=(
        *PERSON_COLUMNS,
        Column("月养老金（元）", "fen"),
        Column("原因", width=14),
        Column("怎么办", width=24),
    ),
    asked=not_paid,
    line=_line,
)
