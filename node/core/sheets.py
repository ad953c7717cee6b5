"""Many printed forms in one PDF, sent while it is made: `Paper` for rolls of a thousand sheets.

The same look as `Paper` (A4, ruled, an embedded Chinese face), drawn straight onto a `PdfStream`.
Measures are millimetres from the upper left corner. Page numbers are of each form, not of the roll:
the number of all pages is known when the first have long been sent.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from node.core.pdf_stream import HEIGHT, WIDTH, PdfStream, face

Align = Literal["L", "C", "R"]

POINTS = 72 / 25.4
MARGIN = 15.0
FOOT = 17.0
BODY = 9.0
LEADING = 4.6
PADDING = 1.2
GREY = "0.96 g"


class Sheets:
    """Forms one after another. After each, send `taken()`; at the end, `end()`."""

    def __init__(self, title: str, *, footer: str = "") -> None:
        self._pdf = PdfStream(title)
        self._footer = footer
        self._marks: list[str] = []
        self._y = MARGIN
        self._number = 0

    @property
    def width(self) -> float:
        """What is between the margins."""
        return WIDTH / POINTS - 2 * MARGIN

    def begin(self) -> None:
        """Begin the next form on a new page, numbered from 1."""
        self._finish_page()
        self._number = 0
        self._new_page()

    def taken(self) -> bytes:
        """The pages that are full and not sent yet."""
        return self._pdf.taken()

    def end(self) -> Iterator[bytes]:
        """The last page and what closes the document."""
        self._finish_page()
        yield self._pdf.taken()
        yield from self._pdf.end()

    def heading(self, text: str, *, under: str = "") -> None:
        """The name of the form, and a smaller line under it."""
        self._line(text, size=16, align="C", height=9)
        if under:
            self._line(under, size=BODY, align="C", height=6)

    def section(self, text: str) -> None:
        """A heading inside the form."""
        self._y += 2
        self._room(16)
        self._line(text, size=11, align="L", height=7)

    def line(self, text: str, *, size: float = BODY, align: Align = "L") -> None:
        """A paragraph, broken where it must be."""
        for part in face().broken(text, size, self.width * POINTS):
            self._line(part, size=size, align=align, height=size * 0.55)

    def space(self, height: float = 3.0) -> None:
        """Nothing, that high."""
        self._y += height

    def facts(self, pairs: Sequence[tuple[str, str]], *, columns: int = 2) -> None:
        """Labels and values in a ruled grid."""
        label = 26.0
        value = self.width / columns - label
        for start in range(0, len(pairs), columns):
            cells = [text for pair in pairs[start : start + columns] for text in pair]
            widths = [label, value] * (len(cells) // 2)
            widths[-1] += self.width - sum(widths)
            self._row(cells, widths, shaded=range(0, len(cells), 2))

    def table(
        self,
        headers: Sequence[str],
        rows: Iterable[Sequence[str]],
        *,
        widths: Sequence[float],
        aligns: Sequence[Align],
    ) -> None:
        """A ruled table; the headers stand again at the top of every page."""
        scaled = [self.width * share / sum(widths) for share in widths]
        everything, centred = range(len(headers)), ["C"] * len(headers)
        self._room(16)
        self._row(headers, scaled, shaded=everything, aligns=centred)
        for row in rows:
            if self._row_height(row, scaled) > self._left():
                self._turn()
                self._row(headers, scaled, shaded=everything, aligns=centred)
            self._row(row, scaled, aligns=aligns)

    def to_sign(self, *who: str) -> None:
        """Places for signatures, side by side."""
        self._y += 6
        self._room(10)
        share = self.width / max(len(who), 1)
        for place, one in enumerate(who):
            self._text(f"{one}：______________", MARGIN + place * share, self._y + 5, size=10)
        self._y += 9

    def _left(self) -> float:
        return HEIGHT / POINTS - FOOT - self._y

    def _room(self, height: float) -> None:
        if height > self._left():
            self._turn()

    def _turn(self) -> None:
        self._finish_page()
        self._new_page()

    def _new_page(self) -> None:
        self._number += 1
        self._y = MARGIN
        self._marks = ["0.3 w 0 G 0 g"]

    def _finish_page(self) -> None:
        if not self._marks:
            return
        bottom = HEIGHT / POINTS - 9
        self._text(self._footer, MARGIN, bottom, size=8)
        page = f"第 {self._number} 页"
        right = MARGIN + self.width - face().width(page, 8) / POINTS
        self._text(page, right, bottom, size=8)
        self._pdf.add_page("\n".join(self._marks))
        self._marks = []

    def _line(self, text: str, *, size: float, align: Align, height: float) -> None:
        self._room(height)
        self._aligned(text, MARGIN, self.width, self._y + height * 0.7, size=size, align=align)
        self._y += height

    def _aligned(
        self, text: str, x: float, width: float, baseline: float, *, size: float, align: Align
    ) -> None:
        spare = width - face().width(text, size) / POINTS
        shift = {"L": 0.0, "C": spare / 2, "R": spare}[align]
        self._text(text, x + shift, baseline, size=size)

    def _text(self, text: str, x: float, baseline: float, *, size: float = BODY) -> None:
        if text:
            across, up = x * POINTS, HEIGHT - baseline * POINTS
            shown = self._pdf.shown(text)
            self._marks.append(f"BT /F {size:g} Tf {across:.2f} {up:.2f} Td {shown} Tj ET")

    def _broken(self, cells: Sequence[str], widths: Sequence[float]) -> list[list[str]]:
        return [
            face().broken(text, BODY, (width - 2 * PADDING) * POINTS)
            for text, width in zip(cells, widths, strict=True)
        ]

    def _row_height(self, cells: Sequence[str], widths: Sequence[float]) -> float:
        return _height(self._broken(cells, widths))

    def _row(
        self,
        cells: Sequence[str],
        widths: Sequence[float],
        *,
        shaded: Iterable[int] = (),
        aligns: Sequence[Align] | Sequence[str] | None = None,
    ) -> None:
        lines = self._broken(cells, widths)
        height = _height(lines)
        self._room(height)
        grey, x = set(shaded), MARGIN
        for column, (broken, width) in enumerate(zip(lines, widths, strict=True)):
            box = (x * POINTS, HEIGHT - (self._y + height) * POINTS)
            size = (width * POINTS, height * POINTS)
            drawn = f"{box[0]:.2f} {box[1]:.2f} {size[0]:.2f} {size[1]:.2f} re"
            self._marks.append(f"{GREY} {drawn} B 0 g" if column in grey else f"{drawn} S")
            align: Align = aligns[column] if aligns else "L"  # type: ignore[assignment]
            top = self._y + (height - LEADING * len(broken)) / 2
            for place, text in enumerate(broken):
                baseline = top + LEADING * place + LEADING * 0.76
                inside = width - 2 * PADDING
                self._aligned(text, x + PADDING, inside, baseline, size=BODY, align=align)
            x += width
        self._y += height


def _height(lines: Sequence[Sequence[str]]) -> float:
    return max(7.0, LEADING * max(len(one) for one in lines) + 2.0)
