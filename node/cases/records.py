"""What travels of a case: the whole form when it is submitted, and each step after that.

Both climb to the county; steps also go down to the node that entered the case. A replica keeps the
steps it knows and lets the one of highest precedence say the state, so that order and repetition
of arrival change nothing. It refuses what the author could not have done.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Table, bindparam, select, update

import sync
from node.cases.models import Case, CaseStep
from node.cases.papers import papers_from, papers_text
from node.cases.rules import Action, Move, Path, State, is_lawful, standing
from node.core.clock import from_iso, iso
from node.core.db import BATCH_ROWS, insert_new, upsert
from node.core.personal import keyring_of
from node.core.work import UP_COUNTY, RecordType, UnitOfWork, down
from tiers import Level, RegionCode

SUBMITTED = RecordType("case.submitted")
STEPPED = RecordType("case.stepped")

cases: Table = Case.__table__  # type: ignore[attr-defined]
steps: Table = CaseStep.__table__  # type: ignore[attr-defined]

Row = dict[str, Any]
_ENTERING = frozenset({Action.SUBMIT, Action.WITHDRAW})


def publish_submissions(uow: UnitOfWork, submitted: Sequence[tuple[Row, str, Row]]) -> None:
    """Send cases upwards whole: (row of the case, citizen number, its submitting step).

    What the county enters itself has nowhere to climb to.
    """
    for case, citizen_number, step in submitted:
        origin = RegionCode(case["origin"])
        if origin.level is Level.COUNTY:
            continue
        body = {
            "number": case["number"],
            "matter": case["matter"],
            "village": case["village"],
            "origin": case["origin"],
            "name": case["subject_name"],
            "citizen_number": citizen_number,
            "form": json.loads(case["form"]),
            "attachments": json.loads(case["attachments"] or "[]"),
            "entered_by": case["entered_by"],
            "entered_by_name": case["entered_by_name"],
            "entered_at": iso(case["entered_at"]),
            "provenance": case["provenance"],
            "step": _step_body(step),
        }
        region = RegionCode(case["village"])
        uow.publish(SUBMITTED, case["id"], body, region=region, routes=[UP_COUNTY], origin=origin)


def publish_steps(
    uow: UnitOfWork, taken: Sequence[tuple[Case, Row]], *, author: RegionCode
) -> None:
    """Send steps up to the county, and down to whoever entered the case.

    Downwards they go to the village even when the township entered the case: the township lies on
    the way, and its own route would lead into every village. The village passes over the step.
    Route by route, so that each is written to the outbox in one go.
    """
    if author.level is not Level.COUNTY:
        for case, step in taken:
            _publish_step(uow, case, step, author, UP_COUNTY)
    for case, step in sorted(taken, key=lambda pair: pair[0].village):
        if RegionCode(case.origin).level.is_below(author.level):
            _publish_step(uow, case, step, author, down(case.village))


def _publish_step(uow: UnitOfWork, case: Case, step: Row, author: RegionCode, route: str) -> None:
    region = RegionCode(case.village)
    body = {**_step_body(step), "origin": case.origin}
    uow.publish(STEPPED, case.id, body, region=region, routes=[route], origin=author)


def _step_body(step: Row) -> Row:
    due = step["due_on"]
    return {
        "id": step["id"],
        "action": str(step["action"]),
        "state": str(step["state"]),
        "version": step["version"],
        "turn": step["turn"],
        "node": step["node"],
        "actor_name": step["actor_name"],
        "actor_id": step["actor_id"],
        "at": iso(step["at"]),
        "opinion": step["opinion"],
        "remarks": read_remarks(step["remarks"]),
        "due_on": due.isoformat() if due else None,
        "outcome": step["outcome"],
    }


@SUBMITTED.applies
def apply_submissions(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Keep cases from below. A newer form replaces an older one, never the reverse."""
    known = _known(uow, {item.record.key for item in arrived})
    newest: dict[str, Row] = {}
    step_rows = []
    for item in arrived:
        case, step = _submission(uow, item)
        _refuse_other_case(item, case, known.get(case["id"]) or newest.get(case["id"]))
        step_rows.append(step)
        if case["version"] > _version(known.get(case["id"])) and (
            case["id"] not in newest or newest[case["id"]]["version"] < case["version"]
        ):
            newest[case["id"]] = case
    _keep_forms_before(uow, [case_id for case_id in newest if case_id in known])
    upsert(uow.connection, cases, list(newest.values()), keep=_KEPT)
    insert_new(uow.connection, steps, step_rows)
    restate(uow, known)


