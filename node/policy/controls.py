"""One value of a bulletin: how it is typed, read back and said, made from its declared type.

People type yuan and per cent; bodies hold fen and parts per million.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import Enum, StrEnum
from types import UnionType
from typing import Annotated, Any, Final, get_args, get_origin

from pydantic import BaseModel

from node.core.errors import Invalid
from node.core.i18n import _
from node.core.money import parse_yuan, percent, yuan
from node.core.titled import TitledEnum


class Unit(StrEnum):
    """What an integer counts, when it is more than a number; stands in the type's `Annotated`."""

    YUAN = "yuan"
    PERCENT = "percent"


class Long(Enum):
    """Marks a text of several lines."""

    LONG = "long"


class Summed(Enum):
    """Marks a number of a line that is the sum of others and need not be typed."""

    SUMMED = "summed"


LONG: Final = Long.LONG
SUMMED: Final = Summed.SUMMED


@dataclass(frozen=True, slots=True)
class Named:
    """Marks an integer of which every value has words; it is chosen, not typed."""

    words: tuple[tuple[int, str], ...]


_PERCENT = re.compile(r"(\d{1,3})(?:\.(\d{1,4}))?\s*[%％]?")
_WHOLE_DIGITS = 9
_BETWEEN = re.compile(r"[\s、，,;；]+")


@dataclass(frozen=True, slots=True)
class Control:
    """How one scalar is handled: the kind of input, text → value, value → text."""

    type: str
    read: Callable[[str, str], object]
    say: Callable[[Any], str]
    options: tuple[tuple[str, str], ...] = ()
    unit: str = ""

    def type_again(self, value: Any) -> str:
        """A value as it would be typed: no thousands marks, which would part a list."""
        if self.type == "select":
            return str(int(value)) if isinstance(value, int) else str(value)
        text = self.say(value)
        return re.sub("[,%]", "", text) if self.type == "decimal" else text


def parse_rate(text: str, *, field: str) -> int:
    """A rate in per cent, as parts per million: `2.75` → 27500.

    Raises:
        Invalid: it is no percentage with at most four decimals.
    """
    match = _PERCENT.fullmatch(text.strip())
    if match is None:
        raise Invalid("请填写百分比，最多四位小数，例如 2.75", field=field)
    whole, rest = match.groups()
    return int(whole) * 10_000 + int((rest or "").ljust(4, "0"))


def parse_whole(text: str, field: str) -> int:
    """A whole number.

    Raises:
        Invalid: it is none, or has more than nine digits.
    """
    text = text.strip()
    if not text.isascii() or not text.isdigit() or len(text) > _WHOLE_DIGITS:
        raise Invalid("请填写整数", field=field)
    return int(text)


def parse_day(text: str, field: str) -> date:
    """A date.

    Raises:
        Invalid: it is none.
    """
    try:
        return date.fromisoformat(text.strip())
    except ValueError as error:
        raise Invalid("请填写日期，例如 2026-01-01", field=field) from error


def _parse_yes_no(text: str, field: str) -> bool:
    if text not in {"1", "0"}:
        raise Invalid("请选择是或否", field=field)
    return text == "1"


def _parse_text(text: str, _field: str) -> str:
    return text.strip()


def unwrapped(annotation: Any, metadata: list[Any]) -> tuple[Any, list[Any]]:
    """The bare type and everything annotated to it."""
    found = list(metadata)
    while get_origin(annotation) is Annotated:
        annotation, *more = get_args(annotation)
        found += more
    if get_origin(annotation) is UnionType:  # `date | None`: typed or left empty
        annotation = next(one for one in get_args(annotation) if one is not type(None))
        return unwrapped(annotation, found)
    return annotation, found


def control_of(annotation: Any, metadata: list[Any]) -> Control:
    """How a scalar of this type is typed and said."""
    bare, marks = unwrapped(annotation, metadata)
    if Unit.YUAN in marks:
        return Control("decimal", lambda text, at: parse_yuan(text, field=at), yuan, unit="元")
    if Unit.PERCENT in marks:
        return Control("decimal", lambda text, at: parse_rate(text, field=at), percent, unit="%")
    named = next((mark for mark in marks if isinstance(mark, Named)), None)
    return _chosen(bare, named) or _plain(bare, is_long=LONG in marks)


def _chosen(bare: Any, named: Named | None) -> Control | None:
    """A control with options, where the type has few values."""
    nothing_yet = ("", _("请选择"))
    if named is not None:
        words = dict(named.words)
        choices = (nothing_yet, *((str(value), text) for value, text in named.words))
        return Control("select", parse_whole, lambda value: words[value], options=choices)
    if bare is bool:
        choices = (nothing_yet, ("1", _("是")), ("0", _("否")))
        return Control("select", _parse_yes_no, _yes_no, options=choices)
    if isinstance(bare, type) and issubclass(bare, TitledEnum):
        choices = (nothing_yet, *((str(one.value), one.title) for one in bare))
        return Control("select", _parse_text, lambda value: bare(value).title, options=choices)
    return None


def _plain(bare: Any, *, is_long: bool) -> Control:
    if bare is int:
        return Control("number", parse_whole, str)
    if bare is date:
        return Control("date", parse_day, lambda value: value.isoformat())
    return Control("textarea" if is_long else "text", _parse_text, str)


def _yes_no(value: object) -> str:
    return _("是") if value else _("否")


def listed_type(annotation: Any) -> tuple[Any, list[Any]] | None:
    """What a `tuple[X, ...]` is a list of, with its marks; None when it is no list."""
    if get_origin(annotation) is not tuple:
        return None
    return unwrapped(get_args(annotation)[0], [])


def split(text: str) -> list[str]:
    """Words of a list, however they are separated."""
    return [word for word in _BETWEEN.split(text.strip()) if word]


@dataclass(frozen=True, slots=True)
class Column:
    """One number or word of a line."""

    name: str
    title: str
    control: Control
    summed: bool


def columns_of(model: type[BaseModel]) -> list[Column]:
    """The columns of a list of smaller models, in the order in which they are typed."""
    return [
        Column(
            name,
            info.title or name,
            control_of(info.annotation, list(info.metadata)),
            SUMMED in unwrapped(info.annotation, list(info.metadata))[1],
        )
        for name, info in model.model_fields.items()
    ]


def read_lines(model: type[BaseModel], text: str, field: str) -> list[dict[str, object]]:
    """Lines as typed, each a smaller model, columns separated by blanks.

    Raises:
        Invalid: a line has too few or too many columns, or a column does not fit.
    """
    typed = [column for column in columns_of(model) if not column.summed]
    names = " ".join(column.title for column in typed)
    found = []
    for number, line in enumerate(text.strip().splitlines(), start=1):
        words = line.split()
        if len(words) != len(typed):
            raise Invalid(f"第 {number} 行应有 {len(typed)} 项：{names}", field=field)
        found.append({c.name: c.control.read(w, field) for c, w in zip(typed, words, strict=True)})
    return found


def say_line(model: type[BaseModel], values: Mapping[str, Any]) -> tuple[str, str]:
    """A line for a reader: its first column, and the others with their titles."""
    first, *others = columns_of(model)
    rest = "，".join(f"{c.title} {c.control.say(values[c.name])}" for c in others)
    return first.control.say(values[first.name]), rest


def type_line(model: type[BaseModel], values: Mapping[str, Any]) -> str:
    """A line as it would be typed."""
    typed = [column for column in columns_of(model) if not column.summed]
    return " ".join(column.control.type_again(values[column.name]) for column in typed)
