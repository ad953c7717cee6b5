"""The tree of RFC 9162 (Certificate Transparency) over the lines of a segment.

A leaf is SHA-256(0x00 ‖ line), a node SHA-256(0x01 ‖ left ‖ right); with n leaves the left part
holds the largest power of two below n. Pairing level by level and carrying an odd last node up
unchanged gives the same tree, in one pass.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256

LEAF = b"\x00"
NODE = b"\x01"
HASH_BYTES = 32


def leaf_hash(line: bytes) -> bytes:
    return sha256(LEAF + line).digest()


def leaf_hashes(lines: Iterable[bytes]) -> list[bytes]:
    return [sha256(LEAF + line).digest() for line in lines]


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The root over leaf hashes; of nothing, the hash of nothing (RFC 9162 §2.1.1)."""
    if not leaves:
        return sha256(b"").digest()
    level = leaves
    while len(level) > 1:
        level = _parents(level)
    return level[0]


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The hashes that lead from one leaf to the root, nearest first (RFC 9162 §2.1.3).

    Raises:
        IndexError: there is no such leaf.
    """
    if not 0 <= index < len(leaves):
        raise IndexError(index)
    proof = []
    level = leaves
    while len(level) > 1:
        neighbour = index ^ 1
        if neighbour < len(level):
            proof.append(level[neighbour])
        index //= 2
        level = _parents(level)
    return proof


def proves(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Does this path lead from leaf `index` of `size` to the root? (RFC 9162 §2.1.3.2)."""
    if not 0 <= index < size:
        return False
    here, last = index, size - 1
    steps = iter(proof)
    for step in steps:
        if last == 0:
            return False
        if here & 1 or here == last:
            leaf = sha256(NODE + step + leaf).digest()
            while not here & 1 and here:
                here, last = here >> 1, last >> 1
        else:
            leaf = sha256(NODE + leaf + step).digest()
        here, last = here >> 1, last >> 1
    return last == 0 and leaf == root


def _parents(level: Sequence[bytes]) -> list[bytes]:
    above = [
        sha256(NODE + left + right).digest()
        for left, right in zip(level[::2], level[1::2], strict=False)
    ]
    if len(level) % 2:
        above.append(level[-1])
    return above
