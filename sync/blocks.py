"""Which records must wait because an earlier one about the same key could not be applied.

A refused record, and one of a version too new, stop every later record about their key. One that
waits for its cause stops only what follows it in its own stream: the cause may come by another.
A record of a type not known here stops nothing: nothing known here was ever written on top of it.
"""

from collections.abc import Iterable

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
    """The keys that are stopped, everywhere or in one stream."""

    def __init__(self) -> None:
        self._keys: set[str] = set()
        self._stream_keys: set[tuple[str, str, str, str]] = set()
        self.waiting: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._keys or self._stream_keys)

    def stop(self, kind: str, name: StreamId, key: str) -> None:
        if kind in _EVERYWHERE:
            self._keys.add(key)
        elif kind != UNKNOWN:
            self._stream_keys.add((*name, key))

    def stops(self, arrived: Arrived) -> bool:
        key = arrived.record.key
        if key in self._keys:
            return True
        return (arrived.origin, arrived.epoch, arrived.route, key) in self._stream_keys


def blocks_for(connection: Connection, keys: Iterable[str], *, but: Iterable[int] = ()) -> Blocks:
    """What open held records, those in `but` excepted, stop among these keys."""
    blocks = Blocks()
    names = held.c
    wanted, excepted = sorted(set(keys)), set(but)
    for start in range(0, len(wanted), _CHUNK):
        rows = connection.execute(
            select(names.id, names.kind, names.key, names.origin, names.epoch, names.route).where(
                names.decided_at.is_(None), names.key.in_(wanted[start : start + _CHUNK])
            )
        )
        for number, kind, key, *name in rows:
            if number not in excepted:
                blocks.stop(kind, StreamId(*name), key)
                if kind == WAITING:
                    blocks.waiting.add(key)
    return blocks
