"""Renewal: a certificate is issued anew, for the same node, epoch and key, before it runs out.

A child asks its parent over the link, signing with the key it has. It says nothing else, so nobody
can ask in another's name or for another key. It asks in good time (`renew_before`), and may do so
for a while after its certificate ran out (`renew_late`): whoever was away for weeks comes back by
itself. After that a person at the parent decides (`by_person`).

The root and the places a node hosts are renewed where their keys are held. A renewed certificate
begins where the old one began, so that a clock that was wrong on the day leaves no gap.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, select

from sync.certificate import Certificate, sign_certificate
from sync.database import insert_new, reading, writing
from sync.errors import Expired, NotMember, Untrusted
from sync.forks import refuse_overtaken
from sync.issuing import require_issuer
from sync.keyring import HOSTED, Identity, identity_of, require_identity, signing_key
from sync.limits import Limits
from sync.moment import parse_stamp, stamp
from sync.session import standing_certificate
from sync.site import Site
from sync.store import certificate, private_key
from sync.trust import (
    certificate_for,
    certificate_row,
    chain_for,
    keep_certificates,
    newest_certificate,
    revocations,
)

State = Literal["valid", "due", "expired", "revoked"]


@dataclass(frozen=True, slots=True)
class Standing:
    """How one node's certificate stands today. `role` is own, above, child or hosted."""

    node: str
    level: str
    epoch: str
    role: str
    until: str
    state: State


def is_due(found: Certificate, now: datetime, limits: Limits) -> bool:
    """Is it time to renew?"""
    return now >= parse_stamp(found.not_after) - limits.renew_before


def own_is_due(site: Site, *, now: datetime) -> bool:
    """Has this node to ask its parent for a renewal? `now` is the parent's clock."""
    with reading(site.engine) as connection:
        me = identity_of(connection)
        own = certificate_for(connection, me.node, me.epoch) if me else None
    return own is not None and not own.is_root and is_due(own, now, site.limits)


def renew(site: Site, *, node: str, epoch: str, by_person: bool = False) -> list[Certificate]:
    """Renew a child's certificate if it is time; returns it with the chain to the root.

    Asked again it answers with what was issued before.

    Raises:
        Untrusted: it is not known here as a child, was revoked or replaced.
        Expired: it ran out too long ago, and no person has decided; or this node's own did.
    """
    with writing(site.engine) as connection:
        me = require_identity(connection)
        found = renewable(site, connection, me, node, epoch, is_late=by_person)
        if by_person or is_due(found, site.clock(), site.limits):
            found = _issue_again(site, connection, me, found)
        return chain_for(connection, {(found.node, found.epoch)})


def renewable(
    site: Site, connection: Connection, me: Identity, node: str, epoch: str, *, is_late: bool
) -> Certificate:
    """The certificate of a direct child that may be renewed.

    Raises:
        Untrusted: as `renew`.
        Expired: it ran out longer ago than `renew_late`, unless `is_late`.
    """
    refuse_overtaken(connection, node, epoch)
    found = standing_certificate(connection, node, epoch)
    if found.is_root or found.issuer != me.node or found.held_by != node:
        raise Untrusted("该节点不是由本节点续签证书的下级", node=node)
    late = site.clock() - parse_stamp(found.not_after) - site.limits.clock_tolerance
    if late > site.limits.renew_late and not is_late:
        days = site.limits.renew_late.days
        raise Expired(
            f"证书已于 {found.not_after[:10]} 到期，超过 {days} 天未续签："
            f"请上级管理员核实后运行 wuji renew {node}",
            node=node,
            until=found.not_after,
        )
    return found


def keep_renewed(site: Site, offered: Iterable[Certificate]) -> Certificate:
    """Take the parent's answer; returns this node's certificate as it is now.

    Raises:
        Untrusted: it is not for the key this node has, or leads to another root.
    """
    with writing(site.engine) as connection:
        me = require_identity(connection)
        keep_certificates(connection, offered, fingerprint=me.root_fingerprint)
        found = certificate_for(connection, me.node, me.epoch)
        if found is None:
            raise NotMember("本节点没有证书", node=me.node)
        return found


def renew_held(site: Site) -> int:
    """Renew what is signed here for a key held here: the root, hosted places. How many that was."""
    with reading(site.engine) as connection:
        if not _held_and_due(site, connection):
            return 0
    with writing(site.engine) as connection:
        me = require_identity(connection)
        due = _held_and_due(site, connection)
        for found in due:
            _issue_again(site, connection, me, found)
    return len(due)


def overview(site: Site) -> list[Standing]:
    """This node's chain, the places it hosts and its direct children, each at its latest set-up."""
    with reading(site.engine) as connection:
        me = identity_of(connection)
        if me is None:
            return []
        chain = chain_for(connection, {(me.node, me.epoch)})
        names = certificate.c
        below = connection.scalars(
            select(names.node)
            .where(names.issuer == me.node, names.node != me.node)
            .distinct()
            .order_by(names.node)
        ).all()
        children = [found for node in below if (found := newest_certificate(connection, node))]
        shown = [*chain, *(found for found in children if found.issuer == me.node)]
        return [_standing(site, connection, me, found) for found in shown]


def _standing(site: Site, connection: Connection, me: Identity, found: Certificate) -> Standing:
    if found.node == me.node:
        role = "own"
    elif found.issuer == me.node:
        role = "hosted" if found.held_by == me.node else "child"
    else:
        role = "above"
    state = _state(site, connection, found)
    return Standing(found.node, found.level, found.epoch, role, found.not_after, state)


def _state(site: Site, connection: Connection, found: Certificate) -> State:
    now = site.clock()
    if revocations(connection, found.node, found.epoch):
        return "revoked"
    if now > parse_stamp(found.not_after):
        return "expired"
    return "due" if is_due(found, now, site.limits) else "valid"


def _held_and_due(site: Site, connection: Connection) -> list[Certificate]:
    me = identity_of(connection)
    if me is None:
        return []
    names = private_key.c
    hosted = connection.execute(
        select(names.node, names.epoch).where(names.kind == HOSTED).order_by(names.node)
    ).all()
    own = [(me.node, me.epoch)] if me.parent is None else []
    found = (certificate_for(connection, *setup) for setup in [*own, *map(tuple, hosted)])
    return [one for one in found if one and is_due(one, site.clock(), site.limits)]


def _issue_again(
    site: Site, connection: Connection, me: Identity, found: Certificate
) -> Certificate:
    limits = site.limits
    key = signing_key(site, connection, me.node)
    if found.is_root:
        valid = limits.root_valid
    else:
        require_issuer(site, connection, me)
        valid = limits.certificate_valid
    until = stamp(site.clock() + valid)
    if until <= found.not_after:
        return found
    unsigned = replace(found, issuer=me.node, issuer_epoch=me.epoch, not_after=until)
    renewed = sign_certificate(unsigned, key.signer)
    insert_new(connection, certificate, [certificate_row(renewed)])
    return renewed
