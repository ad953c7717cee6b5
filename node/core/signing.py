"""Signed facts on paper: a QR code that any node of the network verifies with no line to anybody.

The code holds the facts, the signature of the node that printed it, and the certificates from that
node up to, but without, the root: whoever verifies has the root's, since it joined under it. The
code is upper-case Base32, which QR codes hold densely.
"""

import zlib
from base64 import b32decode, b32encode, b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, select

from node.core.errors import Invalid, Unavailable
from node.core.personal import keyring_of
from sync.certificate import Certificate, verify_chain
from sync.errors import SyncRefusal
from sync.keyring import HOSTED, OWN, identity_of
from sync.keys import signer, verifier
from sync.store import private_key, revocation
from sync.trust import newest_certificate

MARK = "WUJI1:"
FOR_PAPER = b"wuji/1 paper\n"
LONGEST = 4_000
DEEPEST = 8
UNPACKED = 8_000

Facts = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Checked:
    """What a code proves: who printed it, and what it says."""

    node: str
    facts: dict[str, Any]


def attest(connection: Connection, node: str, facts: Facts) -> str:
    """The text of a code for these facts, signed by a node whose key is held here.

    Raises:
        Unavailable: this node has not joined the network yet, or does not write for that one.
    """
    keys = (
        select(private_key)
        .where(private_key.c.node == node, private_key.c.kind.in_([OWN, HOSTED]))
        .order_by(private_key.c.epoch.desc())
    )
    row = connection.execute(keys).first()
    if row is None:
        raise Unavailable("本节点还没有加入网络，不能签发带二维码的凭证")
    secret = keyring_of(connection).open(row.secret)
    said = orjson.dumps(dict(facts), option=orjson.OPT_SORT_KEYS)
    signature = signer(row.alg, secret).sign(FOR_PAPER + said)
    chain = _chain(connection, node)[:-1]
    whole = [said.decode(), _text(signature), [_packed(link) for link in chain]]
    packed = zlib.compress(orjson.dumps(whole), 9)
    return MARK + b32encode(packed).decode().rstrip("=")


def check(connection: Connection, text: str) -> Checked:
    """What a code says, if its signature and certificates hold under this network's root.

    Raises:
        Invalid: it is no code of this network, or was changed.
        Unavailable: this node has not joined the network yet.
    """
    me = identity_of(connection)
    if me is None:
        raise Unavailable("本节点还没有加入网络，不能核验凭证")
    said, signature, links = _opened(text)
    root = _root(connection)
    try:
        chain = _unpacked(links, root)
        author = verify_chain(chain, me.root_fingerprint)
        holds = verifier(author.alg, author.key)(signature, FOR_PAPER + said.encode())
    except (SyncRefusal, ValueError, TypeError, IndexError) as error:
        raise Invalid("二维码的证书不成立，不是本网络签发的凭证", field="code") from error
    if not holds:
        raise Invalid("二维码的签名不成立，内容可能被改动", field="code")
    revoked = select(revocation.c.node).where(
        revocation.c.node == author.node, revocation.c.epoch == author.epoch
    )
    if connection.execute(revoked).first() is not None:
        raise Invalid("签发节点的证书已被吊销，请与上级核对", field="code")
    return Checked(author.node, orjson.loads(said))


def _opened(text: str) -> tuple[str, bytes, list[Any]]:
    code = "".join(text.split()).upper()
    if not code.startswith(MARK) or len(code) > LONGEST:
        raise Invalid("这不是本网络凭证的二维码", field="code")
    body = code.removeprefix(MARK)
    try:
        packed = b32decode(body + "=" * (-len(body) % 8))
        plain = zlib.decompressobj().decompress(packed, UNPACKED)
        said, signature, links = orjson.loads(plain)
        return str(said), b64decode(signature), list(links)
    except (ValueError, TypeError, zlib.error) as error:
        raise Invalid("二维码不完整，请重新扫描", field="code") from error


def _chain(connection: Connection, node: str) -> list[Certificate]:
    """From a node up to the root, as this node holds them."""
    chain: list[Certificate] = []
    at: str = node
    while len(chain) < DEEPEST:
        found = newest_certificate(connection, at)
        if found is None:
            raise Unavailable("本节点没有完整的证书，不能签发带二维码的凭证")
        chain.append(found)
        if found.is_root:
            return chain
        at = found.issuer
    raise Unavailable("证书链过长，请联系管理员")


def _root(connection: Connection) -> Certificate:
    me = identity_of(connection)
    return _chain(connection, me.node if me else "")[-1]


def _text(data: bytes) -> str:
    return b64encode(data).decode()


def _packed(link: Certificate) -> list[str]:
    """A certificate without what the next one says again."""
    held_by = "" if link.held_by == link.node else link.held_by
    return [
        link.node,
        link.level,
        link.epoch,
        _text(link.key),
        link.alg,
        held_by,
        link.not_before,
        link.not_after,
        _text(link.signature),
    ]


def _unpacked(links: list[Any], root: Certificate) -> list[Certificate]:
    chain = [root]
    for node, level, epoch, key, alg, held_by, first, last, signature in reversed(links[:DEEPEST]):
        issuer = chain[0]
        link = Certificate(
            node=node,
            level=level,
            region=node,
            epoch=epoch,
            key=b64decode(key),
            alg=alg,
            issuer=issuer.node,
            issuer_epoch=issuer.epoch,
            held_by=held_by or node,
            not_before=first,
            not_after=last,
            signature=b64decode(signature),
        )
        chain.insert(0, link)
    return chain
