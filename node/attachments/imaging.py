"""Uploaded pictures made safe, small and alike: whatever comes in, a JPEG of office size is kept.

A picture is judged by its content, never by its name. It is decoded once, under limits, turned
upright, and written anew: place and camera that a phone noted inside it, and anything that only
looked like a picture, do not survive that. Pillow is loaded when the first picture comes.
"""

import struct
import warnings
from io import BytesIO
from typing import TYPE_CHECKING

from node.core.errors import Invalid

if TYPE_CHECKING:
    from PIL.Image import Image

MIB = 1 << 20
UPLOAD_LARGEST = 15 * MIB
PIXELS_MOST = 60_000_000
"""A phone makes 12 to 50 million; decoded, this many take 180 MB for a moment."""
ACCEPTED = ("JPEG", "PNG", "WEBP", "TIFF", "BMP")
KEPT_EDGE = 1_800
"""The longer edge: an identity card that fills half of a photo is still read."""
KEPT_LARGEST = 700 * 1_024
QUALITIES = (82, 70, 55, 40)
THUMBNAIL_EDGE = 220
KEPT_PIXELS = KEPT_EDGE * KEPT_EDGE

NO_PICTURE = "请上传照片或扫描图片（JPEG、PNG、WebP、TIFF、BMP），其他文件不能作附件"


def normal_picture(upload: bytes) -> bytes:
    """The picture as it is kept: a JPEG, upright, at most `KEPT_EDGE` pixels and `KEPT_LARGEST`.

    Raises:
        Invalid: it is too large, or no picture of the kinds accepted.
    """
    if len(upload) > UPLOAD_LARGEST:
        raise Invalid("一张图片不能超过 15 MB", field="file")
    picture = _decoded(upload, kinds=ACCEPTED, pixels=PIXELS_MOST, edge=KEPT_EDGE)
    for quality in QUALITIES:
        kept = _jpeg(picture, quality)
        if len(kept) <= KEPT_LARGEST:
            return kept
    raise Invalid("图片过于复杂，缩小后仍然太大，请降低分辨率后再传", field="file")


def thumbnail(kept: bytes) -> bytes:
    """A small JPEG of a kept picture; what came from another node is decoded as carefully.

    Raises:
        Invalid: it is not a picture as `normal_picture` makes them.
    """
    picture = _decoded(kept, kinds=("JPEG",), pixels=KEPT_PIXELS, edge=THUMBNAIL_EDGE)
    return _jpeg(picture, QUALITIES[1])


def _decoded(content: bytes, *, kinds: tuple[str, ...], pixels: int, edge: int) -> "Image":
    from PIL import Image, ImageOps, UnidentifiedImageError  # noqa: PLC0415  # 30 ms, 10 MB

    broken = (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError, struct.error)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # our own limit is stricter than Pillow's warning
        try:
            with Image.open(BytesIO(content), formats=kinds) as opened:
                if opened.width * opened.height > pixels:
                    raise Invalid("图片的像素太多，请缩小后再传", field="file")
                opened.draft("RGB", (edge, edge))
                upright = ImageOps.exif_transpose(opened)
                upright.thumbnail((edge, edge))
                return _on_white(upright)
        except Image.DecompressionBombError as error:
            raise Invalid("图片的像素太多，请缩小后再传", field="file") from error
        except broken as error:
            raise Invalid(NO_PICTURE, field="file") from error


def _on_white(picture: "Image") -> "Image":
    """As an opaque picture: what is transparent in it becomes paper."""
    from PIL import Image  # noqa: PLC0415  # see above

    if picture.mode in {"RGB", "L"}:
        return picture
    clear = picture.convert("RGBA")
    paper = Image.new("RGBA", clear.size, "white")
    return Image.alpha_composite(paper, clear).convert("RGB")


def _jpeg(picture: "Image", quality: int) -> bytes:
    written = BytesIO()
    picture.save(written, "JPEG", quality=quality, optimize=True)
    return written.getvalue()
