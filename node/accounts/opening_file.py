"""A file of opening balances (期初数据) as values: people, amounts by source, everything wrong.

Columns are found by their headings; each source has a column of its own. A cell that cannot be read
is named with its row and column; the rest of the file is still read, so that all is known at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from node.accounts.sources import Source
from node.core.errors import Invalid
from node.core.i18n import sentence
from node.core.money import parse_yuan, yuan
from node.registry.citizen_number import normal_number
from node.registry.roll_cells import Cell, shown
from node.registry.roll_file import read_table
from node.registry.typed import plain

NAME, NUMBER, TOTAL = "姓名", "公民身份号码", "合计"
TITLES: Mapping[str, Source] = {source.title: source for source in Source}
HEADING_ROWS = 10

_ALIASES = {
    "身份证号": NUMBER,
    "身份证号码": NUMBER,
    "证件号码": NUMBER,
    "总额": TOTAL,
    "余额": TOTAL,
    "储存额": TOTAL,
    "集体补贴": Source.COLLECTIVE.title,
}


@dataclass(frozen=True, slots=True)
class OpeningProblem:
    """What is wrong in one cell; `row` as the spreadsheet counts, `column` as its heading says."""

    row: int
    column: str
    message: str


@dataclass(frozen=True, slots=True)
class OpeningRow:
    """One person's balances in fen."""

    row: int
    name: str
    citizen_number: str
    fen: Mapping[Source, int]

    @property
    def total(self) -> int:
        """All sources together."""
        return sum(self.fen.values())


@dataclass(frozen=True, slots=True)
class OpeningFile:
    """What a file says, and what in it cannot be taken."""

    rows: Sequence[OpeningRow]
    problems: Sequence[OpeningProblem] = ()
    ignored: Sequence[str] = ()

    @property
    def total(self) -> int:
        """All rows together, in fen."""
        return sum(row.total for row in self.rows)

    @property
    def by_source(self) -> Mapping[Source, int]:
        """All rows by source, in official order."""
        found = {source: sum(row.fen.get(source, 0) for row in self.rows) for source in Source}
        return {source: fen for source, fen in found.items() if fen}


def read_opening(content: bytes, *, filename: str) -> OpeningFile:
    """The rows of an Excel or CSV file of opening balances, amounts in yuan.

    Raises:
        Invalid: the file cannot be read, has no rows, or lacks a heading it must have.
    """
    table = read_table(content, filename=filename)
    at, columns, ignored = _find_headings(table)
    read = _Reading(columns)
    for number, cells in enumerate(table[at + 1 :], start=at + 2):
        if any(shown(cell) for cell in cells) and not _is_sum(cells):
            read.row(number, cells)
    if not read.rows and not read.problems:
        raise Invalid("文件里没有人员，请检查是否选错了工作表或文件", field="file")
    return OpeningFile(read.rows, read.problems, ignored)


def _is_sum(cells: Sequence[Cell]) -> bool:
    """The line of totals under a list belongs to nobody."""
    return any(plain(shown(cell)) in {"合计", "总计"} for cell in cells[:3])


@dataclass
class _Reading:
    columns: Mapping[str, int]
    rows: list[OpeningRow] = field(default_factory=list)
    problems: list[OpeningProblem] = field(default_factory=list)
    seen: dict[str, int] = field(default_factory=dict)

    def row(self, number: int, cells: Sequence[Cell]) -> None:
        name = self._text(cells, NAME)
        citizen = normal_number(self._text(cells, NUMBER))
        fen = {
            source: amount
            for title, source in TITLES.items()
            if title in self.columns and (amount := self._fen(number, cells, title))
        }
        if not citizen:
            self._wrong(number, NUMBER, "请填写公民身份号码")
        elif citizen in self.seen:
            self._wrong(number, NUMBER, sentence("与第 {row} 行重复", row=self.seen[citizen]))
        else:
            self.seen[citizen] = number
        for source, amount in fen.items():
            if amount < 0:
                self._wrong(number, source.title, "期初余额不能为负数")
        if TOTAL in self.columns and shown(self._cell(cells, TOTAL)):
            said = self._fen(number, cells, TOTAL)
            if said != sum(fen.values()):
                summed = yuan(sum(fen.values()))
                words = sentence("与各来源之和 {summed} 元不符", summed=summed)
                self._wrong(number, TOTAL, words)
        self.rows.append(OpeningRow(number, name, citizen, fen))

    def _cell(self, cells: Sequence[Cell], title: str) -> Cell:
        place = self.columns[title]
        return cells[place] if place < len(cells) else ""

    def _text(self, cells: Sequence[Cell], title: str) -> str:
        return plain(shown(self._cell(cells, title)))

    def _fen(self, number: int, cells: Sequence[Cell], title: str) -> int:
        cell = self._cell(cells, title)
        try:
            if isinstance(cell, float) and not isinstance(cell, bool):
                return _exact_fen(cell)
            text = shown(cell)
            return parse_yuan(text) if text else 0
        except Invalid as refusal:
            self._wrong(number, title, refusal.message)
            return 0

    def _wrong(self, row: int, column: str, message: str) -> None:
        self.problems.append(OpeningProblem(row, column, message))


def _exact_fen(cell: float) -> int:
    """A spreadsheet's number in fen, if it is a whole number of them."""
    fen = round(Decimal(repr(cell)) * 100, 6)
    if fen != fen.to_integral_value():
        raise Invalid("金额最多两位小数")
    return int(fen)


def _find_headings(table: Sequence[Sequence[Cell]]) -> tuple[int, dict[str, int], list[str]]:
    known = {NAME, NUMBER, TOTAL, *TITLES}
    for at, cells in enumerate(table[:HEADING_ROWS]):
        columns: dict[str, int] = {}
        ignored = []
        for place, cell in enumerate(cells):
            heading = plain(shown(cell)).strip("*").split("(")[0].split("（")[0]
            title = _ALIASES.get(heading, heading)
            if title in known and title not in columns:
                columns[title] = place
            elif heading:
                ignored.append(shown(cell))
        if NAME in columns and NUMBER in columns and columns.keys() & TITLES.keys():
            return at, columns, ignored
    wanted = "、".join([NAME, NUMBER, *TITLES])
    raise Invalid(
        "前 {rows} 行里没有找到表头：{wanted}（来源至少一个）",
        field="file",
        rows=HEADING_ROWS,
        wanted=wanted,
    )