def _keep_forms_before(uow: UnitOfWork, ids: Sequence[str]) -> None:
    """What a corrected form replaces stays beside it, so that a desk sees what changed."""
    for start in range(0, len(ids), BATCH_ROWS):
        replaced = cases.c.id.in_(ids[start : start + BATCH_ROWS])
        uow.connection.execute(update(cases).where(replaced).values(form_before=cases.c.form))


def remarks_text(remarks: Mapping[str, str]) -> str:
    """Remarks by field as they are stored; nothing for none."""
    return json.dumps(dict(remarks), ensure_ascii=False, sort_keys=True) if remarks else ""


def read_remarks(text: str) -> dict[str, str]:
    """Remarks by field, from how they are stored."""
    remarks: dict[str, str] = json.loads(text) if text else {}
    return remarks


_KEPT = ("outcome", "entered_by", "entered_by_name", "entered_at")
_SAME = ("county_code", "number", "matter", "village", "origin")


def _version(known: Row | None) -> int:
    return known["version"] if known else 0


def _refuse_other_case(item: "sync.Arrived", case: Row, before: Row | None) -> None:
    """A corrected form stays the same case: nobody may take over the id of another."""
    if before and any(before[name] != case[name] for name in _SAME):
        raise sync.Refused("补正后的业务与原业务的受理号、事项、来源或所属村不一致", [item])


def _submission(uow: UnitOfWork, item: "sync.Arrived") -> tuple[Row, Row]:
    record, body = item.record, item.record.body
    if body["origin"] != item.origin or body["village"] != record.region:
        raise sync.Refused("业务的来源节点或所属村与签发者不符", [item])
    step = _step(uow, item, body["step"])
    if step["action"] is not Action.SUBMIT:
        raise sync.Refused("上报的业务没有提交记录", [item])
    state = State(step["state"])
    origin = RegionCode(body["origin"])
    return {
        "county_code": step["county_code"],
        "id": record.key,
        "number": body["number"],
        "matter": body["matter"],
        "village": body["village"],
        "origin": body["origin"],
        "subject_name": body["name"],
        "subject_index": keyring_of(uow.connection).index(body["citizen_number"]),
        "form": json.dumps(body["form"], ensure_ascii=False, sort_keys=True),
        "attachments": _attachments(item),
        "version": step["version"],
        "state": state,
        "holder": _holder(state, origin),
        "turn": step["turn"],
        "remark": "",
        "remarks": "",
        "entered_by": body["entered_by"],
        "entered_by_name": body["entered_by_name"],
        "entered_at": from_iso(body["entered_at"]),
        "moved_at": step["at"],
        "due_on": step["due_on"],
        "outcome": None,
        "provenance": body["provenance"],
    }, step


def _attachments(item: "sync.Arrived") -> str:
    try:
        return papers_text(papers_from(item.record.body.get("attachments") or []))
    except (ValueError, KeyError, TypeError) as error:
        raise sync.Refused("业务的附件清单无法读取", [item]) from error


