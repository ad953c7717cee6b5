r"""The bytes of a push and of a pull: certificates, sealed segments, or a part of a large one.

    cargo = "WJ1\n" frame*
    frame = kind (1 byte)  length (4 bytes, big-endian)  bytes
    kinds = H head (JSON)   C certificate (JSON)   S segment (`sync.segment.encode`)   P part
    part  = SHA-256 of the whole segment (32)  offset (4)  total (4)  bytes

Kinds stand in this order; there is one head and at most one part. Lengths are compared with the
limits before anything is sliced, and slices before anything is parsed. Whatever the bytes,
decoding gives a cargo or one error, `Malformed`.
"""

import hashlib
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from sync import segment
from sync.certificate import Certificate, certificate_from_json
from sync.errors import Malformed
from sync.limits import KIB, LIMITS, MIB, Limits
from sync.segment import Sealed

MAGIC = b"WJ1\n"
_FRAME = struct.Struct(">cI")
_PART = struct.Struct(">32sII")
_ORDER = b"HCSP"
_FRAMING = 64  # bytes around a segment: its own lengths and a frame's


@dataclass(frozen=True, slots=True)
class WireLimits:
    """How much one message may hold, in bytes and in pieces, before anything in it is parsed.

    `segment` bounds what is put together from parts; a single message is bounded by `body`.
    """

    body: int = 4 * MIB + 256 * KIB
    head: int = 4 * MIB  # the heads of some 25,000 streams
    certificate: int = 4 * KIB
    certificates: int = 512
    segments: int = 4096
    segment: Limits = LIMITS

    @property
    def whole(self) -> int:
        """Bytes of the largest segment this node takes, framed."""
        bounds = self.segment
        return bounds.header_bytes + bounds.signature_bytes + bounds.packed_bytes + _FRAMING


WIRE_LIMITS = WireLimits()


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
    certificates: Sequence[Certificate] = ()
    segments: Sequence[Sealed] = ()
    part: Part | None = None


def encode(cargo: Cargo) -> bytes:
    """The bytes of a cargo; a cargo has one form only."""
    pieces = [MAGIC, *_frame(b"H", dump(cargo.head))]
    for certificate in cargo.certificates:
        pieces += _frame(b"C", dump(certificate.as_json()))
    for sealed in cargo.segments:
        pieces += _frame(b"S", segment.encode(sealed))
    if part := cargo.part:
        pieces += _frame(b"P", _PART.pack(part.digest, part.offset, part.total), part.data)
    return b"".join(pieces)


def decode(data: bytes, limits: WireLimits = WIRE_LIMITS) -> Cargo:
    """Read a cargo.

    Raises:
        Malformed: the bytes are no cargo, or hold more than the limits allow.
    """
    if len(data) > limits.body:
        raise Malformed("报文过大", bytes=len(data), limit=limits.body)
    if not data.startswith(MAGIC):
        raise Malformed("不是本协议的报文")
    frames = _sorted_frames(memoryview(data)[len(MAGIC) :], limits)
    if not frames[b"H"]:
        raise Malformed("报文没有报头")
    return Cargo(
        head=load(bytes(frames[b"H"][0])),
        certificates=tuple(certificate_from_json(load(bytes(each))) for each in frames[b"C"]),
        segments=tuple(decode_segment(bytes(each), limits) for each in frames[b"S"]),
        part=_part(frames[b"P"][0], limits) if frames[b"P"] else None,
    )


def decode_segment(data: bytes, limits: WireLimits = WIRE_LIMITS) -> Sealed:
    """Read one segment, perhaps put together from its parts.

    Raises:
        Malformed: the bytes are not exactly one segment, or it is larger than the limits allow.
    """
    sealed, end = segment.decode(data, 0, limits.segment)
    if end != len(data):
        raise Malformed("段后还有多余的字节", bytes=len(data) - end)
    return sealed


def cut(whole: bytes, *, offset: int, size: int) -> Part:
    """A part of an encoded segment: `size` bytes from `offset`, or what is left."""
    digest = hashlib.sha256(whole).digest()
    return Part(digest, offset, len(whole), whole[offset : offset + size])


def dump(value: Mapping[str, Any]) -> bytes:
    """A JSON object, keys sorted and without spaces, as signed lines are written."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def load(data: bytes) -> dict[str, Any]:
    """A JSON object whose size was bounded before.

    Raises:
        Malformed: it is not JSON, or not an object.
    """
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise Malformed("不是 JSON", cause=str(error)) from error
    if not isinstance(value, dict):
        raise Malformed("不是 JSON 对象")
    return value


def _frame(kind: bytes, *pieces: bytes) -> Iterable[bytes]:
    return (_FRAME.pack(kind, sum(map(len, pieces))), *pieces)


def _sorted_frames(data: memoryview, limits: WireLimits) -> dict[bytes, list[memoryview]]:
    bounds = {
        b"H": (limits.head, 1),
        b"C": (limits.certificate, limits.certificates),
        b"S": (limits.whole, limits.segments),
        b"P": (limits.body, 1),
    }
    found: dict[bytes, list[memoryview]] = {kind: [] for kind in bounds}
    latest = 0
    for kind, payload in _frames(data):
        place = _ORDER.find(kind)
        if place < latest:
            raise Malformed("报文各部分的种类或次序不对", kind=kind.hex())
        size, count = bounds[kind]
        if len(payload) > size or len(found[kind]) >= count:
            raise Malformed("报文的一部分过大或过多", kind=kind.decode())
        found[kind].append(payload)
        latest = place
    return found


def _frames(data: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    at = 0
    while at < len(data):
        if len(data) - at < _FRAME.size:
            raise Malformed("报文在中途截断")
        kind, length = _FRAME.unpack_from(data, at)
        at += _FRAME.size
        if length > len(data) - at:
            raise Malformed("报文在中途截断")
        yield kind, data[at : at + length]
        at += length


def _part(data: memoryview, limits: WireLimits) -> Part:
    if len(data) <= _PART.size:
        raise Malformed("分片在中途截断")
    digest, offset, total = _PART.unpack_from(data)
    if total > limits.whole or offset + len(data) - _PART.size > total:
        raise Malformed("分片超出整段", offset=offset, total=total)
    return Part(digest, offset, total, bytes(data[_PART.size :]))
