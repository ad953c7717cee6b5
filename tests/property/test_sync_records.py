"""Laws of the canonical line: one record, one line; one line, one record."""

from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sync import NotCanonical, Record, canonical_line, parse_line
from sync.record import MAX_DEPTH, canonical_lines, parse_lines

texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
names = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=10)
integers = st.integers(-(2**63), 2**63 - 1)
scalars = st.one_of(texts, integers, st.booleans(), st.none())
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)
records = st.builds(
    Record,
    type=names,
    version=st.integers(1, 2**31 - 1),
    key=texts,
    region=names,
    at=names,
    actor=texts,
    body=st.dictionaries(names, values, max_size=6),
)


def _depth(value: Any) -> int:
    members = value.values() if isinstance(value, dict) else value
    return 1 + max(map(_depth, members), default=0) if isinstance(value, dict | list) else 0


@given(records.filter(lambda record: _depth(record.body) <= MAX_DEPTH))
def test_what_was_written_is_read_again(record: Record) -> None:
    line = canonical_line(record)
    assert parse_line(line) == record
    assert b"\n" not in line


@given(records.filter(lambda record: _depth(record.body) <= MAX_DEPTH), st.randoms())
def test_the_order_in_which_a_body_was_filled_does_not_show(record: Record, random: Any) -> None:
    shuffled = list(record.body.items())
    random.shuffle(shuffled)
    assert canonical_line(record._replace(body=dict(shuffled))) == canonical_line(record)


@given(st.lists(records.filter(lambda record: _depth(record.body) <= MAX_DEPTH), max_size=5))
def test_many_are_written_and_read_as_each_alone(several: list[Record]) -> None:
    lines = canonical_lines(several)
    assert lines == [canonical_line(record) for record in several]
    assert parse_lines(lines) == several


@given(
    records.filter(lambda record: _depth(record.body) < MAX_DEPTH),
    st.integers(2, 4),
    st.randoms(),
)
def test_pieces_of_lines_are_not_lines_however_they_are_joined(
    record: Record, count: int, random: Any
) -> None:
    """Read as one text, `{"a":1},{"b":2}` cut at any comma would look like as many records."""
    whole = b",".join([canonical_line(record)] * count)
    commas = [place for place, byte in enumerate(whole) if byte == ord(",")]
    cuts = sorted(random.sample(commas, count - 1))
    ends = [*cuts, len(whole)]
    starts = [0, *(cut + 1 for cut in cuts)]
    pieces = [whole[start:end] for start, end in zip(starts, ends, strict=True)]
    if pieces == [canonical_line(record)] * count:
        return
    with pytest.raises(NotCanonical):
        parse_lines(pieces)


@given(records, st.integers(1, 5))
def test_another_spelling_of_the_same_record_is_no_line(record: Record, indent: int) -> None:
    try:
        line = canonical_line(record)
    except NotCanonical:
        return
    spaced = orjson.dumps(orjson.loads(line), option=orjson.OPT_INDENT_2)
    for other in (spaced, line + b" " * indent, line.replace(b'{"actor"', b'{ "actor"', 1)):
        with pytest.raises(NotCanonical):
            parse_line(other)


@given(records, st.floats(allow_nan=False, allow_infinity=False))
def test_floats_are_refused_on_both_sides(record: Record, number: float) -> None:
    for body in ({"x": number}, {"x": [1, number]}, {"x": {"y": number}}):
        bad = record._replace(body=body)
        with pytest.raises(NotCanonical):
            canonical_line(bad)
        with pytest.raises(NotCanonical):
            parse_line(orjson.dumps(bad._asdict(), option=orjson.OPT_SORT_KEYS))


@given(records, st.one_of(st.integers(2**63, 2**64 - 1), st.integers(max_value=-(2**63) - 1)))
@example(Record("t", 1, "k", "r", "a", "b", {}), 2**63)
def test_integers_past_64_bits_are_refused_on_both_sides(record: Record, number: int) -> None:
    for body in ({"x": number}, {"x": [number, 1]}):
        bad = record._replace(body=body)
        with pytest.raises(NotCanonical):
            canonical_line(bad)
        if number >= 2**63:
            with pytest.raises(NotCanonical):
                parse_line(orjson.dumps(bad._asdict(), option=orjson.OPT_SORT_KEYS))


@given(st.integers(MAX_DEPTH, 30))
def test_what_lies_too_deep_is_refused_on_both_sides(depth: int) -> None:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    bad = Record("t", 1, "k", "r", "a", "b", {"x": value})
    with pytest.raises(NotCanonical):
        canonical_line(bad)
    with pytest.raises(NotCanonical):
        parse_line(orjson.dumps(bad._asdict(), option=orjson.OPT_SORT_KEYS))


@given(st.binary(max_size=200))
def test_any_bytes_are_a_record_or_a_refusal(data: bytes) -> None:
    try:
        record = parse_line(data)
    except NotCanonical:
        return
    assert canonical_line(record) == data


json_values = st.recursive(
    scalars | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)


@given(records, st.sampled_from(Record._fields), json_values)
def test_any_value_in_any_field_is_a_record_or_a_refusal(
    record: Record, name: str, value: Any
) -> None:
    plain = orjson.dumps(record._asdict() | {name: value}, option=orjson.OPT_SORT_KEYS)
    try:
        found = parse_line(plain)
    except NotCanonical:
        return
    assert canonical_line(found) == plain
