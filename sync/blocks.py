"""Which records must wait because an earlier one about the same key could not be applied.

A refused record, and one of a version too new, stop every later record about their key. One that
waits for its cause stops only what follows it in its own stream: the cause may come by another.
A record of a type not known here stops nothing: nothing known here was ever written on top of it.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, select

from sync.record import Arrived
from sync.segment import StreamId
from sync.store import held

REFUSED = "refused"
NEWER = "newer"
WAITING = "waiting"
BEHIND = "behind"
UNKNOWN = "unknown"

_EVERYWHERE = (REFUSED, NEWER)
_CHUNK = 500


class Blocks:
    """The keys that are stopped, everywhere or in one stream, and from where on.

    Records that are tried together are counted: one that is at fault stops those after it, not
    those before it, whichever of them the handler complained of first.
    """

    def __init__(self) -> None:
        self._keys: dict[str, int] = {}
        self._stream_keys: dict[tuple[str, str, str, str], int] = {}
        self.waiting: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._keys or self._stream_keys)

    def stop(self, kind: str, name: StreamId, key: str, *, at: int = -1) -> None:
        """Stop what comes after number `at` about this key; unless told, all that is tried now."""
        if kind in _EVERYWHERE:
            self._keys[key] = min(at, self._keys.get(key, at))
        elif kind != UNKNOWN:
            self._stream_keys[*name, key] = min(at, self._stream_keys.get((*name, key), at))

    def stops(self, arrived: Arrived, *, at: int) -> bool:
        name = StreamId(arrived.origin, arrived.epoch, arrived.route)
        return self.stops_key(name, arrived.record.key, at=at)

    def stops_key(self, name: StreamId, key: str, *, at: int = 0) -> bool:
        since = min(self._keys.get(key, at), self._stream_keys.get((*name, key), at))
        return since < at


def blocks_for(connection: Connection, keys: Iterable[str]) -> Blocks:
    """What is held and open stops these keys for whatever arrives now."""
    blocks = Blocks()
    for row in _open_about(connection, keys):
        blocks.stop(row.kind, StreamId(row.origin, row.epoch, row.route), row.key)
        if row.kind == WAITING:
            blocks.waiting.add(row.key)
    return blocks


def stopped_among(connection: Connection, tried: Mapping[int, str]) -> set[int]:
    """Which of these held records (number → key) stand behind an earlier one not among them."""
    blocks, stopped = Blocks(), set()
    for row in _open_about(connection, tried.values()):
        name = StreamId(row.origin, row.epoch, row.route)
        if row.id not in tried:
            blocks.stop(row.kind, name, row.key)
        elif blocks.stops_key(name, row.key):
            stopped.add(row.id)
    return stopped


def _open_about(connection: Connection, keys: Iterable[str]) -> Iterator[Any]:
    """Open held records about these keys; those about one key in the order they came."""
    names = held.c
    columns = (names.id, names.kind, names.key, names.origin, names.epoch, names.route)
    wanted = sorted(set(keys))
    for start in range(0, len(wanted), _CHUNK):
        yield from connection.execute(
            select(*columns)
            .where(names.decided_at.is_(None), names.key.in_(wanted[start : start + _CHUNK]))
            .order_by(names.id)
        )
