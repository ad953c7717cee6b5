"""A spreadsheet file as a table of cells: Excel by its content, otherwise CSV."""

import csv
import io
from collections.abc import Sequence

from node.core.errors import Invalid
from node.registry.roll_cells import Cell

MAX_ROWS = 50_000

_EXCEL_MARKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_ENCODINGS = ("utf-8-sig", "gb18030")


def read_table(content: bytes, *, filename: str) -> Sequence[Sequence[Cell]]:
    """The cells of the first sheet, or of a CSV file; row 0 is the first row of the file.

    Raises:
        Invalid: the file is damaged, locked, in no known encoding, or too long.
    """
    table = _excel(content) if content.startswith(_EXCEL_MARKS) else _csv(content, filename)
    if len(table) > MAX_ROWS:
        raise Invalid("一次最多导入 {most} 行，请分成几个文件", field="file", most=MAX_ROWS)
    return table


def _excel(content: bytes) -> Sequence[Sequence[Cell]]:
    from python_calamine import (  # noqa: PLC0415  # 4 MB that most processes never need
        CalamineError,
        CalamineWorkbook,
        PasswordError,
    )

    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
        sheet = workbook.get_sheet_by_index(0)
        # rows keep their numbers, so that a problem names the row people see
        return sheet.to_python(skip_empty_area=False, nrows=MAX_ROWS + 1)
    except PasswordError as error:
        raise Invalid("文件有打开密码，请去掉密码后再导入", field="file") from error
    except CalamineError as error:
        raise Invalid("文件已损坏或不是 Excel 文件，请另存一份再试", field="file") from error


def _csv(content: bytes, filename: str) -> Sequence[Sequence[Cell]]:
    text = _decoded(content, filename)
    delimiter = "\t" if text.count("\t") > text.count(",") else ","
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise Invalid("{filename} 不是有效的 CSV 文件", field="file", filename=filename) from error


def _decoded(content: bytes, filename: str) -> str:
    """UTF-8 first: GBK would read most UTF-8 as other Chinese characters without complaint."""
    encodings = ("utf-16",) if content.startswith((b"\xff\xfe", b"\xfe\xff")) else _ENCODINGS
    for encoding in encodings:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Invalid(
        "{filename} 的编码无法识别，请另存为 Excel 文件或 UTF-8", field="file", filename=filename
    )
