"""A proof of one record as plain values, to be carried in a file and checked far from any store.

Who knows the root's fingerprint needs nothing else: `proof_from_json(plain, …).problems()`. The
fingerprint is never read from the file.
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

from sync.certificate import MAX_CHAIN, certificate_from_json
from sync.errors import Malformed
from sync.limits import LIMITS, Limits
from sync.record import parse_line
from sync.segment import Sealed, read_header
from sync.tracing import Trace

MAX_STEPS = 64
"""More hashes than lead to the root of any segment."""
_HASH_CHARS = 64


def proof_to_json(trace: Trace) -> dict[str, Any]:
    """Line, path, signed header and certificates, without anything a reader need not see."""
    return {
        "seq": trace.seq,
        "line": trace.line.decode(),
        "path": [step.hex() for step in trace.proof],
        "header": trace.sealed.header.decode(),
        "signature": b64encode(trace.sealed.signature).decode(),
        "certificates": [certificate.as_json() for certificate in trace.chain],
    }


def proof_from_json(plain: object, *, fingerprint: str, limits: Limits = LIMITS) -> Trace:
    """Read a proof to be held against the root of this fingerprint.

    Raises:
        Malformed: it is not what `proof_to_json` writes.
    """
    if not isinstance(plain, dict):
        raise Malformed("证明的格式不对")
    try:
        return _read(plain, fingerprint, limits)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Malformed("证明的格式不对", cause=str(error)) from error


def _read(plain: Mapping[str, Any], fingerprint: str, limits: Limits) -> Trace:
    steps, chain = plain["path"], plain["certificates"]
    if len(steps) > MAX_STEPS or len(chain) > MAX_CHAIN or len(plain["line"]) > limits.line_bytes:
        raise Malformed("证明过长")
    if any(len(step) != _HASH_CHARS for step in steps):
        raise Malformed("证明的路径不对")
    line, header = plain["line"].encode(), plain["header"].encode()
    read = read_header(header, limits)
    return Trace(
        stream=read.stream,
        seq=int(plain["seq"]),
        record=parse_line(line),
        line=line,
        proof=[bytes.fromhex(step) for step in steps],
        header=read,
        sealed=Sealed(header, b64decode(plain["signature"], validate=True), b""),
        chain=[certificate_from_json(one) for one in chain],
        received_from=None,
        fingerprint=fingerprint,
    )
