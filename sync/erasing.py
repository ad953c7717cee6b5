"""Erasing one line for good: its leaf stays in the tree, so everything else is proved as before.

Only the author of a stream orders it, by a record `sync.erased` on the same route: so it reaches
exactly those who hold the line. Whoever has the segment puts a tombstone in place of the line, and
passes it on like that. A tombstone whose order does not come is an incident: a relay may erase
nothing by itself.

This is the log. What the application made of a record, it removes by records of its own.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, Row, select

from sync.database import insert_new, reading, upsert, writing
from sync.errors import Malformed, NotMember, Refused, Waiting
from sync.held import forget_line, is_open
from sync.incidents import WITHHELD, close_incidents, note_incident
from sync.keyring import signing_key
from sync.log import append
from sync.moment import stamp
from sync.record import Arrived, Record
from sync.restoring import writes_for
from sync.segment import Header, Sealed, StreamId, pack, read_header, unpack_lines
from sync.site import Site
from sync.store import erased, segment
from sync.tombstone import is_tombstone, leaf_of, tombstone, tombstone_of

ERASED = "sync.erased"
_TXN_BYTES = 16
_UNORDERED = "第 {seq} 条没有内容，作者也没有抹去的命令：可能被中途的节点抹去"


def erase(site: Site, name: StreamId, seq: int, *, reason: str, by: str) -> None:
    """Erase one line of a stream written here, and order everybody who holds it to do so.

    Raises:
        NotMember: the stream is not written here.
        Malformed: the line is not here, was erased before, or lies in an archive.
    """
    with writing(site.engine) as connection:
        if not writes_for(connection, name):
            raise NotMember("只有签发的节点可以抹去自己的记录", node=name.origin)
        row = _segment(connection, name, seq)
        lines = _lines(site, row) if row else []
        if row is None or not lines:
            raise Malformed("本节点没有这条记录的内容；已归档的段请先取回再抹去", seq=seq)
        line = lines[seq - row.first]
        if is_tombstone(line):
            raise Malformed("这条记录已经抹去", seq=seq)
        body = {**name._asdict(), "seq": seq, "leaf": leaf_of(line).hex(), "reason": reason}
        order = Record(ERASED, 1, place(name, seq), name.origin, site.now(), by, body)
        signing_key(site, connection, name.origin)
        append(
            connection,
            origin=name.origin,
            route=name.route,
            txn=site.entropy(_TXN_BYTES).hex(),
            records=[order],
            vault=site.vault,
            limits=site.limits,
        )
        _carry_out(site, connection, name, order)


def apply_erasures(site: Site, connection: Connection, arrived: Sequence[Arrived]) -> None:
    """Put tombstones where an author orders it in its own streams.

    Raises:
        Refused: an order is not about the author's own stream, or names another line.
        Waiting: the line is held here, and a person has not decided.
    """
    bad = [one for one in arrived if not _is_sound(one)]
    if bad:
        raise Refused("抹去的命令不完整，或不是关于本流的", bad)
    early = [one for one in arrived if is_open(connection, _place_of(one))]
    if early:
        raise Waiting("要抹去的记录正搁置着，待人处理后再抹去", early)
    for one in arrived:
        body = one.record.body
        name = StreamId(one.origin, body["epoch"], one.route)
        if not _carry_out(site, connection, name, one.record):
            raise Refused("抹去的命令与所存的记录不符", [one])


def note_tombstones(
    site: Site, connection: Connection, header: Header, lines: Sequence[bytes]
) -> None:
    """A segment came with tombstones: remember which orders have to come."""
    rows = [
        _row(site, header.stream, seq, ordered=None)
        for seq, line in enumerate(lines, header.first)
        if is_tombstone(line)
    ]
    insert_new(connection, erased, rows)


def is_ordered(connection: Connection, name: StreamId, seq: int) -> bool:
    """Has the author said that this line shall be erased?"""
    names = erased.c
    found = select(names.seq).where(
        names.origin == name.origin,
        names.epoch == name.epoch,
        names.route == name.route,
        names.seq == seq,
        names.ordered.is_not(None),
    )
    return connection.execute(found).first() is not None


def note_unordered(site: Site) -> None:
    """Write down which tombstones have stood for long without an order."""
    before = stamp(site.clock() - site.limits.notice_within)
    names = erased.c
    wanted = select(erased).where(names.ordered.is_(None), names.seen < before)
    with reading(site.engine) as connection:
        rows = connection.execute(wanted).all()
    if not rows:
        return
    with writing(site.engine) as connection:
        for row in rows:
            name = StreamId(row.origin, row.epoch, row.route)
            found = _segment(connection, name, row.seq)
            note_incident(
                site,
                connection,
                WITHHELD,
                name,
                seq=row.seq,
                detail=_UNORDERED.format(seq=row.seq),
                peer=found.received_from if found else None,
            )


def place(name: StreamId, seq: int) -> str:
    """The key of an order: which line of which stream."""
    return "/".join((*name, str(seq)))


def _carry_out(site: Site, connection: Connection, name: StreamId, order: Record) -> bool:
    """Put the tombstone where the line is, if it is here; False when it is another line."""
    seq, leaf = order.body["seq"], bytes.fromhex(order.body["leaf"])
    row = _segment(connection, name, seq)
    lines = _lines(site, row) if row else []
    if row is not None and lines:
        index = seq - row.first
        if leaf_of(lines[index]) != leaf:
            return False
        lines[index] = tombstone(lines[index])
        sealed = Sealed(bytes(row.header), bytes(row.signature), pack(lines))
        connection.execute(
            segment.update()
            .where(segment.c.position == row.position)
            .values(body=site.vault.seal(sealed.body), bytes=sealed.wire_bytes())
        )
    forget_line(site, connection, (*name, seq), left=tombstone_of(leaf))
    upsert(connection, erased, [_row(site, name, seq, ordered=order.at)], keep=["seen"])
    close_incidents(site, connection, WITHHELD, **name._asdict(), up_to=seq)
    return True


def _segment(connection: Connection, name: StreamId, seq: int) -> Row[*tuple[object, ...]] | None:
    names = segment.c
    row = connection.execute(
        select(segment)
        .where(
            names.origin == name.origin,
            names.epoch == name.epoch,
            names.route == name.route,
            names.first <= seq,
        )
        .order_by(names.first.desc())
        .limit(1)
    ).first()
    return row if row and row.last >= seq else None


def _lines(site: Site, row: Row[*tuple[object, ...]]) -> list[bytes]:
    """The lines of a stored segment; none when its body was archived."""
    if row.body is None:
        return []
    header = read_header(bytes(row.header), site.limits)
    sealed = Sealed(bytes(row.header), bytes(row.signature), site.vault.open(bytes(row.body)))
    return unpack_lines(sealed, header, site.limits)


def _row(site: Site, name: StreamId, seq: int, *, ordered: str | None) -> dict[str, object]:
    return {**name._asdict(), "seq": seq, "seen": site.now(), "ordered": ordered}


def _place_of(one: Arrived) -> tuple[str, str, str, int]:
    body = one.record.body
    return one.origin, body["epoch"], one.route, body["seq"]


def _is_sound(one: Arrived) -> bool:
    body = one.record.body
    texts = [body.get(name) for name in ("epoch", "leaf", "reason")]
    if not all(isinstance(text, str) and text for text in texts) or len(body["leaf"]) != 64:  # noqa: PLR2004  # hex
        return False
    try:
        bytes.fromhex(body["leaf"])
    except ValueError:
        return False
    same = (body.get("origin"), body.get("route")) == (one.origin, one.route)
    return same and type(body.get("seq")) is int and body["seq"] > 0
