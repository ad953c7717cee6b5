"""Which segments lie in which archive, and their bodies read back from there.

Headers, signatures and hashes never leave the live store: streams stay provable without the files.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import BigInteger, Column, Connection, Index, Integer, String, Table, func, select

from sync.archive_file import Run
from sync.segment import StreamId
from sync.site import Site
from sync.store import metadata, segment

archive = Table(
    "sync_archive",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("at", String(24), nullable=False),
    Column("segments", Integer, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("digest", String(64), nullable=False),
    comment="Files that hold bodies of segments; the name is all that is known of where they are.",
)

archive_run = Table(
    "sync_archive_run",
    metadata,
    Column("archive", String(100), primary_key=True),
    Column("origin", String(40), primary_key=True),
    Column("epoch", String(40), primary_key=True),
    Column("route", String(100), primary_key=True),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Index("ix_sync_archive_run_stream", "origin", "epoch", "route", "last"),
    comment="Which numbers of a stream an archive holds.",
)

archived = Table(
    "sync_archived",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("archive", String(100), nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("size", Integer, nullable=False),
    comment="Where the body of a segment lies, sealed in the vault as it was here.",
)


_CHUNK = 500


class Kept(NamedTuple):
    """One archive, as it is known here."""

    name: str
    at: str
    segments: int
    bytes: int
    digest: str


def archives(connection: Connection) -> list[Kept]:
    """Every archive that was made here, oldest first."""
    rows = connection.execute(select(archive).order_by(archive.c.at, archive.c.name))
    return [Kept(*row) for row in rows]


def archived_up_to(connection: Connection) -> dict[StreamId, int]:
    """The last number of each stream that lies in an archive."""
    names = archive_run.c
    columns = (names.origin, names.epoch, names.route)
    rows = connection.execute(select(*columns, func.max(names.last)).group_by(*columns))
    return {StreamId(*row[:3]): row[3] for row in rows}


def archive_of(connection: Connection, name: StreamId, seq: int) -> str | None:
    """The archive that holds one number of a stream."""
    names = archive_run.c
    return connection.scalar(
        select(names.archive)
        .where(
            names.origin == name.origin,
            names.epoch == name.epoch,
            names.route == name.route,
            names.first <= seq,
            names.last >= seq,
        )
        .limit(1)
    )


def body_of(site: Site, connection: Connection, position: int) -> bytes | None:
    """The packed body of an archived segment; None when its file is not at hand.

    Raises:
        Unreadable: the file was changed, or was written with other keys.
    """
    row = connection.execute(
        select(archived.c.archive, archived.c.offset, archived.c.size).where(
            archived.c.position == position
        )
    ).first()
    found = site.archives.open(row.archive) if row else None
    if row is None or found is None:
        return None
    with found:
        found.seek(row.offset)
        data = found.read(row.size)
    return site.vault.open(data)


def is_archived(connection: Connection, position: int) -> bool:
    """Whether an archive was made that holds this segment."""
    row = connection.execute(
        select(archived.c.position).where(archived.c.position == position)
    ).first()
    return row is not None


def set_archived(
    connection: Connection,
    kept: Kept,
    runs: Iterable[Run],
    places: Sequence[tuple[int, int, int]],
) -> None:
    """Bodies now lie in a file: (position, offset, size) of each. They leave the live store."""
    connection.execute(archive.insert(), [kept._asdict()])
    rows = [
        {"archive": kept.name, **run.stream._asdict(), "first": run.first, "last": run.last}
        for run in runs
    ]
    connection.execute(archive_run.insert(), rows)
    for start in range(0, len(places), _CHUNK):
        chunk = places[start : start + _CHUNK]
        connection.execute(
            archived.insert(),
            [
                {"position": at, "archive": kept.name, "offset": offset, "size": size}
                for at, offset, size in chunk
            ],
        )
        positions = [at for at, _, _ in chunk]
        connection.execute(
            segment.update().where(segment.c.position.in_(positions)).values(body=None)
        )
