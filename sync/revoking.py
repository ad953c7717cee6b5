"""Revocation: the one record type that is the engine's own.

It names a node's set-up and how far each of its streams stood, so that what was received before
stays valid. It travels down to every node below the revoker and up to those above it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from sync.certificate import Certificate
from sync.database import insert_new, writing
from sync.errors import Refused, Untrusted
from sync.keyring import Identity, require_identity
from sync.log import append
from sync.record import Arrived, Record
from sync.regions import strictly_inside
from sync.routes import DOWN_ALL, UP
from sync.site import Site
from sync.store import revocation, stream
from sync.trust import ANY_ROUTE, NO_END, certificate_for, chain_for

REVOKED = "sync.revoked"
_REPLACED = "由新机器接替"


def revoke(site: Site, *, node: str, epoch: str, reason: str, by: str) -> None:
    """Withdraw the certificate of one set-up of a node below, from where its streams stand here.

    Raises:
        Untrusted: the node is not below this one, or that set-up of it is not known.
    """
    with writing(site.engine) as connection:
        me = require_identity(connection)
        known = certificate_for(connection, node, epoch)
        if known is None or not strictly_inside(node, me.node):
            raise Untrusted("只能吊销本级辖区内节点的证书", node=node)
        body = {
            "node": node,
            "epoch": epoch,
            "reason": reason,
            "heads": _heads(connection, node, epoch),
        }
        _publish(site, connection, me, body, by=by)


def supersede(site: Site, connection: Connection, old: Certificate, *, successor: str) -> None:
    """A new machine takes a node's place: its old set-up ends where its streams stand here."""
    me = require_identity(connection)
    body = {
        "node": old.node,
        "epoch": old.epoch,
        "reason": _REPLACED,
        "heads": _heads(connection, old.node, old.epoch),
        "successor": successor,
    }
    _publish(site, connection, me, body, by=me.node)


def _publish(
    site: Site, connection: Connection, me: Identity, body: dict[str, Any], *, by: str
) -> None:
    key = f"{body['node']}/{body['epoch']}"
    record = Record(REVOKED, 1, key, body["node"], site.now(), by, body)
    insert_new(connection, revocation, _rows(record, by=me.node))
    root = chain_for(connection, {(me.node, me.epoch)})[-1]
    for route in (DOWN_ALL, UP + root.level):
        append(
            connection,
            origin=me.node,
            route=route,
            txn=key,
            records=[record],
            vault=site.vault,
            limits=site.limits,
        )


def apply_revocations(connection: Connection, arrived: Sequence[Arrived]) -> None:
    """Write down what was revoked, once; the first word on a route stays.

    Raises:
        Refused: a record does not say which set-up it revokes, or names another region's node.
    """
    bad = [one for one in arrived if not _is_sound(one)]
    if bad:
        raise Refused("吊销记录的内容不完整", bad)
    for one in arrived:
        insert_new(connection, revocation, _rows(one.record, by=one.origin))


def _heads(connection: Connection, node: str, epoch: str) -> dict[str, int]:
    rows = connection.execute(
        select(stream.c.route, stream.c.head).where(
            stream.c.origin == node, stream.c.epoch == epoch
        )
    )
    return {row.route: row.head for row in rows}


def _rows(record: Record, *, by: str) -> list[dict[str, object]]:
    body = record.body
    stated = {
        "node": body["node"],
        "epoch": body["epoch"],
        "reason": body["reason"],
        "revoked_by": by,
        "at": record.at,
        "successor": body.get("successor"),
    }
    last = {ANY_ROUTE: NO_END if body.get("successor") else 0} | dict(body["heads"])
    return [stated | {"route": route, "last": seq} for route, seq in last.items()]


def _is_sound(one: Arrived) -> bool:
    body = one.record.body
    texts = (body.get("node"), body.get("epoch"), body.get("reason"))
    heads = body.get("heads")
    return (
        all(isinstance(text, str) and text for text in texts)
        and isinstance(body.get("successor", ""), str)
        and body["node"] == one.record.region
        and isinstance(heads, Mapping)
        and all(type(seq) is int and seq >= 0 for seq in heads.values())
    )
