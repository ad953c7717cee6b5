"""What is said about snapshots on a link, and how it is written into a cargo.

POST /snapshot        {snapshot, done} → {state: none | making | ready, manifest, signature}
POST /snapshot/part   {snapshot, number, offset, budget} → a part of a part, or {state: gone}
"""

from typing import NamedTuple

from sync.errors import Malformed
from sync.wire import Cargo

NONE, MAKING, READY, GONE = "none", "making", "ready", "gone"
_NAME_CHARS = 64
_SIGNATURE_CHARS = 1024


class Inquiry(NamedTuple):
    """A child asks for a snapshot: for a certain one it has some of, or is done with."""

    snapshot: str = ""
    done: bool = False


class Answer(NamedTuple):
    """Whether there is one; when it is ready, its manifest and signature."""

    state: str
    manifest: bytes = b""
    signature: bytes = b""


class PartRequest(NamedTuple):
    """A child asks for `budget` bytes of a part, from `offset` on."""

    snapshot: str
    number: int
    offset: int
    budget: int


def write_inquiry(inquiry: Inquiry) -> Cargo:
    return Cargo(inquiry._asdict())


def read_inquiry(cargo: Cargo) -> Inquiry:
    """Raises: Malformed: the cargo is no inquiry."""
    done = cargo.head.get("done", False)
    if type(done) is not bool:
        raise Malformed("报文无法读取", field="done")
    return Inquiry(_text(cargo, "snapshot", _NAME_CHARS), done)


def write_answer(answer: Answer) -> Cargo:
    return Cargo(
        {
            "state": answer.state,
            "manifest": answer.manifest.decode(),
            "signature": answer.signature.hex(),
        }
    )


def read_answer(cargo: Cargo) -> Answer:
    """Raises: Malformed: the cargo is no such answer."""
    manifest = cargo.head.get("manifest")
    if not isinstance(manifest, str):  # its length is bounded by that of the head
        raise Malformed("报文无法读取", field="manifest")
    try:
        signature = bytes.fromhex(_text(cargo, "signature", _SIGNATURE_CHARS))
    except ValueError as error:
        raise Malformed("报文无法读取", field="signature") from error
    return Answer(_text(cargo, "state", _NAME_CHARS), manifest.encode(), signature)


def write_part_request(request: PartRequest) -> Cargo:
    return Cargo(request._asdict())


def read_part_request(cargo: Cargo) -> PartRequest:
    """Raises: Malformed: the cargo is no such request."""
    numbers = [cargo.head.get(name) for name in ("number", "offset", "budget")]
    if not all(type(number) is int and 0 <= number < 2**32 for number in numbers):
        raise Malformed("报文无法读取", field="number")
    return PartRequest(_text(cargo, "snapshot", _NAME_CHARS), *numbers)  # type: ignore[arg-type]


def _text(cargo: Cargo, name: str, longest: int) -> str:
    value = cargo.head.get(name)
    if not isinstance(value, str) or len(value) > longest:
        raise Malformed("报文无法读取", field=name)
    return value
