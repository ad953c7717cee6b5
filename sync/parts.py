"""Segments that come in parts, until they are whole.

Kept in memory: what a restart loses is less than one segment, and the sender is told how much is
there. A part proves nothing; the whole is checked against the digest that names it, and then like
any other segment.
"""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field

from sync.errors import Malformed
from sync.limits import MIB
from sync.wire import Part


@dataclass
class _Unfinished:
    digest: bytes
    total: int
    data: bytearray = field(default_factory=bytearray)


class Assembly:
    """Unfinished segments, one per sender, `capacity` bytes in all; the oldest give way."""

    def __init__(self, *, capacity: int = 64 * MIB) -> None:
        self._capacity = capacity
        self._by_sender: OrderedDict[str, _Unfinished] = OrderedDict()

    def have(self, sender: str) -> tuple[str, int]:
        """The digest of what is unfinished from a sender, and how much is there; else ("", 0)."""
        found = self._by_sender.get(sender)
        return (found.digest.hex(), len(found.data)) if found else ("", 0)

    def add(self, sender: str, part: Part) -> bytes | None:
        """Append a part where it fits; the whole segment once it is complete.

        A part that does not begin where the last one ended is not an error: `have` tells the sender
        where to go on.

        Raises:
            Malformed: it is complete and is not what its digest says.
        """
        found = self._by_sender.pop(sender, None)
        if found is None or (found.digest, found.total) != (part.digest, part.total):
            found = _Unfinished(part.digest, part.total)
        if part.offset == len(found.data):
            found.data += part.data
        if len(found.data) < found.total:
            self._by_sender[sender] = found
            self._make_room()
            return None
        whole = bytes(found.data)
        if hashlib.sha256(whole).digest() != found.digest:
            raise Malformed("分片拼合后与摘要不符", bytes=len(whole))
        return whole

    def drop(self, sender: str) -> None:
        """Forget what is unfinished from a sender."""
        self._by_sender.pop(sender, None)

    def _make_room(self) -> None:
        while sum(len(each.data) for each in self._by_sender.values()) > self._capacity:
            self._by_sender.popitem(last=False)
