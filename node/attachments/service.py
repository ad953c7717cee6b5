"""Photos and scans: kept once by the hash of their content, sent after the case, read when here."""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select, update

from node.attachments.imaging import normal_picture, thumbnail
from node.attachments.models import Picture
from node.attachments.records import cut, pictures, pieces, publish, read_content
from node.core.db import insert_new
from node.core.errors import NotFound
from node.core.work import UnitOfWork
from tiers import RegionCode

NOT_HERE = "附件还在路上，到达本节点后才能查看"


@dataclass(frozen=True, slots=True)
class Prepared:
    """An uploaded picture made ready to keep; decoding takes long and needs no transaction."""

    hash: str
    content: bytes
    thumbnail: bytes


def prepare(upload: bytes) -> Prepared:
    """An upload as it will be kept.

    Raises:
        Invalid: it is too large, or no picture.
    """
    content = normal_picture(upload)
    return Prepared(hashlib.sha256(content).hexdigest(), content, thumbnail(content))


def keep(uow: UnitOfWork, picture: Prepared) -> None:
    """Keep a picture at this node; it is sent when something that names it is sent."""
    parts = cut(picture.content)
    county = str(uow.node.county)
    row = {
        "county_code": county,
        "hash": picture.hash,
        "size": len(picture.content),
        "pieces": len(parts),
        "arrived_at": uow.now,
        "sent": False,
        "thumbnail": picture.thumbnail,
    }
    insert_new(uow.connection, pictures, [row])
    numbered = [
        {"county_code": county, "hash": picture.hash, "number": number, "content": part}
        for number, part in enumerate(parts)
    ]
    insert_new(uow.connection, pieces, numbered)
    half_here = (pictures.c.hash == picture.hash) & pictures.c.arrived_at.is_(None)
    uow.connection.execute(update(pictures).where(half_here).values(arrived_at=uow.now))


def send(uow: UnitOfWork, digests: Iterable[str], *, region: RegionCode) -> None:
    """Send pictures upwards, each once from this node however many cases name it."""
    wanted = sorted(set(digests))
    unsent = select(pictures.c.hash).where(pictures.c.hash.in_(wanted), ~pictures.c.sent)
    found = list(uow.connection.execute(unsent).scalars())
    for digest in found:
        publish(uow, digest, read_content(uow, digest), region=region)
    if found:
        done = update(pictures).where(pictures.c.hash.in_(found)).values(sent=True)
        uow.connection.execute(done)


def present(uow: UnitOfWork, digests: Sequence[str]) -> set[str]:
    """Which of these pictures are here, whole and proved."""
    here = select(pictures.c.hash).where(
        pictures.c.hash.in_(list(digests)), pictures.c.arrived_at.is_not(None)
    )
    return set(uow.connection.execute(here).scalars())


def content_of(uow: UnitOfWork, digest: str) -> bytes:
    """A picture as it is kept.

    Raises:
        NotFound: it is not here, or not all of it.
    """
    if digest not in present(uow, [digest]):
        raise NotFound(NOT_HERE)
    return read_content(uow, digest)


def thumbnail_of(uow: UnitOfWork, digest: str) -> bytes:
    """A small picture of it, made from the whole when there is none yet.

    Raises:
        NotFound: it is not here, or not all of it.
        Invalid: what arrived is no picture.
    """
    picture = uow.session.get(Picture, (str(uow.node.county), digest))
    if picture is not None and picture.thumbnail:
        return picture.thumbnail
    return thumbnail(content_of(uow, digest))


def forget(uow: UnitOfWork, digests: Collection[str]) -> None:
    """Drop pictures that were never sent and that nothing names any more."""
    unsent = select(pictures.c.hash).where(pictures.c.hash.in_(list(digests)), ~pictures.c.sent)
    gone = list(uow.connection.execute(unsent).scalars())
    uow.connection.execute(delete(pieces).where(pieces.c.hash.in_(gone)))
    uow.connection.execute(delete(pictures).where(pictures.c.hash.in_(gone)))
