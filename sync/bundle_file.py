r"""The bytes of a bundle: what a push or a pull would carry, as one file.

    bundle  = "WUJI-BUNDLE-1\n"  length (4 bytes, big-endian)  label (JSON)  payload
    payload = frame* , or the same cut into chunks and encrypted (`sync.bundle_lock`)
    frame   = kind (1 byte)  length (4 bytes)  bytes
    kinds   = H manifest (JSON)   C certificate (JSON)   S segment (`sync.segment`)   Z signature

Kinds stand in this order; H and Z stand once. The signature is the sender's, over "wuji/1 bundle\n"
and the SHA-256 of everything before the frame Z, before encryption; nothing follows it. So the
sender vouches for every byte, and a file that was cut or changed anywhere is known as such.

Nothing is read before its length is compared with a limit, and one frame at a time is in memory.
"""

import hashlib
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sync import segment, wire
from sync.bundle_lock import Input, LockedInput, LockedOutput, Output
from sync.certificate import Certificate, certificate_from_json
from sync.errors import Malformed
from sync.limits import KIB, LIMITS, MIB, Limits
from sync.segment import Sealed

MAGIC = b"WUJI-BUNDLE-1\n"
_LENGTH = struct.Struct(">I")
_FRAME = struct.Struct(">cI")
_FRAMING = 64  # bytes around a segment
_CUT_SHORT = "数据包不完整，可能没有拷贝完"
_DAMAGED = "数据包已损坏"


@dataclass(frozen=True, slots=True)
class BundleLimits:
    """How much a bundle may hold, in bytes and in pieces, before anything in it is parsed."""

    label: int = 4 * KIB
    manifest: int = 32 * MIB
    certificate: int = 4 * KIB
    certificates: int = 20_000
    segments: int = 2_000_000
    signature: int = 512
    segment: Limits = LIMITS

    @property
    def whole(self) -> int:
        """Bytes of the largest segment, framed."""
        bounds = self.segment
        return bounds.header_bytes + bounds.signature_bytes + bounds.packed_bytes + _FRAMING


BUNDLE_LIMITS = BundleLimits()


class _Hashing:
    def __init__(self, output: Output) -> None:
        self._output = output
        self.digest = hashlib.sha256()

    def write(self, data: bytes, /) -> object:
        self.digest.update(data)
        return self._output.write(data)


class Writer:
    """Writes one bundle: the label, then `manifest`, `certificate`, `segment` in order, `close`."""

    def __init__(
        self,
        output: Output,
        label: dict[str, Any],
        *,
        lock: Callable[[Output, bytes], LockedOutput] | None = None,
    ) -> None:
        prelude = _prelude(label)
        output.write(prelude)
        self._locked = lock(output, prelude) if lock else None
        self._frames = _Hashing(self._locked or output)
        self._frames.digest.update(prelude)

    def manifest(self, plain: dict[str, Any]) -> None:
        self._frame(b"H", wire.dump(plain))

    def certificate(self, found: Certificate) -> None:
        self._frame(b"C", wire.dump(found.as_json()))

    def segment(self, sealed: Sealed) -> None:
        self._frame(b"S", segment.encode(sealed))

    def close(self, sign: Callable[[bytes], bytes]) -> None:
        """Sign everything that was written."""
        self._frame(b"Z", sign(self._frames.digest.digest()))
        if self._locked:
            self._locked.close()

    def _frame(self, kind: bytes, data: bytes) -> None:
        self._frames.write(_FRAME.pack(kind, len(data)))
        self._frames.write(data)


@dataclass
class Reader:
    """Reads one bundle from its start.

    `head` gives manifest and certificates; `segments` the rest, which is proved only when it has
    been read to its end and `check`, given digest and signature, did not refuse.
    """

    source: Input
    label: dict[str, Any]
    prelude: bytes
    limits: BundleLimits
    _digest: Any = field(init=False)
    _ahead: tuple[bytes, int] = field(default=(b"", 0), init=False)

    def __post_init__(self) -> None:
        self._digest = hashlib.sha256(self.prelude)

    def unlock(self, opened: LockedInput) -> None:
        """Read the payload through this from here on."""
        self.source = opened

    def head(self) -> tuple[dict[str, Any], list[Certificate]]:
        """The manifest and the certificates.

        Raises:
            Malformed: they cannot be read, or are more than the limits allow.
        """
        self._next()
        if self._ahead[0] != b"H":
            raise Malformed(_DAMAGED)
        manifest = wire.load(self._bytes(self.limits.manifest))
        certificates: list[Certificate] = []
        self._next()
        while self._ahead[0] == b"C":
            if len(certificates) >= self.limits.certificates:
                raise Malformed("数据包里的证书过多")
            plain = wire.load(self._bytes(self.limits.certificate))
            certificates.append(certificate_from_json(plain))
            self._next()
        return manifest, certificates

    def segments(self, check: Callable[[bytes, bytes], None]) -> Iterator[Sealed]:
        """The segments, in the order they stand in; at the end the signature is checked.

        Raises:
            Malformed: the file is cut short, damaged, or goes on after its end.
        """
        count = 0
        while self._ahead[0] == b"S":
            count += 1
            if count > self.limits.segments:
                raise Malformed("数据包里的段过多")
            data = self._bytes(self.limits.whole)
            sealed, end = segment.decode(data, 0, self.limits.segment)
            if end != len(data):
                raise Malformed(_DAMAGED)
            yield sealed
            self._next()
        if self._ahead[0] != b"Z":
            raise Malformed(_DAMAGED)
        self._finish(check)

    def _finish(self, check: Callable[[bytes, bytes], None]) -> None:
        # The signature speaks of what stood before its own frame.
        size = self._ahead[1]
        if size > self.limits.signature:
            raise Malformed(_DAMAGED)
        signature = _exactly(self.source, size)
        if self.source.read(1):
            raise Malformed("数据包后面还有多余的内容")
        check(self._digest.digest(), signature)

    def _next(self) -> None:
        data = _exactly(self.source, _FRAME.size)
        self._ahead = _FRAME.unpack(data)
        if self._ahead[0] != b"Z":
            self._digest.update(data)

    def _bytes(self, limit: int) -> bytes:
        if self._ahead[1] > limit:
            raise Malformed(_DAMAGED)
        data = _exactly(self.source, self._ahead[1])
        self._digest.update(data)
        return data


def open_reader(source: Input, limits: BundleLimits = BUNDLE_LIMITS) -> Reader:
    """Read magic and label; the payload is still to come.

    Raises:
        Malformed: this is no bundle.
    """
    start = source.read(len(MAGIC))
    if start != MAGIC:
        raise Malformed("这不是五级网络的数据包文件")
    size = _exactly(source, _LENGTH.size)
    (length,) = _LENGTH.unpack(size)
    if length > limits.label:
        raise Malformed(_DAMAGED)
    label = _exactly(source, length)
    return Reader(source, wire.load(label), start + size + label, limits)


def _prelude(label: dict[str, Any]) -> bytes:
    plain = wire.dump(label)
    return MAGIC + _LENGTH.pack(len(plain)) + plain


def _exactly(source: Input, size: int) -> bytes:
    data = source.read(size)
    if len(data) != size:
        raise Malformed(_CUT_SHORT)
    return data
