"""追回 as people ask about it: what was overpaid, what has come back, what is still owed, and how.

Sums and lists come from the recoveries every tier holds; months, instalments and repayments from
the county's own books, so only the county shows them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select

from node.accounts.chart import Kind
from node.accounts.ledger import entries
from node.accounts.vouchers import lines_table
from node.benefits.codes import RecoveryCause
from node.benefits.life_records import ends, recoveries
from node.cases.queries import require_seeing
from node.core.clock import business_date
from node.core.errors import NotFound
from node.core.paging import PAGE_SIZE, Page
from node.core.work import UnitOfWork
from node.payroll.rules import PaymentState, instalments_left
from node.payroll.tables import payments, recovered_months, runs
from node.registry.records import people
from tiers import Level
from tiers.region import WIDTH

OPEN, CLOSED = "open", "closed"
RECEIVABLE = "overpaid_receivable"
_OWED = recoveries.c.fen - recoveries.c.set_off_fen - recoveries.c.repaid_fen


@dataclass(frozen=True, slots=True)
class Owed:
    """What was overpaid to somebody and where it stands, in fen. `monthly_fen` is 0 where no
    instalment was agreed.
    """

    id: str
    person_id: str
    entitlement_id: str
    name: str
    village: str
    cause: RecoveryCause
    fen: int
    set_off_fen: int
    repaid_fen: int
    monthly_fen: int
    is_open: bool
    case_id: str | None
    made_at: datetime

    @property
    def made_on(self) -> date:
        return business_date(self.made_at)

    @property
    def left_fen(self) -> int:
        return self.fen - self.set_off_fen - self.repaid_fen

    @property
    def instalments(self) -> int | None:
        """How many more pensions it takes; none where no plan was agreed."""
        return instalments_left(self.left_fen, self.monthly_fen)


@dataclass(frozen=True, slots=True)
class Sums:
    """A place's recoveries, in fen: overpaid = set off + repaid + still owed."""

    place: str
    people: int
    fen: int
    set_off_fen: int
    repaid_fen: int

    @property
    def left_fen(self) -> int:
        return self.fen - self.set_off_fen - self.repaid_fen


def _mine(uow: UnitOfWork) -> ColumnElement[bool]:
    require_seeing(uow)
    return recoveries.c.village.startswith(uow.actor.scope.prefix)


def sums(uow: UnitOfWork) -> list[Sums]:
    """What is owed, by the places inside the region somebody works for."""
    digits = {Level.PROVINCE: 6, Level.CITY: 6, Level.COUNTY: 9}.get(uow.actor.scope.level, WIDTH)
    place = func.substr(recoveries.c.village, 1, digits).label("place")
    summed = (func.sum(recoveries.c[name]) for name in ("fen", "set_off_fen", "repaid_fen"))
    found = select(place, func.count(recoveries.c.person_id.distinct()), *summed)
    rows = uow.connection.execute(found.where(_mine(uow)).group_by("place").order_by("place"))
    return [Sums(str(code).ljust(WIDTH, "0"), *map(int, more)) for code, *more in rows]


