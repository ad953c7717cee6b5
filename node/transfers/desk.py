"""What the desks see of transfers: who comes and who goes, how far it is, how long it has taken."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select

from node.cases.queries import require_seeing
from node.cases.steps import holidays
from node.cases.working_days import Holidays, days_left, due_day
from node.core.db import BATCH_ROWS
from node.core.errors import NotFound
from node.core.paging import PAGE_SIZE, Page
from node.core.personal import keyring_of
from node.core.replica_table import within
from node.core.work import UnitOfWork
from node.policy import service as policy
from node.policy.calendar_bodies import Deadlines
from node.transfers.records import Row, content, is_outside, steps, steps_of
from node.transfers.rules import USUAL_DAYS, Custody, Elsewhere, Step, custody, is_open, state
from tiers import Level


class Side(StrEnum):
    """Which transfers a list shows."""

    OUT = "out"
    IN = "in"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Transfer:
    """One transfer as this node knows it. `due` is the last day of whoever has to act next."""

    id: str
    steps: Mapping[Step, Row]
    due: date | None
    left: int | None

    @property
    def first(self) -> Row:
        """The letter, or what is known of it."""
        return self.steps.get(Step.ASKED) or next(iter(self.steps.values()))

    @property
    def name(self) -> str:
        return str(self.first["name"])

    @property
    def from_county(self) -> str:
        return str(self.first["from_county"])

    @property
    def to_county(self) -> str:
        return str(self.first["to_county"])

    @property
    def asked_on(self) -> date:
        day: date = self.first["taken_on"]
        return day

    @property
    def state(self) -> Step:
        return state(self.steps)

    @property
    def custody(self) -> Custody:
        return custody(self.steps)

    @property
    def fen(self) -> int | None:
        """What moves; none before the old county has settled."""
        moved = self.steps.get(Step.RELEASED) or self.steps.get(Step.RECEIVED)
        return int(moved["fen"]) if moved else None

    def in_order(self) -> list[tuple[Step, Row]]:
        """Every step in the order of the law: the clocks of two counties may differ."""
        return [(step, self.steps[step]) for step in Step if step in self.steps]


def listed(
    uow: UnitOfWork, side: Side, *, number: int = 1, size: int = PAGE_SIZE
) -> Page[Transfer]:
    """Transfers of the actor's region, those that have waited longest first.

    Raises:
        Forbidden: the actor sees no business.
    """
    require_seeing(uow)
    asked = _asked(uow, side)
    total = uow.connection.execute(select(func.count()).select_from(asked.subquery())).scalar_one()
    number = min(max(1, number), max(1, -(-total // size)))
    newest = side is Side.DONE
    order = steps.c.taken_at.desc() if newest else steps.c.taken_at
    rows = uow.connection.execute(
        asked.order_by(order, steps.c.id).limit(size).offset((number - 1) * size)
    )
    return Page(_read(uow, [row.id for row in rows]), number, size, total)


def counts(uow: UnitOfWork) -> dict[Side, int]:
    """How many transfers stand in each list."""
    require_seeing(uow)
    return {
        side: int(
            uow.connection.execute(
                select(func.count()).select_from(_asked(uow, side).subquery())
            ).scalar_one()
        )
        for side in Side
    }


def transfer(uow: UnitOfWork, transfer_id: str) -> Transfer:
    """One transfer.

    Raises:
        NotFound: there is none here, or it concerns other counties.
        Forbidden: the actor sees no business.
    """
    require_seeing(uow)
    known = steps_of(uow, transfer_id)
    first = next(iter(known.values()), None)
    if first is None or not any(
        uow.actor.scope.contains(first[side]) for side in ("from_county", "to_county")
    ):
        raise NotFound("没有找到这件转移，或不在您负责的区域内")
    return _transfer(uow, transfer_id, known, step_days(uow), holidays(uow))


def open_letters(uow: UnitOfWork, citizen_numbers: Collection[str]) -> set[str]:
    """Which of these people this county has asked for and not been answered."""
    keyring = keyring_of(uow.connection)
    indexes = {keyring.index(number): number for number in citizen_numbers if number}
    found: set[str] = set()
    wanted = list(indexes)
    for start in range(0, len(wanted), BATCH_ROWS // 2):
        rows = select(steps.c.citizen_index).where(
            steps.c.step == Step.ASKED.value,
            steps.c.to_county == str(uow.node.county),
            steps.c.citizen_index.in_(wanted[start : start + BATCH_ROWS // 2]),
            ~_has(Step.REFUSED, Step.RECEIVED),
        )
        found |= {indexes[bytes(row.citizen_index)] for row in uow.connection.execute(rows)}
    return found


_later = steps.alias("later")


def _has(*wanted: Step) -> ColumnElement[bool]:
    return exists().where(
        _later.c.id == steps.c.id, _later.c.step.in_([step.value for step in wanted])
    )


def _asked(uow: UnitOfWork, side: Side) -> Select[Any]:
    """The first steps of a list: the letter, or what begins a transfer outside the network."""
    goes, comes = within(steps.c.from_county, _here(uow)), within(steps.c.to_county, _here(uow))
    outside = [each.value for each in Elsewhere]
    paid = or_(_has(Step.PAID), steps.c.from_county.in_(outside))
    banked = or_(_has(Step.BANKED), steps.c.to_county.in_(outside))
    over = or_(_has(Step.REFUSED), and_(paid, banked))
    is_first = or_(
        steps.c.step == Step.ASKED.value,
        and_(steps.c.step == Step.RELEASED.value, steps.c.to_county.in_(outside)),
        and_(steps.c.step == Step.RECEIVED.value, steps.c.from_county.in_(outside)),
    )
    where = {
        Side.OUT: and_(goes, ~over),
        Side.IN: and_(comes, ~over),
        Side.DONE: and_(or_(goes, comes), over),
    }[side]
    return select(steps.c.id, steps.c.taken_at).where(is_first, where)


def _here(uow: UnitOfWork) -> Any:
    scope = uow.actor.scope
    return scope if scope.level.rank <= Level.COUNTY.rank else scope.county


def _read(uow: UnitOfWork, ids: Sequence[str]) -> list[Transfer]:
    found: dict[str, dict[Step, Row]] = {each: {} for each in ids}
    rows = select(steps).where(steps.c.id.in_(list(ids)))
    for row in uow.connection.execute(rows).mappings():
        found[row["id"]][Step(row["step"])] = dict(row)
    days, calendar = step_days(uow), holidays(uow)
    return [_transfer(uow, each, known, days, calendar) for each, known in found.items()]


def step_days(uow: UnitOfWork) -> int:
    """Working days for each step, as the bulletin in force here says, or the national rule."""
    found = policy.in_force(uow, Deadlines.kind, uow.node, uow.today)
    if found is None or not isinstance(found.body, Deadlines):
        return USUAL_DAYS
    return found.body.transfer_days


def _transfer(
    uow: UnitOfWork, transfer_id: str, known: Mapping[Step, Row], days: int, calendar: Holidays
) -> Transfer:
    first = next(iter(known.values()))
    if not is_open(known, old=first["from_county"], new=first["to_county"]):
        return Transfer(transfer_id, known, None, None)
    newest = Step.RECEIVED if Step.RECEIVED in known else state(known)
    due = due_day(known[newest]["taken_on"], days, calendar)
    return Transfer(transfer_id, known, due, days_left(due, uow.today, calendar))


def told(found: Transfer) -> dict[str, Any]:
    """What came along with the person, as far as it is known: balance by source, years, history."""
    sheet = found.steps.get(Step.RELEASED)
    if sheet is None and is_outside(found.first):
        sheet = found.steps.get(Step.RECEIVED)
    return content(sheet) if sheet else {}
