"""Issuing a certificate below this node."""

from sqlalchemy import Connection

from sync.certificate import Certificate, sign_certificate
from sync.errors import Expired
from sync.keyring import HeldKey, Identity, require_identity, signing_key
from sync.messages import Applicant
from sync.moment import parse_stamp, stamp
from sync.site import Site
from sync.store import certificate
from sync.trust import certificate_for, certificate_row


def certify(
    site: Site,
    connection: Connection,
    applicant: Applicant,
    *,
    region: str,
    level: str,
    held_by: str,
) -> Certificate:
    """Issue a certificate below this node.

    Raises:
        Expired: this node's own certificate has run out.
    """
    me = require_identity(connection)
    require_issuer(site, connection, me)
    key: HeldKey = signing_key(site, connection, me.node)
    now = site.clock()
    unsigned = Certificate(
        node=region,
        level=level,
        region=region,
        epoch=applicant.epoch,
        key=applicant.key,
        alg=applicant.alg,
        issuer=me.node,
        issuer_epoch=me.epoch,
        held_by=held_by,
        not_before=stamp(now - site.limits.clock_tolerance),
        not_after=stamp(now + site.limits.certificate_valid),
    )
    child = sign_certificate(unsigned, key.signer)
    connection.execute(certificate.insert().values(certificate_row(child)))
    return child


def require_issuer(site: Site, connection: Connection, me: Identity) -> None:
    """Nobody vouches for others whose own certificate has run out.

    Raises:
        Expired: it has, by this node's clock.
    """
    own = certificate_for(connection, me.node, me.epoch)
    if own is None or own.is_root:
        return
    if site.clock() > parse_stamp(own.not_after) + site.limits.clock_tolerance:
        raise Expired(
            "本节点的证书已过期，不能为下级签发或续签：请先与上级同步续签，并核对本机时钟",
            until=own.not_after,
        )
