"""A roll of applicants (参保登记花名册) as values: from an Excel or CSV file to checked rows.

Columns are found by their headings, in any order, under a title or not. A cell that cannot be
read is reported with its row as the spreadsheet numbers it and its column as the form names it;
the other cells of the row are still read, so that everything wrong is known at once.
"""

from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from node.core.errors import Invalid
from node.core.i18n import sentence
from node.registry.citizen_number import normal_number
from node.registry.roll_cells import Cell, Value, read_cell, shown
from node.registry.roll_file import read_table
from node.registry.rules import (
    MINIMUM_AGE,
    Applicant,
    applicant_notices,
    applicant_problems,
    grade_problems,
)
from node.registry.typed import Notice, plain

TITLES: Mapping[str, str] = {
    "name": "姓名",
    "citizen_number": "公民身份号码",
    "sex": "性别",
    "ethnicity": "民族",
    "born_on": "出生日期",
    "household_address": "户籍地址",
    "phone": "联系电话",
    "category": "人员类别",
    "grade": "缴费档次",
    "bank_card": "银行卡号",
}
"""Field of the form → heading of the roll, in the order of the printed roll."""

MORE_TITLES: Mapping[str, str] = {
    "opened_on": "参保日期",
    "household_no": "户号",
    "relation": "与户主关系",
}
"""Columns that only some files have: data of an old system, a household list."""

ALL_TITLES: Mapping[str, str] = {**TITLES, **MORE_TITLES}

REQUIRED = ("name", "citizen_number")
HEADING_ROWS = 10

_ALIASES: Mapping[str, str] = {
    **{title: key for key, title in ALL_TITLES.items()},
    "身份证号": "citizen_number",
    "身份证号码": "citizen_number",
    "居民身份证号码": "citizen_number",
    "证件号码": "citizen_number",
    "出生年月日": "born_on",
    "住址": "household_address",
    "家庭住址": "household_address",
    "户口所在地": "household_address",
    "电话": "phone",
    "手机": "phone",
    "手机号": "phone",
    "手机号码": "phone",
    "联系方式": "phone",
    "参保身份": "category",
    "类别": "category",
    "档次": "grade",
    "选择档次": "grade",
    "银行账号": "bank_card",
    "银行卡": "bank_card",
    "社保卡号": "bank_card",
    "参保时间": "opened_on",
    "户编号": "household_no",
    "户主关系": "relation",
}


@dataclass(frozen=True, slots=True)
class CellProblem:
    """What is wrong in one cell, for the list that goes back to the coordinator."""

    row: int
    column: str
    message: str


@dataclass(frozen=True, slots=True)
class RollRow:
    """One applicant of the file: values by field, the text as typed, and unreadable cells."""

    number: int
    values: Mapping[str, Value]
    typed: Mapping[str, str]
    problems: tuple[CellProblem, ...] = ()

    def applicant(self) -> Applicant:
        """The row as the checks at the door want it."""
        born_on = self.values.get("born_on")
        return Applicant(
            name=self._text("name"),
            citizen_number=self._text("citizen_number"),
            sex=self._text("sex"),
            born_on=born_on if isinstance(born_on, date) else None,
            ethnicity=self._text("ethnicity"),
            household_address=self._text("household_address"),
            phone=self._text("phone"),
            bank_card=self._text("bank_card"),
        )

    @property
    def grade_fen(self) -> int | None:
        """The yearly grade chosen, in fen; nothing was chosen if the cell is empty."""
        grade = self.values.get("grade")
        return grade if isinstance(grade, int) else None

    def _text(self, key: str) -> str:
        value = self.values.get(key)
        return value if isinstance(value, str) else ""


@dataclass(frozen=True, slots=True)
class Roll:
    """What a file says: its rows, which heading was taken for which field, and what was left."""

    rows: tuple[RollRow, ...]
    headings: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()


def read_roll(content: bytes, *, filename: str, headings: Mapping[str, str] | None = None) -> Roll:
    """The rows of an Excel or CSV file (UTF-8 or GBK).

    `headings` adds names this office uses for a column (heading → field), as remembered from an
    earlier import.

    Raises:
        Invalid: the file cannot be read, has no rows, or has no heading for a required column.
    """
    table = read_table(content, filename=filename)
    own = {_heading(each): key for each, key in (headings or {}).items()}
    aliases = {name: key for name, key in {**_ALIASES, **own}.items() if key}
    at, columns, ignored = _find_headings(table, aliases)
    rows = tuple(
        _row(number, cells, columns)
        for number, cells in enumerate(table[at + 1 :], start=at + 2)
        if any(shown(cell) for cell in cells)
    )
    if not rows:
        raise Invalid("花名册里没有人员，请检查是否选错了工作表或文件", field="file")
    named = {key: shown(table[at][place]) for key, place in columns.items()}
    return Roll(rows, named, ignored)


