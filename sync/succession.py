"""Successions: what ties the first header of a stream to where the old one ended.

A node that goes on under a new epoch names in the first header of each stream how far the stream of
the old epoch reaches, and its parent vouches for that. Who holds the old stream knows from then on
that it ends there, and that whatever else exists under its later numbers does not count.
"""

from typing import NamedTuple

import orjson
from sqlalchemy import Connection, select

from sync.certificate import Certificate
from sync.errors import Malformed, Untrusted
from sync.keys import FOR_SUCCESSION, Signer, verifier
from sync.segment import StreamId
from sync.store import succession

VERSION = 1
LONGEST = 1000


class Continuation(NamedTuple):
    """The stream (node, old, route) ends at `seq` with `hash`; (node, new, route) goes on."""

    node: str
    route: str
    old: str
    new: str
    seq: int
    hash: str
    by: str
    by_epoch: str
    signature: str = ""
    v: int = VERSION

    @property
    def old_stream(self) -> StreamId:
        return StreamId(self.node, self.old, self.route)

    @property
    def new_stream(self) -> StreamId:
        return StreamId(self.node, self.new, self.route)

    def text(self) -> str:
        """As it stands in a header."""
        return orjson.dumps(self._asdict(), option=orjson.OPT_SORT_KEYS).decode()

    def _signed_bytes(self) -> bytes:
        stated = self._asdict()
        del stated["signature"]
        return FOR_SUCCESSION + orjson.dumps(stated, option=orjson.OPT_SORT_KEYS)

    def countersigned(self, signer: Signer) -> "Continuation":
        """The same, vouched for by the parent `by`."""
        return self._replace(signature=signer.sign(self._signed_bytes()).hex())

    def check(self, vouching: Certificate | None) -> None:
        """Raises: Untrusted: the parent it names did not sign it."""
        if vouching is None or (vouching.node, vouching.epoch) != (self.by, self.by_epoch):
            raise Untrusted("续写声明的见证节点没有证书", node=self.node, by=self.by)
        holds = verifier(vouching.alg, vouching.key)
        if not holds(bytes.fromhex(self.signature), self._signed_bytes()):
            raise Untrusted("续写声明的签名无效", node=self.node, by=self.by)


def read_continuation(text: str) -> Continuation:
    """Read what `text` wrote.

    Raises:
        Malformed: it is something else, or of a version this program does not know.
    """
    try:
        found = Continuation(**orjson.loads(text))
        bytes.fromhex(found.hash + found.signature)
    except (orjson.JSONDecodeError, TypeError, ValueError) as error:
        raise Malformed("续写声明无法读取") from error
    if found.v != VERSION:
        raise Malformed("续写声明的版本本程序不认识", version=found.v)
    names = (found.node, found.route, found.old, found.new, found.by, found.by_epoch)
    if not all(isinstance(name, str) for name in names) or type(found.seq) is not int:
        raise Malformed("续写声明无法读取")
    if len(text) > LONGEST or found.text() != text:
        raise Malformed("续写声明不是规范写法")
    return found


def ending_of(connection: Connection, name: StreamId) -> str | None:
    """Where the author of a stream says that it ends, if it goes on under a later epoch."""
    names = succession.c
    texts = connection.scalars(
        select(names.continues).where(
            names.node == name.origin, names.route == name.route, names.epoch > name.epoch
        )
    )
    return next((text for text in texts if read_continuation(text).old == name.epoch), None)
