"""Entering cases: submit one or a whole roll, submit again after a return, withdraw.

Entries are values as typed or as a program sends them; each is read and checked by its matter.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from sqlalchemy import update

from node.attachments.service import Prepared
from node.cases.case_number import case_number
from node.cases.drafts import forget_draft
from node.cases.entries import (
    Entry,
    Values,
    check_entries,
    duplicate,
    open_cases,
    place_of,
    require_entering,
)
from node.cases.forms import read_form
from node.cases.matter import Matter, Subject, matter_of
from node.cases.models import Case
from node.cases.papers import NEEDED, draft_with, drop_unnamed, keep_all, read_papers, send
from node.cases.records import Row, cases, publish_submissions, steps
from node.cases.rules import Action, Path, State
from node.cases.steps import (
    Outcome,
    Taken,
    desk,
    due_on,
    open_lot,
    path_of,
    said,
    step_row,
    write,
    write_steps,
)
from node.core.errors import Invalid, Refusal, refuse_all
from node.core.ids import new_id
from node.core.personal import keyring_of
from node.core.serials import reserve
from node.core.work import UnitOfWork


def submit(
    uow: UnitOfWork,
    matter_code: str,
    values: Values,
    *,
    draft_id: str | None = None,
    provenance: str = "form",
    note: str = "",
) -> Case:
    """Enter one case and send it on its way; its draft, if any, is done with.

    `note` is what the submitting step says, a confirmation of warnings for one.

    Raises:
        Forbidden: entering cases here is not the actor's duty.
        Problems: the form has mistakes, each with its field.
        Conflict: the person has an open case of this matter.
    """
    draft = draft_with(uow, draft_id) if draft_id else None
    attachments = draft.attachments if draft else ""
    entry = _enter(
        uow, matter_of(matter_code), [values], provenance, note=note, attachments={0: attachments}
    )[0]
    if entry.refusal is not None:
        raise entry.refusal
    assert entry.row is not None  # noqa: S101  # narrows for mypy: what is not refused is a case
    if draft_id:
        forget_draft(uow, draft_id)
    return uow.get(Case, entry.row["county_code"], entry.row["id"])


def submit_many(
    uow: UnitOfWork,
    matter_code: str,
    entries: Sequence[Values],
    *,
    provenance: str = "form",
    photos: Mapping[int, Sequence[Prepared]] | None = None,
) -> list[Outcome]:
    """Enter many cases of one matter: good ones go through, refused ones come back with why.

    `photos` are those of an entry, by its place; those of a refused one are not kept.

    Raises:
        Forbidden: entering cases here is not the actor's duty.
    """
    kept = {
        place: keep_all(uow, each, kind="certificate") for place, each in (photos or {}).items()
    }
    entered = _enter(uow, matter_of(matter_code), entries, provenance, attachments=kept)
    refused = [
        kept[place] for place, entry in enumerate(entered) if entry.refusal and place in kept
    ]
    drop_unnamed(uow, [paper.hash for text in refused for paper in read_papers(text)])
    return [
        Outcome(entry.row["id"], entry.row["number"], State(entry.row["state"]))
        if entry.row
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
    return [entry.refusal for entry in check_entries(uow, matter_of(matter_code), entries)]


def _enter(
    uow: UnitOfWork,
    matter: Matter[Any],
    entries: Sequence[Values],
    provenance: str,
    *,
    note: str = "",
    attachments: Mapping[int, str] | None = None,
) -> list[Entry]:
    """`attachments` name the pictures of an entry, by its place."""
    attached = attachments or {}
    require_entering(uow)
    origin = desk(uow)
    serial = f"case:{origin}:{uow.today:%y%m%d}"
    county = str(uow.node.county)
    reserve(uow, serial, 0, county_code=county)  # queue first: two clicks must see each other
    checked = check_entries(uow, matter, entries)
    for place, entry in enumerate(checked):
        lacks = entry.refusal is None and not attached.get(place)
        if lacks and matter.needs_evidence(entry.form):
            entry.refusal = Invalid(NEEDED, field="file")
    good = [(place, entry) for place, entry in enumerate(checked) if entry.refusal is None]
    first = reserve(uow, serial, len(good), county_code=county)
    for count, (place, entry) in enumerate(good):
        number = case_number(origin, uow.today, first + count)
        row = _case_row(uow, matter, entry, number=number, provenance=provenance)
        entry.row = row | {"attachments": attached.get(place, "")}
    _store(uow, [entry for _, entry in good], note=note)
    return checked


def _case_row(
    uow: UnitOfWork, matter: Matter[Any], entry: Entry, *, number: str, provenance: str
) -> Row:
    """A plain row: building ten thousand objects would take longer than all checks."""
    assert entry.subject and entry.village and entry.form  # noqa: S101, PT018  # narrows for mypy
    origin = desk(uow)
    path = Path(matter.path, origin.level)
    state = path.first()
    return {
        "county_code": str(uow.node.county),
        "id": new_id(),
        "number": number,
        "matter": matter.code,
        "village": str(entry.village),
        "origin": str(origin),
        "subject_name": entry.subject.name,
        "subject_index": entry.index,
        "form": stored_form(entry.form),
        "version": 1,
        "state": str(state),
        "holder": str(path.holder(state)),
        "turn": 0,
        "remark": "",
        "remarks": "",
        "entered_by": uow.actor.id,
        "entered_by_name": uow.actor.name,
        "entered_at": uow.now,
        "moved_at": uow.now,
        "due_on": due_on(uow, matter.code, state),
        "outcome": None,
        "provenance": provenance,
    }


def stored_form(form: BaseModel) -> str:
    """A form as its case keeps it and as it travels."""
    values = form.model_dump(mode="json", exclude_none=True)
    return json.dumps(values, ensure_ascii=False, sort_keys=True)


def _store(uow: UnitOfWork, entries: Sequence[Entry], *, note: str) -> None:
    """Insert cases with their first steps and send them upwards, all in one go."""
    if not entries:
        return
    submitted = []
    for entry in entries:
        assert entry.row and entry.subject  # noqa: S101, PT018  # narrows for mypy
        state, due = State(entry.row["state"]), entry.row["due_on"]
        step = step_row(uow, entry.row, Action.SUBMIT, state, due=due) | {"opinion": note}
        entry.row["turn"] = step["turn"]
        submitted.append((entry.row, entry.subject.citizen_number, step))
    uow.connection.execute(cases.insert(), [row for row, _, _ in submitted])
    uow.connection.execute(steps.insert(), [step for _, _, step in submitted])
    publish_submissions(uow, submitted)
    for row, _, _ in submitted:
        send(uow, row["attachments"], village=row["village"])


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
    note = said(note, field="note")
    case = open_lot(uow, [case_id], Action.SUBMIT).single()
    matter = matter_of(case.matter)
    form = matter.completed(uow, [read_form(matter.form, values)])[0]
    if place_of(uow, matter, form) != case.village:
        raise Invalid("补正时不能更换所属村，请撤回后在该村重新提交", field="village")
    draft = draft_with(uow, draft_id) if draft_id else None
    attachments = draft.attachments if draft else case.attachments
    lacking = [Invalid(NEEDED, field="file")] if not attachments else []
    refuse_all([*matter.check(uow, form), *(lacking if matter.needs_evidence(form) else [])])
    subject = matter.subject(form)
    index = keyring_of(uow.connection).index(subject.citizen_number)
    held = open_cases(uow, matter.code, [index]).get(index)
    if subject.citizen_number and held is not None and held[0] != case.number:
        raise duplicate(matter, held)
    case.attachments = attachments
    _new_version(uow, case, form, subject, index)
    step = write_steps(uow, [Taken(case, Action.SUBMIT, path_of(case).first(), note)])[0]
    publish_submissions(uow, [(case.model_dump(), subject.citizen_number, step)])
    send(uow, attachments, village=case.village)
    if draft_id:
        forget_draft(uow, draft_id)
    return case


def _new_version(
    uow: UnitOfWork, case: Case, form: BaseModel, subject: Subject, index: bytes
) -> None:
    case.version += 1
    case.form_before = case.form
    case.form, case.subject_name, case.subject_index = stored_form(form), subject.name, index
    changed = {"version", "form", "form_before", "subject_name", "subject_index", "attachments"}
    statement = update(cases).where(cases.c.county_code == case.county_code, cases.c.id == case.id)
    uow.connection.execute(statement.values(**case.model_dump(include=changed)))


def withdraw(uow: UnitOfWork, case_id: str, *, reason: str) -> Case:
    """Take an open case back. The county's decision, if it crosses this, stands.

    Raises:
        Invalid: no reason is given.
        Forbidden, Conflict: it is not the actor's to withdraw, or closed.
    """
    reason = said(reason, missing="请写明撤回原因")
    case = open_lot(uow, [case_id], Action.WITHDRAW).single()
    write(uow, [Taken(case, Action.WITHDRAW, State.WITHDRAWN, reason)])
    return case