def heading_cells(content: bytes, *, filename: str) -> list[str]:
    """The cells of the row that looks most like headings, for somebody to say what they mean.

    Raises:
        Invalid: the file cannot be read or is empty.
    """
    table = read_table(content, filename=filename)[:HEADING_ROWS]
    texts = [[shown(cell) for cell in row] for row in table]
    fullest = max(texts, key=lambda row: sum(map(bool, row)), default=[])
    found = [text for text in dict.fromkeys(fullest) if text]
    if not found:
        raise Invalid("花名册里没有人员，请检查是否选错了工作表或文件", field="file")
    return found


def known_heading(text: str) -> str:
    """The field a heading is taken for by everybody; empty when it is none we know."""
    return _ALIASES.get(_heading(text), "")


def row_problems(
    row: RollRow, *, on: date, grades: Collection[int], minimum_age: int = MINIMUM_AGE
) -> list[CellProblem]:
    """Everything that keeps a row from being registered: unreadable cells, then the rules."""
    found = list(row.problems)
    unreadable = {problem.column for problem in found}
    problems = [*applicant_problems(row.applicant(), on=on, minimum_age=minimum_age)]
    if row.grade_fen is not None:
        problems += grade_problems(row.grade_fen, grades=grades)
    for problem in problems:
        column = TITLES[problem.field or "name"]
        if column not in unreadable:
            found.append(CellProblem(row.number, column, problem.message))
    return found


def row_notices(
    row: RollRow, *, on: date, known_prefixes: Container[str], places: Iterable[str] = ()
) -> list[Notice]:
    """What somebody should look at before the row goes on."""
    return list(
        applicant_notices(row.applicant(), on=on, known_prefixes=known_prefixes, places=places)
    )


def repeated(rows: Iterable[RollRow]) -> Iterator[CellProblem]:
    """Rows whose citizen number stands further up already; the first one is kept."""
    seen: dict[str, int] = {}
    for row in rows:
        number = normal_number(row.applicant().citizen_number)
        if number and number in seen:
            message = sentence("与第 {row} 行的公民身份号码重复", row=seen[number])
            yield CellProblem(row.number, TITLES["citizen_number"], message)
        elif number:
            seen[number] = row.number


def _find_headings(
    table: Sequence[Sequence[Cell]], aliases: Mapping[str, str]
) -> tuple[int, dict[str, int], tuple[str, ...]]:
    for at, cells in enumerate(table[:HEADING_ROWS]):
        known = [(aliases.get(_heading(shown(cell))), place) for place, cell in enumerate(cells)]
        columns = {key: place for key, place in known if key is not None}
        if all(key in columns for key in REQUIRED):
            _refuse_twice([key for key, _ in known if key is not None])
            ignored = tuple(
                shown(cells[place]) for key, place in known if key is None and shown(cells[place])
            )
            return at, columns, ignored
    wanted = "、".join(TITLES[key] for key in REQUIRED)
    raise Invalid(
        "前 {rows} 行里没有找到表头，至少要有：{wanted}",
        field="file",
        rows=HEADING_ROWS,
        wanted=wanted,
    )


def _refuse_twice(keys: Sequence[str]) -> None:
    for key in keys:
        if keys.count(key) > 1:
            raise Invalid(
                "表头里“{title}”出现了两次，请删去一列",
                field="file",
                title=ALL_TITLES[key],
            )


def _row(number: int, cells: Sequence[Cell], columns: Mapping[str, int]) -> RollRow:
    values: dict[str, Value] = {}
    typed: dict[str, str] = {}
    problems: list[CellProblem] = []
    for key, place in columns.items():
        cell = cells[place] if place < len(cells) else ""
        typed[key] = shown(cell)
        try:
            values[key] = read_cell(key, cell)
        except Invalid as refusal:
            problems.append(CellProblem(number, ALL_TITLES[key], refusal.message))
    return RollRow(number, values, typed, tuple(problems))


def _heading(text: str) -> str:
    """A heading without blanks, star and unit: 缴费档次（元）* is 缴费档次."""
    return plain(text).strip("*").split("(")[0]
