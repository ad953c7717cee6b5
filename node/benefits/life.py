"""The life of a pension: certified alive, suspended, resumed. Every transition is dated."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select, update

from node.accounts.serials import own_county
from node.benefits.codes import BenefitState, CertificationMethod, SuspensionReason
from node.benefits.life_records import (
    CERTIFIED,
    SUSPENDED,
    certificates,
    publish_life,
    suspensions,
)
from node.benefits.life_rules import certified_until, suspended_from
from node.benefits.models import Entitlement
from node.benefits.records import entitlements, publish_entitlements
from node.benefits.rules import months_back
from node.core.db import BATCH_ROWS
from node.core.errors import Conflict, Invalid, NotFound
from node.core.ids import new_id
from node.core.work import UnitOfWork
from node.policy import service as policy
from node.policy.benefit_bodies import Certification
from node.registry.codes import Standing
from node.registry.standing import turn_standing

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Seen:
    """That somebody was seen alive: who, when, how, by whom."""

    entitlement_id: str
    on: date
    method: CertificationMethod
    by: str
    case_id: str | None = None


def certify(uow: UnitOfWork, seen: Sequence[Seen]) -> None:
    """Keep that people are alive; whoever was suspended for want of it is resumed, with arrears.

    Raises:
        Forbidden: this node is no county.
        Invalid: no bulletin about certification has reached this node.
        NotFound: there is no such pension here.
    """
    own_county(uow)
    if not seen:
        return
    rules = policy.required(uow, Certification, uow.node, uow.today).body
    held = _held(uow, [each.entitlement_id for each in seen])
    rows = [_certificate(uow, each, held[each.entitlement_id], rules) for each in seen]
    for start in range(0, len(rows), BATCH_ROWS):
        uow.connection.execute(certificates.insert(), rows[start : start + BATCH_ROWS])
    publish_life(uow, CERTIFIED, rows)
    newest = {row["entitlement_id"]: row["valid_until"] for row in rows}
    for entitlement, until in newest.items():
        known = held[entitlement]["certified_until"]
        _set(uow, entitlement, certified_until=max(until, known) if known else until)
    waiting = _open(uow, list(held), reason=SuspensionReason.NOT_CERTIFIED)
    for each in waiting.values():
        _close(uow, each, before=uow.today.replace(day=1), case_id=None)
    _turned(uow, list(waiting), BenefitState.IN_FORCE)
    _tell(uow, [entitlement for entitlement in held if entitlement not in waiting])


def _certificate(uow: UnitOfWork, seen: Seen, pension: Row, rules: Certification) -> Row:
    return {
        "county_code": str(uow.node),
        "id": new_id(),
        "entitlement_id": seen.entitlement_id,
        "person_id": pension["person_id"],
        "village": pension["village"],
        "certified_on": seen.on,
        "valid_until": certified_until(seen.on, months=rules.valid_months),
        "method": seen.method.value,
        "certified_by": seen.by,
        "case_id": seen.case_id,
        "made_at": uow.now,
    }


@dataclass(frozen=True, slots=True)
class Pause:
    """That a pension is not paid from a month on, and why."""

    entitlement_id: str
    reason: SuspensionReason
    from_month: date
    case_id: str | None = None


def suspend(uow: UnitOfWork, pauses: Sequence[Pause]) -> None:
    """Suspend pensions. Months already paid stay paid: what was paid too much is a recovery.

    Raises:
        Forbidden: this node is no county.
        NotFound: there is no such pension here.
        Conflict: one is suspended or has ended already.
    """
    own_county(uow)
    held = _held(uow, [each.entitlement_id for each in pauses])
    for pension in held.values():
        if pension["state"] != BenefitState.IN_FORCE:
            raise Conflict("该待遇{title}，不能再暂停", title=BenefitState(pension["state"]).title)
    rows = [_suspension(uow, each, held[each.entitlement_id]) for each in pauses]
    for start in range(0, len(rows), BATCH_ROWS):
        uow.connection.execute(suspensions.insert(), rows[start : start + BATCH_ROWS])
    publish_life(uow, SUSPENDED, rows)
    _turned(uow, list(held), BenefitState.SUSPENDED)


def _suspension(uow: UnitOfWork, pause: Pause, pension: Row) -> Row:
    return {
        "county_code": str(uow.node),
        "id": new_id(),
        "entitlement_id": pause.entitlement_id,
        "village": pension["village"],
        "reason": pause.reason.value,
        "pays_back": pause.reason.pays_back,
        "from_month": pause.from_month.replace(day=1),
        "until_month": None,
        "is_revoked": False,
        "begun_by_case": pause.case_id,
        "ended_by_case": None,
        "made_at": uow.now,
    }


def resume(
    uow: UnitOfWork, entitlement_id: str, *, from_month: date, case_id: str | None = None
) -> None:
    """Pay a suspended pension again from a month on; the months before are paid too, unless the
    reason forfeits them.

    Raises:
        Forbidden: this node is no county.
        Conflict: it is not suspended.
        Invalid: the month lies before the suspension.
    """
    own_county(uow)
    found = _open(uow, [entitlement_id]).get(entitlement_id)
    if found is None:
        raise Conflict("该待遇没有暂停，不用恢复")
    if from_month.replace(day=1) < found["from_month"]:
        raise Invalid("恢复的月份不能早于暂停的月份", field="from_month")
    _close(uow, found, before=from_month.replace(day=1), case_id=case_id)
    _turned(uow, [entitlement_id], BenefitState.IN_FORCE)


def revoke_suspension(uow: UnitOfWork, entitlement_id: str, *, case_id: str) -> None:
    """Take a suspension back that should never have been (更正): all its months are due.

    Raises:
        Forbidden: this node is no county.
        Conflict: it is not suspended.
    """
    own_county(uow)
    found = _open(uow, [entitlement_id]).get(entitlement_id)
    if found is None:
        raise Conflict("该待遇没有暂停，不用更正")
    _change(uow, found, is_revoked=True, ended_by_case=case_id)
    _turned(uow, [entitlement_id], BenefitState.IN_FORCE)


def forfeit(uow: UnitOfWork, entitlement_id: str, *, first: date, last: date, case_id: str) -> Row:
    """Months that are not due after all, though the pension goes on. Answers the pension.

    Raises:
        NotFound: there is no such pension here.
        Invalid: the months are in no order.
    """
    if last < first:
        raise Invalid("结束月份不能早于开始月份", field="last")
    pension = _held(uow, [entitlement_id])[entitlement_id]
    pause = Pause(entitlement_id, SuspensionReason.DOUBLE_BENEFIT, first, case_id)
    row = {
        **_suspension(uow, pause, pension),
        "pays_back": False,
        "until_month": last.replace(day=1),
        "ended_by_case": case_id,
    }
    uow.connection.execute(suspensions.insert(), [row])
    publish_life(uow, SUSPENDED, [row])
    return pension


def suspend_expired(uow: UnitOfWork, month: date) -> int:
    """Suspend from a month on whoever's certification has run out by the rule; how many.

    Where no bulletin about certification has arrived, nobody is.
    """
    county = str(own_county(uow))
    found = policy.in_force(uow, Certification.kind, uow.node, month)
    if found is None or not isinstance(found.body, Certification):
        return 0
    last_day = months_back(month, found.body.grace_months)
    late = select(entitlements.c.id, entitlements.c.certified_until).where(
        entitlements.c.county_code == county,
        entitlements.c.state == BenefitState.IN_FORCE.value,
        entitlements.c.certified_until < last_day,
    )
    pauses = [
        Pause(row.id, SuspensionReason.NOT_CERTIFIED, max(month, _rule(row.certified_until, found)))
        for row in uow.connection.execute(late)
    ]
    if pauses:
        suspend(uow, pauses)
    return len(pauses)


def _rule(until: date, found: Any) -> date:
    return suspended_from(until, grace_months=found.body.grace_months)


def open_suspension(uow: UnitOfWork, entitlement_id: str) -> Row | None:
    """The suspension a pension is under now."""
    return _open(uow, [entitlement_id]).get(entitlement_id)


def _open(
    uow: UnitOfWork, ids: Sequence[str], *, reason: SuspensionReason | None = None
) -> dict[str, Row]:
    found: dict[str, Row] = {}
    for start in range(0, len(ids), BATCH_ROWS // 2):
        rows = select(suspensions).where(
            suspensions.c.county_code == str(uow.node),
            suspensions.c.entitlement_id.in_(ids[start : start + BATCH_ROWS // 2]),
            suspensions.c.until_month.is_(None),
            ~suspensions.c.is_revoked,
        )
        if reason is not None:
            rows = rows.where(suspensions.c.reason == reason.value)
        for row in uow.connection.execute(rows).mappings():
            found[row["entitlement_id"]] = dict(row)
    return found


def _close(uow: UnitOfWork, row: Row, *, before: date, case_id: str | None) -> None:
    """End a suspension with the month before; one that never kept a month back is revoked."""
    last = months_back(before, 1)
    if last < row["from_month"]:
        _change(uow, row, is_revoked=True, ended_by_case=case_id)
    else:
        _change(uow, row, until_month=last, ended_by_case=case_id)


def _change(uow: UnitOfWork, row: Row, **values: Any) -> None:
    key = (suspensions.c.county_code == row["county_code"], suspensions.c.id == row["id"])
    uow.connection.execute(update(suspensions).where(*key).values(**values))
    publish_life(uow, SUSPENDED, [{**row, **values}])
    owed = update(entitlements).where(
        entitlements.c.county_code == row["county_code"],
        entitlements.c.id == row["entitlement_id"],
        entitlements.c.owed_from > row["from_month"],
    )
    uow.connection.execute(owed.values(owed_from=row["from_month"]))


def end_suspension_at(uow: UnitOfWork, entitlement_id: str, *, last_month: date) -> None:
    """Close an open suspension because the pension ends; what was due or lost stays so."""
    found = _open(uow, [entitlement_id]).get(entitlement_id)
    if found is not None:
        _change(uow, found, until_month=max(last_month, found["from_month"]))


def _held(uow: UnitOfWork, ids: Sequence[str]) -> dict[str, Row]:
    found: dict[str, Row] = {}
    for start in range(0, len(ids), BATCH_ROWS // 2):
        rows = select(entitlements).where(
            entitlements.c.county_code == str(uow.node),
            entitlements.c.id.in_(ids[start : start + BATCH_ROWS // 2]),
        )
        found |= {row["id"]: dict(row) for row in uow.connection.execute(rows).mappings()}
    missing = set(ids) - set(found)
    if missing:
        raise NotFound("没有找到这份待遇核定", entitlement=min(missing))
    return found


def _set(uow: UnitOfWork, entitlement_id: str, **values: Any) -> None:
    key = (entitlements.c.county_code == str(uow.node), entitlements.c.id == entitlement_id)
    uow.connection.execute(update(entitlements).where(*key).values(**values))


_STANDINGS: Mapping[BenefitState, Standing] = {
    BenefitState.IN_FORCE: Standing.DRAWING,
    BenefitState.SUSPENDED: Standing.SUSPENDED,
}


def _turned(uow: UnitOfWork, ids: Sequence[str], state: BenefitState) -> None:
    """Pensions and the standing of their people change together."""
    if not ids:
        return
    for start in range(0, len(ids), BATCH_ROWS // 2):
        batch = ids[start : start + BATCH_ROWS // 2]
        key = (entitlements.c.county_code == str(uow.node), entitlements.c.id.in_(batch))
        uow.connection.execute(update(entitlements).where(*key).values(state=state.value))
    people = [row["person_id"] for row in _held(uow, ids).values()]
    turn_standing(uow, people, _STANDINGS[state])
    _tell(uow, ids)


def _tell(uow: UnitOfWork, ids: Sequence[str]) -> None:
    if ids:
        publish_entitlements(uow, list(_held(uow, ids).values()))


def pension_of(uow: UnitOfWork, person_id: str) -> Entitlement | None:
    """The pension of a person of this county."""
    found = select(Entitlement).where(
        entitlements.c.county_code == str(uow.node.county), entitlements.c.person_id == person_id
    )
    return uow.session.scalars(found).first()
