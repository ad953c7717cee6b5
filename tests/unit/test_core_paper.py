"""Printed forms: what is written can be read back, on every page, in an embedded typeface."""

from io import BytesIO

import pytest
from pypdf import PdfReader

from node.core.paper import Paper


def _read(paper: Paper) -> PdfReader:
    return PdfReader(BytesIO(paper.bytes()))


def test_a_form_can_be_read_back() -> None:
    paper = Paper("参保登记表", footer="表一")
    paper.qr("wuji:1", under="0001")
    paper.heading("参保登记表", under="官渡镇")
    paper.facts([("姓名", "张三"), ("性别", "男"), ("住址", "某村一组")])
    paper.to_sign("申请人", "经办人")
    text = _read(paper).pages[0].extract_text()
    for said in ("参保登记表", "官渡镇", "张三", "某村一组", "申请人", "表一", "第 1 页 / 共 1 页"):
        assert said in text


def test_the_typeface_is_embedded() -> None:
    paper = Paper("表")
    paper.line("汉字")
    fonts = _read(paper).pages[0]["/Resources"]["/Font"]
    described = [
        font.get_object()["/DescendantFonts"][0].get_object()["/FontDescriptor"].get_object()
        for font in fonts.values()
    ]
    assert described
    assert all("/FontFile2" in one or "/FontFile3" in one for one in described)


@pytest.mark.parametrize("length", [1, 12, 40])
def test_a_long_table_repeats_its_headers_and_loses_no_row(length: int) -> None:
    paper = Paper("表")
    rows = [[str(number), "字" * (number % length + 1)] for number in range(1000, 1090)]
    paper.table(["序号", "说明"], rows, widths=[1, 4])
    pages = [page.extract_text() for page in _read(paper).pages]
    assert len(pages) > 1
    assert all("序号" in page for page in pages)
    whole = "".join(pages)
    assert all(row[0] in whole for row in rows)
