"""Any cargo comes back as it was sent; any bytes are a cargo or one error."""

import hashlib
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sync import segment, wire
from sync.certificate import Certificate
from sync.errors import Malformed
from sync.limits import Limits
from sync.segment import Sealed
from sync.wire import Cargo, Part, WireLimits

SMALL = WireLimits(
    body=4096,
    head=256,
    certificate=800,
    certificates=2,
    segments=3,
    segment=Limits(header_bytes=64, signature_bytes=64, packed_bytes=900),
)
CERTIFICATE = Certificate(
    *("a" for _ in range(4)),
    key=b"k",
    alg="ed25519",
    issuer="b",
    issuer_epoch="1",
    held_by="a",
    not_before="2026-03-12T08:00:00.000Z",
    not_after="2027-03-12T08:00:00.000Z",
)
few = st.binary(max_size=64)
segments = st.builds(Sealed, header=few, signature=few, body=st.binary(max_size=512))
moments = st.just("2026-03-12T08:00:00.000Z")
word = st.from_regex(r"[a-z0-9]{1,15}", fullmatch=True)
certificates = st.builds(
    Certificate,
    node=word,
    level=word,
    region=word,
    epoch=word,
    key=few,
    alg=word,
    issuer=word,
    issuer_epoch=word,
    held_by=word,
    not_before=moments,
    not_after=moments,
    signature=few,
)
heads = st.dictionaries(st.text(max_size=8), st.integers(-(2**53), 2**53) | st.text(max_size=8))
parts = st.builds(
    lambda whole, offset: wire.cut(whole, offset=offset % len(whole), size=100),
    st.binary(min_size=1, max_size=512),
    st.integers(0, 10**6),
)
cargoes = st.builds(
    Cargo,
    head=heads.filter(lambda head: len(wire.dump(head)) <= 256),
    certificates=st.lists(certificates, max_size=2).map(tuple),
    segments=st.lists(segments, max_size=3).map(tuple),
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
    except Malformed:
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
    except Malformed:
        return


@given(st.binary(max_size=400))
def test_any_bytes_are_a_segment_or_one_error(data: bytes) -> None:
    try:
        sealed = wire.decode_segment(data, SMALL)
    except Malformed:
        return
    assert segment.encode(sealed) == data


@given(segments, st.integers(1, 200))
def test_parts_put_together_are_the_segment(sealed: Sealed, size: int) -> None:
    whole = segment.encode(sealed)
    received = b""
    while len(received) < len(whole):
        part = wire.cut(whole, offset=len(received), size=size)
        assert part.total == len(whole)
        received += part.data
    assert part.digest == hashlib.sha256(received).digest()
    assert wire.decode_segment(received, SMALL) == sealed


@pytest.mark.parametrize(
    "cargo",
    [
        Cargo(head={"a": "x" * 300}),
        Cargo(certificates=[replace(CERTIFICATE, key=b"x" * 600)]),
        Cargo(certificates=[CERTIFICATE] * 3),
        Cargo(segments=[Sealed(b"", b"", b"")] * 4),
        Cargo(segments=[Sealed(b"x" * 65, b"", b"")]),
        Cargo(segments=[Sealed(b"", b"x" * 65, b"")]),
        Cargo(segments=[Sealed(b"", b"", b"x" * 1100)]),
        Cargo(part=Part(b"d" * 32, 0, 2048, b"x")),
        Cargo(part=Part(b"d" * 32, 10, 20, b"x" * 11)),
        Cargo(part=Part(b"d" * 32, 0, 0, b"")),
    ],
)
def test_more_than_the_limits_allow_is_refused_unread(cargo: Cargo) -> None:
    with pytest.raises(Malformed):
        wire.decode(wire.encode(cargo), SMALL)


def test_a_message_over_the_limit_is_refused_whatever_is_in_it() -> None:
    data = wire.encode(Cargo(segments=[Sealed(b"", b"", b"x" * 900)] * 3))
    assert wire.decode(data, SMALL).segments
    with pytest.raises(Malformed):
        wire.decode(data, replace(SMALL, body=len(data) - 1))
