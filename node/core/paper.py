"""Printed forms as PDF: A4, a Chinese typeface embedded, ruled like the official ones.

A form is told from top to bottom: heading, facts in a ruled grid, tables, lines to sign on. The
typeface (WenQuanYi Micro Hei, from a wheel) is embedded as the subset that was used, so that the
page prints the same on a machine without any Chinese font. All measures are millimetres.
"""

import re
from collections.abc import Iterable, Sequence
from importlib.resources import as_file, files
from io import BytesIO
from typing import TYPE_CHECKING, Literal, cast

if TYPE_CHECKING:
    from fpdf import FPDF

FACE = "hei"
MARGIN = 15.0
BODY = 10
ROW = 8.0
QR_SIZE = 20.0
QR_TOP = 6.0
GREY = 245
LETTER = 3.25
"""Width of a Chinese letter in a ruled cell."""
LABEL_WIDEST = 34.0
LABEL_NARROWEST = 20.0

PIECES = re.compile(r"[（《“]*(?:[0-9A-Za-z.,%〔〕-]+|.)[，。；：、）》”]*", re.DOTALL)
"""What is not parted at the end of a line: a number, or a letter with the marks around it."""

Align = Literal["L", "C", "R"]


def label_width(label: str) -> float:
    """Millimetres a label takes in a grid."""
    return min(LABEL_WIDEST, max(LABEL_NARROWEST, 5.0 + LETTER * len(label)))


