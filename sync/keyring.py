"""The private keys held here: the node's own, and those of villages it hosts."""

from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, select

from sync.errors import NotMember
from sync.keys import SEED_BYTES, Signer, signer
from sync.moment import new_epoch
from sync.site import Site
from sync.store import identity, private_key

# Built once: these are asked many times in every call.
_WHO = select(
    identity.c.node,
    identity.c.level,
    identity.c.epoch,
    identity.c.parent,
    identity.c.root_fingerprint,
)
_NEWEST_KEY = (
    select(private_key)
    .where(
        private_key.c.node == bindparam("place"),
        private_key.c.kind.in_(bindparam("kinds", expanding=True)),
    )
    .order_by(private_key.c.epoch.desc())
    .limit(1)
)

PENDING, OWN, HOSTED, RETIRED = "pending", "own", "hosted", "retired"


class Identity(NamedTuple):
    """Who this node is."""

    node: str
    level: str
    epoch: str
    parent: str | None
    root_fingerprint: str


class HeldKey(NamedTuple):
    """A private key that can sign here, and for whom."""

    node: str
    epoch: str
    signer: Signer


def identity_of(connection: Connection) -> Identity | None:
    row = connection.execute(_WHO).first()
    return Identity(*row) if row else None


def require_identity(connection: Connection) -> Identity:
    """Who this node is.

    Raises:
        NotMember: it was neither founded nor has it joined.
    """
    found = identity_of(connection)
    if found is None:
        raise NotMember("本节点尚未加入网络，请先执行 wuji init 或 wuji join")
    return found


def make_key(
    site: Site, connection: Connection, node: str, *, kind: str, after: str = ""
) -> HeldKey:
    """A new key under a new epoch, later than `after`, for one node; kept in the vault."""
    made = signer("ed25519", site.entropy(SEED_BYTES))
    return _keep(site, connection, node, made, kind=kind, after=after)


def copy_key(site: Site, connection: Connection, key: HeldKey) -> HeldKey:
    """The same key under a new epoch."""
    return _keep(site, connection, key.node, key.signer, kind=OWN, after=key.epoch)


def move_key(site: Site, connection: Connection, key: HeldKey, *, after: str) -> HeldKey:
    """A key that nobody has certified yet, under an epoch later than `after`."""
    connection.execute(
        private_key.delete().where(private_key.c.node == key.node, private_key.c.epoch == key.epoch)
    )
    return _keep(site, connection, key.node, key.signer, kind=PENDING, after=after)


def _keep(
    site: Site, connection: Connection, node: str, made: Signer, *, kind: str, after: str
) -> HeldKey:
    epoch = new_epoch(site.clock(), site.entropy, after=after)
    connection.execute(
        private_key.insert().values(
            node=node,
            epoch=epoch,
            kind=kind,
            alg=made.alg,
            key=made.key,
            secret=site.vault.seal(made.private_bytes()),
            made_at=site.now(),
        )
    )
    return HeldKey(node, epoch, made)


def set_kind(connection: Connection, key: HeldKey, kind: str) -> None:
    connection.execute(
        private_key.update()
        .where(private_key.c.node == key.node, private_key.c.epoch == key.epoch)
        .values(kind=kind)
    )


def find_key(
    site: Site, connection: Connection, node: str, *, kinds: tuple[str, ...] = (OWN, HOSTED)
) -> HeldKey | None:
    """The newest key held here for a node."""
    row = connection.execute(_NEWEST_KEY, {"place": node, "kinds": kinds}).first()
    return _unlock(site, row) if row else None


def key_of(site: Site, connection: Connection, node: str, epoch: str) -> HeldKey:
    """The key of one set-up of a node, whatever has become of it.

    Raises:
        NotMember: it is not held here.
    """
    row = connection.execute(
        select(private_key).where(private_key.c.node == node, private_key.c.epoch == epoch)
    ).first()
    if row is None:
        raise NotMember("本节点没有该节点的签名密钥", node=node)
    return _unlock(site, row)


def signing_key(site: Site, connection: Connection, node: str) -> HeldKey:
    """The key that signs for a node here. What was written before it got its own machine counts.

    Raises:
        NotMember: this node does not write for that one.
    """
    found = find_key(site, connection, node) or find_key(site, connection, node, kinds=(RETIRED,))
    if found is None:
        raise NotMember("本节点没有该节点的签名密钥", node=node)
    return found


def _unlock(site: Site, row: Row[Any]) -> HeldKey:
    secret = site.vault.open(row.secret)
    return HeldKey(row.node, row.epoch, signer(row.alg, secret))
