"""One cell of a roll, from what a spreadsheet keeps to the value a form holds."""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta

from node.core.errors import Invalid
from node.core.money import parse_yuan
from node.registry.citizen_number import Sex
from node.registry.codes import read_category, read_ethnicity
from node.registry.typed import plain

Cell = str | int | float | bool | date | datetime | time | timedelta
Value = str | int | date | None

EXACT_DIGITS = 10**15
"""A spreadsheet keeps 15 digits of a number; what is longer has lost its end."""

_POWER = re.compile(r"[0-9](?:\.[0-9]+)?[Ee]\+?[0-9]+")
_DATES = (
    re.compile(r"([0-9]{4})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?"),
    re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})"),
)
_SEXES = {"男": Sex.MALE, "女": Sex.FEMALE, "1": Sex.MALE, "2": Sex.FEMALE}


def read_cell(key: str, cell: Cell) -> Value:
    """The value of one cell of the column `key`.

    Raises:
        Invalid: it holds something this column cannot mean.
    """
    return _READERS[key](cell)


def shown(cell: Cell) -> str:
    """The cell as text, as people see it, for headings and for the list of bad rows."""
    match cell:
        case bool():
            return "是" if cell else "否"
        case float() if cell.is_integer():
            return str(int(cell))
        case datetime():
            return cell.date().isoformat()
        case _:
            return str(cell).strip()


def _text(cell: Cell) -> str:
    if isinstance(cell, bool | date | time | timedelta):
        raise Invalid("这一格应为文字")
    return shown(cell)


def _digits(cell: Cell) -> str:
    """Numbers with many digits, if the spreadsheet has kept all of them."""
    cut = isinstance(cell, int | float) and not isinstance(cell, bool) and cell >= EXACT_DIGITS
    if cut or (isinstance(cell, str) and _POWER.fullmatch(plain(cell))):
        raise Invalid("这一格被表格软件存成了数值，末尾几位已经丢失，请把该列设为文本后重新填写")
    return plain(_text(cell))


def _sex(cell: Cell) -> str:
    typed = plain(_text(cell))
    if typed and typed not in _SEXES:
        raise Invalid("性别应为男或女")
    return _SEXES[typed] if typed else ""


def _ethnicity(cell: Cell) -> str:
    typed = _text(cell)
    name = read_ethnicity(typed) if typed else ""
    if name is None:
        raise Invalid("没有“{typed}”这一民族，请按户口簿填写", typed=typed)
    return name


def _category(cell: Cell) -> str:
    typed = _text(cell)
    category = read_category(typed)
    if category is None:
        raise Invalid("没有“{typed}”这一人员类别", typed=typed)
    return category.value


def _date(cell: Cell) -> date | None:
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    typed = plain(_text(cell))
    if not typed:
        return None
    parts = next(filter(None, (shape.fullmatch(typed) for shape in _DATES)), None)
    if parts is None:
        raise Invalid("日期应写成 1965-03-15 的样子")
    try:
        return date(*map(int, parts.groups()))
    except ValueError as error:
        raise Invalid("没有这一天，请核对日期") from error


def _grade(cell: Cell) -> int | None:
    typed = plain(_text(cell)).removesuffix("/年").removesuffix("档")
    return parse_yuan(typed, field="grade") if typed else None


_READERS: Mapping[str, Callable[[Cell], Value]] = {
    "name": _text,
    "citizen_number": _digits,
    "sex": _sex,
    "ethnicity": _ethnicity,
    "born_on": _date,
    "household_address": _text,
    "phone": _digits,
    "category": _category,
    "grade": _grade,
    "bank_card": _digits,
    "opened_on": _date,
    "household_no": _text,
    "relation": _text,
}
