"""Laws of segments: what was sealed is read again, and whatever else comes is one refusal."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync import Limits, Malformed, Sealed, StreamId
from sync.keys import FOR_SEGMENT, signer, verifier
from sync.merkle import inclusion_proof, leaf_hash, leaf_hashes, proves
from sync.segment import (
    GENESIS,
    decode,
    decode_all,
    encode,
    encode_all,
    read_header,
    seal_segment,
    unpack_lines,
)

KEY = signer("ed25519", bytes(range(32)))
STREAM = StreamId("410122100200", "1kkggyh00rhp4dr", "up/province")
lines = st.lists(
    st.binary(min_size=1, max_size=60).map(lambda data: data.replace(b"\n", b"_")),
    min_size=1,
    max_size=30,
)


def _seal(entries: list[bytes], *, first: int = 1, prev: str = GENESIS) -> Sealed:
    return seal_segment(
        entries,
        stream=STREAM,
        first=first,
        prev=prev,
        types={"x.fact": 1},
        cont=False,
        sealed_at="2026-03-12T08:00:00.000Z",
        signer=KEY,
    )


@given(lines, st.integers(1, 2**40))
def test_what_was_sealed_is_read_again(entries: list[bytes], first: int) -> None:
    sealed = _seal(entries, first=first)
    back, end = decode(encode(sealed))
    header = read_header(back.header)

    assert (back, end) == (sealed, sealed.wire_bytes())
    assert unpack_lines(back, header) == entries
    assert (header.stream, header.first, header.last) == (STREAM, first, first + len(entries) - 1)
    assert verifier(KEY.alg, KEY.key)(back.signature, FOR_SEGMENT + back.header)


@given(lines, st.data())
def test_one_line_is_proved_without_its_neighbours(
    entries: list[bytes], data: st.DataObject
) -> None:
    header = read_header(_seal(entries).header)
    index = data.draw(st.integers(0, len(entries) - 1))
    proof = inclusion_proof(leaf_hashes(entries), index)
    root = bytes.fromhex(header.root)
    assert proves(leaf_hash(entries[index]), index, len(entries), proof, root)


@given(st.lists(lines, min_size=1, max_size=4))
def test_a_chain_of_segments_is_cut_apart_again(chain: list[list[bytes]]) -> None:
    segments, first, prev = [], 1, GENESIS
    for entries in chain:
        segments.append(_seal(entries, first=first, prev=prev))
        first, prev = first + len(entries), segments[-1].hash().hex()
    assert list(decode_all(encode_all(segments))) == segments


@given(lines, st.data())
def test_any_changed_byte_is_noticed(entries: list[bytes], data: st.DataObject) -> None:
    """Whatever a relay changes: it cannot be read, or root or signature do not hold."""
    sealed = _seal(entries)
    wire = bytearray(encode(sealed))
    place = data.draw(st.integers(0, len(wire) - 1))
    wire[place] ^= data.draw(st.integers(1, 255))
    try:
        back, _ = decode(bytes(wire))
        header = read_header(back.header)
        assert unpack_lines(back, header) == entries
    except Malformed:
        return
    if back != sealed:
        signed = verifier(KEY.alg, KEY.key)(back.signature, FOR_SEGMENT + back.header)
        same_lines = back._replace(body=sealed.body) == sealed
        assert not signed or same_lines


@given(lines, st.data())
def test_cut_anywhere_it_is_no_segment(entries: list[bytes], data: st.DataObject) -> None:
    wire = encode(_seal(entries))
    cut = data.draw(st.integers(0, len(wire) - 1))
    with pytest.raises(Malformed):
        decode(wire[:cut])


@given(st.binary(max_size=300))
def test_any_bytes_are_a_segment_or_a_refusal(data: bytes) -> None:
    with pytest.raises(Malformed):
        decode(data)


@given(st.binary(max_size=300))
def test_any_header_is_read_or_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        read_header(data)


@given(
    st.sampled_from(["first", "last", "size", "prev", "root", "types", "cont", "origin", "alg"]),
    st.one_of(st.none(), st.integers(), st.text(max_size=70), st.booleans(), st.lists(st.none())),
)
def test_a_header_with_a_strange_value_is_read_or_refused(name: str, value: object) -> None:
    header = read_header(_seal([b"line"]).header)
    strange = replace(header, **{name: value})  # type: ignore[arg-type]
    try:
        data = strange.canonical()
    except TypeError:  # an integer that JSON cannot hold here
        return
    try:
        assert read_header(data) == strange
    except Malformed:
        return


@given(lines)
def test_limits_hold_before_anything_is_unpacked(entries: list[bytes]) -> None:
    sealed = _seal(entries)
    header = read_header(sealed.header)
    for limits in (
        Limits(segment_records=len(entries) - 1),
        Limits(segment_bytes=header.size - 1),
        Limits(header_bytes=len(sealed.header) - 1),
    ):
        with pytest.raises(Malformed):
            read_header(sealed.header, limits)
    with pytest.raises(Malformed):
        unpack_lines(sealed, header, Limits(packed_bytes=len(sealed.body) - 1))
    for limits in (
        Limits(header_bytes=len(sealed.header) - 1),
        Limits(signature_bytes=len(sealed.signature) - 1),
        Limits(packed_bytes=len(sealed.body) - 1),
    ):
        with pytest.raises(Malformed):
            decode(encode(sealed), 0, limits)
