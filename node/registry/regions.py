"""Places change (行政区划调整): names and successors at every node, people at their county.

A bulletin says what was decided; from its day on every node brings its own tree up to date, and a
county moves the people of a village that was merged. Doing it again changes nothing, so a job does
it whenever something is due. What was written under an old code keeps it: history stays.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import insert, select, update

from node.core.divisions import PLACES_CHANGED
from node.core.divisions import table as divisions
from node.core.serials import reserve
from node.core.work import UnitOfWork
from node.policy.region_bodies import RegionChange, RegionStep, RegionStepKind
from node.policy.service import published_documents
from node.registry.effects import Effect, take_effect
from node.registry.known import known_of_village
from tiers import Level, RegionCode

MOVED_AT_ONCE = 2_000
WHAT = "region_change"


@dataclass(frozen=True, slots=True)
class Due:
    """One step whose day has come, and the bulletin that says it."""

    step: RegionStep
    on: date
    number: str


def apply_region_changes(uow: UnitOfWork) -> str:
    """Do everything that is due and not done yet; what that was, in words."""
    done = [said for due in _due(uow) if (said := _apply(uow, due))]
    if done:
        reserve(uow, PLACES_CHANGED, 1, county_code=str(uow.node))
    return "；".join(done) or "没有要调整的区划"


def _due(uow: UnitOfWork) -> list[Due]:
    found = published_documents(uow, RegionChange, uow.node)
    return [
        Due(step, each.bulletin.effective_from, each.bulletin.number)
        for each in found
        if each.bulletin.effective_from <= uow.today
        for step in each.body.steps
    ]


def _apply(uow: UnitOfWork, due: Due) -> str:
    step = due.step
    if step.change is RegionStepKind.RENAMED:
        return _rename(uow, step)
    if step.change is RegionStepKind.DIVIDED:
        return _divide(uow, due)
    return _merge(uow, due)


def _rename(uow: UnitOfWork, step: RegionStep) -> str:
    statement = (
        update(divisions)
        .where(divisions.c.code == step.code, divisions.c.name != step.name)
        .values(name=step.name)
    )
    changed = uow.connection.execute(statement).rowcount
    return f"{step.code} 更名为{step.name}" if changed else ""


def _divide(uow: UnitOfWork, due: Due) -> str:
    step = due.step
    rows = uow.connection.execute(
        select(divisions).where(divisions.c.code.in_([step.code, step.successor]))
    ).mappings()
    known = {row["code"]: row for row in rows}
    if step.code not in known or step.successor in known:
        return ""
    old = known[step.code]
    new = {"code": step.successor, "name": step.name, "level": old["level"]}
    more = {"parent": old["parent"], "valid_from": due.on, "valid_to": None, "successor": None}
    uow.connection.execute(insert(divisions).values(**new, **more))
    return f"从 {step.code} 分设{step.name}（{step.successor}）"


def _merge(uow: UnitOfWork, due: Due) -> str:
    step = due.step
    statement = (
        update(divisions)
        .where(divisions.c.code == step.code, divisions.c.successor.is_(None))
        .values(valid_to=due.on - timedelta(1), successor=step.successor)
    )
    ended = uow.connection.execute(statement).rowcount
    moved = 0
    if uow.level is Level.COUNTY and uow.node.contains(RegionCode(step.code)):
        moved = _move_people(uow, due)
    if not ended and not moved:
        return ""
    return f"{step.code} 并入{step.name}" + (f"，{moved} 人" if moved else "")


def _move_people(uow: UnitOfWork, due: Due) -> int:
    """Everybody who still belongs to the village that ended, a few thousand a run."""
    step = due.step
    people = known_of_village(uow, step.code, most=MOVED_AT_ONCE)
    take_effect(
        uow,
        [
            Effect(
                person=person,
                what=WHAT,
                on=due.on,
                told={"village": (step.code, step.successor)},
                of_person={"village": step.successor},
                of_enrolment={"village": step.successor},
                reason=due.number,
            )
            for person in people
        ],
    )
    return len(people)
