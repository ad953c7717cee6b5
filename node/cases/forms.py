"""A matter's form: how its Pydantic model is shown on a page, and read back from what was typed.

A field says how it looks with `Shown`, beside its type; its title and hint are the model's:

    phone: Annotated[str, Shown("tel", width="14", mask="tail")] = Field("", title="联系电话")
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from node.core.errors import Invalid, Problems
from node.core.i18n import sentence
from node.core.personal import mask_citizen_number, mask_tail

F = TypeVar("F", bound=BaseModel)
Option = tuple[str, str]

MASKS: Mapping[str, Callable[[str], str]] = {
    "citizen": mask_citizen_number,
    "tail": mask_tail,
    "all": lambda _text: "···",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """How a field looks: control, width in characters, unit, part of the form, mask for reading.

    `type` is one of the controls of the page components, or `hidden` for what no page asks. What a
    page shows as required may have a default all the same: checks find it empty together with
    everything else that is wrong.
    """

    type: str = "text"
    width: str = ""
    unit: str = ""
    group: str = ""
    mask: str = ""
    optional: bool = False


@dataclass(frozen=True, slots=True)
class FormField:
    """One field of a form, ready for a template."""

    name: str
    title: str
    hint: str
    shown: Shown
    required: bool
    default: str = ""
    options: tuple[Option, ...] = ()

    def words(self, value: object, *, full: bool = False) -> str:
        """A value as people read it: the option's text, yes or no, masked unless `full`."""
        if value in (None, ""):
            return ""
        if isinstance(value, bool):
            return "是" if value else "否"
        text = dict(self.options).get(str(value), str(value))
        return text if full or not self.shown.mask else MASKS[self.shown.mask](text)


def fields_of(
    model: type[BaseModel], options: Mapping[str, Sequence[Option]] | None = None
) -> tuple[FormField, ...]:
    """The fields of a form in the order of its model; `options` are choices known at run time."""
    choices = options or {}
    return tuple(
        FormField(
            name=name,
            title=info.title or name,
            hint=info.description or "",
            shown=_shown(info),
            required=not _shown(info).optional,
            default=_default(info),
            options=tuple(choices[name]) if name in choices else _enum_options(info),
        )
        for name, info in model.model_fields.items()
    )


def groups_of(fields: Sequence[FormField]) -> list[tuple[str, list[FormField]]]:
    """The fields a page asks for, under the parts of the form they stand in."""
    groups: dict[str, list[FormField]] = {}
    for field in fields:
        if field.shown.type != "hidden":
            groups.setdefault(field.shown.group, []).append(field)
    return list(groups.items())


def read_form(model: type[F], values: Mapping[str, Any]) -> F:
    """The form from typed values; what was left empty counts as not given.

    Raises:
        Problems: each value that does not fit, in Chinese, with its field.
    """
    given = {name: value for name, value in values.items() if value not in ("", None)}
    known = {name: value for name, value in given.items() if name in model.model_fields}
    try:
        return model.model_validate(known)
    except ValidationError as error:
        raise Problems([_problem(model, one) for one in error.errors()]) from error


def _shown(info: FieldInfo) -> Shown:
    return next((item for item in info.metadata if isinstance(item, Shown)), Shown())


def _default(info: FieldInfo) -> str:
    value = info.get_default()
    if isinstance(value, Enum):
        return str(value.value)
    return value if isinstance(value, str) else ""


def _enum_options(info: FieldInfo) -> tuple[Option, ...]:
    kind = info.annotation
    if not (isinstance(kind, type) and issubclass(kind, Enum)):
        return ()
    return tuple((str(each.value), str(getattr(each, "title", each.value))) for each in kind)


def _problem(model: type[BaseModel], error: ErrorDetails) -> Invalid:
    name = str(error["loc"][0]) if error["loc"] else ""
    info = model.model_fields.get(name)
    title = (info.title if info else None) or name
    return Invalid(_message(title, error), field=name or None)


def _message(title: str, error: ErrorDetails) -> str:
    limits = {name: value for name, value in error.get("ctx", {}).items() if name != "error"}
    kind = error["type"]
    if kind == "value_error":
        return str(error["msg"]).removeprefix("Value error, ")
    template = _SENTENCES.get(kind) or _SENTENCES.get(kind.split("_")[0], "{title}填写有误，请核对")
    return sentence(template, title=title, **limits)


_SENTENCES = {
    "missing": "请填写{title}",
    "string_too_short": "{title}至少 {min_length} 个字",
    "string_too_long": "{title}最多 {max_length} 个字",
    "enum": "{title}不在可选范围内，请重新选择",
    "literal": "{title}不在可选范围内，请重新选择",
    "date": "{title}应写成 2026-03-01 的样子",
    "int": "{title}应为整数",
}
"""By the error's kind, or by the first word of it (date_parsing, int_type …)."""
