"""Certificates: who a node is, from a parent to its child, up to the one root.

A certificate binds a node (its id is its region code), one set-up of it (`epoch`) and one key.
The scope of a child lies inside its issuer's. The root signs its own; what people compare on the
telephone when a node joins is the fingerprint of the root's key, so renewing it changes nothing.
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

import orjson

from sync.errors import Malformed, Untrusted
from sync.keys import FOR_CERTIFICATE, Signer, verifier
from sync.moment import parse_stamp
from sync.regions import strictly_inside

MAX_CHAIN = 8
_TEXT_CHARS = 200


class Author(NamedTuple):
    """Who wrote a record: what an authority rule is asked about."""

    node: str
    level: str
    region: str


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a parent says of its child. `held_by` is the node that holds the private key."""

    node: str
    level: str
    region: str
    epoch: str
    key: bytes
    alg: str
    issuer: str
    issuer_epoch: str
    held_by: str
    not_before: str
    not_after: str
    signature: bytes = b""

    @property
    def author(self) -> Author:
        return Author(self.node, self.level, self.region)

    @property
    def is_root(self) -> bool:
        return self.issuer == self.node and self.issuer_epoch == self.epoch

    def signed_bytes(self) -> bytes:
        """The canonical bytes the issuer signs: everything but the signature."""
        stated = asdict(self)
        del stated["signature"]
        stated["key"] = self.key.hex()
        return orjson.dumps(stated, option=orjson.OPT_SORT_KEYS)

    def fingerprint(self) -> str:
        """Names this certificate (hex SHA-256 of the signed bytes)."""
        return sha256(self.signed_bytes()).hexdigest()

    def covers(self, moment: datetime) -> bool:
        return parse_stamp(self.not_before) <= moment <= parse_stamp(self.not_after)

    def as_json(self) -> dict[str, str]:
        plain = asdict(self)
        plain["key"] = b64encode(self.key).decode()
        plain["signature"] = b64encode(self.signature).decode()
        return plain


def certificate_from_json(plain: Mapping[str, Any]) -> Certificate:
    """Read what `as_json` wrote.

    Raises:
        Malformed: a field is missing, too many, or not what it should be.
    """
    names = {field.name for field in fields(Certificate)}
    if not isinstance(plain, dict) or set(plain) != names:
        raise Malformed("证书的栏目不对")
    texts = {name: value for name, value in plain.items() if isinstance(value, str)}
    if len(texts) != len(names) or max(map(len, texts.values())) > _TEXT_CHARS:
        raise Malformed("证书的栏目过长或类型不对")
    try:
        key = b64decode(texts.pop("key"), validate=True)
        signature = b64decode(texts.pop("signature"), validate=True)
        parse_stamp(texts["not_before"])
        parse_stamp(texts["not_after"])
    except ValueError as error:
        raise Malformed("证书无法读取", cause=str(error)) from error
    return Certificate(**texts, key=key, signature=signature)


def sign_certificate(unsigned: Certificate, issuer: Signer) -> Certificate:
    """The same certificate, vouched for by `issuer`."""
    stated = {field.name: getattr(unsigned, field.name) for field in fields(Certificate)}
    stated["signature"] = issuer.sign(FOR_CERTIFICATE + unsigned.signed_bytes())
    return Certificate(**stated)


def root_fingerprint(certificate: Certificate) -> str:
    """What people compare by telephone: 64 hex digits of the root's algorithm and key."""
    return sha256(certificate.alg.encode() + b"\n" + certificate.key).hexdigest()


def verify_chain(chain: Sequence[Certificate], fingerprint: str) -> Certificate:
    """Check a chain from a node (first) to the root (last); returns the node's certificate.

    Times are not judged here: a segment is judged by when it was sealed, a caller by now.

    Raises:
        Untrusted: a link does not hold, or the root is not the one with this fingerprint.
    """
    if not chain or len(chain) > MAX_CHAIN:
        raise Untrusted("证书链为空或过长", length=len(chain))
    for child, issuer in zip(chain, [*chain[1:], chain[-1]], strict=True):
        _check_issued(child, issuer)
    root = chain[-1]
    if not root.is_root or root_fingerprint(root) != fingerprint:
        raise Untrusted("根证书指纹与加入时不同", node=root.node)
    return chain[0]


def _check_issued(child: Certificate, issuer: Certificate) -> None:
    if (child.issuer, child.issuer_epoch) != (issuer.node, issuer.epoch):
        raise Untrusted("证书链不连贯", node=child.node, issuer=child.issuer)
    if child.node != child.region:
        raise Untrusted("节点编号应为其区划代码", node=child.node, region=child.region)
    if child is not issuer and not strictly_inside(child.region, issuer.region):
        raise Untrusted("证书的区划不在签发者之内", node=child.node, issuer=issuer.node)
    check = verifier(issuer.alg, issuer.key)
    if not check(child.signature, FOR_CERTIFICATE + child.signed_bytes()):
        raise Untrusted("证书签名无效", node=child.node, issuer=issuer.node)