class Paper:
    """A printed form in the making; `bytes()` ends it."""

    def __init__(self, title: str, *, landscape: bool = False, footer: str = "") -> None:
        """Begin a document. `footer` stands at the left of every page, its number at the right."""
        self._pdf = _begin(title, landscape=landscape, footer=footer)
        self._pdf.add_page()

    @property
    def width(self) -> float:
        """What is between the margins."""
        return float(self._pdf.epw)

    def new_page(self) -> None:
        """Go on at the top of a new page: the next form of a list."""
        self._pdf.add_page()

    def heading(self, text: str, *, under: str = "") -> None:
        """The name of the form, and a smaller line under it (place, period, unit)."""
        self._text(text, size=16, align="C", height=10)
        if under:
            self._text(under, size=BODY, align="C", height=6)
        self._pdf.ln(2)

    def section(self, text: str) -> None:
        """A heading inside the form."""
        self._pdf.ln(2)
        self._text(text, size=12, align="L", height=8)

    def line(self, text: str, *, size: int = BODY, align: Align = "L") -> None:
        """A paragraph, broken where it must be."""
        self._text(text, size=size, align=align, height=size * 0.6)

    def prose(self, text: str, *, size: int = 12) -> None:
        """A paragraph of a letter: indented by two letters, numbers whole, no line that begins with
        a closing mark (避头尾).
        """
        pdf = self._pdf
        pdf.set_font(size=size)
        lines, line = [], "　　"
        for piece in PIECES.findall(text):
            if pdf.get_string_width(line + piece) > self.width - 2 * pdf.c_margin:
                lines.append(line.rstrip())
                line = piece.lstrip()
            else:
                line += piece
        for each in [*lines, line]:
            pdf.cell(0, size * 0.6, each, new_x="LMARGIN", new_y="NEXT")
        pdf.set_font(size=BODY)

    def facts(self, pairs: Sequence[tuple[str, str]], *, columns: int = 2) -> None:
        """Labels and values in a ruled grid, `columns` pairs a row; an odd last value is wide."""
        label = 28.0
        value = self.width / columns - label
        for start in range(0, len(pairs), columns):
            chunk = pairs[start : start + columns]
            widths, cells = [], []
            for name, text in chunk:
                widths += [label, value]
                cells += [name, text]
            widths[-1] = self.width - sum(widths[:-1])
            self._row(cells, widths, shaded=range(0, len(cells), 2))

    def table(
        self,
        headers: Sequence[str],
        rows: Iterable[Sequence[str]],
        *,
        widths: Sequence[float] | None = None,
        aligns: Sequence[Align] | None = None,
    ) -> None:
        """A ruled table; the headers stand again at the top of every page.

        `widths` are shares (any unit, scaled to the page); without them the columns are equal.
        """
        shares = list(widths or [1.0] * len(headers))
        scaled = [self.width * share / sum(shares) for share in shares]
        everything = range(len(headers))
        self._row(headers, scaled, shaded=everything, aligns=["C"] * len(headers))
        for row in rows:
            if self._row(row, scaled, aligns=aligns, dry=True) > self._left():
                self._pdf.add_page()
                self._row(headers, scaled, shaded=everything, aligns=["C"] * len(headers))
            self._row(row, scaled, aligns=aligns)

    def grid(self, rows: Sequence[Sequence[tuple[str, str, float]]]) -> None:
        """Ruled rows of (label, value, width of the value); the last value of a row fills it.

        Labels are as wide as they are long, within bounds, and broken beyond `LABEL_WIDEST`.
        """
        for row in rows:
            cells, widths = [], []
            for label, value, width in row:
                cells += [label, value]
                widths += [label_width(label), width]
            widths[-1] = self.width - sum(widths[:-1])
            self._row(cells, widths, shaded=range(0, len(cells), 2))

    def box(self, label: str, text: str, *, bottom: str, height: float = 28.0) -> None:
        """A ruled box for an opinion: what is said at the top, who and when at the lower right."""
        pdf, side = self._pdf, 33.0
        if height > self._left():
            pdf.add_page()
        x, y = pdf.l_margin, pdf.get_y()
        pdf.set_fill_color(GREY)
        pdf.rect(x, y, side, height, style="DF")
        pdf.rect(x + side, y, self.width - side, height)
        pdf.set_font(size=BODY - 1)
        lines = self._broken(label, side - 2)
        pdf.set_xy(x + 1, y + (height - 5.0 * len(lines)) / 2)
        pdf.multi_cell(side - 2, 5, "\n".join(lines), align="C")
        pdf.set_xy(x + side + 2, y + 2)
        pdf.multi_cell(self.width - side - 4, 5, text, align="L")
        pdf.set_xy(x + side + 2, y + height - 7)
        pdf.cell(self.width - side - 4, 5, bottom, align="R")
        pdf.set_font(size=BODY)
        pdf.set_xy(x, y + height)

    def cut(self, text: str, *, at: float) -> None:
        """A dashed line across the page, `at` millimetres from its top, to cut along."""
        pdf = self._pdf
        pdf.set_dash_pattern(dash=2, gap=1.5)
        pdf.line(0, at, pdf.w, at)
        pdf.set_dash_pattern()
        pdf.set_font(size=7)
        pdf.set_xy(MARGIN, at - 4)
        pdf.cell(0, 3, text, align="C")
        pdf.set_font(size=BODY)
        pdf.set_xy(pdf.l_margin, at + MARGIN / 2)

    def to_sign(self, *who: str) -> None:
        """Places for signatures, side by side."""
        self._pdf.ln(8)
        share = self.width / max(len(who), 1)
        for one in who:
            self._pdf.cell(share, ROW, f"{one}：______________")
        self._pdf.ln(ROW)

    def qr(self, text: str, *, under: str = "", top: float = QR_TOP) -> None:
        """A QR code at the right, `top` millimetres down the page, with a small line under it.

        The heading is centred, so the upper corner is free on every form.
        """
        import segno  # noqa: PLC0415  # a village PC that prints nothing should not load it

        picture = BytesIO()
        segno.make(text, error="m").save(picture, kind="png", scale=6, border=1)
        pdf = self._pdf
        here = pdf.get_y()
        left = pdf.w - MARGIN - QR_SIZE
        pdf.image(picture, x=left, y=top, w=QR_SIZE)
        if under:
            pdf.set_font(size=7)
            pdf.set_xy(left, top + QR_SIZE)
            pdf.cell(QR_SIZE, 3, under, align="C")
            pdf.set_font(size=BODY)
        pdf.set_xy(pdf.l_margin, max(here, 14.0))

    def code(self, text: str, *, size: float = 50.0) -> None:
        """A QR code in the text, wide enough for a long one to be scanned from paper."""
        import segno  # noqa: PLC0415  # a village PC that prints nothing should not load it

        picture = BytesIO()
        segno.make(text, error="m").save(picture, kind="png", scale=6, border=2)
        pdf = self._pdf
        if size > self._left():
            pdf.add_page()
        top = pdf.get_y()
        pdf.image(picture, x=pdf.l_margin, y=top, w=size)
        pdf.set_xy(pdf.l_margin, top + size)

    def space(self, height: float = 4.0) -> None:
        """Nothing, that high."""
        self._pdf.ln(height)

    def bytes(self) -> bytes:
        """The finished document."""
        return bytes(self._pdf.output())

    def _text(self, text: str, *, size: float, align: Align, height: float) -> None:
        self._pdf.set_font(size=size)
        self._pdf.multi_cell(0, height, text, align=align, new_x="LMARGIN", new_y="NEXT")
        self._pdf.set_font(size=BODY)

    def _left(self) -> float:
        return float(self._pdf.h - self._pdf.b_margin - self._pdf.get_y())

    def _broken(self, text: str, width: float) -> list[str]:
        """`text` as the lines it takes in that width."""
        return cast("list[str]", self._pdf.multi_cell(width, 5, text, dry_run=True, output="LINES"))

    def _row(
        self,
        cells: Sequence[str],
        widths: Sequence[float],
        *,
        shaded: Iterable[int] = (),
        aligns: Sequence[Align] | None = None,
        dry: bool = False,
    ) -> float:
        """One ruled row, as high as its highest cell; `dry` only measures."""
        pdf = self._pdf
        pdf.set_font(size=BODY - 1)
        lines = [self._broken(text, width - 1) for text, width in zip(cells, widths, strict=True)]
        height = max(ROW, 5.0 * max(len(one) for one in lines) + 3.0)
        if dry:
            return height
        if height > self._left():
            pdf.add_page()
        grey = set(shaded)
        x, y = pdf.l_margin, pdf.get_y()
        for column, (broken, width) in enumerate(zip(lines, widths, strict=True)):
            pdf.set_fill_color(GREY)
            pdf.rect(x, y, width, height, style="DF" if column in grey else "D")
            pdf.set_xy(x + 0.5, y + (height - 5.0 * len(broken)) / 2)
            align = aligns[column] if aligns else "L"
            pdf.multi_cell(width - 1, 5, "\n".join(broken), align=align)
            x += width
        pdf.set_xy(pdf.l_margin, y + height)
        pdf.set_font(size=BODY)
        return height


def _begin(title: str, *, landscape: bool, footer: str) -> "FPDF":
    from fpdf import FPDF  # noqa: PLC0415  # a village PC that prints nothing should not load it

    class Sheets(FPDF):
        """FPDF calls `footer` at the end of every page."""

        def footer(self) -> None:
            self.set_y(-12)
            self.set_font(FACE, size=8)
            self.cell(0, 5, footer, align="L")
            self.set_x(self.l_margin)
            self.cell(0, 5, f"第 {self.page_no()} 页 / 共 {{nb}} 页", align="R")

    pdf = Sheets(orientation="landscape" if landscape else "portrait", format="A4")
    pdf.set_margins(MARGIN, MARGIN)
    pdf.set_auto_page_break(auto=True, margin=MARGIN + 2)
    pdf.set_title(title)
    pdf.set_lang("zh-CN")
    with as_file(files("paperang_p2_fonts_cjk") / "fonts" / "wqy-microhei.ttc") as face:
        pdf.add_font(FACE, fname=face)
    pdf.set_font(FACE, size=BODY)
    return pdf
