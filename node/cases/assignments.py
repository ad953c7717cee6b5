"""Who takes a case: given to one of several people at a desk, handed over when they leave.

Assignments stay on this node, as its users do. A case that is given to nobody is anybody's who sits
at its desk; one that is given to somebody waits for them, and any colleague may give it on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Table, delete, update
from sqlmodel import col, select

from node.cases.models import CaseAssignment, Draft
from node.cases.rules import STAGE_OF, Hand, State, refusal
from node.cases.steps import Outcome, desk, hand, load_cases, own_stages, positions_of
from node.core.db import upsert
from node.core.errors import Conflict, Forbidden, Invalid, NotFound, Refusal
from node.core.work import UnitOfWork
from node.identity.models import RoleGrant, User
from tiers import Duty, RegionCode, Role

assignments: Table = CaseAssignment.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Colleague:
    """Somebody with a login at this node, and their duties at its level."""

    id: str
    name: str
    scope: RegionCode
    duties: frozenset[Duty]
    is_active: bool


def colleagues(uow: UnitOfWork) -> list[Colleague]:
    """People of this node who have a duty in common with the actor, the actor too."""
    mine = hand(uow).duties
    return [one for one in _people(uow) if one.is_active and one.duties & mine]


def left(uow: UnitOfWork) -> list[Colleague]:
    """Those of them who may not log in any more."""
    mine = hand(uow).duties
    return [one for one in _people(uow) if not one.is_active and one.duties & mine]


def assign_many(uow: UnitOfWork, case_ids: Sequence[str], *, to: str) -> list[Outcome]:
    """Give cases that lie at the actor's desk to somebody who may act on them there.

    Raises:
        Forbidden: the actor has no desk.
        NotFound: there is no such colleague.
    """
    mine = {stage.state for stage in own_stages(uow)}
    if not mine:
        raise Forbidden("您的岗位不审核业务")
    taker = _colleague(uow, to)
    found = load_cases(uow, list(dict.fromkeys(case_ids)))
    positions = positions_of(uow, list(found.values()))
    who = Hand(taker.id, desk(uow).level, taker.duties)
    outcomes, rows = [], []
    for case_id, case in found.items():
        state = State(case.state)
        if state not in mine or case_id not in positions:
            refused: Refusal | None = Conflict("这件业务不在您的岗位上，不能分派")
        elif not taker.scope.contains(RegionCode(case.village)):
            refused = Forbidden("该同事不负责这个区域")
        else:
            refused = refusal(STAGE_OF[state].action, positions[case_id], who)
        outcomes.append(Outcome(case_id, case.number, state, refused))
        if refused is None:
            rows.append(_row(uow, case.county_code, case_id, state, taker))
    upsert(uow.connection, assignments, rows)
    return outcomes


def _row(
    uow: UnitOfWork, county_code: str, case_id: str, state: State, taker: Colleague
) -> dict[str, object]:
    return {
        "county_code": county_code,
        "case_id": case_id,
        "state": str(state),
        "user_id": taker.id,
        "user_name": taker.name,
        "given_by": uow.actor.id,
        "given_at": uow.now,
    }


def assigned(uow: UnitOfWork, case_ids: Sequence[str]) -> Mapping[str, CaseAssignment]:
    """Who the cases are given to, by case; only while each lies at the desk it was given at."""
    statement = select(CaseAssignment).where(col(CaseAssignment.case_id).in_(list(case_ids)))
    return {one.case_id: one for one in uow.session.exec(statement)}


@dataclass(frozen=True, slots=True)
class HandedOver:
    """How much changed hands."""

    drafts: int
    cases: int


def hand_over(uow: UnitOfWork, *, leaving: str, to: str) -> HandedOver:
    """Move everything that lies with one person to another: drafts, and cases given to them.

    One's own things, or those of a colleague who may not log in any more.

    Raises:
        Forbidden: they are somebody else's who still works here.
        Invalid: the taker cannot go on with what is handed over.
    """
    if leaving == to:
        raise Invalid("请选择另一位同事", field="to")
    if leaving != uow.actor.id and leaving not in {one.id for one in left(uow)}:
        raise Forbidden("只能交出自己的工作，或接收已停用同事的工作")
    taker = _colleague(uow, to)
    drafts = update(Draft).where(col(Draft.owner) == leaving).values(owner=taker.id)
    owned = uow.session.exec(select(Draft.id).where(Draft.owner == leaving)).all()
    if owned and Duty.ENTER not in taker.duties:
        raise Invalid("草稿只能交给可以录入业务的同事", field="to")
    uow.connection.execute(drafts)
    given = select(CaseAssignment).where(CaseAssignment.user_id == leaving)
    ids = [one.case_id for one in uow.session.exec(given)]
    moved = assign_many(uow, ids, to=to) if ids else []
    refused = [one.case_id for one in moved if one.refusal]
    if refused:  # nobody waits for who is gone: back to the whole desk
        uow.connection.execute(
            delete(CaseAssignment).where(col(CaseAssignment.case_id).in_(refused))
        )
    return HandedOver(len(owned), len(ids) - len(refused))


def _colleague(uow: UnitOfWork, user_id: str) -> Colleague:
    found = next((one for one in colleagues(uow) if one.id == user_id), None)
    if found is None:
        raise NotFound("没有这位同事，或其岗位与您不同", field="to")
    return found


def _people(uow: UnitOfWork) -> list[Colleague]:
    level = desk(uow).level
    granted: dict[str, set[Duty]] = {}
    for grant in uow.session.exec(select(RoleGrant)):
        if grant.role in set(Role) and level in Role(grant.role).levels:
            granted.setdefault(grant.user_id, set()).update(Role(grant.role).duties)
    users = uow.session.exec(select(User).order_by(User.name, User.id)).all()
    return [
        Colleague(
            user.id,
            user.name,
            RegionCode(user.scope),
            frozenset(granted.get(user.id, ())),
            user.is_active,
        )
        for user in users
    ]
