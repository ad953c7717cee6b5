"""Streams `to/<region>`: the node they are for says that they came in; their author waits for it.

They climb to the first node above both ends and go down from there. Every relay gives a receipt to
the one before it, but only the end can say that it is there: it writes `sync.arrived` back, on the
same kind of route. What is not acknowledged in time is an incident at its author.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, and_, func, select

from sync.database import reading, upsert, writing
from sync.errors import Refused
from sync.incidents import WITHHELD, close_incidents, note_incident
from sync.keyring import Identity, identity_of
from sync.log import append
from sync.moment import parse_stamp
from sync.record import Arrived, Record
from sync.restoring import writes_for
from sync.routes import TO, destination
from sync.segment import Header, StreamId, read_header
from sync.site import Site
from sync.store import confirmed, receipt, segment, stream

ARRIVED = "sync.arrived"
_TXN_BYTES = 16
_LATE = "上级 {parent} 收下已超过 {hours} 小时，收件节点 {target} 还没有回执"


class InTransit(NamedTuple):
    """A stream to another region whose end is not acknowledged: from which number, since when."""

    stream: StreamId
    first: int
    head: int
    since: str
    taken: bool


def acknowledge(site: Site, connection: Connection, me: Identity, header: Header) -> None:
    """Say to the author that its stream to this node is here up to a number.

    An acknowledgement is not acknowledged: it would go on for ever.
    """
    if destination(header.route) != me.node or set(header.types) == {ARRIVED}:
        return
    name, seq = header.stream, header.last
    body = {**name._asdict(), "seq": seq}
    key = "/".join(name)
    record = Record(ARRIVED, 1, key, me.node, site.now(), me.node, body)
    append(
        connection,
        origin=me.node,
        route=TO + name.origin,
        txn=site.entropy(_TXN_BYTES).hex(),
        records=[record],
        vault=site.vault,
        limits=site.limits,
    )


def apply_arrivals(site: Site, connection: Connection, arrived: Sequence[Arrived]) -> None:
    """Note what came in at its end; nodes on the way only pass it on.

    Raises:
        Refused: a record does not say which stream it means, or another node speaks for its end.
    """
    bad = [one for one in arrived if not _is_sound(one)]
    if bad:
        raise Refused("到达回执的内容不完整", bad)
    for one in arrived:
        body = one.record.body
        name = StreamId(body["origin"], body["epoch"], body["route"])
        if writes_for(connection, name):
            _confirm(site, connection, name, one)


def in_transit(connection: Connection) -> list[InTransit]:
    """Streams written here for other regions whose end is not acknowledged yet."""
    names, given, end = stream.c, receipt.c, confirmed.c
    known = func.coalesce(end.seq, 0)
    same_end = and_(
        TO + end.by == names.route,
        end.origin == names.origin,
        end.epoch == names.epoch,
        end.route == names.route,
    )
    me = identity_of(connection)
    same_receipt = and_(
        given.taker == (me.parent if me else None),
        given.origin == names.origin,
        given.epoch == names.epoch,
        given.route == names.route,
    )
    since = (
        select(segment.c.stored_at)
        .where(
            segment.c.origin == names.origin,
            segment.c.epoch == names.epoch,
            segment.c.route == names.route,
            segment.c.first > known,
        )
        .order_by(segment.c.first)
        .limit(1)
        .scalar_subquery()
    )
    rows = connection.execute(
        select(
            names.origin,
            names.epoch,
            names.route,
            known,
            names.head,
            since,
            func.coalesce(given.seq, 0),
        )
        .select_from(stream.outerjoin(confirmed, same_end).outerjoin(receipt, same_receipt))
        .where(
            names.route.startswith(TO, autoescape=True),
            names.written_here.is_(True),
            names.head > known,
        )
        .order_by(names.origin, names.route)
    )
    return [
        InTransit(StreamId(origin, epoch, route), seq + 1, head, started or "", taken > seq)
        for origin, epoch, route, seq, head, started, taken in rows
        # An acknowledgement needs none: it would have to be acknowledged in turn.
        if not _is_only_answers(connection, StreamId(origin, epoch, route), seq)
    ]


def note_late(site: Site) -> None:
    """Write down what the parent took long ago and its end has not acknowledged."""
    with reading(site.engine) as connection:
        me = identity_of(connection)
        late = [one for one in in_transit(connection) if _is_late(site, one)]
    if not late or me is None or me.parent is None:
        return
    hours = int(site.limits.notice_within.total_seconds() // 3600)
    with writing(site.engine) as connection:
        for one in late:
            target = destination(one.stream.route)
            detail = _LATE.format(parent=me.parent, hours=hours, target=target)
            note_incident(
                site,
                connection,
                WITHHELD,
                one.stream,
                seq=one.first,
                detail=detail,
                peer=me.parent,
            )


def _confirm(site: Site, connection: Connection, name: StreamId, one: Arrived) -> None:
    seq = one.record.body["seq"]
    row = {"by": one.origin, **name._asdict(), "seq": seq, "at": one.record.at}
    end = confirmed.c
    held = connection.scalar(
        select(end.seq).where(
            end.by == one.origin,
            end.origin == name.origin,
            end.epoch == name.epoch,
            end.route == name.route,
        )
    )
    if held is None or seq > held:
        upsert(connection, confirmed, [row])
    close_incidents(
        site,
        connection,
        WITHHELD,
        origin=name.origin,
        epoch=name.epoch,
        route=name.route,
        up_to=seq,
    )


def _is_late(site: Site, one: InTransit) -> bool:
    if not one.taken or not one.since:
        return False
    return site.clock() - parse_stamp(one.since) > site.limits.notice_within


def _is_only_answers(connection: Connection, name: StreamId, seq: int) -> bool:
    """Does what is not acknowledged of a stream hold nothing but acknowledgements?"""
    headers = connection.scalars(
        select(segment.c.header).where(
            segment.c.origin == name.origin,
            segment.c.epoch == name.epoch,
            segment.c.route == name.route,
            segment.c.first > seq,
        )
    )
    return all(set(read_header(bytes(header)).types) == {ARRIVED} for header in headers)


def _is_sound(one: Arrived) -> bool:
    body = one.record.body
    texts = [body.get(name) for name in ("origin", "epoch", "route")]
    return (
        all(isinstance(text, str) and text for text in texts)
        and body["route"] == TO + one.origin
        and type(body.get("seq")) is int
        and body["seq"] > 0
    )
