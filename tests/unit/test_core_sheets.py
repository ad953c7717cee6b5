"""Rolls of forms as PDF: sent page by page, readable, searchable, the typeface embedded."""

from collections.abc import Iterator
from io import BytesIO

from pypdf import PdfReader

from node.core.pdf_stream import face
from node.core.sheets import Sheets


def roll(people: int) -> Iterator[bytes]:
    """A form for each, as a page would send them."""
    sheets = Sheets("对账单", footer="某村")
    for number in range(1, people + 1):
        sheets.begin()
        sheets.heading("个人账户对账单", under=f"第 {number} 人")
        sheets.facts([("姓名", "张三"), ("账户号", f"410122-{number:08d}")])
        sheets.table(
            ["日期", "金额（元）"], [["2025-03-05", "200.00"]], widths=[1, 1], aligns=["L", "R"]
        )
        sheets.to_sign("经办人")
        yield sheets.taken()
    yield from sheets.end()


def test_each_form_can_be_read_back_in_its_place() -> None:
    reader = PdfReader(BytesIO(b"".join(roll(12))))
    assert len(reader.pages) == 12
    for number, page in enumerate(reader.pages, 1):
        text = page.extract_text()
        for said in ("个人账户对账单", f"410122-{number:08d}", "200.00", "某村", "第 1 页"):
            assert said in text
    assert reader.metadata is not None
    assert reader.metadata.title == "对账单"


def test_a_page_is_sent_before_the_next_form_is_made() -> None:
    sent = roll(1_000)
    first, second = next(sent), next(sent)
    assert first.startswith(b"%PDF-1.7")
    assert b"/Type /Page " in second  # the first page is complete when the second form is
    assert len(second) < 4_000
    sent.close()  # type: ignore[attr-defined]  # a generator


def test_the_typeface_is_embedded_as_what_was_used() -> None:
    whole = b"".join(roll(2))
    fonts = PdfReader(BytesIO(whole)).pages[0]["/Resources"]["/Font"]
    (font,) = (each.get_object() for each in fonts.values())
    descriptor = font["/DescendantFonts"][0].get_object()["/FontDescriptor"].get_object()
    assert len(descriptor["/FontFile2"].get_object().get_data()) > 5_000
    assert len(whole) < 200_000


def test_a_long_table_goes_on_with_its_headers() -> None:
    sheets = Sheets("表")
    sheets.begin()
    rows = [[str(number), "字" * (number % 60 + 1)] for number in range(1_000, 1_120)]
    sheets.table(["序号", "说明"], rows, widths=[1, 4], aligns=["L", "L"])
    reader = PdfReader(BytesIO(b"".join(sheets.end())))
    pages = [page.extract_text() for page in reader.pages]
    assert len(pages) > 2
    assert all("序号" in page for page in pages)
    assert [f"第 {number} 页" in page for number, page in enumerate(pages, 1)] == [True] * len(
        pages
    )
    assert all(row[0] in "".join(pages) for row in rows)


def test_numbers_stay_whole_where_a_line_is_broken() -> None:
    lines = face().broken("积数 1,800.00 元·月", 9, 40)
    assert any("1,800.00" in line for line in lines)
    assert face().broken("1" * 40, 9, 40)[0] != "1" * 40  # unless one alone is too long
    assert face().broken("", 9, 40) == [""]
