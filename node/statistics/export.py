"""The table of a period as Excel and as a printed form, in the order of the page."""

from io import BytesIO
from typing import Any

from node.core.divisions import Places
from node.core.money import yuan
from node.core.paper import Align, Paper
from node.statistics.rules import MEASURES
from node.statistics.service import Overview

FEN_PER_YUAN = 100
RIGHT: list[Align] = ["L"]
RIGHT += ["R"] * len(MEASURES)


def title_of(overview: Overview, places: Places) -> str:
    """The heading of the form."""
    period = overview.period
    when = f"{period.year}年" + (f"{period.month}月" if period.month else "")
    return f"{places.name(overview.region)}城乡居民基本养老保险统计表（{when}）"


def as_excel(overview: Overview, places: Places) -> bytes:
    """A workbook whose figures are numbers, money in yuan, and whose last row is a formula."""
    import xlsxwriter  # noqa: PLC0415  # only this download needs it

    content = BytesIO()
    book = xlsxwriter.Workbook(content, {"in_memory": True})
    sheet = book.add_worksheet("统计表")
    bold, money, people = (
        book.add_format({"bold": True}),
        book.add_format({"num_format": "#,##0.00"}),
        book.add_format({"num_format": "#,##0"}),
    )
    sheet.write(0, 0, title_of(overview, places), bold)
    heads = [f"{m.title}（{'元' if m.is_money else '人'}）" for m in MEASURES]
    sheet.write_row(2, 0, ["代码", "地区", *heads], bold)
    first = 3
    for row, line in enumerate(overview.lines, start=first):
        sheet.write_row(row, 0, [str(line.place), places.name(line.place)])
        for column, measure in enumerate(MEASURES, start=2):
            value = (line.measures or {}).get(measure.name, 0)
            shown = value / FEN_PER_YUAN if measure.is_money else value
            sheet.write_number(row, column, shown, money if measure.is_money else people)
    _write_total(sheet, overview, places, first, (money, people))
    sheet.set_column(0, 0, 15)
    sheet.set_column(1, len(MEASURES) + 1, 18)
    sheet.freeze_panes(first, 2)
    book.close()
    return content.getvalue()


def _write_total(
    sheet: Any, overview: Overview, places: Places, first: int, formats: tuple[Any, Any]
) -> None:
    from xlsxwriter.utility import xl_rowcol_to_cell  # noqa: PLC0415

    last = first + len(overview.lines)
    sheet.write_row(last, 0, [str(overview.region), places.name(overview.region)])
    for column, measure in enumerate(MEASURES, start=2):
        value = overview.whole[measure.name]
        shown = value / FEN_PER_YUAN if measure.is_money else value
        chosen = formats[0] if measure.is_money else formats[1]
        if overview.lines:
            span = f"{xl_rowcol_to_cell(first, column)}:{xl_rowcol_to_cell(last - 1, column)}"
            sheet.write_formula(last, column, f"=SUM({span})", chosen, shown)
        else:
            sheet.write_number(last, column, shown, chosen)


def as_pdf(overview: Overview, places: Places) -> bytes:
    """The form to be signed and filed."""
    paper = Paper(title_of(overview, places), landscape=True)
    paper.heading(title_of(overview, places), under="金额单位：元")
    rows = [[places.name(line.place), *_texts(line.measures or {})] for line in overview.lines] + [
        ["合计", *_texts(overview.whole)]
    ]
    paper.table(
        ["地区", *(m.title for m in MEASURES)],
        rows,
        widths=[1.4, *(1.6 if m.is_money else 1.0 for m in MEASURES)],
        aligns=RIGHT,
    )
    paper.to_sign("单位负责人", "统计负责人", "填表人", "报出日期")
    return paper.bytes()


def _texts(measures: dict[str, int]) -> list[str]:
    return [
        yuan(measures.get(m.name, 0)) if m.is_money else f"{measures.get(m.name, 0):,}"
        for m in MEASURES
    ]
