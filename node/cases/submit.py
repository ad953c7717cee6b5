"""Entering cases: submit one or a whole roll, submit again after a return, withdraw.

Entries are values as typed or as a program sends them; each is read and checked by its matter.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from sqlalchemy import select, update

from node.cases.case_number import case_number
from node.cases.drafts import forget_draft
from node.cases.forms import read_form
from node.cases.matter import Matter, Subject, matter_of
from node.cases.models import Case
from node.cases.records import cases, publish_submissions, steps
from node.cases.rules import OPEN, Action, Path, State
from node.cases.steps import (
    Outcome,
    Taken,
    desk,
    due_on,
    hand,
    open_lot,
    path_of,
    step_row,
    write,
    write_steps,
)
from node.core.db import BATCH_ROWS
from node.core.errors import Conflict, Forbidden, Invalid, Problems, Refusal, refuse_all
from node.core.ids import new_id
from node.core.personal import keyring_of
from node.core.serials import reserve
from node.core.work import UnitOfWork
from tiers import Duty, Level, RegionCode

Values = Mapping[str, Any]


@dataclass(slots=True)
class Entry:
    """One form on its way in. `refusal` says why it goes no further."""

    form: BaseModel | None = None
    subject: Subject | None = None
    village: RegionCode | None = None
    index: bytes = b""
    case: Case | None = None
    refusal: Refusal | None = None


def submit(
    uow: UnitOfWork,
    matter_code: str,
    values: Values,
    *,
    draft_id: str | None = None,
    provenance: str = "form",
) -> Case:
    """Enter one case and send it on its way; its draft, if any, is done with.

    Raises:
        Forbidden: entering cases here is not the actor's duty.
        Problems: the form has mistakes, each with its field.
        Conflict: the person has an open case of this matter.
    """
    entry = _enter(uow, matter_of(matter_code), [values], provenance)[0]
    if entry.refusal is not None:
        raise entry.refusal
    assert entry.case is not None  # noqa: S101  # narrows for mypy: what is not refused is a case
    if draft_id:
        forget_draft(uow, draft_id)
    return entry.case


def submit_many(
    uow: UnitOfWork, matter_code: str, entries: Sequence[Values], *, provenance: str = "form"
) -> list[Outcome]:
    """Enter many cases of one matter: good ones go through, refused ones come back with why.

    Raises:
        Forbidden: entering cases here is not the actor's duty.
    """
    entered = _enter(uow, matter_of(matter_code), entries, provenance)
    return [
        Outcome(entry.case.id, entry.case.number, State(entry.case.state))
        if entry.case
        else Outcome("", refusal=entry.refusal)
        for entry in entered
    ]


def preview_many(
    uow: UnitOfWork, matter_code: str, entries: Sequence[Values]
) -> list[Refusal | None]:
    """What `submit_many` would say to each entry, without entering anything.

    Raises:
        Forbidden: entering cases here is not the actor's duty.
    """
    require_entering(uow)
    return [entry.refusal for entry in _checked(uow, matter_of(matter_code), entries)]


def require_entering(uow: UnitOfWork) -> None:
    """Let only people go on whose post at this node is to enter cases.

    Raises:
        Forbidden: theirs is not, or their village has a node of its own.
    """
    scope, who = uow.actor.scope, hand(uow)
    if Duty.ENTER in who.duties:
        return
    if scope.level is Level.VILLAGE and scope != desk(uow):
        raise Forbidden("该村的业务不在本节点录入，请到该村自己的节点办理", village=scope)
    raise Forbidden("业务由协管员、乡级初审员或县级受理员录入，您的岗位不能录入")


def _enter(
    uow: UnitOfWork, matter: Matter[Any], entries: Sequence[Values], provenance: str
) -> list[Entry]:
    require_entering(uow)
    origin = desk(uow)
    serial = f"case:{origin}:{uow.today:%y%m%d}"
    county = str(uow.node.county)
    reserve(uow, serial, 0, county_code=county)  # queue first: two clicks must see each other
    checked = _checked(uow, matter, entries)
    good = [entry for entry in checked if entry.refusal is None]
    first = reserve(uow, serial, len(good), county_code=county)
    for place, entry in enumerate(good):
        number = case_number(origin, uow.today, first + place)
        entry.case = _new_case(uow, matter, entry, number=number, provenance=provenance)
    _store(uow, good)
    return checked


def _checked(uow: UnitOfWork, matter: Matter[Any], entries: Sequence[Values]) -> list[Entry]:
    read = [_read(uow, matter, values) for values in entries]
    _check(uow, matter, read)
    _refuse_duplicates(uow, matter, read)
    return read


def _read(uow: UnitOfWork, matter: Matter[Any], values: Values) -> Entry:
    try:
        form = read_form(matter.form, values)
        village = place_of(uow, matter, form)
    except Refusal as refusal:
        return Entry(refusal=refusal)
    return Entry(form, matter.subject(form), village)


def place_of(uow: UnitOfWork, matter: Matter[Any], form: BaseModel) -> RegionCode:
    """The village a form is about, which has to be one the actor works for.

    Raises:
        Invalid: it lies elsewhere, or is no village.
    """
    village: RegionCode = matter.village(form)
    if village.level is not Level.VILLAGE:
        raise Invalid("请选择到村（社区）", field="village")
    if not (uow.actor.scope.contains(village) and desk(uow).contains(village)):
        raise Invalid("所选的村不在您负责的区域内", field="village")
    return village


def _check(uow: UnitOfWork, matter: Matter[Any], entries: Sequence[Entry]) -> None:
    good = [entry for entry in entries if entry.refusal is None]
    found = matter.check_many(uow, [entry.form for entry in good])
    for entry, problems in zip(good, found, strict=True):
        if problems:
            entry.refusal = Problems(problems)


def _refuse_duplicates(uow: UnitOfWork, matter: Matter[Any], entries: Sequence[Entry]) -> None:
    """One open case of a matter per person, here and within what is entered together."""
    keyring = keyring_of(uow.connection)
    seen: set[bytes] = set()
    good = [entry for entry in entries if entry.refusal is None and entry.subject]
    for entry in good:
        assert entry.subject is not None  # noqa: S101  # narrows for mypy
        entry.index = keyring.index(entry.subject.citizen_number)
    held = open_cases(uow, matter.code, [entry.index for entry in good])
    for entry in good:
        if entry.index in held:
            entry.refusal = _duplicate(matter, held[entry.index])
        elif entry.index in seen:
            message = f"同一人在这一批里有两份{matter.title}"
            entry.refusal = Conflict(message, field=matter.number_field)
        seen.add(entry.index)


def _duplicate(matter: Matter[Any], held: tuple[str, str]) -> Conflict:
    number, state = held
    return Conflict(
        f"此人已有一件{matter.title}在办（受理号 {number}，{State(state).title}），不能重复受理",
        field=matter.number_field,
        number=number,
        already=True,
    )


def open_cases(
    uow: UnitOfWork, matter_code: str, indexes: Sequence[bytes]
) -> dict[bytes, tuple[str, str]]:
    """Open cases of a matter by blind index of the person: number and state."""
    held: dict[bytes, tuple[str, str]] = {}
    for start in range(0, len(indexes), BATCH_ROWS):
        statement = select(cases.c.subject_index, cases.c.number, cases.c.state).where(
            cases.c.county_code == str(uow.node.county),
            cases.c.matter == matter_code,
            cases.c.state.in_([str(state) for state in OPEN]),
            cases.c.subject_index.in_(indexes[start : start + BATCH_ROWS]),
        )
        for row in uow.connection.execute(statement):
            held[bytes(row.subject_index)] = (row.number, row.state)
    return held


def _new_case(
    uow: UnitOfWork, matter: Matter[Any], entry: Entry, *, number: str, provenance: str
) -> Case:
    assert entry.subject and entry.village and entry.form  # noqa: S101, PT018  # narrows for mypy
    origin = desk(uow)
    path = Path(matter.path, origin.level)
    state = path.first()
    return Case(
        county_code=str(uow.node.county),
        id=new_id(),
        number=number,
        matter=matter.code,
        village=str(entry.village),
        origin=str(origin),
        subject_name=entry.subject.name,
        subject_index=entry.index,
        form=stored_form(entry.form),
        version=1,
        state=str(state),
        holder=str(path.holder(state)),
        turn=0,
        entered_by=uow.actor.id,
        entered_by_name=uow.actor.name,
        entered_at=uow.now,
        moved_at=uow.now,
        due_on=due_on(uow, matter.code, state),
        provenance=provenance,
    )


def stored_form(form: BaseModel) -> str:
    """A form as its case keeps it and as it travels."""
    values = form.model_dump(mode="json", exclude_none=True)
    return json.dumps(values, ensure_ascii=False, sort_keys=True)


def _store(uow: UnitOfWork, entries: Sequence[Entry]) -> None:
    """Insert cases with their first steps and send them upwards, all in one go."""
    if not entries:
        return
    submitted = []
    for entry in entries:
        assert entry.case and entry.subject  # noqa: S101, PT018  # narrows for mypy
        step = step_row(uow, Taken(entry.case, Action.SUBMIT, State(entry.case.state)))
        entry.case.turn = step["turn"]
        submitted.append((entry.case, entry.subject.citizen_number, step))
    uow.connection.execute(cases.insert(), [case.model_dump() for case, _, _ in submitted])
    uow.connection.execute(steps.insert(), [step for _, _, step in submitted])
    publish_submissions(uow, submitted)


def resubmit(
    uow: UnitOfWork,
    case_id: str,
    values: Values,
    *,
    note: str = "",
    draft_id: str | None = None,
) -> Case:
    """Send a returned case on again with its corrected form, as the next version of it.

    Raises:
        Forbidden, Conflict: it is not the actor's to correct, or not returned.
        Problems: the form has mistakes, or names another village.
    """
    case = open_lot(uow, [case_id], Action.SUBMIT).single()
    matter = matter_of(case.matter)
    form = read_form(matter.form, values)
    if place_of(uow, matter, form) != case.village:
        raise Invalid("补正时不能更换所属村，请撤回后在该村重新提交", field="village")
    refuse_all(matter.check(uow, form))
    subject = matter.subject(form)
    index = keyring_of(uow.connection).index(subject.citizen_number)
    held = open_cases(uow, matter.code, [index]).get(index)
    if held is not None and held[0] != case.number:
        raise _duplicate(matter, held)
    _new_version(uow, case, form, subject, index)
    step = write_steps(uow, [Taken(case, Action.SUBMIT, path_of(case).first(), note)])[0]
    publish_submissions(uow, [(case, subject.citizen_number, step)])
    if draft_id:
        forget_draft(uow, draft_id)
    return case


def _new_version(
    uow: UnitOfWork, case: Case, form: BaseModel, subject: Subject, index: bytes
) -> None:
    case.version += 1
    case.form, case.subject_name, case.subject_index = stored_form(form), subject.name, index
    changed = {"version", "form", "subject_name", "subject_index"}
    statement = update(cases).where(cases.c.county_code == case.county_code, cases.c.id == case.id)
    uow.connection.execute(statement.values(**case.model_dump(include=changed)))


def withdraw(uow: UnitOfWork, case_id: str, *, reason: str) -> Case:
    """Take an open case back. The county's decision, if it crosses this, stands.

    Raises:
        Invalid: no reason is given.
        Forbidden, Conflict: it is not the actor's to withdraw, or closed.
    """
    if not reason.strip():
        raise Invalid("请写明撤回原因", field="reason")
    case = open_lot(uow, [case_id], Action.WITHDRAW).single()
    write(uow, [Taken(case, Action.WITHDRAW, State.WITHDRAWN, reason.strip())])
    return case
