"""A large segment arrives in pieces, whatever is lost, repeated or swapped."""

from random import Random

import pytest

from sync import wire
from sync.errors import Malformed
from sync.parts import Assembly
from sync.wire import Part

WHOLE = Random(1).randbytes(10_000)  # noqa: S311  # bytes to send, not a secret


def test_a_sender_that_asks_how_much_is_there_loses_nothing() -> None:
    assembly, fault = Assembly(), Random(2)  # noqa: S311  # a replayable fault plan
    whole = None
    while whole is None:
        _, have = assembly.have("a")
        part = wire.cut(WHOLE, offset=have, size=700)
        if fault.random() < 0.3:
            continue  # lost on the way
        whole = assembly.add("a", part)
        if whole is None and fault.random() < 0.3:
            assembly.add("a", part)  # came twice
    assert whole == WHOLE
    assert assembly.have("a") == ("", 0)


def test_a_part_from_further_on_changes_nothing() -> None:
    assembly = Assembly()
    assembly.add("a", wire.cut(WHOLE, offset=0, size=100))
    assembly.add("a", wire.cut(WHOLE, offset=5000, size=100))
    assert assembly.have("a")[1] == 100


def test_another_segment_of_the_same_sender_takes_the_place_of_the_first() -> None:
    assembly = Assembly()
    assembly.add("a", wire.cut(WHOLE, offset=0, size=100))
    other = wire.cut(WHOLE[:-1], offset=0, size=50)
    assembly.add("a", other)
    assert assembly.have("a") == (other.digest.hex(), 50)


def test_senders_do_not_see_each_others_parts() -> None:
    assembly = Assembly()
    assembly.add("a", wire.cut(WHOLE, offset=0, size=100))
    assert assembly.have("b") == ("", 0)


def test_a_whole_that_is_not_what_it_was_named_is_refused_and_forgotten() -> None:
    assembly = Assembly()
    with pytest.raises(Malformed):
        assembly.add("a", Part(b"d" * 32, 0, 4, b"1234"))
    assert assembly.have("a") == ("", 0)


def test_memory_is_bounded_over_all_senders() -> None:
    assembly = Assembly(capacity=2500)
    for sender in ("a", "b", "c"):
        assembly.add(sender, wire.cut(WHOLE, offset=0, size=1000))
    assert [assembly.have(sender)[1] for sender in ("a", "b", "c")] == [0, 1000, 1000]
