"""The part of a bulletin's form that depends on its kind, made from the kind's fields.

Every problem names the control it was typed into.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from node.core.errors import Invalid
from node.policy.bodies import BODIES
from node.policy.body import Body
from node.policy.controls import (
    columns_of,
    control_of,
    listed_type,
    read_lines,
    say_line,
    split,
    type_line,
    unwrapped,
)
from node.policy.service import typed_body

Values = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FormField:
    """One control of the form: its label, a hint with an example, and how it is shown."""

    name: str
    label: str
    hint: str
    type: str = "text"
    options: tuple[tuple[str, str], ...] = ()
    unit: str = ""
    required: bool = True
    columns: tuple[str, ...] = ()


def fields_of(kind: str) -> list[FormField]:
    """The controls of a kind, in the order of its fields; none for an unknown kind."""
    body = BODIES.get(kind)
    return [_field(name, info) for name, info in body.model_fields.items()] if body else []


def _field(name: str, info: FieldInfo) -> FormField:
    label, hint = info.title or name, info.description or ""
    bare, marks = unwrapped(info.annotation, list(info.metadata))
    listed = listed_type(bare)
    if listed is None:
        control = control_of(bare, marks)
        return FormField(
            name, label, hint, control.type, control.options, control.unit, info.is_required()
        )
    model = _model(listed[0])
    columns = tuple(c.title for c in columns_of(model) if not c.summed) if model else ()
    return FormField(name, label, hint, "textarea", required=info.is_required(), columns=columns)


def _model(bare: object) -> type[BaseModel] | None:
    return bare if isinstance(bare, type) and issubclass(bare, BaseModel) else None


def read_body(kind: str, values: Values) -> Body:
    """The body people typed.

    Raises:
        Invalid: a value does not fit; `field` is the control it was typed into.
    """
    if kind not in BODIES:
        raise Invalid("请选择文件种类", field="kind")
    fields = BODIES[kind].model_fields
    typed = {
        name: _read(name, info, values.get(name, ""))
        for name, info in fields.items()
        if values.get(name, "").strip() or info.is_required()
    }
    try:
        return typed_body(kind, typed)
    except Invalid as problem:
        first = (problem.field or "").split(".", maxsplit=1)[0]
        problem.field = first if first in fields else next(iter(fields))
        raise


def _read(name: str, info: FieldInfo, text: str) -> object:
    bare, marks = unwrapped(info.annotation, list(info.metadata))
    listed = listed_type(bare)
    if listed is None:
        if not text.strip():
            raise Invalid("请填写这一项", field=name)
        return control_of(bare, marks).read(text, name)
    model = _model(listed[0])
    if model is not None:
        return read_lines(model, text, name)
    control = control_of(*listed)
    return [control.read(word, name) for word in split(text)]


def typed_values(body: Body) -> dict[str, str]:
    """A body as it would be typed: a draft taken up again, or the old version as a start."""
    values = body.model_dump()
    return {name: _typed(info, values[name]) for name, info in type(body).model_fields.items()}


def _typed(info: FieldInfo, value: object) -> str:
    if value is None:
        return ""
    bare, marks = unwrapped(info.annotation, list(info.metadata))
    listed = listed_type(bare)
    if listed is None:
        return control_of(bare, marks).type_again(value)
    model = _model(listed[0])
    items = list(value) if isinstance(value, (tuple, list)) else []
    if model is not None:
        return "\n".join(type_line(model, item) for item in items)
    return " ".join(control_of(*listed).type_again(item) for item in items)


def in_words(body: Body) -> list[tuple[str, str]]:
    """A body as label and text, for a page."""
    values = body.model_dump()
    said: list[tuple[str, str]] = []
    for name, info in type(body).model_fields.items():
        said += _say(info, info.title or name, values[name])
    return said


def _say(info: FieldInfo, label: str, value: object) -> list[tuple[str, str]]:
    if value is None:
        return []
    bare, marks = unwrapped(info.annotation, list(info.metadata))
    listed = listed_type(bare)
    if listed is None:
        return [(label, control_of(bare, marks).say(value))]
    items = list(value) if isinstance(value, (tuple, list)) else []
    model = _model(listed[0])
    if model is not None:
        return [say_line(model, item) for item in items]
    return [(label, "、".join(control_of(*listed).say(item) for item in items))]


@dataclass(frozen=True, slots=True)
class Change:
    """One line that differs between two versions; "" where one of them has no such line."""

    label: str
    before: str
    after: str


def changes(old: Body, new: Body) -> list[Change]:
    """What a new version changes, in words: lines changed, added and gone, in reading order."""
    before, after = dict(in_words(old)), dict(in_words(new))
    labels = [*after, *(label for label in before if label not in after)]
    return [
        Change(label, before.get(label, ""), after.get(label, ""))
        for label in labels
        if before.get(label) != after.get(label)
    ]
