"""What approval does to people: rows changed, history kept, everybody who has to know told.

Only the county does this, for many people at once.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import Table, select

from node.core.db import BATCH_ROWS, upsert
from node.core.errors import Forbidden
from node.core.ids import new_id
from node.core.work import UnitOfWork
from node.identity.duties import require_duty
from node.registry import records
from node.registry.codes import Standing
from node.registry.events import Changed, Closing, tell_changed
from node.registry.known import Known
from node.registry.moves import move_along
from node.registry.records import changes, enrolments, people
from tiers import Duty, Level, RegionCode

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What happens to one person: new values of the person and of the open enrolment.

    `told` is the history: title of each detail → (before, after) as people read them.
    """

    person: Known
    what: str
    on: date
    told: Mapping[str, tuple[str, str]]
    of_person: Mapping[str, Any] = field(default_factory=dict)
    of_enrolment: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    case_id: str | None = None
    closing: Closing | None = None

    @property
    def after(self) -> Standing:
        """The standing when it is done."""
        return Standing(self.of_enrolment.get("state", self.person.standing))

    @property
    def left(self) -> RegionCode | None:
        """The village the person leaves, if any."""
        moved = self.of_person.get("village", self.person.village) != self.person.village
        return RegionCode(self.person.village) if moved else None


def take_effect(uow: UnitOfWork, effects: Sequence[Effect]) -> None:
    """Change people as decided; one effect per person.

    Raises:
        Forbidden: this is no county, or the actor approves nothing.
    """
    require_duty(uow, Duty.APPROVE)
    if uow.level is not Level.COUNTY:
        raise Forbidden("参保信息由县级办理生效")
    if not effects:
        return
    changed_people = _changed(uow, people, {e.person.person_id: e.of_person for e in effects})
    changed_enrolments = _changed(
        uow, enrolments, {e.person.enrolment_id: e.of_enrolment for e in effects}
    )
    made = [_history(uow, effect) for effect in effects]
    uow.connection.execute(changes.insert(), made)
    records.publish_people(uow, changed_people)
    records.publish_enrolment_changes(uow, changed_enrolments)
    records.publish_changes(uow, made)
    move_along(
        uow,
        [
            (effect.person.person_id, str(effect.left), effect.of_person["village"])
            for effect in effects
            if effect.left is not None
        ],
    )
    tell_changed(uow, [_told(uow, effect) for effect in effects])


def _changed(
    uow: UnitOfWork, table: Table, wanted: Mapping[str | None, Mapping[str, Any]]
) -> list[Row]:
    """The rows of these ids with their new values, written and as they are now."""
    values = {key: new for key, new in wanted.items() if key is not None and new}
    rows: list[Row] = []
    ids = list(values)
    for start in range(0, len(ids), BATCH_ROWS // 2):
        batch = ids[start : start + BATCH_ROWS // 2]
        statement = select(table).where(table.c.county_code == str(uow.node), table.c.id.in_(batch))
        found = uow.connection.execute(statement).mappings()
        rows.extend({**row, **values[row["id"]]} for row in found)
    upsert(uow.connection, table, rows)
    return rows


def _history(uow: UnitOfWork, effect: Effect) -> Row:
    return {
        "county_code": str(uow.node),
        "id": new_id(),
        "person_id": effect.person.person_id,
        "village": effect.of_person.get("village", effect.person.village),
        "what": effect.what,
        "changes": json.dumps(dict(effect.told), ensure_ascii=False),
        "reason": effect.reason,
        "effective_on": effect.on,
        "at": uow.now,
        "case_id": effect.case_id,
    }


def _told(uow: UnitOfWork, effect: Effect) -> Changed:
    return Changed(
        county_code=str(uow.node),
        person_id=effect.person.person_id,
        village=RegionCode(effect.of_person.get("village", effect.person.village)),
        left=effect.left,
        before=effect.person.standing,
        after=effect.after,
        on=effect.on,
        reason=effect.reason,
        case_id=effect.case_id,
        closing=effect.closing,
    )
