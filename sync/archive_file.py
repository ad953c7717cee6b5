r"""The bytes of an archive: segments that everybody has, taken out of the live store.

    archive = "WUJI-ARCHIVE-1\n"  frame*
    frame   = kind (1 byte)  length (4 bytes, big-endian)  bytes
    kinds   = H manifest (JSON)   C certificate (JSON)   S segment   Z signature

In this order; H and Z stand once. A segment is written as it travels (`sync.segment`), but its
body as it lay in the store: sealed in the node's vault, since what is personal there is personal
here. The signature is the archiving node's, over "wuji/1 archive\n" and the SHA-256 of everything
before the frame Z. One frame at a time is in memory.
"""

import hashlib
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Protocol

from sync import segment, wire
from sync.certificate import Certificate, certificate_from_json
from sync.errors import Malformed
from sync.limits import KIB, LIMITS, MIB, Limits
from sync.segment import Sealed, StreamId

MAGIC = b"WUJI-ARCHIVE-1\n"
SUFFIX = ".wujiarchive"
_FRAME = struct.Struct(">cI")
_LARGEST = {b"H": 64 * MIB, b"C": 4 * KIB, b"Z": 512}
_VAULT = 1 * KIB  # what a vault may add to a body
_DAMAGED = "归档文件已损坏"
_CUT_SHORT = "归档文件不完整"


class Run(NamedTuple):
    """What an archive holds of one stream; `prev` is the hash before it, `end` its last hash."""

    stream: StreamId
    first: int
    last: int
    segments: int
    prev: str
    end: str


class Manifest(NamedTuple):
    """By whom, when, and what."""

    node: str
    epoch: str
    at: str
    runs: Sequence[Run]

    def as_json(self) -> dict[str, Any]:
        runs = [[*run.stream, *run[1:]] for run in self.runs]
        return {"node": self.node, "epoch": self.epoch, "at": self.at, "runs": runs}


class Place(NamedTuple):
    """Where a body lies in its file."""

    offset: int
    size: int


class Output(Protocol):
    """Where an archive is written to."""

    def write(self, data: bytes, /) -> object: ...


class Archives(Protocol):
    """Where archives are kept. None when a file is not there just now."""

    def open(self, name: str) -> BinaryIO | None: ...


class NoArchives:
    """A node that was told of no folder."""

    def open(self, name: str) -> BinaryIO | None:  # noqa: ARG002  # there is none to look in
        return None


class Folder:
    """Archives as files of one folder; it may be on a disk that is not always there."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def open(self, name: str) -> BinaryIO | None:
        try:
            return (self._path / name).open("rb")
        except OSError:
            return None


NO_ARCHIVES = NoArchives()


class Writer:
    """Writes one archive: `manifest`, `certificate`, `segment` in this order, then `close`."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._digest = hashlib.sha256()
        self.size = 0
        self._write(MAGIC)

    def manifest(self, found: Manifest) -> None:
        self._frame(b"H", wire.dump(found.as_json()))

    def certificate(self, found: Certificate) -> None:
        self._frame(b"C", wire.dump(found.as_json()))

    def segment(self, stored: Sealed) -> Place:
        """Write a segment whose body is sealed in the vault; where that body stands."""
        self._frame(b"S", segment.encode(stored))
        return Place(self.size - len(stored.body), len(stored.body))

    def close(self, sign: Callable[[bytes], bytes]) -> str:
        """Sign all of it; the digest that was signed."""
        digest = self._digest.digest()
        self._frame(b"Z", sign(digest))
        return digest.hex()

    def _frame(self, kind: bytes, data: bytes) -> None:
        self._write(_FRAME.pack(kind, len(data)))
        self._write(data)

    def _write(self, data: bytes) -> None:
        self._digest.update(data)
        self._output.write(data)
        self.size += len(data)


class Reader:
    """Reads an archive from its start: `head`, then `segments` to their end."""

    def __init__(self, source: BinaryIO, limits: Limits = LIMITS) -> None:
        self._source = source
        self._limits = limits
        largest = limits.header_bytes + limits.signature_bytes + limits.packed_bytes
        self._largest = {**_LARGEST, b"S": largest + _VAULT}
        self._digest = hashlib.sha256()
        self._ahead: tuple[bytes, bytes] = (b"", b"")
        if source.read(len(MAGIC)) != MAGIC:
            raise Malformed("这不是五级网络的归档文件")
        self._digest.update(MAGIC)

    def head(self) -> tuple[Manifest, list[Certificate]]:
        """The manifest and the certificates.

        Raises:
            Malformed: they cannot be read, or are larger than is allowed.
        """
        self._next()
        manifest = _manifest(wire.load(self._expect(b"H")))
        certificates: list[Certificate] = []
        while self._ahead[0] == b"C":
            certificates.append(certificate_from_json(wire.load(self._expect(b"C"))))
        return manifest, certificates

    def segments(self) -> Iterator[Sealed]:
        """The segments in their order, bodies still in the vault.

        Raises:
            Malformed: the file is cut short or damaged.
        """
        bounds = _with_room(self._limits)
        while self._ahead[0] == b"S":
            data = self._expect(b"S")
            stored, end = segment.decode(data, 0, bounds)
            if end != len(data):
                raise Malformed(_DAMAGED)
            yield stored

    def signature(self) -> tuple[bytes, bytes]:
        """Digest and signature, once all segments were read.

        Raises:
            Malformed: the file does not end with one.
        """
        digest = self._digest.digest()
        kind, found = self._ahead
        if kind != b"Z" or self._source.read(1):
            raise Malformed(_DAMAGED)
        return digest, found

    def _expect(self, kind: bytes) -> bytes:
        found, data = self._ahead
        if found != kind:
            raise Malformed(_DAMAGED)
        self._next()
        return data

    def _next(self) -> None:
        head = self._exactly(_FRAME.size)
        kind, length = _FRAME.unpack(head)
        if length > self._largest.get(kind, 0):
            raise Malformed(_DAMAGED)
        data = self._exactly(length)
        if self._ahead[0]:
            self._digest.update(self._framed(*self._ahead))
        self._ahead = (kind, data)

    def _framed(self, kind: bytes, data: bytes) -> bytes:
        return _FRAME.pack(kind, len(data)) + data

    def _exactly(self, size: int) -> bytes:
        data = self._source.read(size)
        if len(data) != size:
            raise Malformed(_CUT_SHORT)
        return data


def _with_room(limits: Limits) -> Limits:
    return replace(limits, packed_bytes=limits.packed_bytes + _VAULT)


def _manifest(plain: dict[str, Any]) -> Manifest:
    try:
        runs = [
            Run(StreamId(*map(str, row[:3])), int(row[3]), int(row[4]), int(row[5]), *row[6:8])
            for row in plain["runs"]
        ]
        return Manifest(plain["node"], plain["epoch"], plain["at"], runs)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise Malformed(_DAMAGED) from error
