"""Result files as rows: read piece by piece, refused whole when anything about them is wrong.

What a bank says of 150,000 people is taken entirely or not at all: a file that was cut off, whose
totals are not its own, or that holds what does not belong in it is answered with what is wrong.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import BinaryIO, NamedTuple

from node.banking.description import HEADINGS, Bank, ResultFile
from node.banking.outgoing import TOTAL
from node.banking.rules import LineState, read_order_number
from node.core.errors import Invalid
from node.core.money import yuan

LONGEST_LINE = 1_000
_AMOUNT = re.compile(r"[0-9]{1,11}\.[0-9]{2}")
_DAY = re.compile(r"([0-9]{4})-?([0-9]{2})-?([0-9]{2})")


@dataclass(frozen=True, slots=True)
class Totals:
    """Control totals (控制总数): how many lines and fen a file says it has."""

    lines: int
    fen: int


class ResultRow(NamedTuple):
    """One row of a result file; in this order it goes to the database."""

    batch_no: int
    line_no: int
    name: str
    fen: int
    state: LineState
    code: str
    bank_reference: str
    answered_on: date


def read_control(bank: Bank, content: bytes) -> tuple[str, Totals]:
    """The file a control file speaks of, and its totals.

    Raises:
        Invalid: it is not one line of name, lines and yuan.
    """
    try:
        name, lines, amount = content.decode(bank.encoding).strip().split(bank.separator)
        return name, Totals(int(lines), _fen(amount))
    except ValueError as error:
        raise Invalid("控制文件应为一行：文件名、总笔数、总金额", field="control") from error


def read_rows(
    bank: Bank, kind: ResultFile, stream: BinaryIO, *, totals: Totals | None, on: date
) -> Iterator[ResultRow]:
    """The rows of a file. `on` is the day of rows that name none.

    Raises:
        Invalid: with the row and what is wrong with it; or, at the end, that the file is not whole.
    """
    tables = _workbook(bank, stream) if bank.format == "workbook" else _text(bank, stream)
    lines = fen = 0
    for number, values in tables:
        if values.get("order") == TOTAL:
            totals = Totals(_count(values), _fen(values["yuan"]))
            continue
        row = _row(bank, kind, number, values, on)
        lines, fen = lines + 1, fen + row.fen
        yield row
    _check_totals(totals, Totals(lines, fen))


def _check_totals(stated: Totals | None, found: Totals) -> None:
    if stated is None:
        raise Invalid("缺少控制总数，文件可能不完整，请向银行索取总笔数和总金额", field="totals")
    if stated != found:
        raise Invalid(
            f"文件不完整：应有 {stated.lines} 笔、{yuan(stated.fen)} 元，"
            f"实际 {found.lines} 笔、{yuan(found.fen)} 元，请银行重新发送",
            field="file",
        )


def _text(bank: Bank, stream: BinaryIO) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Lines are decoded before they are split: a bar may be half of a Chinese character."""
    for number, raw in enumerate(iter(lambda: stream.readline(LONGEST_LINE), b""), 1):
        if not raw.endswith(b"\n"):
            raise Invalid(f"第 {number} 行不完整，文件被截断，请银行重新发送", field="file")
        try:
            values = raw.decode(bank.encoding).rstrip("\r\n").split(bank.separator)
        except UnicodeDecodeError as error:
            raise Invalid(f"第 {number} 行不是 {bank.encoding} 编码", field="file") from error
        if len(values) != len(bank.incoming):
            raise Invalid(
                f"第 {number} 行有 {len(values)} 栏，应有 {len(bank.incoming)} 栏", field="file"
            )
        yield number, dict(zip(bank.incoming, values, strict=True))


def _workbook(bank: Bank, stream: BinaryIO) -> Iterator[tuple[int, Mapping[str, str]]]:
    from python_calamine import CalamineError, CalamineWorkbook  # noqa: PLC0415  # see roll_file

    try:
        table = CalamineWorkbook.from_filelike(stream).get_sheet_by_index(0).to_python()
    except CalamineError as error:
        raise Invalid("文件已损坏或不是 Excel 文件，请银行重新发送", field="file") from error
    places = _places(bank, table[0] if table else [])
    for number, cells in enumerate(table[1:], 2):
        yield number, {name: _shown(cells[place]) for name, place in places.items()}


def _places(bank: Bank, head: Sequence[object]) -> dict[str, int]:
    titles = [str(cell).strip() for cell in head]
    missing = [HEADINGS[name] for name in bank.incoming if HEADINGS[name] not in titles]
    if missing:
        raise Invalid(f"文件缺少列：{'、'.join(missing)}", field="file")
    return {name: titles.index(HEADINGS[name]) for name in bank.incoming} | {"second": 1}


def _shown(cell: object) -> str:
    match cell:
        case float():
            return f"{cell:.2f}"
        case datetime():
            return cell.date().isoformat()
        case _:
            return str(cell).strip()


def _count(values: Mapping[str, str]) -> int:
    text = values["second"].removesuffix(".00")
    if not text.isdigit():
        raise Invalid("合计行没有总笔数", field="file")
    return int(text)


def _fen(text: str) -> int:
    if not _AMOUNT.fullmatch(text):
        raise Invalid(f"“{text[:20]}”不是金额")
    return int(text[:-3]) * 100 + int(text[-2:])


def _row(
    bank: Bank, kind: ResultFile, number: int, values: Mapping[str, str], on: date
) -> ResultRow:
    try:
        batch_no, line_no = read_order_number(values["order"])
        fen = _fen(values["yuan"])
        day = _day(values.get("day", ""), on)
    except Invalid as problem:
        raise Invalid(f"第 {number} 行：{problem.message}", field="file") from problem
    code = values["code"].strip()
    answer = bank.answer(code)
    if answer.state not in kind.states:
        raise Invalid(
            f"第 {number} 行的处理结果“{code}”不应出现在这个文件里，请银行核对", field="file"
        )
    return ResultRow(
        batch_no,
        line_no,
        values.get("name", "").strip(),
        fen,
        answer.state,
        code[:32],
        values.get("bank_reference", "").strip()[:64] or values["order"].strip(),
        day,
    )


def _day(text: str, on: date) -> date:
    if not text:
        return on
    found = _DAY.fullmatch(text)
    try:
        return date(*map(int, found.groups())) if found else date.fromisoformat(text)
    except ValueError as error:
        raise Invalid(f"“{text[:20]}”不是日期") from error


def batched(rows: Iterable[ResultRow], size: int) -> Iterator[list[ResultRow]]:
    """Rows in runs, so that memory stays flat."""
    run: list[ResultRow] = []
    for row in rows:
        run.append(row)
        if len(run) == size:
            yield run
            run = []
    if run:
        yield run
