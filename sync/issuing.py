"""Issuing a certificate below this node."""

from sqlalchemy import Connection

from sync.certificate import Certificate, sign_certificate
from sync.keyring import HeldKey, require_identity, signing_key
from sync.messages import Applicant
from sync.moment import stamp
from sync.site import Site
from sync.store import certificate
from sync.trust import certificate_row


def certify(
    site: Site,
    connection: Connection,
    applicant: Applicant,
    *,
    region: str,
    level: str,
    held_by: str,
) -> Certificate:
    """Issue a certificate below this node."""
    me = require_identity(connection)
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
