"""A comparison list as another department sends it: which column is what, and its rows. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from node.core.errors import Invalid
from node.registry.citizen_number import normal_number
from node.registry.rules import normal_name

HEADINGS: Mapping[str, tuple[str, ...]] = {
    "name": ("姓名",),
    "number": ("公民身份号码", "身份证号", "身份证号码", "证件号码"),
    "day": ("死亡日期", "参保日期", "登记日期", "日期"),
    "unit": ("单位", "单位名称", "参保单位", "登记机关", "备注"),
}
LOOKED_FOR_HEADINGS = 10
NAMED = 5
_DAY = re.compile(r"(\d{4})[-/.年]?(\d{1,2})[-/.月]?(\d{1,2})日?")
_NUMBER = re.compile(r"\d{15}|\d{17}[\dX]")


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of a list. `row` is its number in the file, as people see it."""

    row: int
    name: str
    citizen_number: str
    day: date | None
    unit: str


def read_list(table: Sequence[Sequence[Any]]) -> list[Listed]:
    """The lines of a list, whatever stands above its headings.

    Raises:
        Invalid: no headings, nobody listed, or lines that cannot be read; the first are named.
    """
    at, columns = _headings(table)
    found, wrong = [], []
    for place, cells in enumerate(table[at + 1 :], start=at + 2):
        line = _line(place, cells, columns)
        if line is None:
            continue
        if not line.name or not _NUMBER.fullmatch(line.citizen_number):
            wrong.append(place)
        found.append(line)
    if wrong:
        rows = "、".join(map(str, wrong[:NAMED]))
        raise Invalid(
            "第 {rows} 行等 {n} 行没有姓名，或号码不是 15、18 位",
            field="file",
            rows=rows,
            n=len(wrong),
        )
    if not found:
        raise Invalid("名单里没有人", field="file")
    return found


def _headings(table: Sequence[Sequence[Any]]) -> tuple[int, dict[str, int]]:
    for place, cells in enumerate(table[:LOOKED_FOR_HEADINGS]):
        texts = [str(cell).strip() for cell in cells]
        columns = {
            field: texts.index(title)
            for field, titles in HEADINGS.items()
            for title in titles
            if title in texts
        }
        if {"name", "number"} <= columns.keys():
            return place, columns
    raise Invalid("没有找到“姓名”和“公民身份号码”两列的标题", field="file")


def _line(place: int, cells: Sequence[Any], columns: Mapping[str, int]) -> Listed | None:
    def cell(field: str) -> Any:
        column = columns.get(field)
        return cells[column] if column is not None and column < len(cells) else ""

    name, number = normal_name(str(cell("name"))), normal_number(str(cell("number")))
    if not name and not number:
        return None
    return Listed(place, name, number, _day(cell("day")), str(cell("unit")).strip()[:200])


def _day(cell: Any) -> date | None:
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    text = str(int(cell)) if isinstance(cell, float) else str(cell).strip()
    found = _DAY.fullmatch(text)
    if found is None:
        return None
    try:
        return date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        return None
