"""The child's end: keep the parts as they come, and set all of them down in one transaction.

Until then nothing of it counts; what has arrived stays over a restart. A node that has taken
anything from others already goes on with its streams: a snapshot is a beginning, never a merger.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select

from sync.certificate import Certificate, certificate_from_json
from sync.database import insert_new, reading, writing
from sync.errors import Malformed, NotMember, Untrusted
from sync.held import retry_waiting
from sync.keyring import Identity, require_identity
from sync.keys import verifier
from sync.links import PARENT, note_progress
from sync.messages import Reach, reaches_from_json
from sync.regions import contains
from sync.routes import is_down, may_descend
from sync.site import Site
from sync.snapshot import (
    FOR_SNAPSHOT,
    Manifest,
    SnapshotSink,
    SnapshotUnfit,
    check_part,
    heads_digest,
    line_of,
    name_of,
    read_manifest,
    unpacked_rows,
)
from sync.snapshot_giving import CERTIFICATES, HEADS, HELD, OWN_TABLES, REVOCATIONS
from sync.snapshot_store import ARRIVING, TAKEN, beginning, snapshot, snapshot_part
from sync.store import held, revocation, stream
from sync.trust import certificate_for, keep_certificates

Progress = Callable[[int, int], None]
"""(parts done, parts of all)."""


class Arriving(NamedTuple):
    """A snapshot of which some parts are here."""

    name: str
    manifest: Manifest
    here: frozenset[int]

    @property
    def missing(self) -> list[int]:
        return [number for number in range(len(self.manifest.parts)) if number not in self.here]


class SetDown(NamedTuple):
    """What a snapshot brought: parts, rows of the node's tables, streams that go on from it."""

    parts: int
    rows: int
    streams: int
    at: str


def can_begin(site: Site, sink: SnapshotSink) -> bool:
    """Has this node joined a parent and taken nothing from anybody yet?"""
    with reading(site.engine) as connection:
        me = require_identity(connection)
        return me.parent is not None and _is_new(connection, sink)


def arriving(site: Site) -> Arriving | None:
    """The snapshot that is on its way, if any."""
    with reading(site.engine) as connection:
        row = connection.execute(select(snapshot).where(snapshot.c.state == ARRIVING)).first()
        if row is None:
            return None
        numbers = select(snapshot_part.c.number).where(snapshot_part.c.snapshot == row.name)
        here = frozenset(connection.scalars(numbers))
        return Arriving(row.name, read_manifest(bytes(row.manifest)), here)


def begin(site: Site, document: bytes, signature: bytes, sink: SnapshotSink) -> Arriving:
    """Check a manifest and make room for its parts; another one on its way is dropped.

    Raises:
        Malformed, Untrusted: it is not the parent's, or not for this node.
        SnapshotUnfit: it holds tables this program does not know.
    """
    manifest = read_manifest(document)
    with writing(site.engine) as connection:
        me = require_identity(connection)
        _check(connection, me, manifest, document, signature)
        _check_fit(manifest, sink)
        name = name_of(document)
        row = connection.execute(select(snapshot).where(snapshot.c.name == name)).first()
        if row is None:
            _drop_arriving(connection)
            connection.execute(
                snapshot.insert().values(
                    name=name,
                    giver=manifest.giver,
                    manifest=document,
                    signature=signature,
                    state=ARRIVING,
                    since=site.now(),
                )
            )
    found = arriving(site)
    if found is None or found.name != name:
        raise NotMember("该快照已经用过", snapshot=name)
    return found


def keep_part(site: Site, found: Arriving, number: int, packed: bytes) -> Arriving:
    """Keep a part that has arrived whole; returns what is here now.

    Raises:
        Malformed: it is not what the manifest says.
    """
    check_part(found.manifest.parts[number], packed)
    row = {"snapshot": found.name, "number": number, "body": site.vault.seal(packed)}
    with writing(site.engine) as connection:
        insert_new(connection, snapshot_part, [row])
    return found._replace(here=found.here | {number})


