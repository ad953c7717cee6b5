"""Checkpoints: the end of a route tells each author how far it holds that author's streams.

A relay cannot alter what it passes on, and cannot leave a gap; but it can keep the end back. So a
node above writes to every author below, three times a day, `sync.checkpoint` on `down/<author>`:
heads of the author's streams that end here, and of its own streams that go down there. That is
another path than the one being checked, and gap-free, so a relay that keeps checkpoints back shows
as well: they stop.

Author and relays hold it against the receipts of their own parents. What a parent took and the end
still lacks some hours later is an incident that names that parent. Every honest node on the way
says so of the one above it; the highest one that complains names who keeps it.

Direct children get none: nobody stands between.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select

from sync.comparing import hash_at
from sync.database import reading, upsert, writing
from sync.errors import Malformed, Refused
from sync.incidents import (
    ALTERED,
    ANY_STREAM,
    UNCHECKED,
    WITHHELD,
    close_incidents,
    note_incident,
)
from sync.keyring import Identity, identity_of, require_identity
from sync.log import append
from sync.messages import Head, heads_from_json
from sync.moment import parse_stamp
from sync.record import Arrived, Record
from sync.regions import outer
from sync.routes import DOWN, DOWN_ALL, UP, may_descend
from sync.segment import StreamId
from sync.site import Site
from sync.store import certificate, confirmed, link, receipt, stream

CHECKPOINT = "sync.checkpoint"
_AT_ONCE = 500
_TXN_BYTES = 16
_WITHHELD_UP = "上级 {peer} 已收下第 {due} 条，{by} 于 {at} 仍只有第 {seq} 条"
_WITHHELD_DOWN = "{by} 于 {at} 已下发到第 {due} 条，上级 {peer} 只转来第 {seq} 条"
_ALTERED = "{by} 所持的第 {seq} 条与本节点签发的不同"
_UNCHECKED = "{by} 最近一次对账停在 {mine}，上级 {peer} 没有转来新的"


class _Confirmed(NamedTuple):
    """What was known before: the latest checkpoint, and what the next one must reach."""

    seq: int
    at: str
    due: int
    due_at: str


_NOTHING = _Confirmed(0, "", 0, "")


def write_checkpoints(site: Site) -> int:
    """Write to every author below that is no direct child, if it is time; how many that was."""
    with reading(site.engine) as connection:
        me = identity_of(connection)
        if me is None or not _is_due(site, connection, me):
            return 0
        bodies = _bodies(connection, me)
    for start in range(0, len(bodies), _AT_ONCE):
        with writing(site.engine) as connection:
            for about, body in bodies[start : start + _AT_ONCE]:
                _append(site, connection, me, about, body)
    with writing(site.engine) as connection:
        mark = {"by": me.node, "origin": me.node, "epoch": me.epoch, "route": ANY_STREAM}
        upsert(connection, confirmed, [mark | {"seq": len(bodies), "at": site.now()}])
    return len(bodies)


def apply_checkpoints(site: Site, connection: Connection, arrived: Sequence[Arrived]) -> None:
    """Hold what a node above says it holds against what this node's parent has receipted.

    Raises:
        Refused: a record does not say what a checkpoint says.
    """
    me = require_identity(connection)
    for one in arrived:
        try:
            up, down = (heads_from_json(one.record.body.get(name)) for name in ("up", "down"))
        except Malformed as error:
            raise Refused("对账记录的内容不完整", [one]) from error
        about = one.record.region
        for head in up:
            if head.origin == about and me.parent:
                _check_up(site, connection, me.parent, one, head)
        if about == me.node and me.parent:
            for head in down:
                if head.origin == one.origin and may_descend(head.route, head.origin, child=about):
                    _check_down(site, connection, me.parent, one, head)
            close_incidents(site, connection, UNCHECKED, origin=one.origin)


class Checked(NamedTuple):
    """How far a node above holds one of this node's streams, past all relays, and since when."""

    by: str
    stream: StreamId
    seq: int
    at: str


def checked(connection: Connection) -> list[Checked]:
    """The latest checkpoint of every stream of this node."""
    names = confirmed.c
    me = identity_of(connection)
    rows = connection.execute(
        select(names.by, names.origin, names.epoch, names.route, names.seq, names.at)
        .where(
            names.origin == (me.node if me else None),
            names.by != names.origin,
            names.route.startswith(UP, autoescape=True),
        )
        .order_by(names.by, names.route)
    )
    return [Checked(row[0], StreamId(*row[1:4]), *row[4:]) for row in rows]


def latest(connection: Connection, me: Identity) -> dict[str, str]:
    """When each node above last checked this node's streams, by what has arrived."""
    names = confirmed.c
    rows = connection.execute(
        select(names.by, func.max(names.at))
        .where(names.origin == me.node, names.by != me.node, names.route.startswith(UP))
        .group_by(names.by)
    )
    return dict(tuple(row) for row in rows)


def note_missing(
    site: Site, connection: Connection, me: Identity, theirs: Mapping[str, str], *, now: datetime
) -> None:
    """A session was opened: has the parent checkpoints that did not come here, or none at all?

    `theirs` is what the parent has of its own, `now` its clock.
    """
    if me.parent is None or not _was_in_touch(site, connection, me.parent):
        return
    for by, mine in latest(connection, me).items():
        if by == me.parent:
            continue
        behind = theirs.get(by, "") > mine and (
            parse_stamp(theirs[by]) - parse_stamp(mine) >= 2 * site.limits.checkpoint_every
        )
        if behind or now - parse_stamp(mine) > site.limits.notice_within:
            name = StreamId(by, "-", ANY_STREAM)
            detail = _UNCHECKED.format(by=by, mine=mine, peer=me.parent)
            note_incident(site, connection, UNCHECKED, name, seq=0, detail=detail, peer=me.parent)


