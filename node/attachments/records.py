"""How pictures travel: in pieces, on a route of their own that gives way to everything else.

The case names its pictures by hash and goes ahead; the pieces follow when nothing else waits. A
picture counts as arrived once its pieces together have the hash the case named.
"""

import base64
import binascii
import hashlib
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Table, func, select, update

import sync
from node.attachments.imaging import KEPT_LARGEST
from node.attachments.models import Picture, PicturePiece
from node.core.db import insert_new
from node.core.work import UP_COUNTY_LATER, RecordType, UnitOfWork
from tiers import Level, RegionCode

CHUNK = RecordType("attachment.chunk", independent=True)
PIECE = 48 * 1_024
"""Bytes of a piece: 64 KiB of text in a record, some seconds on a line of 20 KB/s."""
PIECES_MOST = -(-KEPT_LARGEST // PIECE)

pictures: Table = Picture.__table__  # type: ignore[attr-defined]
pieces: Table = PicturePiece.__table__  # type: ignore[attr-defined]

_HASH = re.compile(r"[0-9a-f]{64}")


def cut(content: bytes) -> list[bytes]:
    """A picture in pieces."""
    return [content[start : start + PIECE] for start in range(0, len(content), PIECE)]


def publish(uow: UnitOfWork, digest: str, content: bytes, *, region: RegionCode) -> None:
    """Send a picture after the case that names it. The county has nobody to send it to."""
    origin = region if region in uow.hosted and uow.actor.scope == region else uow.node
    if origin.level is Level.COUNTY:
        return
    parts = cut(content)
    for number, part in enumerate(parts):
        body = {
            "hash": digest,
            "number": number,
            "pieces": len(parts),
            "size": len(content),
            "content": base64.b64encode(part).decode(),
        }
        key = f"{digest}/{number}"
        uow.publish(CHUNK, key, body, region=region, routes=[UP_COUNTY_LATER], origin=origin)


@CHUNK.applies
def apply_chunks(uow: UnitOfWork, arrived: Sequence["sync.Arrived"]) -> None:
    """Keep pieces from below; the last one of a picture proves it.

    Raises:
        Refused: a piece is none, or the pieces together are another picture than their name says.
    """
    by_hash: dict[str, list[sync.Arrived]] = defaultdict(list)
    rows = []
    for item in arrived:
        row = {"county_code": str(uow.node.county), **_piece(item)}
        by_hash[row["hash"]].append(item)
        rows.append(row)
    county = str(uow.node.county)
    known = [_picture(items[0].record.body, county) for items in by_hash.values()]
    insert_new(uow.connection, pictures, known)
    insert_new(uow.connection, pieces, rows)
    for digest, items in by_hash.items():
        _complete(uow, digest, items)


def _piece(item: "sync.Arrived") -> dict[str, Any]:
    body = item.record.body
    try:
        content = base64.b64decode(body["content"], validate=True)
        number, count, size = int(body["number"]), int(body["pieces"]), int(body["size"])
        digest = str(body["hash"])
    except (KeyError, ValueError, TypeError, binascii.Error) as error:
        raise sync.Refused("附件分片无法读取", [item]) from error
    whole = 0 < size <= KEPT_LARGEST and count == -(-size // PIECE) and 0 <= number < count
    length = PIECE if number < count - 1 else size - PIECE * (count - 1)
    if not whole or len(content) != length or not _HASH.fullmatch(digest):
        raise sync.Refused("附件分片的编号或大小不符", [item])
    return {"hash": digest, "number": number, "content": content}


def _picture(body: Mapping[str, Any], county: str) -> dict[str, Any]:
    return {
        "county_code": county,
        "hash": body["hash"],
        "size": body["size"],
        "pieces": body["pieces"],
        "arrived_at": None,
        "sent": True,  # by whoever took it; this node only passes it on
        "thumbnail": None,
    }


def _complete(uow: UnitOfWork, digest: str, items: list["sync.Arrived"]) -> None:
    picture = uow.connection.execute(select(pictures).where(pictures.c.hash == digest)).one()
    if picture.arrived_at is not None:
        return
    here = select(func.count()).where(pieces.c.hash == digest)
    if uow.connection.execute(here).scalar_one() < picture.pieces:
        return
    content = read_content(uow, digest)
    if hashlib.sha256(content).hexdigest() != digest:
        raise sync.Refused("附件内容与其散列值不符", items)
    done = update(pictures).where(pictures.c.hash == digest).values(arrived_at=uow.now)
    uow.connection.execute(done)


def read_content(uow: UnitOfWork, digest: str) -> bytes:
    """The pieces that are here, put together."""
    statement = select(pieces.c.content).where(pieces.c.hash == digest).order_by(pieces.c.number)
    return b"".join(uow.connection.execute(statement).scalars())
