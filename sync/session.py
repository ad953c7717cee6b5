"""Opening a session: two nodes show who they are, what they understand and what they hold."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from sync.certificate import Certificate
from sync.database import writing
from sync.errors import Cloned, Malformed, Untrusted
from sync.handlers import Handlers
from sync.incidents import AHEAD, CLONED, FORK, close_incidents, note_incident
from sync.keyring import Identity, require_identity
from sync.links import CHILD, PARENT, note_contact
from sync.marks import judge, promote, propose, whole_node
from sync.messages import PROTOCOL, Head, Hello, Welcome
from sync.moment import parse_stamp
from sync.outgoing import streams_down, streams_held, streams_up
from sync.regions import strictly_inside
from sync.restoring import agrees, held_elsewhere, milestones, shared_with, writes_for
from sync.routes import may_descend
from sync.segment import StreamId
from sync.site import Site
from sync.snapshot_store import beginning_of, stands_for
from sync.store import segment
from sync.trust import certificate_for, chain_for, keep_certificates, revocations

_DIFFERENCES = {
    # Restored from an old backup: what the others hold comes back from them first.
    AHEAD: "对方持有的记录多于本节点，本节点可能从旧备份恢复；正在取回",
    FORK: "对方持有的同号记录与本节点不同",
}


def hello(site: Site) -> Hello:
    """What this node says when it opens a session with its parent."""
    with writing(site.engine) as connection:
        me = require_identity(connection)
        held = streams_down(connection, child=me.node)
        return Hello(
            node=me.node,
            epoch=me.epoch,
            protocol=PROTOCOL,
            versions=versions(site.handlers),
            heads=list(held.values()),
            clock=site.now(),
            certificates=chain_for(connection, {(me.node, me.epoch)}),
            marks=propose(site, connection, me),
        )


def welcome(site: Site, said: Hello) -> Welcome:
    """Answer a child: check who it is, note what it understands, say how far it is held here.

    Raises:
        Untrusted: it has no valid certificate of this network, or is not a child of this node.
        Cloned: another machine speaks as the same set-up of it.
        Malformed: it speaks no protocol this node speaks.
    """
    _check_protocol(said.protocol)
    try:
        return _welcome(site, said)
    except Cloned as refusal:
        note_clone(site, said.node, said.epoch, refusal, peer=said.node)
        raise


def note_clone(site: Site, node: str, epoch: str, refusal: Cloned, *, peer: str | None) -> None:
    """Write down, on either side, that a second machine speaks as this set-up of a node."""
    with writing(site.engine) as connection:
        note_incident(
            site,
            connection,
            CLONED,
            whole_node(node, epoch),
            seq=0,
            detail=refusal.message,
            peer=peer,
        )


def _welcome(site: Site, said: Hello) -> Welcome:
    skew_ms = _skew(site, said.clock)
    with writing(site.engine) as connection:
        me = require_identity(connection)
        keep_certificates(connection, said.certificates, fingerprint=me.root_fingerprint)
        child = peer_certificate(site, connection, said.node, said.epoch)
        if not strictly_inside(child.node, me.node):
            raise Untrusted("该节点不在本级辖区之内", node=child.node)
        judge(site, connection, child.node, child.epoch, said.marks)
        held = streams_held(connection, child=child.node, level=child.level)
        wanted = _more_below(site, connection, child.node, said.heads)
        note_contact(
            site,
            connection,
            child.node,
            role=CHILD,
            epoch=child.epoch,
            versions=said.versions,
            skew_ms=skew_ms,
        )
        return Welcome(
            node=me.node,
            epoch=me.epoch,
            protocol=PROTOCOL,
            versions=versions(site.handlers),
            heads=list(held.values()),
            clock=site.now(),
            skew_ms=skew_ms,
            certificates=chain_for(connection, {(me.node, me.epoch)}),
            wanted=milestones(connection, wanted),
        )


def accept_welcome(site: Site, answer: Welcome) -> dict[StreamId, Head]:
    """Take a parent's answer; returns how far the parent holds this node's streams.

    A stream on which the two histories differ is an incident, and is returned as if the parent
    held all of it: nothing more is sent on it until people have looked.

    Raises:
        Untrusted: the parent is not the one this node joined under, or leads to another root.
        Malformed: it speaks no protocol this node speaks.
    """
    _check_protocol(answer.protocol)
    with writing(site.engine) as connection:
        me = require_identity(connection)
        if answer.node != me.parent:
            raise Untrusted("对方不是本节点的上级", node=answer.node, parent=me.parent)
        keep_certificates(connection, answer.certificates, fingerprint=me.root_fingerprint)
        # By the parent's clock: a village's own may be years off, and it must still get through.
        peer_certificate(site, connection, answer.node, answer.epoch, at=_clock(answer.clock))
        note_contact(
            site,
            connection,
            answer.node,
            role=PARENT,
            epoch=answer.epoch,
            versions=answer.versions,
            skew_ms=answer.skew_ms,
        )
        promote(site, connection, me)
        close_incidents(site, connection, CLONED, origin=me.node)
        agreed = _agreeing(site, connection, me, answer.heads)
        return agreed | _wanted_below(connection, me, answer.wanted)


def peer_certificate(
    site: Site, connection: Connection, node: str, epoch: str, *, at: datetime | None = None
) -> Certificate:
    """The certificate of a peer that calls now, or at another instant.

    Raises:
        Untrusted: none is known, it is not valid today, or it was revoked.
    """
    found = standing_certificate(connection, node, epoch)
    now, slack = at or site.clock(), site.limits.clock_tolerance
    if not parse_stamp(found.not_before) - slack <= now <= parse_stamp(found.not_after) + slack:
        raise Untrusted("对方的证书不在有效期内", node=node, until=found.not_after)
    return found


def standing_certificate(connection: Connection, node: str, epoch: str) -> Certificate:
    """The certificate of a peer, whatever the time is.

    Raises:
        Untrusted: none is known, or it was revoked.
    """
    found = certificate_for(connection, node, epoch)
    if found is None:
        raise Untrusted("对方没有本网络的证书", node=node)
    if revocations(connection, node, epoch):
        raise Untrusted("对方的证书已被吊销", node=node)
    return found


def versions(handlers: Handlers) -> dict[str, int]:
    """The newest version of each record type that is understood here."""
    return {name: handler.version for name, handler in handlers.items()}


def _agreeing(
    site: Site, connection: Connection, me: Identity, theirs: Iterable[Head]
) -> dict[StreamId, Head]:
    ours = streams_up(connection, child=me.node, level=me.level)
    missed = held_elsewhere(connection)
    agreed = {}
    for head in theirs:
        known = ours.get(head.stream)
        kind = _compare(site, connection, known, head, peer=me.parent)
        if kind is None and head.stream in missed:
            agrees(site, connection, head.stream, me.parent)
        # Of a stream that differs nothing is sent until the next session.
        agreed[head.stream] = known if kind == FORK and known else head
    return agreed


def _more_below(
    site: Site, connection: Connection, child: str, theirs: Iterable[Head]
) -> list[StreamId]:
    """Streams going down of which a child holds more, or something else, than this node."""
    ours = streams_down(connection, child=child)
    missed = held_elsewhere(connection)
    wanted = []
    for head in theirs:
        if not may_descend(head.route, head.origin, child=child):
            continue
        kind = _compare(site, connection, ours.get(head.stream), head, peer=child)
        if kind is None and head.stream in missed:
            agrees(site, connection, head.stream, child)
        if kind == AHEAD or (kind == FORK and writes_for(connection, head.stream)):
            wanted.append(head.stream)
    return wanted


def _wanted_below(
    connection: Connection, me: Identity, wanted: Iterable[Head]
) -> dict[StreamId, Head]:
    """From where on the parent needs streams back that came down from it."""
    coming_down = [h for h in wanted if may_descend(h.route, h.origin, child=me.node)]
    return shared_with(connection, coming_down)


def _compare(
    site: Site, connection: Connection, known: Head | None, head: Head, *, peer: str | None
) -> str | None:
    """What is wrong between what is held here and elsewhere, if anything; it is written down.

    An own stream that differs is one of which the others hold more: theirs comes back first, and
    shows where the two part (`restoring.make_room`).
    """
    kind = _difference(connection, known, head)
    if kind is None:
        return None
    noted = AHEAD if kind == FORK and writes_for(connection, head.stream) else kind
    detail = _DIFFERENCES[noted]
    note_incident(site, connection, noted, head.stream, seq=head.seq, detail=detail, peer=peer)
    return kind


def _difference(connection: Connection, known: Head | None, head: Head) -> str | None:
    if known is None or head.seq > known.seq:
        return AHEAD
    if head.seq == known.seq:
        return None if head.hash == known.hash else FORK
    found = hash_at(connection, head.stream, head.seq)
    if found is None and stands_for(connection, head.stream, head.seq):
        return None  # before the snapshot this node began with: it cannot tell
    return None if found == head.hash else FORK


def hash_at(connection: Connection, name: StreamId, seq: int) -> str | None:
    """The hash of the header that ends at this number, if one does or a snapshot says so."""
    names = segment.c
    row = connection.execute(
        select(names.last, names.header_hash)
        .where(
            names.origin == name.origin,
            names.epoch == name.epoch,
            names.route == name.route,
            names.first <= seq,
        )
        .order_by(names.first.desc())
        .limit(1)
    ).first()
    if row and row.last == seq:
        return bytes(row.header_hash).hex()
    begun = beginning_of(connection, name)
    return begun[1].hex() if begun and begun[0] == seq else None


def _check_protocol(offered: tuple[int, int]) -> None:
    oldest, newest = offered
    if newest < PROTOCOL[0] or oldest > PROTOCOL[1]:
        raise Malformed("双方的同步协议版本不相容", offered=offered, spoken=PROTOCOL)


def _skew(site: Site, clock: str) -> int:
    """How far the other clock is ahead of ours, in milliseconds."""
    return int((_clock(clock) - site.clock()) / timedelta(milliseconds=1))


def _clock(text: str) -> datetime:
    try:
        return parse_stamp(text)
    except ValueError as error:
        raise Malformed("对方的时间无法读取") from error
