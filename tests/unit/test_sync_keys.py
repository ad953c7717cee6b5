"""Keys, epochs, instants and the bell."""

import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest

from sync import Untrusted
from sync.bell import Bell
from sync.keys import ALGORITHMS, Ed25519, Signer, Verifier, signer, verifier
from sync.moment import base32, new_epoch, parse_stamp, stamp

NOON = datetime(2026, 3, 12, 12, 0, 0, 123456, tzinfo=UTC)


def test_the_algorithm_is_data(monkeypatch: pytest.MonkeyPatch) -> None:
    class Backwards:
        name = "backwards"

        def signer(self, private: bytes) -> Signer:
            return Ed25519().signer(private[::-1])

        def verifier(self, public: bytes) -> Verifier:
            return lambda signature, data: signature == data[::-1] + public

    monkeypatch.setitem(ALGORITHMS, "backwards", Backwards())
    assert verifier("backwards", b"k")(b"bak", b"ab")
    with pytest.raises(Untrusted, match="不认识"):
        signer("sm9", bytes(32))


def test_what_is_no_key_is_refused() -> None:
    with pytest.raises(Untrusted, match="公钥"):
        verifier("ed25519", b"short")


def test_a_signature_holds_for_its_data_only() -> None:
    key = signer("ed25519", bytes(32))
    signature = key.sign(b"data")
    holds = verifier("ed25519", key.key)
    assert holds(signature, b"data")
    assert not holds(signature, b"date")
    assert not holds(b"", b"data")


def test_epochs_sort_by_the_time_they_were_made() -> None:
    made = [new_epoch(NOON + timedelta(milliseconds=number)) for number in range(50)]
    assert made == sorted(made)
    assert len({new_epoch(NOON) for _ in range(50)}) == 50
    assert {len(epoch) for epoch in made} == {15}
    assert base32(31, 2) == "0z"


def test_an_instant_is_written_in_utc_at_one_width() -> None:
    shanghai = NOON.astimezone(timezone(timedelta(hours=8)))
    assert stamp(shanghai) == stamp(NOON) == "2026-03-12T12:00:00.123Z"
    assert parse_stamp(stamp(NOON)) == NOON.replace(microsecond=123000)
    with pytest.raises(ValueError, match="does not match"):
        parse_stamp("2026-03-12 12:00:00")


def test_a_bell_wakes_who_waits_and_nobody_misses_a_ring() -> None:
    bell = Bell()
    heard: list[int] = []
    listener = threading.Thread(target=lambda: heard.append(bell.wait(0, timeout=60)))
    listener.start()
    bell.ring()
    listener.join()

    assert heard == [1]
    assert bell.wait(0, timeout=60) == 1
    assert bell.wait(1, timeout=0) == 1