def owed_in(uow: UnitOfWork, *, state: str = OPEN, number: int = 1) -> Page[Owed]:
    """Recoveries of the region, those that owe most first; `state` empty is all of them."""
    asked = _joined().where(_mine(uow))
    if state:
        asked = asked.where(recoveries.c.state == state)
    counted = select(func.count()).select_from(asked.order_by(None).subquery())
    total = int(uow.connection.execute(counted).scalar_one())
    number = min(max(1, number), max(1, -(-total // PAGE_SIZE)))
    rows = uow.connection.execute(
        asked.order_by(_OWED.desc(), recoveries.c.id)
        .limit(PAGE_SIZE)
        .offset((number - 1) * PAGE_SIZE)
    )
    return Page([_owed(dict(row)) for row in rows.mappings()], number, PAGE_SIZE, total)


def _joined() -> Select[Any]:
    same = (people.c.county_code == recoveries.c.county_code) & (
        people.c.id == recoveries.c.person_id
    )
    return select(recoveries, people.c.name).join(people, same)


def _owed(row: dict[str, Any]) -> Owed:
    return Owed(
        id=row["id"],
        person_id=row["person_id"],
        entitlement_id=row["entitlement_id"],
        name=row["name"],
        village=row["village"],
        cause=RecoveryCause(row["cause"]),
        fen=row["fen"],
        set_off_fen=row["set_off_fen"],
        repaid_fen=row["repaid_fen"],
        monthly_fen=row["monthly_fen"],
        is_open=row["state"] == OPEN,
        case_id=row["case_id"],
        made_at=row["made_at"],
    )


def owed_of(uow: UnitOfWork, recovery_id: str) -> Owed:
    """One recovery.

    Raises:
        NotFound: there is none, or it lies elsewhere.
    """
    row = uow.connection.execute(_joined().where(_mine(uow), recoveries.c.id == recovery_id))
    found = row.mappings().first()
    if found is None:
        raise NotFound("没有这笔追回，或不在您负责的区域内")
    return _owed(dict(found))


def months_of(uow: UnitOfWork, recovery_id: str) -> Sequence[Any]:
    """The months it is for, by component."""
    found = select(recovered_months).where(recovered_months.c.recovery_id == recovery_id)
    return uow.connection.execute(found.order_by(recovered_months.c.month)).mappings().all()


@dataclass(frozen=True, slots=True)
class Back:
    """Money that came back: when, how, how much, and the voucher behind it."""

    on: date
    how: str
    fen: int
    entry_no: int | None


def came_back(uow: UnitOfWork, owed: Owed) -> list[Back]:
    """What was set off at a death, kept from later pensions, and repaid, in order."""
    found = [*_set_off(uow, owed), *_kept(uow, owed), *_repaid(uow, owed)]
    return sorted(found, key=lambda each: each.on)


def _set_off(uow: UnitOfWork, owed: Owed) -> list[Back]:
    if not owed.set_off_fen:
        return []
    end = select(ends).where(
        ends.c.entitlement_id == owed.entitlement_id,
        ends.c.case_id == owed.case_id,
        ends.c.is_revoked.is_(False),
    )
    row = uow.connection.execute(end).mappings().first()
    if row is None:
        return [Back(owed.made_on, "抵扣", owed.set_off_fen, None)]
    parts = (("抵扣个人账户余额", "set_off_account_fen"), ("抵扣丧葬补助金", "set_off_funeral_fen"))
    return [Back(owed.made_on, how, row[name], None) for how, name in parts if row[name]]


def _kept(uow: UnitOfWork, owed: Owed) -> list[Back]:
    """Instalments of the pension; with several recoveries the oldest is paid first."""
    same = (runs.c.county_code == payments.c.county_code) & (runs.c.run_no == payments.c.run_no)
    found = (
        select(payments.c.paid_on, payments.c.offset_fen, payments.c.entry_no)
        .join(runs, same)
        .where(
            payments.c.entitlement_id == owed.entitlement_id,
            payments.c.offset_fen > 0,
            payments.c.state.in_([PaymentState.PAID.value, PaymentState.KEPT.value]),
            payments.c.entry_no.is_not(None),
            runs.c.computed_at >= owed.made_at,
        )
    )
    rows = uow.connection.execute(found)
    return [Back(row[0], "从待遇中抵扣", row[1], row[2]) for row in rows]


def _repaid(uow: UnitOfWork, owed: Owed) -> list[Back]:
    same = (lines_table.c.county_code == entries.c.county_code) & (
        lines_table.c.entry_no == entries.c.entry_no
    )
    found = (
        select(entries.c.business_date, entries.c.memo, lines_table.c.fen, entries.c.entry_no)
        .join(lines_table, same)
        .where(
            entries.c.trace == owed.id,
            entries.c.kind == Kind.PENSION_BACK.value,
            lines_table.c.gl_account == RECEIVABLE,
        )
    )
    rows = uow.connection.execute(found)
    return [Back(on, memo, -int(fen), number) for on, memo, fen, number in rows]
