"""A PDF written page by page: what is finished can be sent while the rest is not computed yet.

fpdf2 builds the whole document in memory and puts it out at the end. A roll of a thousand sheets
wants the opposite: each page is an object of its own, written when it is full. Only what needs the
whole document comes last: the typeface (as the subset that was used) and the list of pages. Glyphs
keep their numbers in the subset, so that pages can name them before it exists (PDF 1.7, 9.7).
"""

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import as_file, files
from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fontTools.ttLib import TTFont

WIDTH, HEIGHT = 595.28, 841.89  # A4 in points
CATALOG, PAGES, FONT, INFO = 1, 2, 3, 4
RESERVED = 4
_UNITS = 1_000
_WORD = re.compile(r"[0-9A-Za-z.,%+\-−]+|.", re.DOTALL)


class Face:
    """The typeface (WenQuanYi Micro Hei): which glyph a character has, and how wide it is."""

    def __init__(self) -> None:
        font = open_face()
        self._characters: dict[int, str] = font.getBestCmap()
        self._number = font.getGlyphID
        self._metrics = font["hmtx"].metrics
        self.scale = _UNITS / font["head"].unitsPerEm
        self.ascent = round(font["hhea"].ascent * self.scale)
        self.descent = round(font["hhea"].descent * self.scale)
        self._known: dict[str, tuple[int, int]] = {}

    def glyph(self, character: str) -> tuple[int, int]:
        """Number and width (thousandths of the size) of a character; the empty box if unknown."""
        found = self._known.get(character)
        if found is None:
            name = self._characters.get(ord(character), ".notdef")
            width = round(self._metrics[name][0] * self.scale)
            found = self._known[character] = (self._number(name), width)
        return found

    def width(self, text: str, size: float) -> float:
        """How wide a text is, in points."""
        return sum(self.glyph(character)[1] for character in text) * size / _UNITS

    def broken(self, text: str, size: float, room: float) -> list[str]:
        """A text as the lines it takes: between any two characters, but not inside a number."""
        lines, line, used = [], "", 0.0
        for word in _WORD.findall(text) or [""]:
            parts = [word] if self.width(word, size) <= room else list(word)
            for part in parts:
                wide = self.width(part, size)
                if part == "\n" or (line and used + wide > room):
                    lines.append(line)
                    line, used = "", 0.0
                if part != "\n":
                    line, used = line + part, used + wide
        return [*lines, line]


def open_face() -> "TTFont":
    """The font file, read anew."""
    from fontTools.ttLib import TTFont  # noqa: PLC0415  # a node that prints nothing needs it not

    with as_file(files("paperang_p2_fonts_cjk") / "fonts" / "wqy-microhei.ttc") as path:
        return TTFont(BytesIO(path.read_bytes()), fontNumber=0, lazy=True)


@cache
def face() -> Face:
    """The typeface, read once."""
    return Face()


