"""How nodes become part of a network: founded, invited, admitted, hosted, revoked."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, select

from sync.certificate import Certificate, root_fingerprint, sign_certificate, verify_chain
from sync.database import writing
from sync.errors import EpochBehind, JoinRefused, Malformed, NotMember, Untrusted
from sync.issuing import certify
from sync.keyring import (
    HOSTED,
    OWN,
    PENDING,
    RETIRED,
    find_key,
    identity_of,
    make_key,
    move_key,
    require_identity,
    set_kind,
)
from sync.messages import Admission, Applicant
from sync.moment import base32, is_epoch, parse_stamp, stamp
from sync.regions import strictly_inside
from sync.revoking import supersede
from sync.site import Site
from sync.store import certificate, identity, join_code
from sync.trust import certificate_for, certificate_row, chain_for, newest_certificate

_CODE_BYTES = 10
_CODE_CHARS = 16
_GROUP = 4


def found(site: Site, *, node: str, level: str) -> Certificate:
    """Make this node the root of a new network.

    Raises:
        NotMember: it already belongs to one.
    """
    with writing(site.engine) as connection:
        _refuse_member(connection)
        key = make_key(site, connection, node, kind=OWN)
        now = site.clock()
        unsigned = Certificate(
            node=node,
            level=level,
            region=node,
            epoch=key.epoch,
            key=key.signer.key,
            alg=key.signer.alg,
            issuer=node,
            issuer_epoch=key.epoch,
            held_by=node,
            not_before=stamp(now - site.limits.clock_tolerance),
            not_after=stamp(now + site.limits.root_valid),
        )
        own = sign_certificate(unsigned, key.signer)
        connection.execute(certificate.insert().values(certificate_row(own)))
        _become(site, connection, own, parent=None, fingerprint=root_fingerprint(own))
    return own


def issue_join_code(site: Site, *, region: str, level: str, valid: timedelta | None = None) -> str:
    """A code with which one node may join once, as this region and level.

    Raises:
        JoinRefused: the region is not inside this node's.
    """
    number = int.from_bytes(site.entropy(_CODE_BYTES))
    plain = base32(number, _CODE_CHARS)
    now = site.clock()
    with writing(site.engine) as connection:
        _require_inside(connection, region)
        connection.execute(
            join_code.insert().values(
                hash=_code_hash(plain),
                region=region,
                level=level,
                expires=stamp(now + (valid or site.limits.join_code_valid)),
                issued_at=stamp(now),
            )
        )
    return "-".join(plain[at : at + _GROUP] for at in range(0, _CODE_CHARS, _GROUP))


def apply_to_join(site: Site, *, region: str) -> Applicant:
    """Make the key with which this node asks to join; the same again until it has joined.

    Raises:
        NotMember: it already belongs to a network.
    """
    with writing(site.engine) as connection:
        _refuse_member(connection)
        key = find_key(site, connection, region, kinds=(PENDING,))
        key = key or make_key(site, connection, region, kind=PENDING)
    return Applicant(key.epoch, key.signer.alg, key.signer.key)


def apply_after(site: Site, *, region: str, after: str) -> Applicant:
    """The same key under an epoch later than `after`: an earlier machine's clock was ahead.

    Raises:
        Malformed: `after` is no epoch.
        NotMember: this node belongs to a network, or has not applied to any.
    """
    if not is_epoch(after):
        raise Malformed("对方所说的入网次序无法读取", after=after)
    with writing(site.engine) as connection:
        _refuse_member(connection)
        key = find_key(site, connection, region, kinds=(PENDING,))
        if key is None:
            raise NotMember("本节点没有待认证的密钥", node=region)
        key = move_key(site, connection, key, after=after)
    return Applicant(key.epoch, key.signer.alg, key.signer.key)


def admit(site: Site, code: str, applicant: Applicant) -> Admission:
    """Certify a child that knows a join code. Asked again with the same key: the same answer.

    Raises:
        JoinRefused: the code is unknown, past its time, or was used with another key.
        EpochBehind: the region joined before, under an epoch that sorts later.
    """
    with writing(site.engine) as connection:
        me = require_identity(connection)
        row = connection.execute(
            select(join_code).where(join_code.c.hash == _code_hash(code))
        ).first()
        if row is None:
            raise JoinRefused("加入码不存在，请核对后重新输入")
        if row.used_at is None:
            child = _use_code(site, connection, row._mapping, applicant)  # noqa: SLF001
        else:
            child = _used_before(connection, row.used_by, applicant)
        chain = chain_for(connection, {(me.node, me.epoch)})
    return Admission(child, chain, me.root_fingerprint)


def adopt(site: Site, own: Certificate, chain: Sequence[Certificate], *, fingerprint: str) -> None:
    """Become what a parent certified. `fingerprint` is the root's, compared by telephone.

    Raises:
        Untrusted: the certificate is not for the key made here, or leads to another root.
        NotMember: this node already belongs to a network.
    """
    verify_chain([own, *chain], fingerprint)
    with writing(site.engine) as connection:
        _refuse_member(connection)
        key = find_key(site, connection, own.node, kinds=(PENDING,))
        if key is None or (key.epoch, key.signer.key) != (own.epoch, own.key):
            raise Untrusted("证书与本节点的密钥不符", node=own.node)
        set_kind(connection, key, OWN)
        connection.execute(certificate.insert(), [certificate_row(c) for c in [own, *chain]])
        _become(site, connection, own, parent=own.issuer, fingerprint=fingerprint)


def host(site: Site, *, region: str, level: str) -> Certificate:
    """Give a place without a machine its own key and streams, held by this node.

    Asked again it answers with the certificate that is there.

    Raises:
        JoinRefused: the region is not inside this node's.
    """
    with writing(site.engine) as connection:
        _require_inside(connection, region)
        key = find_key(site, connection, region, kinds=(HOSTED,))
        known = certificate_for(connection, region, key.epoch) if key else None
        if known:
            return known
        key = make_key(site, connection, region, kind=HOSTED)
        applicant = Applicant(key.epoch, key.signer.alg, key.signer.key)
        me = require_identity(connection)
        return certify(site, connection, applicant, region=region, level=level, held_by=me.node)


def _use_code(
    site: Site, connection: Connection, row: Mapping[Any, Any], applicant: Applicant
) -> Certificate:
    if site.clock() > parse_stamp(row["expires"]):
        raise JoinRefused("加入码已过期，请向上级重新申请", expired=row["expires"])
    region, level = row["region"], row["level"]
    earlier = newest_certificate(connection, region)
    if earlier and earlier.epoch >= applicant.epoch:
        raise EpochBehind("本节点的时钟早于该区划上一次加入，请校准后重试", after=earlier.epoch)
    child = certify(site, connection, applicant, region=region, level=level, held_by=region)
    if earlier and earlier.held_by == region:
        supersede(site, connection, earlier, successor=child.epoch)
    hosted = find_key(site, connection, region, kinds=(HOSTED,))
    if hosted:
        set_kind(connection, hosted, RETIRED)
    connection.execute(
        join_code.update()
        .where(join_code.c.hash == row["hash"])
        .values(used_at=site.now(), used_by=child.fingerprint())
    )
    return child


def _used_before(connection: Connection, used_by: str, applicant: Applicant) -> Certificate:
    row = connection.execute(
        select(certificate.c.node, certificate.c.epoch).where(certificate.c.fingerprint == used_by)
    ).one()
    child = certificate_for(connection, row.node, row.epoch)
    if child is None or (child.epoch, child.key) != (applicant.epoch, applicant.key):
        raise JoinRefused("加入码已经用过，请向上级重新申请")
    return child


def _become(
    site: Site,
    connection: Connection,
    own: Certificate,
    *,
    parent: str | None,
    fingerprint: str,
) -> None:
    connection.execute(
        identity.insert().values(
            id=1,
            node=own.node,
            level=own.level,
            epoch=own.epoch,
            parent=parent,
            root_fingerprint=fingerprint,
            since=site.now(),
        )
    )


def _refuse_member(connection: Connection) -> None:
    me = identity_of(connection)
    if me:
        raise NotMember("本节点已经加入网络", node=me.node)


def _require_inside(connection: Connection, region: str) -> None:
    me = require_identity(connection)
    if not strictly_inside(region, me.node):
        raise JoinRefused("该区划不在本级辖区之内", region=region, within=me.node)


def _code_hash(code: str) -> str:
    plain = code.strip().lower().replace("-", "").replace(" ", "")
    return sha256(plain.encode()).hexdigest()
