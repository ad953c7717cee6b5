"""What two ends of a link say to each other, as values. How they are written is wire.py."""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import orjson

from sync.certificate import Certificate
from sync.errors import Malformed
from sync.segment import StreamId

PROTOCOL = (1, 1)
"""Oldest and newest protocol this program speaks."""

_NAME_CHARS = 100
_HEX = re.compile(r"[0-9a-f]{64}")


class Head(NamedTuple):
    """How far somebody holds a stream: number and hash of the last header."""

    origin: str
    epoch: str
    route: str
    seq: int
    hash: str

    @property
    def stream(self) -> StreamId:
        return StreamId(self.origin, self.epoch, self.route)


class Reach(NamedTuple):
    """How far the state of a stream reached when a snapshot was given.

    Of a stream the giver writes itself, `trail` names its newest lines, the latest first, by 16
    hex digits of each leaf; of others what it had applied of a history that was put aside.
    """

    origin: str
    epoch: str
    route: str
    seq: int
    hash: str
    trail: str = ""

    @property
    def stream(self) -> StreamId:
        return StreamId(self.origin, self.epoch, self.route)

    @property
    def head(self) -> Head:
        return Head(*self[:5])


class State(NamedTuple):
    """A child's proof that it began with this parent's state: the signed manifest, and heads."""

    document: bytes
    signature: bytes
    heads: "Sequence[Reach]"


TRAIL = 1_000
"""So many lines a trail names at most."""

TRAIL_DIGITS = 16
_TRAIL = re.compile(r"(?:[0-9a-f]{16}){0,1000}")


def reaches_from_json(plain: Any) -> list[Reach]:
    """Read the heads of a snapshot, as lists of six values.

    Raises:
        Malformed: they are something else.
    """
    if not isinstance(plain, list) or not all(
        isinstance(row, list) and len(row) == len(Reach._fields) for row in plain
    ):
        raise Malformed("流的位置无法读取")
    heads = heads_from_json([row[:-1] for row in plain])
    trails = [row[-1] for row in plain]
    if not all(isinstance(trail, str) and _TRAIL.fullmatch(trail) for trail in trails):
        raise Malformed("流的位置无法读取")
    return [Reach(*head, trail) for head, trail in zip(heads, trails, strict=True)]


def heads_from_json(plain: Any, *, limit: int = 1_000_000) -> list[Head]:
    """Read heads as lists of five values.

    Raises:
        Malformed: they are something else, or more than `limit`.
    """
    if not isinstance(plain, list) or len(plain) > limit:
        raise Malformed("流的位置无法读取")
    return [_head(item) for item in plain]


def _head(item: Any) -> Head:
    if not isinstance(item, list | tuple) or len(item) != len(Head._fields):
        raise Malformed("流的位置无法读取")
    *names, seq, digest = item
    if not all(isinstance(name, str) and 0 < len(name) <= _NAME_CHARS for name in names):
        raise Malformed("流的名称无法读取")
    if type(seq) is not int or not 0 <= seq < 2**62:
        raise Malformed("流的编号无法读取")
    if not isinstance(digest, str) or not _HEX.fullmatch(digest):
        raise Malformed("流的散列值无法读取")
    return Head(*item)


class Marks(NamedTuple):
    """Which state of its disk a node speaks from: as of its last session, and from this one on."""

    before: str
    next: str


NO_MARKS = Marks("", "")


class Hello(NamedTuple):
    """A child opens a session: who it is, what it understands, what it holds from above.

    With an `applicant` it asks for a certificate: of the same epoch when its own runs out, or of a
    new one, telling where the streams of the old one end (`ends`). `states` prove, to a parent that
    asked for segments from before a snapshot it gave, that only their state is here.
    """

    node: str
    epoch: str
    protocol: tuple[int, int]
    versions: Mapping[str, int]
    heads: Sequence[Head]
    clock: str
    certificates: Sequence[Certificate]
    marks: Marks = NO_MARKS
    applicant: "Applicant | None" = None
    ends: Sequence[Head] = ()
    states: Sequence[State] = ()


class Ended(NamedTuple):
    """A stream that goes on under a later epoch: where it ends, in its author's countersigned word.

    `milestones` tell the child, which holds another history of it, how far it is held here.
    """

    continues: str
    milestones: "Sequence[Head]"


class Welcome(NamedTuple):
    """A parent answers: its chain to the root, how far it holds what the child sends up.

    `wanted` are streams going down of which the child holds more: milestones of how far they are
    held here. `continues` says where the streams of the child's old epoch end, countersigned.
    `ended` are streams going down of which the child holds what their author has put aside.
    `checked` says when each node above last checked the parent's own streams, as far as it knows.
    """

    node: str
    epoch: str
    protocol: tuple[int, int]
    versions: Mapping[str, int]
    heads: Sequence[Head]
    clock: str
    skew_ms: int
    certificates: Sequence[Certificate]
    wanted: Sequence[Head] = ()
    continues: Sequence[str] = ()
    ended: Sequence[Ended] = ()
    checked: Mapping[str, str] = MappingProxyType({})


class Declined(NamedTuple):
    """A segment that was not taken, and why; nothing of it was kept."""

    origin: str
    epoch: str
    route: str
    first: int
    code: str
    reason: str


class Receipt(NamedTuple):
    """A taker's signed word on how far it holds streams. `document` is canonical JSON."""

    document: bytes
    signature: bytes


class Statement(NamedTuple):
    """What a receipt says."""

    taker: str
    taker_epoch: str
    giver: str
    at: str
    heads: Sequence[Head]


def write_statement(statement: Statement) -> bytes:
    plain = statement._asdict() | {"heads": [list(head) for head in statement.heads]}
    return orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)


def read_statement(document: bytes) -> Statement:
    """Read a receipt's document.

    Raises:
        Malformed: it is none.
    """
    try:
        plain = orjson.loads(document)
        heads = heads_from_json(plain.pop("heads"))
        statement = Statement(**plain, heads=heads)
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError) as error:
        raise Malformed("回执无法读取", cause=str(error)) from error
    texts = (statement.taker, statement.taker_epoch, statement.giver, statement.at)
    if not all(isinstance(value, str) for value in texts):
        raise Malformed("回执无法读取")
    return statement


class Taken(NamedTuple):
    """What became of segments: where their streams stand now, and the receipt for that.

    `applied` counts records, `held` those kept for a person or for later. Anything in `refused`
    may be sent again after what it misses.
    """

    watermarks: Sequence[Head]
    refused: Sequence[Declined]
    receipt: Receipt | None
    segments: int
    applied: int
    held: int


class Admission(NamedTuple):
    """What a parent gives a child that joins: its certificate, and the chain from the parent up."""

    certificate: Certificate
    chain: Sequence[Certificate]
    root_fingerprint: str


class Applicant(NamedTuple):
    """A node that wants to join: its new key, under a new epoch; the private half stays here."""

    epoch: str
    alg: str
    key: bytes
