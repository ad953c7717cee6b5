"""Segments: a run of lines under one signed header.

The header names the stream, the numbers, the hash of the header before it and the Merkle root of
the lines, so headers chain and a single line is provable without its neighbours. The body is the
lines, one per row, compressed; its bytes are not what is signed, the lines are.
"""

import re
import struct
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from hashlib import sha256
from typing import Any, NamedTuple

import orjson
import zstandard

from sync.errors import Malformed
from sync.keys import FOR_SEGMENT, Signer
from sync.limits import LIMITS, Limits
from sync.merkle import leaf_hashes, root_of
from sync.moment import parse_stamp
from sync.tombstone import any_erased, leaf_of

GENESIS = "0" * 64
"""What the first header of a stream names as the one before it."""

_FRAME = struct.Struct(">4sIHI")
_MAGIC = b"WJS1"
_HEX = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[A-Za-z0-9._:/-]{1,100}")
_LEVEL = 3
_local = threading.local()


class StreamId(NamedTuple):
    """An append-only log: one author, one set-up of it, one way to travel."""

    origin: str
    epoch: str
    route: str


@dataclass(frozen=True, slots=True)
class Header:
    """What is signed. `types` maps each record type inside to its highest version.

    `cont` says that the transaction goes on in the next segment, and that no record of it counts
    before the last has come. `size` is the body's length before compression, in bytes.
    `continues` stands only in the first header of a stream that goes on from one of an older epoch
    (`succession`); a header without it is written without its name.
    """

    alg: str
    origin: str
    epoch: str
    route: str
    first: int
    last: int
    prev: str
    root: str
    types: Mapping[str, int]
    cont: bool
    sealed_at: str
    size: int
    continues: str = ""

    @property
    def stream(self) -> StreamId:
        return StreamId(self.origin, self.epoch, self.route)

    def canonical(self) -> bytes:
        plain = {name: getattr(self, name) for name in _HEADER_FIELDS}
        if not self.continues:
            del plain["continues"]
        return orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)


_HEADER_FIELDS = tuple(field.name for field in fields(Header))


class Sealed(NamedTuple):
    """A segment as it travels: header bytes, the author's signature over them, packed lines."""

    header: bytes
    signature: bytes
    body: bytes

    def hash(self) -> bytes:
        """What the next header names as `prev`."""
        return sha256(self.header).digest()

    def wire_bytes(self) -> int:
        return _FRAME.size + len(self.header) + len(self.signature) + len(self.body)


def seal_segment(
    lines: Sequence[bytes],
    *,
    stream: StreamId,
    first: int,
    prev: str,
    types: Mapping[str, int],
    cont: bool,
    sealed_at: str,
    signer: Signer,
    continues: str = "",
) -> Sealed:
    """Number, hash, sign and pack a run of lines."""
    body = b"\n".join(lines)
    header = Header(
        alg=signer.alg,
        origin=stream.origin,
        epoch=stream.epoch,
        route=stream.route,
        first=first,
        last=first + len(lines) - 1,
        prev=prev,
        root=root_of(leaf_hashes(lines)).hex(),
        types=dict(types),
        cont=cont,
        sealed_at=sealed_at,
        size=len(body),
        continues=continues,
    ).canonical()
    return Sealed(header, signer.sign(FOR_SEGMENT + header), _compressor().compress(body))


def read_header(data: bytes, limits: Limits = LIMITS) -> Header:
    """Read a header, refusing all that is not exactly one.

    Raises:
        Malformed: it is too long, has other fields, or values out of bounds.
    """
    if len(data) > limits.header_bytes:
        raise Malformed("段头过长", limit=limits.header_bytes)
    try:
        plain = orjson.loads(data)
        header = Header(**plain)
    except (orjson.JSONDecodeError, TypeError) as error:
        raise Malformed("段头无法读取", cause=str(error)) from error
    _check_header(header, limits)
    if header.canonical() != data:
        raise Malformed("段头不是规范写法")
    return header


def unpack_lines(sealed: Sealed, header: Header, limits: Limits = LIMITS) -> list[bytes]:
    """Decompress the lines and hold them against the header's count, size and root.

    Nothing is decompressed that says it will be larger than the header says, or than is allowed.

    Raises:
        Malformed: the body is not what the header describes.
    """
    if len(sealed.body) > limits.packed_bytes:
        raise Malformed("段内容过大", limit=limits.packed_bytes)
    try:
        claimed = zstandard.get_frame_parameters(sealed.body).content_size
        # A tombstone is shorter than any line.
        if not 0 < claimed <= header.size:
            raise Malformed("段内容大小与段头不符", claimed=claimed, size=header.size)
        body = _decompressor().decompress(sealed.body, allow_extra_data=False)
        if claimed != header.size and not any_erased(body):
            raise Malformed("段内容大小与段头不符", claimed=claimed, size=header.size)
    except zstandard.ZstdError as error:
        raise Malformed("段内容无法解压", cause=str(error)) from error
    lines = body.split(b"\n")
    if len(lines) != header.last - header.first + 1:
        raise Malformed("段内记录数与段头不符", lines=len(lines))
    if root_of(leaves_of(lines, whole=claimed == header.size)).hex() != header.root:
        raise Malformed("段内容与段头的根不符", root=header.root)
    return lines