@dataclass
class PdfStream:
    """A document in the making. `taken` gives what can be sent; `end` gives the rest."""

    title: str
    _ready: list[bytes] = field(default_factory=list)
    _offsets: dict[int, int] = field(default_factory=dict)
    _length: int = 0
    _pages: list[int] = field(default_factory=list)
    _used: dict[int, tuple[str, int]] = field(default_factory=dict)
    _last: int = RESERVED

    def __post_init__(self) -> None:
        self._write(b"%PDF-1.7\n%\xe4\xb8\xad\xe6\x96\x87\n")

    @property
    def pages(self) -> int:
        """How many pages are written."""
        return len(self._pages)

    def shown(self, text: str) -> str:
        """A text as a content stream shows it, in hexadecimal glyph numbers."""
        numbers = []
        for character in text:
            number, width = face().glyph(character)
            self._used.setdefault(number, (character, width))
            numbers.append(f"{number:04X}")
        return f"<{''.join(numbers)}>"

    def add_page(self, content: str) -> None:
        """A finished page: its drawing in points, the origin at the lower left."""
        packed = zlib.compress(content.encode("ascii"), 6)
        drawing = self._stream(packed, "/Filter /FlateDecode")
        self._pages.append(
            self._object(
                f"<< /Type /Page /Parent {PAGES} 0 R /MediaBox [0 0 {WIDTH} {HEIGHT}]"
                f" /Resources << /Font << /F {FONT} 0 R >> >> /Contents {drawing} 0 R >>"
            )
        )

    def taken(self) -> bytes:
        """What has been written since the last time."""
        found = b"".join(self._ready)
        self._ready.clear()
        return found

    def end(self) -> Iterator[bytes]:
        """The typeface, the list of pages, and where everything stands."""
        self._write_face()
        kids = " ".join(f"{number} 0 R" for number in self._pages)
        tree = f"<< /Type /Pages /Count {self.pages} /Kids [{kids}] >>"
        self._object(tree, number=PAGES)
        title = self.title.encode("utf-16-be").hex()
        self._object(f"<< /Title <FEFF{title}> /Producer (wuji) >>", number=INFO)
        root = f"<< /Type /Catalog /Pages {PAGES} 0 R /Lang (zh-CN) >>"
        self._object(root, number=CATALOG)
        begins = self._length
        self._write(f"xref\n0 {self._last + 1}\n0000000000 65535 f \n".encode("ascii"))
        lines = (f"{self._offsets[n]:010d} 00000 n \n" for n in range(1, self._last + 1))
        self._write("".join(lines).encode("ascii"))
        trailer = f"trailer\n<< /Size {self._last + 1} /Root {CATALOG} 0 R /Info {INFO} 0 R >>\n"
        self._write(f"{trailer}startxref\n{begins}\n%%EOF\n".encode("ascii"))
        yield self.taken()

    def _write(self, data: bytes) -> None:
        self._ready.append(data)
        self._length += len(data)

    def _object(self, body: str, *, number: int | None = None, stream: bytes | None = None) -> int:
        if number is None:
            self._last += 1
            number = self._last
        self._offsets[number] = self._length
        tail = b"" if stream is None else b"\nstream\n" + stream + b"\nendstream"
        self._write(f"{number} 0 obj\n{body}".encode("ascii") + tail + b"\nendobj\n")
        return number

    def _stream(self, data: bytes, more: str) -> int:
        return self._object(f"<< /Length {len(data)} {more} >>", stream=data)

    def _write_face(self) -> None:
        font = _subset(self._used)
        packed = zlib.compress(font, 6)
        program = self._stream(packed, f"/Filter /FlateDecode /Length1 {len(font)}")
        known = face()
        descriptor = self._object(
            "<< /Type /FontDescriptor /FontName /WUJIAA+WenQuanYiMicroHei /Flags 4 /ItalicAngle 0"
            f" /FontBBox [-200 -300 1200 1000] /Ascent {known.ascent} /Descent {known.descent}"
            f" /CapHeight 700 /StemV 80 /FontFile2 {program} 0 R >>"
        )
        widths = " ".join(f"{n} [{self._used[n][1]}]" for n in sorted(self._used))
        glyphs = self._object(
            "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /WUJIAA+WenQuanYiMicroHei"
            " /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >>"
            f" /FontDescriptor {descriptor} 0 R /DW 1000 /W [{widths}] /CIDToGIDMap /Identity >>"
        )
        characters = zlib.compress(_to_unicode(self._used).encode("ascii"), 6)
        words = self._stream(characters, "/Filter /FlateDecode")
        self._object(
            "<< /Type /Font /Subtype /Type0 /BaseFont /WUJIAA+WenQuanYiMicroHei"
            f" /Encoding /Identity-H /DescendantFonts [{glyphs} 0 R] /ToUnicode {words} 0 R >>",
            number=FONT,
        )


def _subset(used: dict[int, tuple[str, int]]) -> bytes:
    """The glyphs that were used, under the numbers they have in the whole typeface."""
    from fontTools.subset import Options, Subsetter  # noqa: PLC0415  # 0.2 s

    font = open_face()
    options = Options(retain_gids=True, notdef_outline=True, layout_features=[], hinting=False)
    options.drop_tables += ["FFTM", "GDEF", "GPOS", "GSUB", "vhea", "vmtx", "OS/2", "post", "name"]
    subsetter = Subsetter(options)
    subsetter.populate(gids=list(used))
    subsetter.subset(font)
    content = BytesIO()
    font.save(content)
    return content.getvalue()


def _to_unicode(used: dict[int, tuple[str, int]]) -> str:
    """Which character a glyph number stands for, so that text can be searched and copied."""
    pairs = [
        f"<{number:04X}> <{character.encode('utf-16-be').hex().upper()}>"
        for number, (character, _) in sorted(used.items())
    ]
    blocks = [
        f"{len(block)} beginbfchar\n" + "\n".join(block) + "\nendbfchar"
        for start in range(0, len(pairs), 100)
        for block in [pairs[start : start + 100]]
    ]
    return (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap\n"
        "/CMapName /Adobe-Identity-UCS def /CMapType 2 def\n"
        "1 begincodespacerange <0000> <FFFF> endcodespacerange\n"
        + "\n".join(blocks)
        + "\nendcmap CMapName currentdict /CMap defineresource pop end end"
    )
