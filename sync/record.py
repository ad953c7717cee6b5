"""A record and its canonical line.

The line is made once, by the author; its bytes are what is hashed, signed and relayed. JSON,
UTF-8, keys sorted, no spaces. Values: strings, 64-bit integers, booleans, null, arrays, objects,
at most `MAX_DEPTH` deep. No floats: they do not survive two languages, and money is no float.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import chain, count, repeat
from operator import itemgetter
from typing import Any, NamedTuple

import orjson

from sync.errors import NotCanonical

MAX_DEPTH = 8
TYPE_CHARS = 100
KEY_CHARS = 200
REGION_CHARS = 40
AT_CHARS = 40
ACTOR_CHARS = 200

_MIN, _MAX = -(2**63), 2**63 - 1
_SCALARS = frozenset({str, int, bool, type(None)})
_WRITE = orjson.OPT_SORT_KEYS
# Integers past 53 bits make this raise, and only then is the line walked value by value.
_STRICT = orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER


class Record(NamedTuple):
    """One fact by one author: immutable, self-describing, about one key in one region.

    A named tuple and not a frozen dataclass: it is made a hundred thousand times a second.
    `at` is the instant it was written (ISO, UTC), `actor` the person or job who did it.
    """

    type: str
    version: int
    key: str
    region: str
    at: str
    actor: str
    body: dict[str, Any]


class Arrived(NamedTuple):
    """A record with the place it has in its author's stream: its proof starts here."""

    record: Record
    origin: str
    epoch: str
    route: str
    seq: int


_FIELDS = itemgetter(*Record._fields)
# What `_make` does, without a Python call for each of a hundred thousand records.
_as_record: Callable[[tuple[Any, ...]], Record] = partial(tuple.__new__, Record)
_as_arrived: Callable[[tuple[Any, ...]], Arrived] = partial(tuple.__new__, Arrived)
_LIMITS = {
    "type": TYPE_CHARS,
    "key": KEY_CHARS,
    "region": REGION_CHARS,
    "at": AT_CHARS,
    "actor": ACTOR_CHARS,
}


def arrived_at(
    records: Sequence[Record], *, origin: str, epoch: str, route: str, first: int
) -> list[Arrived]:
    """Records with their places in a stream, the first of them at number `first`."""
    places = zip(records, repeat(origin), repeat(epoch), repeat(route), count(first), strict=False)
    return list(map(_as_arrived, places))


def canonical_line(record: Record) -> bytes:
    """The one way to write this record.

    Raises:
        NotCanonical: a value is a float, too big, too deep, or of a kind JSON does not have.
    """
    return canonical_lines([record])[0]


def canonical_lines(records: Sequence[Record]) -> list[bytes]:
    """Write many records, checking by column rather than by record.

    Raises:
        NotCanonical: a value is a float, too big, too deep, or of a kind JSON does not have.
    """
    if not records:
        return []
    _check_fields(records)
    _check_bodies([record.body for record in records])
    try:
        return [_line(record, _STRICT) for record in records]
    except orjson.JSONEncodeError:
        return [_long_line(record) for record in records]


def parse_line(line: bytes) -> Record:
    """Read one line.

    Raises:
        NotCanonical: it is not the canonical line of any record.
    """
    return parse_lines([line])[0]


def parse_lines(lines: Sequence[bytes]) -> list[Record]:
    """Read many lines, checking by column rather than by record.

    Raises:
        NotCanonical: one of them is not the canonical line of any record.
    """
    if not lines:
        return []
    try:
        # As one text: half as many calls. That each line is a record by itself, and not a piece of
        # one, is seen below, where each is written again and compared.
        parsed = orjson.loads(b"[" + b",".join(lines) + b"]")
        records = list(map(_as_record, map(_FIELDS, parsed)))
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise NotCanonical("记录文本无法读取", cause=str(error)) from error
    if len(records) != len(lines):
        raise NotCanonical("一行应是一条记录", lines=len(lines), records=len(records))
    if set(map(len, parsed)) != {len(Record._fields)}:
        raise NotCanonical("记录的栏目多于规定")
    _check_fields(records)
    _check_bodies([record.body for record in records])
    _check_canonical(parsed, lines)
    return records


