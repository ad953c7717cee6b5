"""Forks: what was written twice under the same numbers goes on under a new epoch.

By then `restoring` has taken back what others hold, and what only this node had lies in the outbox
again, in front of what was written later. The node asks its parent for a certificate of a new
epoch; the parent vouches for where each old stream ends (`succession`), and the first headers of
the new streams say so. The root, and a township for the villages it hosts, do that by themselves.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from sqlalchemy import Connection, select

from sync.certificate import Certificate, sign_certificate
from sync.comparing import hash_at
from sync.database import insert_new, upsert
from sync.errors import Cloned, Untrusted
from sync.incidents import AHEAD, ANY_STREAM, FORK, close_incidents, note_incident, open_streams
from sync.issuing import certify
from sync.keyring import (
    HOSTED,
    OWN,
    PENDING,
    RETIRED,
    Identity,
    copy_key,
    find_key,
    key_of,
    make_key,
    set_kind,
)
from sync.messages import Applicant, Head
from sync.moment import stamp
from sync.routes import may_rise
from sync.segment import Header, StreamId
from sync.site import Site
from sync.store import certificate, identity, mark, revocation, stream, succession
from sync.succession import Continuation, read_continuation
from sync.trust import ANY_ROUTE, NO_END, certificate_for, certificate_row, newest_certificate

_AWAITED = "awaited"
_HEALED = "编号重复的记录以新纪元续写"


def needs_successor(connection: Connection, me: Identity) -> bool:
    """Has this node to ask its parent for a new epoch, and can it: is the rest back?"""
    forked = {(name.origin, name.epoch) for name in open_streams(connection, FORK)}
    if me.parent is None or (me.node, me.epoch) not in forked:
        return False
    return all(name.origin != me.node for name in open_streams(connection, AHEAD))


def ask(site: Site, connection: Connection, me: Identity) -> tuple[Applicant, list[Head]]:
    """The key to go on with, and where the streams of the old epoch end."""
    key = find_key(site, connection, me.node, kinds=(PENDING,))
    key = key or make_key(site, connection, me.node, kind=PENDING, after=me.epoch)
    ends = _ends(connection, me.node, me.epoch)
    return Applicant(key.epoch, key.signer.alg, key.signer.key), ends


def grant(
    site: Site,
    connection: Connection,
    child: Certificate,
    asked: Applicant,
    ends: Iterable[Head],
) -> tuple[Certificate, list[Continuation]]:
    """Certify a child's new epoch, and vouch for where its old streams end.

    Asked again with the same key: the same answer.

    Raises:
        Untrusted: the child does not hold its streams as this node does, or its clock is behind.
    """
    own = [head for head in ends if (head.origin, head.epoch) == (child.node, child.epoch)]
    for head in own:
        _check_end(connection, child, head)
    found = certificate_for(connection, child.node, asked.epoch)
    if found is None:
        newest = newest_certificate(connection, child.node)
        if newest and newest.epoch >= asked.epoch:
            raise Untrusted("本节点的时钟早于上一次入网，请校准后重试", epoch=asked.epoch)
        found = certify(
            site,
            connection,
            asked,
            region=child.region,
            level=child.level,
            held_by=child.held_by,
        )
        _await(site, connection, child, found)
        name = StreamId(child.node, child.epoch, ANY_STREAM)
        note_incident(site, connection, FORK, name, seq=0, detail=_HEALED, peer=child.node)
    elif found.key != asked.key:
        raise Untrusted("新纪元的密钥与已签发的不同", node=child.node)
    return found, [_vouch(site, connection, head, found) for head in own]


def adopt(
    site: Site,
    connection: Connection,
    me: Identity,
    offered: Iterable[Certificate],
    said: Sequence[str],
) -> None:
    """Go on under the new epoch if the parent has certified it."""
    key = find_key(site, connection, me.node, kinds=(PENDING,))
    found = next(
        (c for c in offered if key and (c.node, c.epoch, c.key) == (*key[:2], key.signer.key)), None
    )
    if key is None or found is None:
        return
    continuations = [read_continuation(text) for text in said]
    for each in continuations:
        each.check(certificate_for(connection, each.by, each.by_epoch))
    old = key_of(site, connection, me.node, me.epoch)
    set_kind(connection, old, RETIRED)
    set_kind(connection, key, OWN)
    connection.execute(identity.update().values(epoch=key.epoch))
    _begin(site, connection, found, continuations)


def heal_here(site: Site, connection: Connection, me: Identity) -> None:
    """Do for the root and for hosted places what a parent would do."""
    behind = {name.origin for name in open_streams(connection, AHEAD)}
    for node, epoch in {(n.origin, n.epoch) for n in open_streams(connection, FORK)}:
        known = certificate_for(connection, node, epoch)
        if known is None or node in behind:
            continue
        newest = newest_certificate(connection, node)
        if newest and node != me.node:
            host_no_more(site, connection, newest)
        old = find_key(site, connection, node)
        if old is None or old.epoch != epoch:
            continue
        if known.is_root and me.node == node:
            _succeed_root(site, connection, known)
        elif known.issuer == me.node and known.held_by == me.node:
            _succeed_hosted(site, connection, known)


def host_no_more(site: Site, connection: Connection, machine: Certificate) -> None:
    """A place has a machine of its own: nobody writes for it here any more, nor heals its forks."""
    key = find_key(site, connection, machine.node, kinds=(HOSTED,))
    if key and key.epoch < machine.epoch and machine.held_by == machine.node:
        set_kind(connection, key, RETIRED)
        close_incidents(site, connection, FORK, origin=key.node, epoch=key.epoch)


def check_continuation(connection: Connection, header: Header) -> Continuation | None:
    """What the first header of a stream says of the one before it.

    Raises:
        Malformed, Untrusted: it does not hold, or nobody above the author vouches for it.
    """
    if not header.continues:
        return None
    found = read_continuation(header.continues)
    if found.new_stream != header.stream or header.first != 1:
        raise Untrusted("续写声明不属于该记录流", origin=header.origin)
    check_vouched(connection, found)
    return found


def check_vouched(connection: Connection, found: Continuation) -> None:
    """Raises: Untrusted: whoever certified the new epoch of the author did not sign this."""
    author = certificate_for(connection, found.node, found.new)
    if author is None:
        raise Untrusted("续写声明不属于该记录流", origin=found.node)
    if (author.issuer, author.issuer_epoch) != (found.by, found.by_epoch):
        raise Untrusted("续写声明的见证节点不是作者的上级", origin=found.node, by=found.by)
    found.check(certificate_for(connection, found.by, found.by_epoch))


def end_old_stream(site: Site, connection: Connection, found: Continuation) -> None:
    """From here on the old stream ends where the new one says."""
    said = {
        "node": found.node,
        "epoch": found.old,
        "reason": _HEALED,
        "revoked_by": found.by,
        "at": site.now(),
        "successor": found.new,
    }
    ends = {ANY_ROUTE: NO_END, found.route: found.seq}
    rows = [said | {"route": route, "last": last} for route, last in ends.items()]
    insert_new(connection, revocation, rows)
    _keep(connection, [found])  # a child that holds another history is told
    if hash_at(connection, found.old_stream, found.seq) == found.hash:
        # What was refused here of another history was put aside by its author.
        close_incidents(site, connection, FORK, **found.old_stream._asdict())


def is_awaited(connection: Connection, node: str, old: str, new: str) -> bool:
    """Has the node not yet been heard under the new epoch it asked for under the old one?"""
    names = mark.c
    row = select(names.mark).where(
        names.node == node, names.epoch == old, names.mark == new, names.state == _AWAITED
    )
    return connection.execute(row).first() is not None


def refuse_overtaken(connection: Connection, node: str, epoch: str) -> None:
    """Raises: Cloned: the node goes on under a later epoch, on this or on another machine."""
    newest = newest_certificate(connection, node)
    if newest and newest.epoch > epoch and not is_awaited(connection, node, epoch, newest.epoch):
        raise Cloned(
            "本节点的身份已由另一台机器接替，旧密钥不再有效：本机请停用；"
            "尚未上送的业务请在新机器上按纸质材料补录",
            node=node,
        )


def heard(site: Site, connection: Connection, node: str, epoch: str) -> None:
    """A child opens a session: if it is the first under a new epoch, the fork is healed."""
    names = mark.c
    gone = connection.execute(
        mark.delete()
        .where(names.node == node, names.mark == epoch, names.state == _AWAITED)
        .returning(names.epoch)
    ).all()
    for (old,) in gone:
        close_incidents(site, connection, FORK, origin=node, epoch=old)
    if gone:  # it has mended what it writes for others, too, before it asked
        for name in open_streams(connection, FORK):
            author = newest_certificate(connection, name.origin)
            if author and author.held_by == node != name.origin:
                close_incidents(site, connection, FORK, **name._asdict(), peer=node)


def _ends(connection: Connection, node: str, epoch: str) -> list[Head]:
    names = stream.c
    rows = connection.execute(
        select(names.route, names.head, names.head_hash)
        .where(names.origin == node, names.epoch == epoch, names.head > 0)
        .order_by(names.route)
    )
    return [Head(node, epoch, route, seq, bytes(digest).hex()) for route, seq, digest in rows]


def _check_end(connection: Connection, child: Certificate, head: Head) -> None:
    """A stream that rises here must not end before what is held here of it."""
    if not may_rise(head.route, head.origin, child=child.node, child_level=child.level):
        return
    held = next((h for h in _ends(connection, *head[:2]) if h.route == head.route), None)
    if held is None or held.hash == head.hash:
        return
    if held.seq >= head.seq:
        raise Untrusted("下级的记录流与本节点所持的不同", route=head.route, seq=held.seq)


def _vouch(site: Site, connection: Connection, end: Head, new: Certificate) -> Continuation:
    key = key_of(site, connection, new.issuer, new.issuer_epoch)
    found = Continuation(
        node=end.origin,
        route=end.route,
        old=end.epoch,
        new=new.epoch,
        seq=end.seq,
        hash=end.hash,
        by=key.node,
        by_epoch=key.epoch,
    )
    return found.countersigned(key.signer)


def _await(site: Site, connection: Connection, old: Certificate, new: Certificate) -> None:
    """Until the child is heard under its new epoch it may ask again under the old one."""
    row = {"node": old.node, "epoch": old.epoch, "mark": new.epoch, "state": _AWAITED}
    upsert(connection, mark, [row | {"at": site.now()}])


def _begin(
    site: Site, connection: Connection, new: Certificate, continuations: Sequence[Continuation]
) -> None:
    _keep(connection, continuations)
    close_incidents(site, connection, FORK, origin=new.node)


def _keep(connection: Connection, continuations: Sequence[Continuation]) -> None:
    rows = [
        {"node": each.node, "epoch": each.new, "route": each.route, "continues": each.text()}
        for each in continuations
    ]
    insert_new(connection, succession, rows)


def _succeed_root(site: Site, connection: Connection, old: Certificate) -> None:
    """The same key, which the network trusts by its fingerprint, under a new epoch."""
    before = key_of(site, connection, old.node, old.epoch)
    key = copy_key(site, connection, before)
    now = site.clock()
    unsigned = replace(
        old,
        epoch=key.epoch,
        issuer_epoch=key.epoch,
        not_before=stamp(now - site.limits.clock_tolerance),
        not_after=stamp(now + site.limits.root_valid),
    )
    new = sign_certificate(unsigned, key.signer)
    connection.execute(certificate.insert().values(certificate_row(new)))
    connection.execute(identity.update().values(epoch=key.epoch))
    set_kind(connection, before, RETIRED)
    ends = _ends(connection, old.node, old.epoch)
    _begin(site, connection, new, [_vouch(site, connection, end, new) for end in ends])


def _succeed_hosted(site: Site, connection: Connection, old: Certificate) -> None:
    before = key_of(site, connection, old.node, old.epoch)
    key = make_key(site, connection, old.node, kind=HOSTED, after=old.epoch)
    asked = Applicant(key.epoch, key.signer.alg, key.signer.key)
    new = certify(site, connection, asked, region=old.region, level=old.level, held_by=old.held_by)
    set_kind(connection, before, RETIRED)
    ends = _ends(connection, old.node, old.epoch)
    _begin(site, connection, new, [_vouch(site, connection, end, new) for end in ends])