@STEPPED.applies
def apply_steps(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Keep steps taken elsewhere; one that comes on two routes is kept once.

    A case entered above is none of this node's: its steps pass by.

    Raises:
        Waiting: a case has not arrived yet.
        Refused: its author could not have taken a step.
    """
    arrived = [item for item in arrived if uow.node.contains(item.record.body["origin"])]
    known = _known(uow, {item.record.key for item in arrived})
    early = [item for item in arrived if item.record.key not in known]
    if early:
        raise sync.Waiting("等待所办业务先到达", early)
    rows = []
    for item in arrived:
        case, step = known[item.record.key], _step(uow, item, item.record.body)
        if case["village"] != item.record.region:
            raise sync.Refused("办理记录的所属村与业务不符", [item])
        if step["action"] in _ENTERING and item.origin != case["origin"]:
            raise sync.Refused("只有录入的节点可以提交或撤回这件业务", [item])
        rows.append(step)
    insert_new(uow.connection, steps, rows)
    restate(uow, known)


def _step(uow: UnitOfWork, item: "sync.Arrived", body: Mapping[str, Any]) -> Row:
    author = RegionCode(item.origin)
    county = RegionCode(item.record.region).county
    try:
        action, state = Action(body["action"]), State(body["state"])
    except ValueError as error:
        raise sync.Refused("没有这种办理步骤或状态", [item]) from error
    if body["node"] != author or county is None or not is_lawful(action, state, author.level):
        message = f"{author.level.title}节点不能作出“{action.title}”这一步"
        raise sync.Refused(message, [item])
    due = body["due_on"]
    return {
        "county_code": str(county),
        "case_id": item.record.key,
        "id": body["id"],
        "action": action,
        "state": state,
        "version": body["version"],
        "turn": body["turn"],
        "node": str(author),
        "level": str(author.level),
        "actor_id": body["actor_id"],
        "actor_name": body["actor_name"],
        "at": from_iso(body["at"]),
        "arrived_at": uow.now,
        "opinion": body["opinion"],
        "remarks": remarks_text(body.get("remarks") or {}),  # not told by programs before 0.2
        "due_on": date.fromisoformat(due) if due else None,
        "outcome": body["outcome"],
    }


def _known(uow: UnitOfWork, ids: Iterable[str]) -> dict[str, Row]:
    """What identifies the cases that are here, by id."""
    columns = [cases.c[name] for name in ("id", "version", *_SAME)]
    wanted = sorted(ids)
    found: dict[str, Row] = {}
    for start in range(0, len(wanted), BATCH_ROWS):
        batch = wanted[start : start + BATCH_ROWS]
        statement = select(*columns).where(cases.c.id.in_(batch))
        rows = uow.connection.execute(statement).mappings()
        found.update({row["id"]: dict(row) for row in rows})
    return found


def restate(uow: UnitOfWork, known: Mapping[str, Row]) -> None:
    """Let the steps known of these cases say their states anew."""
    if not known:
        return
    by_case: dict[str, list[Any]] = defaultdict(list)
    wanted = sorted(known)
    for start in range(0, len(wanted), BATCH_ROWS):
        batch = wanted[start : start + BATCH_ROWS]
        for row in uow.connection.execute(select(steps).where(steps.c.case_id.in_(batch))):
            by_case[row.case_id].append(row)
    changes = [_standing(known[case_id], taken) for case_id, taken in by_case.items()]
    statement = (
        update(cases)
        .where(cases.c.county_code == bindparam("of_county"), cases.c.id == bindparam("of_case"))
        .values({name: bindparam(name) for name in _STATED})
    )
    uow.connection.execute(statement, changes)


_STATED = ("state", "holder", "turn", "remark", "remarks", "moved_at", "due_on", "outcome")


def _standing(case: Row, taken: Sequence[Any]) -> Row:
    winner = standing([_move(row) for row in taken])
    step = next(row for row in taken if row.id == winner.id)
    is_return = winner.action is Action.RETURN
    return {
        "of_county": case["county_code"],
        "of_case": case["id"],
        "state": winner.state,
        "holder": _holder(winner.state, RegionCode(case["origin"])),
        "turn": max(row.turn for row in taken),
        "remark": step.opinion if is_return else "",
        "remarks": step.remarks if is_return else "",
        "moved_at": step.at,
        "due_on": step.due_on,
        "outcome": step.outcome,
    }


def _move(row: Any) -> Move:
    return Move(
        id=row.id,
        action=Action(row.action),
        state=State(row.state),
        version=row.version,
        turn=row.turn,
        level=Level(row.level),
        at=iso(row.at),
    )


def _holder(state: State, origin: RegionCode) -> Level | None:
    return Path(tuple(Level), origin.level).holder(state)
