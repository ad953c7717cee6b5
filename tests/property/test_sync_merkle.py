"""Laws of the Merkle tree, against the recursive definition of RFC 9162 §2.1."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.merkle import inclusion_proof, leaf_hash, leaf_hashes, proves, root_of

lines = st.lists(st.binary(max_size=8), min_size=1, max_size=70)


def _definition(entries: list[bytes]) -> bytes:
    """MTH(D[n]) word for word: split at the largest power of two below n."""
    if not entries:
        return sha256(b"").digest()
    if len(entries) == 1:
        return sha256(b"\x00" + entries[0]).digest()
    split = 1
    while split * 2 < len(entries):
        split *= 2
    return sha256(b"\x01" + _definition(entries[:split]) + _definition(entries[split:])).digest()


@given(lines)
def test_the_root_is_the_one_of_the_rfc(entries: list[bytes]) -> None:
    assert root_of(leaf_hashes(entries)) == _definition(entries)


def test_the_root_of_nothing_is_the_hash_of_nothing() -> None:
    assert root_of([]) == _definition([])


@given(lines, st.data())
def test_every_leaf_is_proved_by_its_path(entries: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(entries) - 1))
    leaves = leaf_hashes(entries)
    proof = inclusion_proof(leaves, index)
    assert proves(leaf_hash(entries[index]), index, len(entries), proof, root_of(leaves))
    assert len(proof) <= (len(entries) - 1).bit_length()


@given(lines, st.data())
def test_a_path_proves_no_other_line_place_or_size(
    entries: list[bytes], data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, len(entries) - 1))
    leaves = leaf_hashes(entries)
    leaf, root, proof = leaves[index], root_of(leaves), inclusion_proof(leaves, index)
    size = len(entries)
    other = data.draw(st.integers(-2, size + 2).filter(lambda place: place != index))

    assert not proves(leaf_hash(entries[index] + b"x"), index, size, proof, root)
    assert not proves(leaf, index, size, [*proof, leaf], root)
    assert not proof or not proves(leaf, index, size, proof[:-1], root)
    assert not proves(leaf, index, size, proof, leaf_hash(root))
    if 0 <= other < size and leaves[other] != leaf:
        assert not proves(leaf, other, size, proof, root)
    if not 0 <= other < size:
        assert not proves(leaf, other, size, proof, root)


@given(lines, st.integers())
def test_there_is_no_path_to_a_leaf_that_is_not_there(entries: list[bytes], index: int) -> None:
    if not 0 <= index < len(entries):
        with pytest.raises(IndexError):
            inclusion_proof(leaf_hashes(entries), index)
