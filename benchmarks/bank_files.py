"""A bank's files alone: 200,000 lines written as its description says, and as many read back.

Read is every line: decoded, split, its order number, amount, code and day checked, the totals at
the end. The floor of both is the text itself: the same lines joined and encoded, decoded and split.
"""

from collections.abc import Iterator
from datetime import date
from io import BytesIO

from benchmarks.bank_result import FEN, PEOPLE, result_file
from benchmarks.measure import Measure, timed
from node.banking.description import bank
from node.banking.incoming import Totals, read_rows
from node.banking.outgoing import OutgoingLine, write_lines

BANK = "rural_credit"
TARGET = "≥ 100,000"
DAY = date(2025, 9, 1)
FILE_NAME = "YHDKFK00000101_S.TXT"


def measure(runs: int, quick: bool) -> Iterator[Measure]:
    """Lines a second, out and in."""
    count = PEOPLE // 10 if quick else PEOPLE
    lines = [_line(number) for number in range(1, count + 1)]
    content = result_file(count)
    written, joined, read, split = [], [], [], []
    for _ in range(runs):
        with timed() as watch:
            out = sum(map(len, write_lines(bank(BANK), lines)))
        written.append(count / watch.seconds)
        with timed() as watch:
            bare = _joined(lines)
        joined.append(count / watch.seconds)
        assert out == bare, "the floor writes another file"
        with timed() as watch:
            found = _read(content, count)
        read.append(count / watch.seconds)
        with timed() as watch:
            rows = [row.split("|") for row in content.decode("gbk").splitlines()]
        split.append(count / watch.seconds)
        assert found == len(rows) == count
    yield Measure("bank file written", "lines/s", written, joined, TARGET)
    yield Measure("bank result parsed and checked", "lines/s", read, split, TARGET)


def _line(number: int) -> OutgoingLine:
    village = f"410122100{200 + number % 400}"
    return OutgoingLine(
        1, number, "样本", f"41012219650101{number % 10_000:04d}", f"62170000{number:011d}",
        village, FEN, "城乡居民养老保险",
    )  # fmt: skip


def _joined(lines: list[OutgoingLine]) -> int:
    """The bytes of a file of these lines, by one join."""
    rows = (
        f"{line.batch_no:06d}{line.line_no:06d}|{line.name}|{line.citizen_number}|"
        f"{line.fen // 100}.{line.fen % 100:02d}|{line.batch_no:06d}|{line.account}|{line.region}\n"
        for line in lines
    )
    return len("".join(rows).encode("gbk"))


def _read(content: bytes, count: int) -> int:
    described = bank(BANK)
    rows = read_rows(
        described,
        described.result_file(FILE_NAME),
        BytesIO(content),
        totals=Totals(count, count * FEN),
        on=DAY,
    )
    return sum(1 for _ in rows)
