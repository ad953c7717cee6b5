"""Retention: segments that everybody has leave the live store for signed files, proved there.

A segment may go when nobody needs its body from here any more:

- it is applied, and nothing of it is held back: the state of this node, and so any snapshot it
  gives, stands for it;
- the parent has receipted it, when it climbs further;
- every child it is routed to has shown that it holds it;
- it has lain here for as long as it was asked to.

Bodies leave only after the file is on the disk and was read back and proved. Headers stay. Should
somebody ask for a body after all (a child put back to an old backup), it comes out of the file, or
the answer says which file is needed.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, func, select

from sync.archive_file import SUFFIX, Manifest, Run, Writer
from sync.archive_proof import prove_archive
from sync.archive_store import Kept, archived_up_to, set_archived
from sync.bundle_store import shown_by
from sync.database import reading, writing
from sync.errors import Malformed
from sync.keyring import Identity, require_identity, signing_key
from sync.keys import FOR_ARCHIVE
from sync.limits import MIB
from sync.moment import stamp
from sync.routes import may_descend, may_rise
from sync.segment import Sealed, StreamId, read_header
from sync.site import Site
from sync.snapshot_store import gaps_of
from sync.store import held, receipt, segment, stream
from sync.trust import chain_for, children_of

OLDER_THAN = timedelta(days=90)
FILE_BYTES = 1_024 * MIB
_AT_ONCE = 64

Progress = Callable[[int, int], None]
"""(segments written, segments in all)"""


def quiet(_done: int, _total: int) -> None:
    """For who watches nothing."""


class Plan(NamedTuple):
    """What can go: by stream, after one number and up to another. `waits_for`: who holds it up."""

    bounds: Mapping[StreamId, tuple[int, int]]
    segments: int
    bytes: int
    waits_for: Mapping[str, int]


def plan_archive(site: Site, *, older_than: timedelta = OLDER_THAN) -> Plan:
    """Find what nobody needs from here any more."""
    before = stamp(site.clock() - older_than)
    with reading(site.engine) as connection:
        me = require_identity(connection)
        safe, waits_for = _safe(connection, me)
        gone = archived_up_to(connection)
        bounds, segments, size = {}, 0, 0
        for name, last in sorted(safe.items()):
            after = gone.get(name, 0)
            last = _before_gap(connection, name, after=after, up_to=last)  # noqa: PLW2901
            found = _size(connection, name, after=after, up_to=last, before=before)
            if found.segments:
                bounds[name] = (after, found.last)
                segments += found.segments
                size += found.bytes
    return Plan(bounds, segments, size, waits_for)


def write_archives(
    site: Site, plan: Plan, folder: Path, *, most: int = FILE_BYTES, progress: Progress = quiet
) -> list[Kept]:
    """Write what was planned into files of at most `most` bytes, prove each, then let bodies go."""
    made: list[Kept] = []
    left, done = dict(plan.bounds), 0
    while left:
        kept = _write_one(site, left, folder, most)
        made.append(kept)
        done += kept.segments
        progress(done, plan.segments)
    return made


class _Chosen(NamedTuple):
    run: Run
    positions: list[int]


def _write_one(site: Site, left: dict[StreamId, tuple[int, int]], folder: Path, most: int) -> Kept:
    """One file of what is left to write; what it holds is taken out of `left`."""
    with reading(site.engine) as connection:
        me = require_identity(connection)
        key = signing_key(site, connection, me.node)
        chosen = _choose(connection, left, most)
        authors = {(each.run.stream.origin, each.run.stream.epoch) for each in chosen}
        chain = chain_for(connection, authors | {(key.node, key.epoch)})
    runs = [each.run for each in chosen]
    at = site.now()
    path = _unused(folder, me.node, at)
    part = path.with_name(f"{path.name}.part")
    places: list[tuple[int, int, int]] = []
    with part.open("xb") as file:
        writer = Writer(file)
        writer.manifest(Manifest(key.node, key.epoch, at, runs))
        for each in chain:
            writer.certificate(each)
        for position, stored in _stored(site, chosen):
            place = writer.segment(stored)
            places.append((position, place.offset, place.size))
        digest = writer.close(lambda found: key.signer.sign(FOR_ARCHIVE + found))
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)
    _settle(folder)
    kept = Kept(path.name, at, len(places), path.stat().st_size, digest)
    _prove(site, path)
    with writing(site.engine) as connection:
        set_archived(connection, kept, runs, places)
    return kept


def _prove(site: Site, path: Path) -> None:
    """Read back what was written, before anything is let go.

    Raises:
        Malformed: the disk does not give back what was written.
    """
    with path.open("rb") as file:
        proof = prove_archive(site, file)
    if proof.findings:
        raise Malformed(f"归档文件写出后核验不成立，没有改动数据库：{proof.findings[0].reason}")


def _choose(
    connection: Connection, left: dict[StreamId, tuple[int, int]], most: int
) -> list[_Chosen]:
    """Streams in turn, each from where it stands, until the file is full."""
    chosen: list[_Chosen] = []
    names = segment.c
    for name in sorted(left):
        after, up_to = left.pop(name)
        rows = connection.execute(
            select(names.position, names.first, names.last, names.bytes, names.header_hash)
            .where(*_in_stream(name), names.first > after, names.last <= up_to)
            .order_by(names.first)
        ).all()
        room = _fitting([row.bytes for row in rows], most, at_least=not chosen)
        most -= sum(row.bytes for row in rows[:room])
        if room:
            first, last = rows[0], rows[room - 1]
            prev, end = _hash_before(connection, name, first.first), bytes(last.header_hash).hex()
            run = Run(name, first.first, last.last, room, prev, end)
            chosen.append(_Chosen(run, [row.position for row in rows[:room]]))
            after = last.last
        if room < len(rows):
            left[name] = (after, up_to)
            break
    return chosen


def _fitting(sizes: Sequence[int], most: int, *, at_least: bool) -> int:
    """How many, one after the other, the room holds; the very first in any case."""
    count = 0
    for size in sizes:
        most -= size
        if most < 0 and not (at_least and count == 0):
            break
        count += 1
    return count


def _hash_before(connection: Connection, name: StreamId, first: int) -> str:
    header = connection.scalar(
        select(segment.c.header).where(*_in_stream(name), segment.c.first == first)
    )
    return read_header(bytes(header)).prev if header else ""


def _stored(site: Site, chosen: Sequence[_Chosen]) -> Iterator[tuple[int, Sealed]]:
    names = segment.c
    for each in chosen:
        for start in range(0, len(each.positions), _AT_ONCE):
            wanted = each.positions[start : start + _AT_ONCE]
            with reading(site.engine) as connection:
                rows = connection.execute(
                    select(names.position, names.header, names.signature, names.body)
                    .where(names.position.in_(wanted))
                    .order_by(names.first)
                ).all()
            for position, header, signature, body in rows:
                yield position, Sealed(bytes(header), bytes(signature), bytes(body))


class _Size(NamedTuple):
    segments: int
    bytes: int
    last: int


def _size(connection: Connection, name: StreamId, *, after: int, up_to: int, before: str) -> _Size:
    names = segment.c
    row = connection.execute(
        select(func.count(), func.coalesce(func.sum(names.bytes), 0), func.max(names.last)).where(
            *_in_stream(name), names.first > after, names.last <= up_to, names.stored_at <= before
        )
    ).one()
    return _Size(row[0], int(row[1]), row[2] or 0)


def _in_stream(name: StreamId) -> tuple[ColumnElement[bool], ...]:
    names = segment.c
    return (names.origin == name.origin, names.epoch == name.epoch, names.route == name.route)


def _safe(connection: Connection, me: Identity) -> tuple[dict[StreamId, int], dict[str, int]]:
    """How far each stream is applied here and held by all it goes to; and who is behind."""
    names = stream.c
    rows = connection.execute(select(names.origin, names.epoch, names.route, names.applied))
    safe = {StreamId(*row[:3]): row.applied for row in rows}
    _bound_by_held(connection, safe)
    waits_for: dict[str, int] = {}
    if me.parent:
        receipted = _receipted(connection, me.parent)
        rising = {
            name: receipted.get(name, 0)
            for name in safe
            if may_rise(name.route, name.origin, child=me.node, child_level=me.level)
        }
        _bound(safe, rising, me.parent, waits_for)
    for child in children_of(connection, me.node):
        heads = shown_by(connection, child.node, epoch=child.epoch).heads
        falling = {
            name: heads[name].seq if name in heads else 0
            for name in safe
            if may_descend(name.route, name.origin, child=child.node)
        }
        _bound(safe, falling, child.node, waits_for)
    return {name: last for name, last in safe.items() if last > 0}, waits_for


def _bound(
    safe: dict[StreamId, int], known: Mapping[StreamId, int], peer: str, waits: dict[str, int]
) -> None:
    behind = 0
    for name, last in known.items():
        if last < safe[name]:
            behind += safe[name] - last
            safe[name] = last
    if behind:
        waits[peer] = behind


def _bound_by_held(connection: Connection, safe: dict[StreamId, int]) -> None:
    """What stands before the first record that is held back."""
    names = held.c
    columns = (names.origin, names.epoch, names.route)
    rows = connection.execute(
        select(*columns, func.min(names.seq)).where(names.decided_at.is_(None)).group_by(*columns)
    )
    for *name, seq in rows:
        key = StreamId(*name)
        if key in safe:
            safe[key] = min(safe[key], seq - 1)


def _before_gap(connection: Connection, name: StreamId, *, after: int, up_to: int) -> int:
    """A run in a file follows without gaps: what is lost ends it, and the next begins behind."""
    begins = [each.first for each in gaps_of(connection, name) if each.first > after + 1]
    return min([up_to, *(first - 1 for first in begins)])


def _receipted(connection: Connection, parent: str) -> dict[StreamId, int]:
    names = receipt.c
    rows = connection.execute(
        select(names.origin, names.epoch, names.route, names.seq).where(names.taker == parent)
    )
    return {StreamId(*row[:3]): row.seq for row in rows}


def _unused(folder: Path, node: str, at: str) -> Path:
    stem = f"wuji-{node}-{at[:19].replace(':', '').replace('-', '').replace('T', '-')}"
    number, path = 1, folder / f"{stem}{SUFFIX}"
    while path.exists() or path.with_name(f"{path.name}.part").exists():
        number += 1
        path = folder / f"{stem}-{number}{SUFFIX}"
    return path


def _settle(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
