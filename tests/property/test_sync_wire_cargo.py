"""Any cargo comes back as it was sent; any bytes are a cargo or one error."""

import hashlib
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sync import wire
from sync.wire import Cargo, Envelope, Part, WireError, WireLimits

SMALL = WireLimits(
    body=4096,
    head=256,
    certificate=64,
    certificates=3,
    header=64,
    signature=64,
    segment=1024,
    segments=3,
)
few = st.binary(max_size=64)
envelopes = st.builds(Envelope, header=few, signature=few, body=st.binary(max_size=512))
heads = st.dictionaries(st.text(max_size=8), st.integers(-(2**53), 2**53) | st.text(max_size=8))
parts = st.builds(
    lambda whole, offset: wire.cut(whole, offset=offset % len(whole), size=100),
    st.binary(min_size=1, max_size=512),
    st.integers(0, 10**6),
)
cargoes = st.builds(
    Cargo,
    head=heads.filter(lambda head: len(wire.dump(head)) <= 256),
    certificates=st.lists(few, max_size=3).map(tuple),
    segments=st.lists(envelopes, max_size=3).map(tuple),
    part=parts | st.none(),
)


@given(cargoes)
def test_a_cargo_arrives_as_it_was_sent(cargo: Cargo) -> None:
    assert wire.decode(wire.encode(cargo), SMALL) == cargo


@given(st.binary(max_size=600) | st.binary(max_size=600).map(lambda data: wire.MAGIC + data))
@example(wire.MAGIC + b"H\xff\xff\xff\xff{}")
@example(wire.MAGIC + b"H\0\0\0\2[]")
@example(wire.MAGIC)
@example(b"")
def test_any_bytes_are_a_cargo_or_one_error(data: bytes) -> None:
    try:
        cargo = wire.decode(data, SMALL)
    except WireError:
        return
    assert wire.decode(wire.encode(cargo), SMALL) == cargo


@given(cargoes, st.data())
def test_a_damaged_cargo_is_a_cargo_or_one_error(cargo: Cargo, data: st.DataObject) -> None:
    good = bytearray(wire.encode(cargo))
    for at in data.draw(st.lists(st.integers(0, len(good) - 1), max_size=4)):
        good[at] = data.draw(st.integers(0, 255))
    good = good[: data.draw(st.integers(0, len(good)))]
    try:
        wire.decode(bytes(good), SMALL)
    except WireError:
        return


@given(st.binary(max_size=400))
def test_any_bytes_are_a_segment_or_one_error(data: bytes) -> None:
    try:
        envelope = wire.decode_envelope(data, SMALL)
    except WireError:
        return
    assert wire.encode_envelope(envelope) == data


@given(envelopes, st.integers(1, 200))
def test_parts_put_together_are_the_segment(envelope: Envelope, size: int) -> None:
    whole = wire.encode_envelope(envelope)
    received = b""
    while len(received) < len(whole):
        part = wire.cut(whole, offset=len(received), size=size)
        assert part.total == len(whole)
        received += part.data
    assert part.digest == hashlib.sha256(received).digest()
    assert wire.decode_envelope(received, SMALL) == envelope


@pytest.mark.parametrize(
    "cargo",
    [
        Cargo(head={"a": "x" * 300}),
        Cargo(certificates=[b"x" * 65]),
        Cargo(certificates=[b"x"] * 4),
        Cargo(segments=[Envelope(b"", b"", b"")] * 4),
        Cargo(segments=[Envelope(b"x" * 65, b"", b"")]),
        Cargo(segments=[Envelope(b"", b"x" * 65, b"")]),
        Cargo(segments=[Envelope(b"", b"", b"x" * 1100)]),
        Cargo(part=Part(b"d" * 32, 0, 2048, b"x")),
        Cargo(part=Part(b"d" * 32, 10, 20, b"x" * 11)),
        Cargo(part=Part(b"d" * 32, 0, 0, b"")),
    ],
)
def test_more_than_the_limits_allow_is_refused_unread(cargo: Cargo) -> None:
    with pytest.raises(WireError):
        wire.decode(wire.encode(cargo), SMALL)


def test_a_message_over_the_limit_is_refused_whatever_is_in_it() -> None:
    data = wire.encode(Cargo(segments=[Envelope(b"", b"", b"x" * 900)] * 3))
    assert wire.decode(data, SMALL).segments
    with pytest.raises(WireError):
        wire.decode(data, replace(SMALL, body=len(data) - 1))
