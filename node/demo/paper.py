"""A sheet of paper as a telephone photographs it: what the demo hands in as evidence."""

from functools import cache
from io import BytesIO

SIZE = (640, 900)
PAPER, INK = "#f4f1e8", "#5a5a5a"


@cache
def sheet() -> bytes:
    """A JPEG of a written sheet; nothing on it can be read."""
    from PIL import Image, ImageDraw  # noqa: PLC0415  # only who plays the demo draws

    image = Image.new("RGB", SIZE, PAPER)
    draw = ImageDraw.Draw(image)
    for line in range(120, 780, 44):
        draw.line([(80, line), (560 - line % 90, line)], fill=INK, width=3)
    written = BytesIO()
    image.save(written, "JPEG")
    return written.getvalue()
