"""The rows of a roll that could not go on, as an Excel file that can be corrected and sent again.

Columns are those of the roll; each wrong cell is marked and carries its reason as a comment, and
the last column has all reasons of the row. Its heading is none the reader knows, so it is ignored.
"""

import io
from collections.abc import Sequence

from node.registry.roll import TITLES
from node.registry.rolls import CheckedRow

REASON = "退回原因"
WIDTHS = {"citizen_number": 22, "household_address": 36, "bank_card": 24, "phone": 14}


def bad_rows_workbook(rows: Sequence[CheckedRow]) -> bytes:
    """An Excel file of these rows as they were typed, with their reasons."""
    import xlsxwriter  # noqa: PLC0415  # only this download needs it

    content = io.BytesIO()
    workbook = xlsxwriter.Workbook(content, {"in_memory": True})
    sheet = workbook.add_worksheet("退回")
    bold = workbook.add_format({"bold": True})
    text = workbook.add_format({"num_format": "@"})
    wrong = workbook.add_format({"num_format": "@", "bg_color": "#FBEBE9"})
    for column, (key, title) in enumerate(TITLES.items()):
        sheet.set_column(column, column, WIDTHS.get(key, 10), text)
        sheet.write_string(0, column, title, bold)
    last = len(TITLES)
    sheet.set_column(last, last, 60)
    sheet.write_string(0, last, REASON, bold)
    for line, checked in enumerate(rows, start=1):
        for column, key in enumerate(TITLES):
            reason = checked.problem_of(key)
            typed = checked.row.typed.get(key, "")
            sheet.write_string(line, column, typed, wrong if reason else text)
            if reason:
                sheet.write_comment(line, column, reason)
        reasons = "；".join(f"{p.column}：{p.message}" for p in checked.problems)
        sheet.write_string(line, last, reasons)
    workbook.close()
    return content.getvalue()