def drop(site: Site) -> None:
    """Give up what has arrived so far."""
    with writing(site.engine) as connection:
        _drop_arriving(connection)


def set_down(
    site: Site, sink: SnapshotSink, progress: Progress = lambda _done, _all: None
) -> SetDown:
    """Write all of it at once: rows, certificates, revocations, held records, watermarks.

    Raises:
        Malformed, Untrusted: a part is missing or not what it says; nothing was changed.
        NotMember: this node has taken something from others already.
    """
    found = arriving(site)
    if found is None or found.missing:
        raise Malformed("快照还没有收齐")
    with writing(site.engine) as connection:
        done = _Landing(site, connection, found, sink, progress).run()
    with writing(site.engine) as connection:
        retry_waiting(site, connection)
    site.bell.ring()
    return done


class _Landing:
    """One snapshot on its way into the tables."""

    def __init__(
        self,
        site: Site,
        connection: Connection,
        found: Arriving,
        sink: SnapshotSink,
        progress: Progress,
    ) -> None:
        self._site = site
        self._connection = connection
        self._found = found
        self._sink = sink
        self._progress = progress
        self._me = require_identity(connection)
        self._rows = 0
        self._own: dict[str, list[list[Any]]] = {table.name: [] for table in OWN_TABLES}

    def run(self) -> SetDown:
        manifest = self._found.manifest
        if not _is_new(self._connection, self._sink):
            raise NotMember("本节点已经从上级收到过数据，不能再用快照")
        for number, part in enumerate(manifest.parts):
            rows = unpacked_rows(part, self._packed(number))
            if part.table in self._own:
                self._own[part.table] += rows
            else:
                self._sink.write(self._connection, part.table, rows)
                self._rows += len(rows)
            self._progress(number + 1, len(manifest.parts))
        heads = self._heads()
        self._certificates()
        self._streams(heads)
        self._revocations()
        self._held()
        self._sink.finish(self._connection)
        self._close()
        return SetDown(len(manifest.parts), self._rows, len(heads), manifest.at)

    def _packed(self, number: int) -> bytes:
        names = snapshot_part.c
        body = self._connection.execute(
            select(names.body).where(names.snapshot == self._found.name, names.number == number)
        ).scalar_one()
        return self._site.vault.open(bytes(body))

    def _heads(self) -> list[Reach]:
        rows = self._own[HEADS.name]
        if heads_digest(map(line_of, rows)) != self._found.manifest.heads:
            raise Malformed("快照的流位置与清单不符")
        heads = reaches_from_json(rows)
        for head in heads:
            comes_down = may_descend(head.route, head.origin, child=self._me.node)
            rose = not is_down(head.route) and contains(self._me.node, head.origin)
            if not (comes_down or rose):
                raise Untrusted("快照里有与本节点无关的流", origin=head.origin, route=head.route)
        return heads

    def _certificates(self) -> None:
        offered = [certificate_from_json(*row) for row in self._own[CERTIFICATES.name]]
        keep_certificates(self._connection, offered, fingerprint=self._me.root_fingerprint)

    def _streams(self, heads: Sequence[Reach]) -> None:
        now = self._site.now()
        streams, begun = [], []
        for head in heads:
            name, digest = head.stream._asdict(), bytes.fromhex(head.hash)
            streams.append(
                {
                    **name,
                    "head": head.seq,
                    "head_hash": digest,
                    "applied": head.seq,
                    "written_here": False,
                    "moved_at": now,
                }
            )
            begun.append(
                {
                    **name,
                    "seq": head.seq,
                    "head_hash": digest,
                    "snapshot": self._found.name,
                    "trail": head.trail,
                }
            )
        if heads:
            self._connection.execute(stream.insert(), streams)
            self._connection.execute(beginning.insert(), begun)

    def _revocations(self) -> None:
        names = REVOCATIONS.columns
        rows = [dict(zip(names, row, strict=True)) for row in self._own[REVOCATIONS.name]]
        insert_new(self._connection, revocation, rows)

    def _held(self) -> None:
        now = self._site.now()
        rows = []
        for values in self._own[HELD.name]:
            row = dict(zip(HELD.columns, values, strict=True))
            line = self._site.vault.seal(row["line"].encode())
            rows.append({**row, "line": line, "held_at": now, "tried_at": now})
        insert_new(self._connection, held, rows)

    def _close(self) -> None:
        connection, site, name = self._connection, self._site, self._found.name
        connection.execute(snapshot_part.delete())
        connection.execute(
            snapshot.update()
            .where(snapshot.c.name == name)
            .values(state=TAKEN, taken_at=site.now())
        )
        note_progress(site, connection, self._found.manifest.giver, role=PARENT)


