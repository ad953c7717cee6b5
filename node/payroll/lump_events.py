"""What a person's timeline says of the end: the settled account, the grant, when it was paid."""

from collections.abc import Iterable
from datetime import date

from sqlalchemy import select

from node.benefits.life_records import ends
from node.core.clock import business_date
from node.core.work import UnitOfWork
from node.payroll.rules import LineKind
from node.payroll.tables import paid_lines
from node.registry.models import Person
from node.registry.timeline import Event

_SUMS = (
    ("account_fen", "个人账户余额退还"),
    ("to_fund_fen", "个人账户余额退回基金"),
    ("funeral_fen", "丧葬补助金"),
    ("overpaid_fen", "多发待遇，应抵扣或追回"),
)


def person_events(uow: UnitOfWork, person: Person) -> Iterable[Event]:
    """What was left when it ended, and each lump sum the bank has paid."""
    found = select(ends).where(
        ends.c.county_code == person.county_code,
        ends.c.person_id == person.id,
        ends.c.is_revoked.is_(False),
    )
    for row in uow.connection.execute(found).mappings().all():
        on = business_date(row["made_at"])
        for name, title in _SUMS:
            if row[name]:
                href = f"/cases/{row['case_id']}" if row["case_id"] else ""
                yield Event(on, title, "已核定", href=href, note=row["heir_name"], fen=row[name])
        yield from _paid(uow, person.county_code, row["entitlement_id"])


def _paid(uow: UnitOfWork, county: str, entitlement_id: str) -> Iterable[Event]:
    found = select(
        paid_lines.c.kind, paid_lines.c.fen, paid_lines.c.paid_on, paid_lines.c.bounced_on
    ).where(
        paid_lines.c.county_code == county,
        paid_lines.c.entitlement_id == entitlement_id,
        paid_lines.c.kind != LineKind.PENSION.value,
    )
    for kind, fen, paid_on, bounced_on in uow.connection.execute(found).all():
        yield _payment(LineKind(kind), fen, paid_on, bounced_on)


def _payment(kind: LineKind, fen: int, paid_on: date, bounced_on: date | None) -> Event:
    if bounced_on is not None:
        return Event(bounced_on, kind.title, "退汇", kind="bad", fen=fen)
    return Event(paid_on, kind.title, "已发放", fen=fen)
