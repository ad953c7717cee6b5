"""Who signs a message of a link, and who may: the names of keys, and the standing of their owners.

A key is named `node;epoch`. Only direct children with machines of their own may call a parent, each
under its latest set-up; only the parent this node joined under may answer.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sync.certificate import Certificate
from sync.database import reading, writing
from sync.errors import Untrusted
from sync.forks import refuse_overtaken
from sync.keyring import require_identity, signing_key
from sync.keys import Signer
from sync.renewing import renewable
from sync.replica import Replica
from sync.session import peer_certificate, standing_certificate
from sync.trust import keep_certificates

_JOINING = "joining"


@dataclass(frozen=True, slots=True)
class MessageKey:
    """A private key with the name others find it by."""

    keyid: str
    signer: Signer

    @property
    def alg(self) -> str:
        return self.signer.alg

    def sign(self, data: bytes) -> bytes:
        return self.signer.sign(data)


def key_name(node: str, epoch: str) -> str:
    return f"{node};{epoch}"


def joining_name(epoch: str) -> str:
    """The name of a key that nobody has certified yet."""
    return key_name(_JOINING, epoch)


def own_key(replica: Replica) -> MessageKey:
    """This node's key.

    Raises:
        NotMember: it belongs to no network yet.
    """
    with reading(replica.site.engine) as connection:
        me = require_identity(connection)
        held = signing_key(replica.site, connection, me.node)
    return MessageKey(key_name(held.node, held.epoch), held.signer)


def renewing_child(replica: Replica, keyid: str) -> Certificate:
    """The certificate of a child that asks for its renewal, though it may have run out.

    Raises:
        Untrusted: as `calling_child`.
        Expired: it ran out too long ago.
    """
    node, _, epoch = keyid.partition(";")
    with reading(replica.site.engine) as connection:
        me = require_identity(connection)
        return renewable(replica.site, connection, me, node, epoch, is_late=False)


def calling_child(replica: Replica, keyid: str) -> Certificate:
    """The certificate of the child that names this key.

    Raises:
        Untrusted: it is no direct child, is hosted here, was replaced or revoked.
        Expired: it has run out.
    """
    node, _, epoch = keyid.partition(";")
    with reading(replica.site.engine) as connection:
        me = require_identity(connection)
        refuse_overtaken(connection, node, epoch)
        found = peer_certificate(replica.site, connection, node, epoch)
    if found.is_root or found.issuer != me.node:
        raise Untrusted("对方不是本节点的直接下级", node=node)
    if found.held_by != node:
        raise Untrusted("该节点由上级托管，不应自行连接", node=node)
    return found


def answering_parent(
    replica: Replica, keyid: str, *, offered: Iterable[Certificate] = ()
) -> Certificate | None:
    """The certificate of the parent that names this key; `offered` may hold it when it is new.

    None when it is new and was not offered: a refusal brings no chain. Its validity in time is
    judged once a session, by the parent's clock.

    Raises:
        Untrusted: it is not this node's parent, or its chain leads to another root.
    """
    node, _, epoch = keyid.partition(";")
    with reading(replica.site.engine) as connection:
        me = require_identity(connection)
    if node != me.parent:
        raise Untrusted("对方不是本节点的上级", node=node, parent=me.parent)
    if replica.certificate_of(node, epoch) is None:
        certificates = list(offered)
        if not certificates:
            return None
        with writing(replica.site.engine) as connection:
            keep_certificates(connection, certificates, fingerprint=me.root_fingerprint)
    with reading(replica.site.engine) as connection:
        return standing_certificate(connection, node, epoch)