def _was_in_touch(site: Site, connection: Connection, parent: str) -> bool:
    """Not after a long absence: what was missed must have time to come first."""
    last = connection.scalar(select(link.c.last_contact).where(link.c.peer == parent))
    return last is not None and site.clock() - parse_stamp(last) <= 2 * site.limits.notice_within


def _is_due(site: Site, connection: Connection, me: Identity) -> bool:
    names = confirmed.c
    last = connection.scalar(
        select(func.max(names.at)).where(
            names.by == me.node, names.origin == me.node, names.route == ANY_STREAM
        )
    )
    return last is None or site.clock() - parse_stamp(last) >= site.limits.checkpoint_every


def _bodies(connection: Connection, me: Identity) -> list[tuple[str, dict[str, Any]]]:
    """For each author: its streams that end here, and what goes from here to it."""
    names, issued = stream.c, certificate.c
    near = set(connection.scalars(select(issued.node).where(issued.issuer == me.node).distinct()))
    columns = (names.origin, names.epoch, names.route, names.head, names.head_hash)
    up: defaultdict[str, list[list[Any]]] = defaultdict(list)
    for *name, seq, digest in connection.execute(
        select(*columns).where(names.route == UP + me.level, names.origin != me.node)
    ):
        if name[0] not in near:
            up[name[0]].append([*name, seq, bytes(digest).hex()])
    own = {
        name[2]: [*name, seq, bytes(digest).hex()]
        for *name, seq, digest in connection.execute(
            select(*columns).where(names.origin == me.node, names.epoch == me.epoch)
        )
    }
    return [
        (about, {"up": sorted(heads), "down": list(_going_down(own, about))})
        for about, heads in sorted(up.items())
    ]


def _going_down(own: Mapping[str, list[Any]], about: str) -> Iterator[list[Any]]:
    """`down/<about>` itself is left out: it carries the checkpoint, and has no gaps."""
    for route in (DOWN_ALL, *(DOWN + region for region in outer(about) if region != about)):
        if route in own:
            yield own[route]


def _append(
    site: Site, connection: Connection, me: Identity, about: str, body: dict[str, Any]
) -> None:
    now = site.now()
    append(
        connection,
        origin=me.node,
        route=DOWN + about,
        txn=site.entropy(_TXN_BYTES).hex(),
        records=[Record(CHECKPOINT, 1, f"{me.node}/{about}", about, now, me.node, body)],
        vault=site.vault,
        limits=site.limits,
    )


def _check_up(site: Site, connection: Connection, parent: str, one: Arrived, head: Head) -> None:
    """What the parent receipted some hours before the checkpoint must be in it."""
    ours = hash_at(connection, head.stream, head.seq)
    if ours is not None and ours != head.hash:
        detail = _ALTERED.format(by=one.origin, seq=head.seq)
        note_incident(
            site, connection, ALTERED, head.stream, seq=head.seq, detail=detail, peer=one.origin
        )
        return
    given = receipt.c
    taken = connection.execute(
        select(given.seq, given.at).where(
            given.taker == parent,
            given.origin == head.origin,
            given.epoch == head.epoch,
            given.route == head.route,
        )
    ).first()
    promised = (taken.seq, taken.at) if taken else (0, "")
    _judge(site, connection, parent, one, head, promised=promised, text=_WITHHELD_UP)


def _check_down(site: Site, connection: Connection, parent: str, one: Arrived, head: Head) -> None:
    """What the checkpoint before spoke of must have come by now."""
    names = stream.c
    here = connection.scalar(
        select(names.head).where(
            names.origin == head.origin, names.epoch == head.epoch, names.route == head.route
        )
    )
    held = head._replace(seq=here or 0)
    promised = (head.seq, one.record.at)
    _judge(site, connection, parent, one, held, promised=promised, text=_WITHHELD_DOWN)


def _judge(
    site: Site,
    connection: Connection,
    parent: str,
    one: Arrived,
    held: Head,
    *,
    promised: tuple[int, str],
    text: str,
) -> None:
    """Is what was due held by now? Then what is promised now is due at the next checkpoint.

    What the newest receipt speaks for may be minutes old, and always is where a stream never rests:
    so what was promised at the checkpoint before is kept, and that has had time enough.
    """
    before = _known(connection, one.origin, held.stream)
    at = one.record.at
    if at <= before.at:
        return
    late = [
        seq
        for seq, since in ((before.due, before.due_at), promised)
        if seq > held.seq and since and _is_late(site, since, at)
    ]
    row = {"by": one.origin, **held.stream._asdict(), "seq": held.seq, "at": at}
    if late:
        due = {"due_seq": before.due, "due_at": before.due_at}
        detail = text.format(peer=parent, due=max(late), by=one.origin, at=at[:16], seq=held.seq)
        note_incident(site, connection, WITHHELD, held.stream, seq=0, detail=detail, peer=parent)
    else:
        due = {"due_seq": promised[0], "due_at": promised[1]}
        close_incidents(site, connection, WITHHELD, **held.stream._asdict(), up_to=0)
    upsert(connection, confirmed, [row | due])


def _is_late(site: Site, since: str, at: str) -> bool:
    return parse_stamp(at) - parse_stamp(since) > site.limits.checkpoint_delay


def _known(connection: Connection, by: str, name: StreamId) -> _Confirmed:
    names = confirmed.c
    row = connection.execute(
        select(names.seq, names.at, names.due_seq, names.due_at).where(
            names.by == by,
            names.origin == name.origin,
            names.epoch == name.epoch,
            names.route == name.route,
        )
    ).first()
    return _Confirmed(row.seq, row.at, row.due_seq or 0, row.due_at or "") if row else _NOTHING