def _check(
    connection: Connection, me: Identity, manifest: Manifest, document: bytes, signature: bytes
) -> None:
    if (manifest.child, manifest.child_epoch) != (me.node, me.epoch):
        raise Untrusted("快照不是给本节点的", child=manifest.child)
    if manifest.giver != me.parent:
        raise Untrusted("快照不是本节点的上级给的", giver=manifest.giver)
    check_manifest(connection, manifest, document, signature)


def check_manifest(
    connection: Connection, manifest: Manifest, document: bytes, signature: bytes
) -> Certificate:
    """Whoever the manifest names as its giver signed it; returns the giver's certificate.

    Raises:
        Untrusted: it did not, or has no certificate here.
    """
    giver = certificate_for(connection, manifest.giver, manifest.giver_epoch)
    if giver is None or giver.alg != manifest.alg:
        raise Untrusted("快照的签发节点没有证书", giver=manifest.giver)
    if not verifier(giver.alg, giver.key)(signature, FOR_SNAPSHOT + document):
        raise Untrusted("快照的签名无效", giver=manifest.giver)
    return giver


def _check_fit(manifest: Manifest, sink: SnapshotSink) -> None:
    """Rows for which there is no place here would be lost; the streams lose nothing."""
    known = {table.name: tuple(table.columns) for table in (*OWN_TABLES, *sink.tables())}
    for table in manifest.tables:
        if known.get(table.name) != tuple(table.columns):
            raise SnapshotUnfit("上级快照的表与本程序不同，改为逐条接收", table=table.name)
    named = {table.name for table in manifest.tables}
    if unknown := {part.table for part in manifest.parts} - named:
        raise Malformed("快照分片不属于清单中的表", tables=sorted(unknown))


def _is_new(connection: Connection, sink: SnapshotSink) -> bool:
    taken = select(func.count()).select_from(stream).where(stream.c.written_here.is_(False))
    return not connection.scalar(taken) and sink.is_empty(connection)


def _drop_arriving(connection: Connection) -> None:
    connection.execute(snapshot_part.delete())
    connection.execute(snapshot.delete().where(snapshot.c.state == ARRIVING))


def taken_snapshots(connection: Connection) -> Iterator[tuple[str, bytes, bytes]]:
    """(name, manifest, signature) of every snapshot that was set down here."""
    for row in connection.execute(select(snapshot).where(snapshot.c.state == TAKEN)):
        yield row.name, bytes(row.manifest), bytes(row.signature)


def begun_with(connection: Connection, name: str) -> Iterator[Reach]:
    """Where the streams stood that began with a snapshot, in its order."""
    rows = connection.execute(select(beginning).where(beginning.c.snapshot == name)).all()
    for row in sorted(rows, key=lambda row: (row.origin, row.epoch, row.route)):
        digest = bytes(row.head_hash).hex()
        yield Reach(row.origin, row.epoch, row.route, row.seq, digest, row.trail)