def encode(sealed: Sealed) -> bytes:
    """One segment as bytes: lengths, header, signature, body."""
    sizes = _FRAME.pack(_MAGIC, len(sealed.header), len(sealed.signature), len(sealed.body))
    return sizes + b"".join(sealed)


def encode_all(segments: Iterable[Sealed]) -> bytes:
    return b"".join(map(encode, segments))


def leaves_of(lines: Sequence[bytes], *, whole: bool) -> list[bytes]:
    """The leaves of a segment's tree; `whole` when none of its lines was erased.

    Raises:
        Malformed: a line begins like a tombstone and is none.
    """
    if whole:
        return leaf_hashes(lines)
    try:
        return [leaf_of(line) for line in lines]
    except ValueError as error:
        raise Malformed("抹去的记录没有留下散列值") from error


def is_whole(header: Header, lines: Sequence[bytes]) -> bool:
    """Are all lines what the author wrote? A tombstone is shorter than any line."""
    return sum(map(len, lines)) + len(lines) - 1 == header.size


def pack(lines: Sequence[bytes]) -> bytes:
    """The body of a segment of which a line has been erased."""
    return _compressor().compress(b"\n".join(lines))


def decode_all(data: bytes, limits: Limits = LIMITS) -> Iterator[Sealed]:
    """Cut bytes into segments, never looking further than the limits allow.

    Raises:
        Malformed: what follows is no segment, is cut short, or is too large.
    """
    offset = 0
    while offset < len(data):
        sealed, offset = decode(data, offset, limits)
        yield sealed


def decode(data: bytes, offset: int = 0, limits: Limits = LIMITS) -> tuple[Sealed, int]:
    """Read the segment that starts at `offset`; also returns where the next one starts.

    Raises:
        Malformed: what stands there is no segment, is cut short, or is too large.
    """
    start = offset + _FRAME.size
    if len(data) < start:
        raise Malformed("段在中途截断")
    magic, header, signature, body = _FRAME.unpack_from(data, offset)
    if magic != _MAGIC:
        raise Malformed("不是段数据")
    too_long = (
        header > limits.header_bytes
        or signature > limits.signature_bytes
        or body > limits.packed_bytes
    )
    if too_long:
        raise Malformed("段过大", header=header, signature=signature, body=body)
    middle = start + header
    tail = middle + signature
    end = tail + body
    if len(data) < end:
        raise Malformed("段在中途截断")
    return Sealed(data[start:middle], data[middle:tail], data[tail:end]), end


def _check_header(header: Header, limits: Limits) -> None:
    _check_names(header)
    if not isinstance(header.continues, str):
        raise Malformed("段头的续写声明不对")
    counts = (header.first, header.last, header.size)
    if not all(type(count) is int for count in counts) or type(header.cont) is not bool:
        raise Malformed("段头的数目不对")
    count = header.last - header.first + 1
    if not 1 <= header.first <= header.last < 2**62 or count > limits.segment_records:
        raise Malformed("段头的编号不对", first=header.first, last=header.last)
    if not 0 < header.size <= limits.segment_bytes:
        raise Malformed("段内容过大", size=header.size, limit=limits.segment_bytes)
    _check_types(header.types, limits)


def _check_names(header: Header) -> None:
    for name in ("alg", "origin", "epoch", "route"):
        value = getattr(header, name)
        if not isinstance(value, str) or not _NAME.fullmatch(value):
            raise Malformed("段头的名称不对", field=name)
    for name in ("prev", "root"):
        value = getattr(header, name)
        if not isinstance(value, str) or not _HEX.fullmatch(value):
            raise Malformed("段头的散列值不对", field=name)
    try:
        parse_stamp(header.sealed_at)
    except (TypeError, ValueError) as error:
        raise Malformed("段头的时间不对", field="sealed_at") from error


def _check_types(types: Any, limits: Limits) -> None:
    if not isinstance(types, dict) or not 0 < len(types) <= limits.types_per_segment:
        raise Malformed("段头的记录类型不对")
    if not all(type(version) is int and 0 < version < 2**31 for version in types.values()):
        raise Malformed("段头的记录版本不对")


def _compressor() -> zstandard.ZstdCompressor:
    # Contexts are costly to make and must not be shared between threads.
    found: zstandard.ZstdCompressor | None = getattr(_local, "compressor", None)
    if found is None:
        found = _local.compressor = zstandard.ZstdCompressor(level=_LEVEL)
    return found


def _decompressor() -> zstandard.ZstdDecompressor:
    found: zstandard.ZstdDecompressor | None = getattr(_local, "decompressor", None)
    if found is None:
        found = _local.decompressor = zstandard.ZstdDecompressor()
    return found
