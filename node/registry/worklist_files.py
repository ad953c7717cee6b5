"""A worklist on paper and as an Excel file."""

import io
from collections.abc import Sequence
from datetime import date

from node.core.money import yuan
from node.core.paper import Align, Paper
from node.core.personal import mask_citizen_number
from node.registry.worklists import Cell, Column, Line, Worklist

FEN = 100
WIDE = 7


def cell_text(column: Column, cell: Cell, names: dict[str, str]) -> str:
    """A cell as people read it; places by name, citizen numbers masked."""
    if cell is None or cell == "":
        return ""
    if column.kind == "fen":
        return yuan(int(str(cell)))
    if column.kind == "place":
        return names.get(str(cell), str(cell))
    if column.kind == "citizen":
        return mask_citizen_number(str(cell))
    return cell.isoformat() if isinstance(cell, date) else str(cell)


def workbook_of(asked: Worklist, lines: Sequence[Line], names: dict[str, str]) -> bytes:
    """The list as a sheet that can be sorted and summed."""
    import xlsxwriter  # noqa: PLC0415  # only this download needs it

    content = io.BytesIO()
    workbook = xlsxwriter.Workbook(content, {"in_memory": True})
    sheet = workbook.add_worksheet(asked.title[:31])
    bold = workbook.add_format({"bold": True})
    money = workbook.add_format({"num_format": "#,##0.00"})
    text = workbook.add_format({"num_format": "@"})
    for place, column in enumerate(asked.columns):
        sheet.set_column(place, place, column.width + 2)
        sheet.write_string(0, place, column.title, bold)
    for row, line in enumerate(lines, start=1):
        for place, (column, cell) in enumerate(zip(asked.columns, line.cells, strict=True)):
            if column.kind == "fen" and isinstance(cell, int):
                sheet.write_number(row, place, cell / FEN, money)
            elif column.kind == "number" and isinstance(cell, int):
                sheet.write_number(row, place, cell)
            else:
                sheet.write_string(row, place, cell_text(column, cell, names), text)
    sheet.freeze_panes(1, 0)
    workbook.close()
    return content.getvalue()


def printed(
    asked: Worklist, lines: Sequence[Line], names: dict[str, str], *, place: str, on: date
) -> bytes:
    """The list on A4, numbered, with a column to tick off."""
    paper = Paper(asked.title, landscape=len(asked.columns) > WIDE, footer=f"{place} {on}")
    paper.heading(asked.title, under=f"{place}　{on.isoformat()}　共 {len(lines)} 条")
    aligns: list[Align] = ["R", *map(_align, asked.columns), "L"]
    paper.table(
        ["序号", *(column.title for column in asked.columns), "办理情况"],
        [
            [
                str(number),
                *(
                    cell_text(column, cell, names)
                    for column, cell in zip(asked.columns, line.cells, strict=True)
                ),
                "",
            ]
            for number, line in enumerate(lines, start=1)
        ],
        widths=[5, *(column.width for column in asked.columns), 10],
        aligns=aligns,
    )
    paper.to_sign("协管员", "日期")
    return paper.bytes()


def _align(column: Column) -> Align:
    return "R" if column.kind in ("fen", "number") else "L"
