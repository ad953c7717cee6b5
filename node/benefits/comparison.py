"""Certification by comparison (数据比对): a list of people another office has seen alive.

Source: 社会保险经办条例 §26 (先比对、后入户). A list is Excel or CSV with a column of citizen
numbers; names and days are compared where they stand in it. Each pensioner on it becomes a case
that two more people decide, as if the person had been seen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from pydantic import BaseModel

from node.benefits.codes import BenefitState, CertificationMethod
from node.benefits.matters_life import SurvivalCertification, pensions_of
from node.benefits.worklist import certified_by
from node.cases.service import submit_many
from node.core.errors import Forbidden, Invalid
from node.core.work import UnitOfWork
from node.registry.citizen_number import normal_number
from node.registry.known import Known, find_known
from node.registry.roll_cells import Cell, read_cell, shown
from node.registry.roll_file import read_table
from tiers import Level

FILE_LARGEST = 10 * 1024 * 1024
HEAD_ROWS = 10
"""So many rows at the top of a file may be titles before the headings come."""
BAD_SHOWN = 200

HEADINGS: Mapping[str, Sequence[str]] = {
    "citizen_number": ("公民身份号码", "身份证号", "身份证号码", "证件号码", "身份证件号码"),
    "name": ("姓名", "人员姓名"),
    "born_on": ("日期", "认证日期", "比对日期", "就诊日期", "最近出现日期"),
}
"""Columns by the headings other offices give them; `born_on` reads any day."""


class Said(BaseModel):
    """What is typed beside the file."""

    certified_on: str = ""
    source: str = ""
    which: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """A row of the list: whom, under what name, when; `row` is its number in the file."""

    row: int
    citizen_number: str
    name: str
    on: date | None


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that is not entered, and why."""

    row: int
    name: str
    why: str


@dataclass(slots=True)
class Compared:
    """What a list came to: entered as cases, of no county's pensioner, not due yet, or wrong."""

    rows: int = 0
    entered: int = 0
    elsewhere: int = 0
    not_due: int = 0
    bad: list[BadRow] = field(default_factory=list)


def read_list(content: bytes, *, filename: str) -> tuple[list[Seen], list[BadRow]]:
    """The rows of a list, and those that cannot be read.

    Raises:
        Invalid: it is too large or damaged, or has no column of citizen numbers.
    """
    if len(content) > FILE_LARGEST:
        raise Invalid("文件超过 10 MB，请分成几个文件", field="file")
    table = read_table(content, filename=filename)
    head, places = _headings(table)
    seen: list[Seen] = []
    bad: list[BadRow] = []
    for number, cells in enumerate(table[head + 1 :], start=head + 2):
        if not any(shown(cell) for cell in cells):
            continue
        try:
            seen.append(_read(number, cells, places))
        except Invalid as wrong:
            bad.append(BadRow(number, "", wrong.message))
    return seen, bad


def _headings(table: Sequence[Sequence[Cell]]) -> tuple[int, dict[str, int]]:
    for row, cells in enumerate(table[:HEAD_ROWS]):
        words = ["".join(shown(cell).split()) for cell in cells]
        found = {
            key: next(place for place, word in enumerate(words) if word in names)
            for key, names in HEADINGS.items()
            if any(word in names for word in words)
        }
        if "citizen_number" in found:
            return row, found
    raise Invalid("名单里没有“公民身份号码”一列，请补上标题行", field="file")


def _read(number: int, cells: Sequence[Cell], places: Mapping[str, int]) -> Seen:
    values: dict[str, Any] = {
        key: read_cell(key, cells[place]) for key, place in places.items() if place < len(cells)
    }
    citizen = normal_number(str(values.get("citizen_number") or ""))
    if not citizen:
        raise Invalid("没有公民身份号码")
    return Seen(number, citizen, str(values.get("name") or ""), values.get("born_on"))


def compare_list(
    uow: UnitOfWork, content: bytes, *, filename: str, on: date, source: str, everybody: bool
) -> Compared:
    """Enter a case for every pensioner on a list whose certificate runs out, or for `everybody`
    on it. `on` is the day of rows that say none, `source` whose list it is.

    Raises:
        Forbidden: this node is no county, or entering is not the actor's duty.
        Invalid: the file cannot be read, or it is not said whose it is.
    """
    if uow.level is not Level.COUNTY:
        raise Forbidden("数据比对认证由县级办理")
    if not source.strip():
        raise Invalid("请写明名单的来源，例如：医保就诊数据", field="source")
    rows, bad = read_list(content, filename=filename)
    found = Compared(rows=len(rows) + len(bad), bad=bad)
    forms = _forms(uow, rows, found, on=on, source=source.strip(), everybody=everybody)
    outcomes = submit_many(
        uow, SurvivalCertification.code, [form for _, form in forms], provenance="roll"
    )
    for (row, form), outcome in zip(forms, outcomes, strict=True):
        if outcome.refusal is None:
            found.entered += 1
        else:
            found.bad.append(BadRow(row.row, form["name"], outcome.refusal.message))
    found.bad.sort(key=lambda each: each.row)
    return found


def _forms(
    uow: UnitOfWork,
    rows: Sequence[Seen],
    found: Compared,
    *,
    on: date,
    source: str,
    everybody: bool,
) -> list[tuple[Seen, dict[str, Any]]]:
    """The forms of those who draw here and are due; the others are counted or named."""
    newest = {row.citizen_number: row for row in sorted(rows, key=lambda row: row.on or on)}
    known = find_known(uow, newest)
    pensions = pensions_of(uow, [person.person_id for person in known.values()])
    until = certified_by(uow)
    forms = []
    for number, row in newest.items():
        person = known.get(number)
        pension = pensions.get(person.person_id) if person else None
        if person is None or pension is None or pension["state"] == BenefitState.ENDED:
            found.elsewhere += 1
        elif row.name and row.name != person.name:
            found.bad.append(BadRow(row.row, row.name, "姓名与参保登记不符，请核实"))
        elif not everybody and _is_current(pension["certified_until"], until):
            found.not_due += 1
        else:
            forms.append((row, _form(person, row.on or on, source)))
    return forms


def _is_current(certified: date | None, until: date | None) -> bool:
    return certified is not None and until is not None and certified > until


def _form(person: Known, on: date, source: str) -> dict[str, Any]:
    return {
        "name": person.name,
        "citizen_number": person.citizen_number,
        "village": person.village,
        "certified_on": on.isoformat(),
        "method": CertificationMethod.COMPARISON.value,
        "seen_by": source[:50],
    }
