"""A case's form as the desk reads it: each field in words, what it was, what the checks say."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from node.cases.forms import FormField, groups_of, read_form
from node.cases.matter import Matter
from node.cases.models import Case
from node.cases.queries import form_before, typed_values
from node.cases.rules import State
from node.core.errors import Problems
from node.core.work import UnitOfWork

NO_SHEET: Mapping[str, Any] = MappingProxyType(
    {"groups": [], "before_title": "", "found": [], "notices": []}
)
REGISTERED, UNCORRECTED = "登记的内容", "补正前"


@dataclass(frozen=True, slots=True)
class Line:
    """One field: its words now, and before; `name` is empty for what the form says by itself."""

    title: str
    words: str
    name: str = ""
    before: str = ""
    changed: bool = False
    width: str = ""


def sheet(uow: UnitOfWork, matter: Matter[Any], case: Case, *, full: bool) -> dict[str, Any]:
    """What a page shows of a case's form. Numbers are masked unless `full`."""
    values = typed_values(case)
    fields = matter.fields(uow)
    try:
        form = read_form(matter.form, values)
    except Problems as problems:
        groups = _groups(fields, values, {}, full=full)
        return {**NO_SHEET, "groups": groups, "found": list(problems.problems)}
    registered, uncorrected = matter.before(uow, form), form_before(case)
    if not registered:  # a field that was empty before is told, too
        uncorrected = dict.fromkeys((field.name for field in fields), "") | uncorrected
    groups = _groups(
        fields, values, registered or (uncorrected if case.form_before else {}), full=full
    )
    for _legend, lines in groups[:1]:
        derived = [Line(title, words, width="10") for title, words in matter.derived(form)]
        lines[_after_number(lines, matter) :] = derived + lines[_after_number(lines, matter) :]
    is_open = State(case.state).is_open
    changed = any(line.changed for _, lines in groups for line in lines)
    return {
        "groups": groups,
        "before_title": (REGISTERED if registered else UNCORRECTED) if changed else "",
        "found": list(matter.check(uow, form)) if is_open else [],
        "notices": list(matter.notices(uow, form)) if is_open else [],
    }


def _groups(
    fields: tuple[FormField, ...],
    values: Mapping[str, Any],
    before: Mapping[str, Any],
    *,
    full: bool,
) -> list[tuple[str, list[Line]]]:
    return [
        (legend, [_line(field, values, before, full=full) for field in part])
        for legend, part in groups_of(fields)
    ]


def _line(
    field: FormField, values: Mapping[str, Any], before: Mapping[str, Any], *, full: bool
) -> Line:
    now = values.get(field.name)
    words = field.words(now, full=full)
    if field.name not in before:
        return Line(field.title, words, field.name, width=field.shown.width)
    was = before.get(field.name)
    return Line(
        title=field.title,
        words=words,
        name=field.name,
        before=field.words(was, full=full),
        changed=field.words(now, full=True) != field.words(was, full=True),
        width=field.shown.width,
    )


def _after_number(lines: list[Line], matter: Matter[Any]) -> int:
    """Where what the number says by itself stands: right after the number."""
    for place, line in enumerate(lines):
        if line.name == matter.number_field:
            return place + 1
    return len(lines)
