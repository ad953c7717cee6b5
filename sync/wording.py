"""How the values of `sync.messages` are written into a cargo, and read back, every type checked.

Heads are arrays of five, since a wide node sends thousands; certificates travel as frames of their
own; a receipt keeps the very text that was signed.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sync.certificate import MAX_CHAIN
from sync.errors import Malformed
from sync.messages import (
    Admission,
    Applicant,
    Declined,
    Ended,
    Head,
    Hello,
    Marks,
    Receipt,
    State,
    Taken,
    Welcome,
    heads_from_json,
    reaches_from_json,
)
from sync.moment import parse_stamp
from sync.segment import StreamId
from sync.wire import Cargo

LONGEST_TEXT = 2000  # characters of any text in a head
SHORT_TEXT = 100
MOST_STATES = 16
MOST_MANIFEST = 256 * 1024
MOST_ROUTES = 10_000  # streams of one author


class PullRequest(NamedTuple):
    """What a child asks for: what follows its heads, up to `budget` bytes, waiting `wait` seconds.

    `digest` and `offset` say how much of a segment that comes in parts is there already. `without`
    names streams to leave out: the child refused what came on them. `back` are milestones of
    streams going up of which the parent holds more than the child.
    """

    heads: list[Head]
    budget: int
    wait: int
    digest: str = ""
    offset: int = 0
    without: Sequence[StreamId] = ()
    back: Sequence[Head] = ()


class Progress(NamedTuple):
    """How much of a segment that comes in parts the taker has: the next part starts at `have`."""

    digest: str
    have: int


def write_hello(hello: Hello | Welcome) -> Cargo:
    plain = hello._asdict()
    certificates = plain.pop("certificates")
    plain["versions"] = dict(hello.versions)
    plain["heads"] = _rows(hello.heads)
    if isinstance(hello, Hello):
        plain["marks"] = list(hello.marks)
        plain["applicant"] = _application(hello.applicant) if hello.applicant else None
        plain["ends"] = _rows(hello.ends)
        plain["states"] = [_state_rows(each) for each in hello.states]
    else:
        plain["wanted"] = _rows(hello.wanted)
        plain["continues"] = list(hello.continues)
        plain["ended"] = [[each.continues, _rows(each.milestones)] for each in hello.ended]
        plain["checked"] = dict(hello.checked)
    return Cargo(plain, certificates)


def read_hello(cargo: Cargo) -> Hello:
    """Raises: Malformed: the cargo is no hello."""
    marks = Marks(*_texts(cargo.head, "marks", count=2))
    applicant = cargo.head.get("applicant")
    if applicant is not None and not isinstance(applicant, dict):
        raise Malformed("报文无法读取", field="applicant")
    return Hello(
        **_greeting(cargo.head),
        certificates=cargo.certificates,
        marks=marks,
        applicant=_applicant(applicant) if applicant else None,
        ends=heads_from_json(cargo.head.get("ends", [])),
        states=_states(cargo.head.get("states", [])),
    )


def read_welcome(cargo: Cargo) -> Welcome:
    """Raises: Malformed: the cargo is no welcome."""
    skew = _integer(cargo.head, "skew_ms", low=-(2**53))
    return Welcome(
        **_greeting(cargo.head),
        skew_ms=skew,
        certificates=cargo.certificates,
        wanted=heads_from_json(cargo.head.get("wanted", [])),
        continues=_continues(cargo.head),
        ended=_ended(cargo.head),
        checked=_checked(cargo.head),
    )


def write_taken(taken: Taken, progress: Progress | None = None) -> Cargo:
    head: dict[str, Any] = {
        "watermarks": _rows(taken.watermarks),
        "refused": _rows(taken.refused),
        "receipt": None,
        "counts": [taken.segments, taken.applied, taken.held],
    }
    if taken.receipt:
        head["receipt"] = [taken.receipt.document.decode(), taken.receipt.signature.hex()]
    if progress:
        head["part"] = list(progress)
    return Cargo(head)


def read_taken(cargo: Cargo) -> Taken:
    """Raises: Malformed: the cargo is no such answer."""
    head = cargo.head
    counts = _list(head, "counts")
    if len(counts) != 3 or not all(type(count) is int for count in counts):  # noqa: PLR2004  # as written above
        raise Malformed("回复无法读取", field="counts")
    return Taken(
        watermarks=heads_from_json(head.get("watermarks")),
        refused=[_declined(item) for item in _list(head, "refused")],
        receipt=_receipt(head.get("receipt")),
        segments=counts[0],
        applied=counts[1],
        held=counts[2],
    )


def read_progress(cargo: Cargo) -> Progress | None:
    """Raises: Malformed: there is something else in its place."""
    found = cargo.head.get("part")
    if found is None:
        return None
    if not isinstance(found, list) or [type(item) for item in found] != [str, int]:
        raise Malformed("回复无法读取", field="part")
    return Progress(*found)


def write_pull(request: PullRequest) -> Cargo:
    rows = {name: _rows(getattr(request, name)) for name in ("heads", "without", "back")}
    return Cargo(request._asdict() | rows)


def read_pull(cargo: Cargo) -> PullRequest:
    """Raises: Malformed: the cargo is no such request."""
    head = cargo.head
    return PullRequest(
        heads=heads_from_json(head.get("heads")),
        budget=_integer(head, "budget"),
        wait=_integer(head, "wait"),
        digest=_text(head, "digest"),
        offset=_integer(head, "offset"),
        without=[_stream(item) for item in _list(head, "without")],
        back=heads_from_json(head.get("back", [])),
    )


def write_application(code: str, applicant: Applicant) -> Cargo:
    return Cargo({"code": code} | _application(applicant))


def read_application(cargo: Cargo) -> tuple[str, Applicant]:
    """Raises: Malformed: the cargo is no application."""
    return _text(cargo.head, "code"), _applicant(cargo.head)


def write_admission(admission: Admission) -> Cargo:
    head = {"root_fingerprint": admission.root_fingerprint}
    return Cargo(head, [admission.certificate, *admission.chain])


def read_admission(cargo: Cargo) -> Admission:
    """Raises: Malformed: the cargo is no admission."""
    if not cargo.certificates:
        raise Malformed("入网回复没有证书")
    certificate, *chain = cargo.certificates
    return Admission(certificate, chain, _text(cargo.head, "root_fingerprint"))


def _greeting(head: Mapping[str, Any]) -> dict[str, Any]:
    versions = head.get("versions")
    if not isinstance(versions, dict) or not all(type(each) is int for each in versions.values()):
        raise Malformed("报文无法读取", field="versions")
    protocol = _list(head, "protocol")
    if [type(item) for item in protocol] != [int, int]:
        raise Malformed("报文无法读取", field="protocol")
    return {
        "node": _text(head, "node"),
        "epoch": _text(head, "epoch"),
        "protocol": (protocol[0], protocol[1]),
        "versions": versions,
        "heads": heads_from_json(head.get("heads")),
        "clock": _text(head, "clock"),
    }


def _application(applicant: Applicant) -> dict[str, Any]:
    return applicant._asdict() | {"key": applicant.key.hex()}


def _applicant(head: Mapping[str, Any]) -> Applicant:
    key = _hex(head.get("key"))
    return Applicant(epoch=_text(head, "epoch"), alg=_text(head, "alg"), key=key)


def _continues(head: Mapping[str, Any]) -> list[str]:
    texts = head.get("continues", [])
    if not isinstance(texts, list) or len(texts) > MOST_ROUTES:
        raise Malformed("报文无法读取", field="continues")
    if not all(isinstance(text, str) and len(text) <= LONGEST_TEXT for text in texts):
        raise Malformed("报文无法读取", field="continues")
    return texts


def _ended(head: Mapping[str, Any]) -> list[Ended]:
    """None when an older program sent none."""
    rows = head.get("ended", [])
    if not isinstance(rows, list) or len(rows) > MOST_ROUTES:
        raise Malformed("报文无法读取", field="ended")
    found = []
    for row in rows:
        match row:
            case [str() as text, list() as plain] if len(text) <= LONGEST_TEXT:
                found.append(Ended(text, heads_from_json(plain)))
            case _:
                raise Malformed("报文无法读取", field="ended")
    return found


def _checked(head: Mapping[str, Any]) -> dict[str, str]:
    """Instants by node; none when an older program sent none."""
    found = head.get("checked", {})
    if not isinstance(found, dict) or len(found) > MAX_CHAIN:
        raise Malformed("报文无法读取", field="checked")
    try:
        for at in found.values():
            parse_stamp(at)
    except (TypeError, ValueError) as error:
        raise Malformed("报文无法读取", field="checked") from error
    return found


def _state_rows(state: State) -> list[Any]:
    return [state.document.decode(), state.signature.hex(), _rows(state.heads)]


def _states(plain: Any) -> tuple[State, ...]:
    """Proofs of what began with a snapshot; none when an older program sent none."""
    if not isinstance(plain, list) or len(plain) > MOST_STATES:
        raise Malformed("报文无法读取", field="states")
    for item in plain:
        if not isinstance(item, list) or [type(value) for value in item] != [str, str, list]:
            raise Malformed("报文无法读取", field="states")
        if len(item[0]) > MOST_MANIFEST:
            raise Malformed("报文无法读取", field="states")
    return tuple(
        State(text.encode(), _hex(signature), reaches_from_json(rows))
        for text, signature, rows in plain
    )


def _declined(item: Any) -> Declined:
    kinds = [str, str, str, int, str, str]
    if not isinstance(item, list) or [type(value) for value in item] != kinds:
        raise Malformed("回复无法读取", field="refused")
    return Declined(*item)


def _stream(item: Any) -> StreamId:
    if not isinstance(item, list) or [type(value) for value in item] != [str, str, str]:
        raise Malformed("流的名称无法读取")
    return StreamId(*item)


def _receipt(item: Any) -> Receipt | None:
    if item is None:
        return None
    if not isinstance(item, list) or [type(value) for value in item] != [str, str]:
        raise Malformed("回执无法读取")
    return Receipt(item[0].encode(), _hex(item[1]))


def _rows(values: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    """Named tuples as plain lists: the JSON writer takes no others."""
    return [list(value) for value in values]


def _list(head: Mapping[str, Any], name: str) -> list[Any]:
    value = head.get(name)
    if not isinstance(value, list):
        raise Malformed("报文无法读取", field=name)
    return value


def _text(head: Mapping[str, Any], name: str) -> str:
    value = head.get(name)
    if not isinstance(value, str) or len(value) > LONGEST_TEXT:
        raise Malformed("报文无法读取", field=name)
    return value


def _texts(head: Mapping[str, Any], name: str, *, count: int) -> list[str]:
    """So many short texts; empty ones when an older program sent none."""
    values = head.get(name, [""] * count)
    if not isinstance(values, list) or len(values) != count:
        raise Malformed("报文无法读取", field=name)
    if not all(isinstance(value, str) and len(value) <= SHORT_TEXT for value in values):
        raise Malformed("报文无法读取", field=name)
    return values


def _integer(head: Mapping[str, Any], name: str, *, low: int = 0) -> int:
    value = head.get(name)
    if type(value) is not int or not low <= value < 2**53:
        raise Malformed("报文无法读取", field=name)
    return value


def _hex(value: Any) -> bytes:
    try:
        return bytes.fromhex(value)
    except (TypeError, ValueError) as error:
        raise Malformed("报文无法读取") from error
