r"""The bytes of a push and of a pull: certificates, sealed segments, or a part of a large one.

    cargo  = "WJ1\n" frame*
    frame  = kind (1 byte)  length (4 bytes, big-endian)  bytes
    kinds  = H head (JSON)   C certificate   S segment   P part
    segment = three lengths (4 bytes each)  header  signature  body
    part    = SHA-256 of the whole segment (32)  offset (4)  total (4)  bytes

Lengths are compared with the limits before anything is sliced, and slices before anything is
parsed. Whatever the bytes, decoding gives a cargo or one error, `WireError`.
"""

import hashlib
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

MAGIC = b"WJ1\n"
_FRAME = struct.Struct(">cI")
_SEGMENT = struct.Struct(">III")
_PART = struct.Struct(">32sII")


class WireError(ValueError):
    """Bytes that are not what they are sent as; the message says where."""


@dataclass(frozen=True, slots=True)
class WireLimits:
    """How much one message may hold, in bytes and in pieces, before anything in it is parsed."""

    body: int = 4 * 1024 * 1024 + 64 * 1024  # a full push and its certificates
    head: int = 1024 * 1024  # the heads of some 8,000 streams
    certificate: int = 8 * 1024
    certificates: int = 256
    header: int = 8 * 1024
    signature: int = 512
    segment: int = 16 * 1024 * 1024  # a segment that comes in parts, compressed
    segments: int = 4096


LIMITS = WireLimits()


@dataclass(frozen=True, slots=True)
class Envelope:
    """A sealed segment as it travels: what is signed, the signature, the compressed lines."""

    header: bytes
    signature: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a segment too large for one message. `digest` names the whole of it."""

    digest: bytes
    offset: int
    total: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Cargo:
    """Everything one message carries."""

    head: Mapping[str, Any] = field(default_factory=dict)
    certificates: Sequence[bytes] = ()
    segments: Sequence[Envelope] = ()
    part: Part | None = None


def encode(cargo: Cargo) -> bytes:
    """The bytes of a cargo; a cargo has one form only."""
    pieces = [MAGIC, *_frame(b"H", dump(cargo.head))]
    for certificate in cargo.certificates:
        pieces += _frame(b"C", certificate)
    for envelope in cargo.segments:
        pieces += _frame(b"S", encode_envelope(envelope))
    if part := cargo.part:
        pieces += _frame(b"P", _PART.pack(part.digest, part.offset, part.total), part.data)
    return b"".join(pieces)


def decode(data: bytes, limits: WireLimits = LIMITS) -> Cargo:
    """Read a cargo.

    Raises:
        WireError: the bytes are no cargo, or hold more than the limits allow.
    """
    if len(data) > limits.body:
        raise WireError(f"{len(data)} bytes, more than {limits.body}")
    if not data.startswith(MAGIC):
        raise WireError("not a cargo of this protocol")
    frames: dict[bytes, list[memoryview]] = {b"H": [], b"C": [], b"S": [], b"P": []}
    bounds = {
        b"H": (limits.head, 1),
        b"C": (limits.certificate, limits.certificates),
        b"S": (limits.segment, limits.segments),
        b"P": (limits.body, 1),
    }
    order = b""
    for kind, payload in _frames(memoryview(data)[len(MAGIC) :]):
        if kind not in frames or (order and b"HCSP".index(kind) < b"HCSP".index(order)):
            raise WireError(f"a frame of kind {kind!r} where none may be")
        size, count = bounds[kind]
        if len(payload) > size or len(frames[kind]) >= count:
            raise WireError(f"too much of kind {kind!r}")
        frames[kind].append(payload)
        order = kind
    if not frames[b"H"]:
        raise WireError("a cargo without its head")
    return Cargo(
        head=load(bytes(frames[b"H"][0])),
        certificates=tuple(bytes(each) for each in frames[b"C"]),
        segments=tuple(_envelope(each, limits) for each in frames[b"S"]),
        part=_part(frames[b"P"][0], limits) if frames[b"P"] else None,
    )


def encode_envelope(envelope: Envelope) -> bytes:
    """One segment as one run of bytes, which parts are cut from."""
    sizes = (len(envelope.header), len(envelope.signature), len(envelope.body))
    return b"".join([_SEGMENT.pack(*sizes), envelope.header, envelope.signature, envelope.body])


def decode_envelope(data: bytes, limits: WireLimits = LIMITS) -> Envelope:
    """Read a segment put together from its parts.

    Raises:
        WireError: the bytes are no segment, or larger than the limits allow.
    """
    if len(data) > limits.segment:
        raise WireError(f"a segment of {len(data)} bytes, more than {limits.segment}")
    return _envelope(memoryview(data), limits)


def cut(whole: bytes, *, offset: int, size: int) -> Part:
    """A part of an encoded segment: `size` bytes from `offset`, or what is left."""
    data = whole[offset : offset + size]
    return Part(hashlib.sha256(whole).digest(), offset, len(whole), data)


def dump(value: Mapping[str, Any]) -> bytes:
    """A JSON object in the form signed lines have: keys sorted, no spaces."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def load(data: bytes) -> dict[str, Any]:
    """A JSON object whose size was bounded before.

    Raises:
        WireError: it is not JSON, or not an object.
    """
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise WireError(f"not JSON: {error}") from error
    if not isinstance(value, dict):
        raise WireError("not a JSON object")
    return value


def _frame(kind: bytes, *pieces: bytes) -> Iterable[bytes]:
    return (_FRAME.pack(kind, sum(map(len, pieces))), *pieces)


def _frames(data: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    at = 0
    while at < len(data):
        if len(data) - at < _FRAME.size:
            raise WireError("a frame is cut off")
        kind, length = _FRAME.unpack_from(data, at)
        at += _FRAME.size
        if length > len(data) - at:
            raise WireError("a frame is longer than the message")
        yield kind, data[at : at + length]
        at += length


def _envelope(data: memoryview, limits: WireLimits) -> Envelope:
    if len(data) < _SEGMENT.size:
        raise WireError("a segment is cut off")
    header, signature, body = _SEGMENT.unpack_from(data)
    if header > limits.header or signature > limits.signature:
        raise WireError("a segment's header or signature is too large")
    if _SEGMENT.size + header + signature + body != len(data):
        raise WireError("a segment's lengths do not add up")
    first = _SEGMENT.size + header
    second = first + signature
    return Envelope(
        bytes(data[_SEGMENT.size : first]), bytes(data[first:second]), bytes(data[second:])
    )


def _part(data: memoryview, limits: WireLimits) -> Part:
    if len(data) <= _PART.size:
        raise WireError("a part is cut off")
    digest, offset, total = _PART.unpack_from(data)
    length = len(data) - _PART.size
    if total > limits.segment or offset + length > total:
        raise WireError("a part reaches over its whole")
    return Part(digest, offset, total, bytes(data[_PART.size :]))
