"""Lists as workbooks that accountants can sum: amounts are numbers, the last row a formula."""

from collections.abc import Iterable, Sequence
from io import BytesIO

CENTS = 100
Cell = str | int | None


def workbook(
    title: str, headings: Sequence[str], rows: Iterable[Sequence[Cell]], *, money: Sequence[int]
) -> bytes:
    """One sheet; the columns named in `money` hold fen and are written as yuan."""
    import xlsxwriter  # noqa: PLC0415  # few processes need it
    from xlsxwriter.utility import xl_col_to_name  # noqa: PLC0415

    content = BytesIO()
    book = xlsxwriter.Workbook(content, {"constant_memory": True})
    sheet = book.add_worksheet(title[:31])
    head = book.add_format({"bold": True, "bottom": 1})
    yuan = book.add_format({"num_format": "#,##0.00"})
    total = book.add_format({"num_format": "#,##0.00", "bold": True, "top": 1})
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, len(headings) - 1, 16)
    sheet.write_row(0, 0, headings, head)
    last, summed = 0, dict.fromkeys(money, 0)
    for last, row in enumerate(rows, 1):  # the last one is where the sum goes
        for column, cell in enumerate(row):
            if column in summed and isinstance(cell, int):
                summed[column] += cell
                sheet.write_number(last, column, cell / CENTS, yuan)
            elif isinstance(cell, int):
                sheet.write_number(last, column, cell)
            elif cell:
                sheet.write_string(last, column, cell)
    sheet.write_string(last + 1, 0, "合计", head)
    for column in money if last else ():
        name = xl_col_to_name(column)
        formula = f"=SUM({name}2:{name}{last + 1})"
        sheet.write_formula(last + 1, column, formula, total, summed[column] / CENTS)
    book.close()
    return content.getvalue()
