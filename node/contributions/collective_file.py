"""A list of collective subsidies (集体补助名单) from a spreadsheet: whom each line means, how much.

Columns are found by their headings, in any order: 公民身份号码 or 个人账户号, 补助金额; where 姓名
stands too it is compared. Amounts are yuan. A cell that cannot be read is named with its row and
column and the rest is still read, so that all is known at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from node.accounts.service import read_number
from node.core.errors import Invalid
from node.core.money import parse_yuan
from node.registry.citizen_number import normal_number
from node.registry.roll_cells import Cell, read_cell, shown
from node.registry.roll_file import read_table
from node.registry.typed import plain
from tiers import RegionCode

HEADINGS: Mapping[str, tuple[str, ...]] = {
    "name": ("姓名",),
    "citizen_number": ("公民身份号码", "身份证号", "身份证号码", "身份证"),
    "account_no": ("个人账户号", "账户号", "社保编号"),
    "fen": ("补助金额", "集体补助", "金额"),
}
HEADING_ROWS = 10
MOST_ROWS = 5_000
"""A village has a few thousand people at most; a longer list is several villages."""


@dataclass(frozen=True, slots=True)
class ListRow:
    """One line: `row` as the spreadsheet counts, the person in one of two ways, the amount."""

    row: int
    name: str
    citizen_number: str
    account_no: int | None
    fen: int


@dataclass(frozen=True, slots=True)
class ListProblem:
    """What is wrong in one cell; `column` as its heading says."""

    row: int
    column: str
    message: str


@dataclass(frozen=True, slots=True)
class ListFile:
    """What a file says, and what in it cannot be read."""

    rows: Sequence[ListRow]
    problems: Sequence[ListProblem]

    @property
    def total(self) -> int:
        """All lines that could be read, in fen."""
        return sum(row.fen for row in self.rows)


def title_of(column: str) -> str:
    """A column as its heading says."""
    return HEADINGS[column][0]


def read_list(content: bytes, *, filename: str, here: RegionCode) -> ListFile:
    """The lines under the headings; blank ones and the line of sums are left out.

    Raises:
        Invalid: it is no spreadsheet, a column is missing, nobody is on it, or too many are.
    """
    table = read_table(content, filename=filename)
    at, columns = _columns(table)
    rows: list[ListRow] = []
    problems: list[ListProblem] = []
    for number, cells in enumerate(table[at + 1 :], at + 2):
        if not any(shown(cell) for cell in cells) or _is_sum(cells):
            continue
        values = {name: cells[place] if place < len(cells) else "" for name, place in columns}
        read = _read(number, values, here)
        if isinstance(read, ListRow):
            rows.append(read)
        else:
            problems += read
    if not rows and not problems:
        raise Invalid("名单里没有人", field="file")
    if len(rows) > MOST_ROWS:
        raise Invalid("一份名单最多 {most} 人，请按村分开", field="file", most=MOST_ROWS)
    return ListFile(rows, problems)


def _columns(table: Sequence[Sequence[Cell]]) -> tuple[int, list[tuple[str, int]]]:
    for at, cells in enumerate(table[:HEADING_ROWS]):
        headings = [plain(shown(cell)).split("(")[0].split("（")[0] for cell in cells]
        found = {
            name: headings.index(title)
            for name, titles in HEADINGS.items()
            for title in titles[::-1]
            if title in headings
        }
        if "fen" in found and found.keys() & {"citizen_number", "account_no"}:
            return at, list(found.items())
    raise Invalid("没有找到表头，应有：公民身份号码（或个人账户号）、补助金额", field="file")


def _is_sum(cells: Sequence[Cell]) -> bool:
    """The line of totals under a list belongs to nobody."""
    return any(plain(shown(cell)) in {"合计", "总计"} for cell in cells[:3])


def _read(number: int, values: Mapping[str, Cell], here: RegionCode) -> ListRow | list[ListProblem]:
    problems: list[ListProblem] = []
    account, citizen, fen = None, "", 0
    typed = shown(values.get("account_no", ""))
    try:
        if typed:
            account = read_number(typed, here=here)[1]
        else:
            citizen = _citizen(values.get("citizen_number", ""))
    except Invalid as wrong:
        by = "account_no" if typed else "citizen_number"
        problems.append(ListProblem(number, title_of(by), wrong.message))
    try:
        fen = _fen(values["fen"])
    except Invalid as wrong:
        problems.append(ListProblem(number, title_of("fen"), wrong.message))
    return problems or ListRow(number, plain(shown(values.get("name", ""))), citizen, account, fen)


def _citizen(cell: Cell) -> str:
    number = normal_number(str(read_cell("citizen_number", cell)))
    if not number:
        raise Invalid("请填写公民身份号码")
    return number


def _fen(cell: Cell) -> int:
    """Yuan in fen. A spreadsheet's number is taken if it is a whole number of fen."""
    if isinstance(cell, float):
        exact = round(Decimal(repr(cell)) * 100, 6)
        if exact != exact.to_integral_value():
            raise Invalid("金额最多两位小数")
        fen = int(exact)
    else:
        fen = parse_yuan(shown(cell))
    if fen <= 0:
        raise Invalid("补助金额应大于零")
    return fen
