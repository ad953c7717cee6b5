"""Uploaded pictures: judged by content, under limits, written anew."""

import struct
import zlib
from io import BytesIO

import pytest
from PIL import Image

from node.attachments import imaging
from node.attachments.imaging import KEPT_EDGE, KEPT_LARGEST, normal_picture, thumbnail
from node.attachments.records import PIECE, PIECES_MOST, cut
from node.core.errors import Invalid

ORIENTATION, TURNED_RIGHT, MAKER = 0x0112, 6, 0x010F


def picture(kind: str = "JPEG", size: tuple[int, int] = (640, 400), mode: str = "RGB") -> bytes:
    written = BytesIO()
    Image.new(mode, size, "#1d5080" if mode == "RGB" else 0).save(written, kind)
    return written.getvalue()


def opened(content: bytes) -> Image.Image:
    return Image.open(BytesIO(content))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "BMP"])
def test_every_accepted_kind_is_kept_as_jpeg(kind: str) -> None:
    kept = normal_picture(picture(kind))
    assert opened(kept).format == "JPEG"
    assert opened(kept).size == (640, 400)


@pytest.mark.parametrize(
    "upload",
    [
        b"",
        b"not a picture",
        b"%PDF-1.7\n%" + b"x" * 100,
        b"<svg xmlns='http://www.w3.org/2000/svg'></svg>",
        picture("GIF", mode="L"),
        picture()[:200],
    ],
)
def test_what_is_no_picture_is_refused_whatever_its_name(upload: bytes) -> None:
    with pytest.raises(Invalid, match="请上传照片") as refused:
        normal_picture(upload)
    assert refused.value.field == "file"


def test_a_large_photo_becomes_one_of_office_size() -> None:
    kept = normal_picture(picture(size=(4_000, 3_000)))
    assert opened(kept).size == (KEPT_EDGE, KEPT_EDGE * 3 // 4)
    assert len(kept) <= KEPT_LARGEST
    assert len(cut(kept)) <= PIECES_MOST
    assert all(len(part) <= PIECE for part in cut(kept))


def test_what_a_phone_noted_inside_does_not_survive_and_the_picture_stands_upright() -> None:
    exif = Image.Exif()
    exif[ORIENTATION], exif[MAKER] = TURNED_RIGHT, "某牌手机"
    written = BytesIO()
    Image.new("RGB", (640, 400)).save(written, "JPEG", exif=exif)
    kept = opened(normal_picture(written.getvalue()))
    assert kept.size == (400, 640)
    assert not kept.getexif()


def test_what_is_transparent_becomes_paper() -> None:
    kept = opened(normal_picture(picture("PNG", mode="RGBA")))
    assert kept.convert("RGB").getpixel((10, 10)) == (255, 255, 255)


def test_a_picture_that_claims_too_many_pixels_is_refused_before_it_is_decoded() -> None:
    def part(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    head = part(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
    bomb = b"\x89PNG\r\n\x1a\n" + head + part(b"IDAT", zlib.compress(b"")) + part(b"IEND", b"")
    with pytest.raises(Invalid, match="像素太多"):
        normal_picture(bomb)


def test_an_upload_over_the_limit_is_not_even_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imaging, "UPLOAD_LARGEST", 100)
    with pytest.raises(Invalid, match="15 MB"):
        normal_picture(picture())


def test_a_thumbnail_is_small_and_made_of_kept_pictures_only() -> None:
    assert max(opened(thumbnail(normal_picture(picture()))).size) == imaging.THUMBNAIL_EDGE
    with pytest.raises(Invalid, match="请上传照片"):
        thumbnail(picture("PNG"))
    with pytest.raises(Invalid, match="像素太多"):
        thumbnail(picture(size=(4_000, 3_000)))
