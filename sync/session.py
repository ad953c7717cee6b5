"""Opening a session: two nodes show who they are, what they understand and what they hold."""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from sync import disowned, forks, losing
from sync.certificate import Certificate
from sync.checkpoints import latest, note_missing
from sync.comparing import agreeing, more_below, wanted_below
from sync.database import writing
from sync.errors import Cloned, Expired, Malformed, Untrusted
from sync.handlers import Handlers
from sync.incidents import CLONED, FORK, close_incidents, note_incident
from sync.keyring import require_identity
from sync.links import CHILD, PARENT, note_contact
from sync.marks import judge, promote, propose, whole_node
from sync.messages import PROTOCOL, Applicant, Head, Hello, Welcome
from sync.moment import parse_stamp
from sync.outgoing import streams_down, streams_held
from sync.regions import strictly_inside
from sync.restoring import milestones
from sync.segment import StreamId
from sync.site import Site
from sync.trust import certificate_for, chain_for, keep_certificates, revocations


def hello(site: Site) -> Hello:
    """What this node says when it opens a session with its parent."""
    with writing(site.engine) as connection:
        me = require_identity(connection)
        held = streams_down(connection, child=me.node)
        applicant: Applicant | None = None
        ends: list[Head] = []
        if forks.needs_successor(connection, me):
            applicant, ends = forks.ask(site, connection, me)
        return Hello(
            node=me.node,
            epoch=me.epoch,
            protocol=PROTOCOL,
            versions=versions(site.handlers),
            heads=list(held.values()),
            clock=site.now(),
            certificates=chain_for(connection, {(me.node, me.epoch)}),
            marks=propose(site, connection, me),
            applicant=applicant,
            ends=ends,
            states=losing.proofs_for(connection, me),
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
        if not strictly_inside(said.node, me.node):
            raise Untrusted("该节点不在本级辖区之内", node=said.node)
        _refuse_second_machine(site, connection, said)
        child = peer_certificate(site, connection, said.node, said.epoch)
        # A disk put back to before the place had its own machine still holds its key.
        forks.host_no_more(site, connection, child)
        forks.heard(site, connection, child.node, child.epoch)
        issued, continues = _issue(site, connection, child, said)
        held = streams_held(connection, child=child.node, level=child.level)
        endings = disowned.disputed(connection, child.node, said.heads)
        wanted = more_below(site, connection, child.node, said.heads, without=endings)
        ended, vouched = disowned.to_tell(connection, endings)
        losing.note_proofs(site, connection, child, said.states)
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
            certificates=[
                *issued,
                *_renewed(child, said),
                *chain_for(connection, {(me.node, me.epoch)}),
                *vouched,
            ],
            wanted=milestones(connection, wanted),
            continues=continues,
            ended=ended,
            checked=latest(connection, me),
        )


def _renewed(child: Certificate, said: Hello) -> list[Certificate]:
    """The child's own certificate when it shows an older one: it was renewed meanwhile."""
    return [] if child in said.certificates else [child]


def _refuse_second_machine(site: Site, connection: Connection, said: Hello) -> None:
    is_new = judge(site, connection, said.node, said.epoch, said.marks)
    try:
        forks.refuse_overtaken(connection, said.node, said.epoch)
    except Cloned as refusal:
        if is_new:
            raise
        # It was said before the new epoch began, and comes late.
        raise Untrusted(refusal.message, node=said.node) from refusal


def _issue(
    site: Site, connection: Connection, child: Certificate, said: Hello
) -> tuple[list[Certificate], list[str]]:
    """The certificate a child asks for, and what its parent says of its old streams."""
    asked = said.applicant
    if asked is None or asked.epoch == child.epoch:
        return [], []
    try:
        issued, continuations = forks.grant(site, connection, child, asked, said.ends)
    except Untrusted as refusal:
        # The session goes on: it may be what mends it.
        name = whole_node(child.node, child.epoch)
        detail = refusal.message
        note_incident(site, connection, FORK, name, seq=0, detail=detail, peer=child.node)
        return [], []
    return [issued], [each.text() for each in continuations]


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
        note_missing(site, connection, me, answer.checked, now=_clock(answer.clock))
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
        agreed = agreeing(site, connection, me, answer.heads)
        forks.adopt(site, connection, me, answer.certificates, answer.continues)
        disowned.put_aside(site, connection, answer.ended)
        disowned.close_agreed(site, connection, answer)
        shared = wanted_below(connection, me, answer.wanted)
        losing.note_states(site, connection, me, answer.heads, shared)
        return agreed | shared


def peer_certificate(
    site: Site, connection: Connection, node: str, epoch: str, *, at: datetime | None = None
) -> Certificate:
    """The certificate of a peer that calls now, or at another instant.

    Raises:
        Untrusted: none is known, it is not valid yet, or it was revoked.
        Expired: it has run out.
    """
    found = standing_certificate(connection, node, epoch)
    now, slack = at or site.clock(), site.limits.clock_tolerance
    if now > parse_stamp(found.not_after) + slack:
        raise Expired(f"{node} 的证书已于 {found.not_after[:10]} 到期", until=found.not_after)
    if now < parse_stamp(found.not_before) - slack:
        raise Untrusted("对方的证书尚未生效", node=node, since=found.not_before)
    return found


def standing_certificate(connection: Connection, node: str, epoch: str) -> Certificate:
    """The certificate of a peer, whatever the time is.

    Raises:
        Untrusted: none is known, or it was revoked.
    """
    found = certificate_for(connection, node, epoch)
    if found is None:
        raise Untrusted("对方没有本网络的证书", node=node)
    standing = revocations(connection, node, epoch)
    if standing and standing.successor:
        raise Untrusted("该节点已重新设置，旧密钥不再有效", node=node)
    if standing:
        raise Untrusted("对方的证书已被吊销", node=node)
    return found


def versions(handlers: Handlers) -> dict[str, int]:
    """The newest version of each record type that is understood here."""
    return {name: handler.version for name, handler in handlers.items()}


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
