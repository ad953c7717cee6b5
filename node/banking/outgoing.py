"""Files on their way to a bank, written as its description says."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from operator import attrgetter

from node.banking.description import HEADINGS, Bank
from node.banking.rules import order_number

TOTAL = "合计"
PIECE_LINES = 1_000
XLSX_EPOCH = (2000, 1, 1)  # a workbook bears no time, so that the same lines are the same bytes


@dataclass(frozen=True, slots=True)
class OutgoingLine:
    """What a bank is told of one line, in clear."""

    batch_no: int
    line_no: int
    name: str
    citizen_number: str
    account: str
    region: str
    fen: int
    purpose: str


def bank_yuan(fen: int) -> str:
    """An amount as banks read it: `200.00`."""
    return f"{fen // 100}.{fen % 100:02d}"


_WRITTEN: Mapping[str, Callable[[OutgoingLine], str]] = {
    "order": lambda line: order_number(line.batch_no, line.line_no),
    "name": attrgetter("name"),
    "citizen_number": attrgetter("citizen_number"),
    "account": attrgetter("account"),
    "yuan": lambda line: bank_yuan(line.fen),
    "batch": lambda line: f"{line.batch_no:06d}",
    "region": attrgetter("region"),
    "purpose": attrgetter("purpose"),
}
"""How each column that a description may name is written."""


def write_lines(bank: Bank, lines: Iterable[OutgoingLine]) -> Iterator[bytes]:
    """The content of one file, in pieces."""
    columns = [_WRITTEN[name] for name in bank.outgoing]
    rows = ([column(line) for column in columns] for line in lines)
    if bank.format == "workbook":
        yield write_workbook(bank.outgoing, rows)
        return
    while piece := "".join(f"{bank.separator.join(row)}\n" for row in islice(rows, PIECE_LINES)):
        yield piece.encode(bank.encoding)


def write_workbook(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """A workbook with headings and a last row of totals; everything is text but the amounts."""
    from datetime import datetime  # noqa: PLC0415  # with xlsxwriter, which few processes need

    import xlsxwriter  # noqa: PLC0415

    content = BytesIO()
    book = xlsxwriter.Workbook(content, {"constant_memory": True, "strings_to_numbers": False})
    book.set_properties({"created": datetime(*XLSX_EPOCH)})  # noqa: DTZ001  # a constant, no instant
    sheet = book.add_worksheet("明细")
    money = book.add_format({"num_format": "0.00"})
    sheet.write_row(0, 0, [HEADINGS[column] for column in columns])
    amount = columns.index("yuan")
    count, cents = 0, 0
    for count, row in enumerate(rows, 1):  # the last one is the number of lines
        for place, value in enumerate(row):
            if place == amount:
                sheet.write_number(count, place, float(value), money)
                cents += int(value.replace(".", ""))
            else:
                sheet.write_string(count, place, value)
    sheet.write_string(count + 1, 0, TOTAL)
    sheet.write_string(count + 1, 1, str(count))
    sheet.write_number(count + 1, amount, cents / 100, money)
    book.close()
    return content.getvalue()


def write_control(bank: Bank, file_name: str, *, lines: int, fen: int) -> bytes:
    """The control file that goes with a text file: its name, lines and yuan."""
    text = bank.separator.join((file_name, str(lines), bank_yuan(fen)))
    return f"{text}\n".encode(bank.encoding)
