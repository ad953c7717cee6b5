"""Every use of a day at this node, from the logs the house keeps anyway.

Looks, exports and prints are the access log; changes are the steps of cases taken here and the
vouchers booked here. What villages and townships did is counted in their own case steps' nodes.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from sqlalchemy import Table, select

from node.accounts.models import JournalEntry
from node.cases.models import Case, CaseStep
from node.core.clock import iso, start_of
from node.core.models import AccessLog
from node.core.work import UnitOfWork
from node.identity.models import User
from node.supervision.rules import Kind, Use

log: Table = AccessLog.__table__  # type: ignore[attr-defined]
step: Table = CaseStep.__table__  # type: ignore[attr-defined]
case: Table = Case.__table__  # type: ignore[attr-defined]
entry: Table = JournalEntry.__table__  # type: ignore[attr-defined]
user: Table = User.__table__  # type: ignore[attr-defined]

SYSTEM = "系统"


def uses_of(uow: UnitOfWork, day: date) -> list[Use]:
    """Every use of a day (in Shanghai), in their one order."""
    begins, ends = start_of(day), start_of(day + timedelta(days=1))
    return sorted(
        [*_looks(uow, begins, ends), *_steps(uow, begins, ends), *_vouchers(uow, begins, ends)]
    )


def _looks(uow: UnitOfWork, begins: datetime, ends: datetime) -> Iterator[Use]:
    for row in uow.connection.execute(select(log).where(log.c.at >= begins, log.c.at < ends)):
        yield Use(
            iso(row.at),
            row.kind,
            row.about,
            row.actor_id,
            row.actor_name,
            row.subject,
            row.what,
            row.reason,
        )


def _steps(uow: UnitOfWork, begins: datetime, ends: datetime) -> Iterator[Use]:
    same = (case.c.county_code == step.c.county_code) & (case.c.id == step.c.case_id)
    statement = (
        select(step, case.c.matter, case.c.number)
        .join(case, same)
        .where(step.c.node == str(uow.node), step.c.at >= begins, step.c.at < ends)
    )
    for row in uow.connection.execute(statement):
        yield Use(
            iso(row.at),
            str(Kind.CHANGE),
            row.matter,
            row.actor_id,
            row.actor_name,
            row.case_id,
            f"{row.number} {row.action}",
            row.opinion,
        )


def _vouchers(uow: UnitOfWork, begins: datetime, ends: datetime) -> Iterator[Use]:
    mine = entry.c.county_code == str(uow.node)
    statement = (
        select(entry, user.c.name)
        .outerjoin(user, user.c.id == entry.c.actor_id)
        .where(mine, entry.c.booked_at >= begins, entry.c.booked_at < ends)
    )
    for row in uow.connection.execute(statement):
        yield Use(
            iso(row.booked_at),
            str(Kind.CHANGE),
            f"voucher.{row.kind}",
            row.actor_id,
            row.name or SYSTEM,
            str(row.entry_no),
            row.memo,
            row.trace,
        )
