"""What stands in place of a line that was lawfully erased: its leaf of the tree, and nothing else.

No line of a record holds a zero byte, so one zero byte marks a tombstone. The leaf is what the root
above it was made of: every proof that went through it still holds, and the line itself is gone.
A leaf is only as good a secret as its line is hard to guess; whoever writes what may have to be
erased puts something random into the body.
"""

from collections.abc import Sequence

from sync.merkle import HASH_BYTES, leaf_hash
from sync.record import Record, parse_lines

MARK = b"\x00"
ERASED_LINE = "sync.erased_line"
NOTHING_LEFT = Record(ERASED_LINE, 1, "", "", "", "", {})
"""What a tombstone reads as."""

_LENGTH = len(MARK) + 2 * HASH_BYTES


def tombstone(line: bytes) -> bytes:
    """What a line leaves behind; of a tombstone, itself."""
    return line if is_tombstone(line) else tombstone_of(leaf_hash(line))


def tombstone_of(leaf: bytes) -> bytes:
    return MARK + leaf.hex().encode()


def is_tombstone(line: bytes) -> bool:
    return line.startswith(MARK)


def any_erased(body: bytes) -> bool:
    """Does a segment's body hold tombstones? One look through it."""
    return MARK in body


def leaf_of(line: bytes) -> bytes:
    """The leaf of a line, or the one a tombstone keeps.

    Raises:
        ValueError: it begins like a tombstone and is none.
    """
    if not is_tombstone(line):
        return leaf_hash(line)
    if len(line) != _LENGTH:
        raise ValueError(len(line))
    return bytes.fromhex(line[len(MARK) :].decode("ascii"))


def read_lines(lines: Sequence[bytes]) -> list[Record]:
    """The records of a segment that may hold tombstones; in place of each, `NOTHING_LEFT`.

    Raises:
        NotCanonical: one of the others is no record.
    """
    kept = iter(parse_lines([line for line in lines if not is_tombstone(line)]))
    return [NOTHING_LEFT if is_tombstone(line) else next(kept) for line in lines]