def _line(record: Record, option: int) -> bytes:
    # In sorted order already: sorting again is then next to nothing.
    fields = {
        "actor": record.actor,
        "at": record.at,
        "body": record.body,
        "key": record.key,
        "region": record.region,
        "type": record.type,
        "version": record.version,
    }
    return orjson.dumps(fields, option=option)


def _long_line(record: Record) -> bytes:
    """A record with an integer past 53 bits, or one that cannot be written at all."""
    _check_value(record.body, depth=1)
    try:
        return _line(record, _WRITE)
    except orjson.JSONEncodeError as error:
        raise NotCanonical("记录内容无法写成规范文本", cause=str(error)) from error


def _check_canonical(parsed: Sequence[dict[str, Any]], lines: Sequence[bytes]) -> None:
    try:
        if [orjson.dumps(fields, option=_STRICT) for fields in parsed] == list(lines):
            return
    except orjson.JSONEncodeError:  # an integer past 53 bits somewhere: line by line
        pass
    for fields, line in zip(parsed, lines, strict=True):
        try:
            same = orjson.dumps(fields, option=_STRICT) == line
        except orjson.JSONEncodeError:
            _check_value(fields["body"], depth=1)
            same = orjson.dumps(fields, option=_WRITE) == line
        if not same:
            raise NotCanonical("记录文本不是规范写法")


def _check_bodies(bodies: Sequence[dict[str, Any]]) -> None:
    """Plain bodies at once; their integers are bounded where they are written (`_STRICT`)."""
    if not _SCALARS.issuperset(map(type, chain.from_iterable(map(dict.values, bodies)))):
        for body in bodies:
            _check_value(body, depth=1)


def _check_fields(records: Sequence[Record]) -> None:
    columns = dict(zip(Record._fields, zip(*records, strict=True), strict=True))
    for name, limit in _LIMITS.items():
        column = columns[name]
        if not all(issubclass(kind, str) for kind in set(map(type, column))):
            raise NotCanonical("记录的栏目应为文字", field=name)
        if max(map(len, column)) > limit:
            raise NotCanonical("记录的栏目过长", field=name, limit=limit)
    if set(map(type, columns["body"])) != {dict}:
        raise NotCanonical("记录的内容应为对象", field="body")
    versions = columns["version"]
    if set(map(type, versions)) != {int} or not 0 < min(versions) <= max(versions) < 2**31:
        raise NotCanonical("记录的版本号应为正整数", field="version")


def _check_value(value: object, *, depth: int) -> None:
    kind = type(value)
    if value is None or isinstance(value, str | bool):
        return
    if isinstance(value, int):
        _check_range([value])
        return
    if not isinstance(value, dict | list | tuple):
        raise NotCanonical(f"记录中不能有 {kind.__name__}", kind=kind.__name__)
    if depth > MAX_DEPTH:
        raise NotCanonical("记录的层次过深", limit=MAX_DEPTH)
    if isinstance(value, dict):
        if not all(isinstance(name, str) for name in value):
            raise NotCanonical("栏目名应为文字")
        _check_members(value.values(), depth)
    else:
        _check_members(value, depth)


def _check_members(values: Iterable[object], depth: int) -> None:
    values = list(values)
    # The columns of a bulk record are long lists of plain values: looked at together.
    if set(map(type, values)) <= _SCALARS:
        _check_range([value for value in values if type(value) is int])
        return
    for value in values:
        _check_value(value, depth=depth + 1)


def _check_range(numbers: Sequence[int]) -> None:
    if numbers and not _MIN <= min(numbers) <= max(numbers) <= _MAX:
        raise NotCanonical("整数超出 64 位")
