"""Forms on their way in: read, placed, checked and compared with what is under way, together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from sqlalchemy import select

from node.cases.forms import read_form
from node.cases.matter import Matter, Subject
from node.cases.records import Row, cases
from node.cases.rules import OPEN, State
from node.cases.steps import desk, hand
from node.core.db import BATCH_ROWS
from node.core.divisions import successor_of
from node.core.errors import Conflict, Forbidden, Invalid, Problems, Refusal
from node.core.personal import keyring_of
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
    row: Row | None = None
    refusal: Refusal | None = None


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


def check_entries(uow: UnitOfWork, matter: Matter[Any], entries: Sequence[Values]) -> list[Entry]:
    """Each entry read and checked; those that go no further carry their refusal."""
    read = [_read(uow, matter, values) for values in entries]
    _complete(uow, matter, read)
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
    if successor_of(uow.connection, village) is not None:
        raise Invalid("所选的村已经撤并，请选择并入后的村", field="village")
    return village


def _complete(uow: UnitOfWork, matter: Matter[Any], entries: Sequence[Entry]) -> None:
    good = [entry for entry in entries if entry.refusal is None]
    whole = matter.completed(uow, [entry.form for entry in good])
    for entry, form in zip(good, whole, strict=True):
        entry.form = form


def _check(uow: UnitOfWork, matter: Matter[Any], entries: Sequence[Entry]) -> None:
    good = [entry for entry in entries if entry.refusal is None]
    found = matter.check_many(uow, [entry.form for entry in good])
    for entry, problems in zip(good, found, strict=True):
        if problems:
            entry.refusal = Problems(problems)


def _refuse_duplicates(uow: UnitOfWork, matter: Matter[Any], entries: Sequence[Entry]) -> None:
    """One open case of a matter per person, here and within what is entered together.

    Who stays anonymous cannot be told from others.
    """
    keyring = keyring_of(uow.connection)
    seen: set[bytes] = set()
    good = [entry for entry in entries if entry.refusal is None and entry.subject]
    for entry in good:
        assert entry.subject is not None  # noqa: S101  # narrows for mypy
        entry.index = keyring.index(entry.subject.citizen_number)
    named = [entry for entry in good if entry.subject and entry.subject.citizen_number]
    held = open_cases(uow, matter.code, [entry.index for entry in named])
    for entry in named:
        if entry.index in held:
            entry.refusal = duplicate(matter, held[entry.index])
        elif entry.index in seen:
            message = "同一人在这一批里有两份{matter}"
            entry.refusal = Conflict(message, field=matter.number_field, matter=matter.title)
        seen.add(entry.index)


def duplicate(matter: Matter[Any], held: tuple[str, str]) -> Conflict:
    """The refusal of a second open case; `held` is number and state of the first."""
    number, state = held
    return Conflict(
        "此人已有一件{matter}在办（受理号 {number}，{stands}），不能重复受理",
        field=matter.number_field,
        matter=matter.title,
        number=number,
        stands=State(state).title,
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
